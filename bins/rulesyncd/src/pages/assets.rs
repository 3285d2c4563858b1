//! The style sheet, the script and the icon: in the binary, at addresses that change with their content, so that browsers
//! keep them and never have the wrong ones.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/script.js");
const ICON: &str = include_str!("assets/icon.svg");

/// The paths of the assets, from the first page.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
}

static PATHS: LazyLock<Paths> = LazyLock::new(|| Paths {
    style: format!("assets/{}.css", digest(STYLE)),
    script: format!("assets/{}.js", digest(SCRIPT)),
    icon: format!("assets/{}.svg", digest(ICON)),
});

/// Returns the paths of the assets.
pub(super) fn paths() -> &'static Paths {
    &PATHS
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Returns an asset by the name in its path.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let path = format!("assets/{name}");
    let (kind, text) = match path {
        path if path == PATHS.style => ("text/css; charset=utf-8", STYLE),
        path if path == PATHS.script => ("text/javascript; charset=utf-8", SCRIPT),
        path if path == PATHS.icon => ("image/svg+xml", ICON),
        _ => return (StatusCode::NOT_FOUND, "no such file\n").into_response(),
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=31536000, immutable")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_small_and_lead_nowhere_else() {
        let bytes = STYLE.len() + SCRIPT.len() + ICON.len();
        assert!(bytes < 60_000, "{bytes}");
        for text in [STYLE, SCRIPT, ICON] {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("//") || !elsewhere.contains("http"), "{elsewhere}");
        }
    }

    #[tokio::test]
    async fn assets_are_kept_forever_and_unknown_ones_are_not_there() {
        for path in [&PATHS.style, &PATHS.script, &PATHS.icon] {
            let name = path.strip_prefix("assets/").unwrap();
            let answer = asset(Path(name.to_owned())).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()[CACHE_CONTROL], "max-age=31536000, immutable");
        }
        assert_eq!(asset(Path("0000000000000000.css".to_owned())).await.status(), StatusCode::NOT_FOUND);
    }
}
