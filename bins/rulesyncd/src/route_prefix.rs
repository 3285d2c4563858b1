//! The path that all routes of the pages are below, as Prometheus' `--web.route-prefix`.
//!
//! The pages themselves know nothing of it, and use relative links.

use std::fmt;
use std::str::FromStr;

use axum::Router;
use axum::extract::Request;
use axum::http::header::LOCATION;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tower::Service;

/// A path that routes are below: empty for none, else `/a/b`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RoutePrefix(String);

/// Where a request leads to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// To a page, by the path that the page has without the prefix.
    Page(Uri),
    /// To the first page, by the path that the client is to ask for.
    FirstPage(String),
    /// To nothing.
    Nowhere,
}

impl RoutePrefix {
    /// Returns a path below the prefix.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether routes are below nothing.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Serves pages below the prefix. `/` and the prefix itself lead to the first page.
    pub(crate) fn serve(&self, pages: Router) -> Router {
        if self.is_root() {
            return pages;
        }
        let prefix = self.clone();
        Router::new().fallback(move |mut request: Request| {
            let target = prefix.target(request.method(), request.uri());
            let (mut pages, hint) = (pages.clone(), format!("all pages are below {}\n", prefix.path("/")));
            async move {
                match target {
                    Target::Page(uri) => {
                        *request.uri_mut() = uri;
                        let answer: Result<Response, std::convert::Infallible> = pages.call(request).await;
                        answer.unwrap_or_else(|never| match never {})
                    }
                    Target::FirstPage(path) => (StatusCode::FOUND, [(LOCATION, path)]).into_response(),
                    Target::Nowhere => (StatusCode::NOT_FOUND, hint).into_response(),
                }
            }
        })
    }

    fn target(&self, method: &Method, uri: &Uri) -> Target {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let below = path.strip_prefix(self.0.as_str());
        match below {
            Some(below) if below.starts_with('/') => {
                let mut parts = uri.clone().into_parts();
                parts.path_and_query = below.parse().ok();
                Uri::from_parts(parts).map_or(Target::Nowhere, Target::Page)
            }
            // Relative links of a page lead below the prefix only if its path ends in a slash.
            _ if matches!(*method, Method::GET | Method::HEAD) && ["/", &self.0].contains(&uri.path()) => {
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                Target::FirstPage(format!("{}{query}", self.path("/")))
            }
            _ => Target::Nowhere,
        }
    }
}

impl FromStr for RoutePrefix {
    /// What is wrong, and what to write.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.trim_matches('/');
        if text.is_empty() {
            return Err("must not be empty: write `/` for none".to_owned());
        }
        if inner.is_empty() {
            return Ok(Self::default());
        }
        for segment in inner.split('/') {
            if segment.is_empty() || matches!(segment, "." | "..") {
                return Err(format!("a part of the path is `{segment}`: write a path such as `/rules/eu`"));
            }
        }
        // Those that a path may have unencoded, so that there is one way to write it.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(c);
        match inner.chars().find(|c| !plain(*c)) {
            Some(c) => Err(format!("`{}` is not possible in it", c.escape_debug())),
            None => Ok(Self(format!("/{inner}"))),
        }
    }
}

/// As it is written in a flag: `/` for none.
impl fmt::Display for RoutePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "/" } else { &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn route_prefix_is_a_plain_path() {
        for (text, path) in [
            ("/", "/"),
            ("///", "/"),
            ("/rules", "/rules"),
            ("rules", "/rules"),
            ("/rules/", "/rules"),
            ("/rules/eu-1/", "/rules/eu-1"),
            ("/a.b~c/@x", "/a.b~c/@x"),
        ] {
            let prefix: RoutePrefix = text.parse().unwrap();
            assert_eq!(prefix.to_string(), path, "{text}");
            assert_eq!(prefix.to_string().parse(), Ok(prefix));
        }
        for (text, says) in [
            ("", "empty"),
            ("/a//b", "a part of the path is ``"),
            ("/a/../b", "`..`"),
            ("/.", "`.`"),
            ("/a b", "` `"),
            ("/a?b", "`?`"),
            ("/a#b", "`#`"),
            ("/a%2fb", "`%`"),
            ("/{a}", "`{`"),
            ("/ä", "`ä`"),
            ("/a\n", "`\\n`"),
        ] {
            let error = text.parse::<RoutePrefix>().unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    async fn asked(router: &Router, method: &str, uri: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let answer: Response = router.clone().call(request).await.unwrap();
        let code = answer.status().as_u16();
        if let Some(location) = answer.headers().get(LOCATION) {
            return (code, location.to_str().unwrap().to_owned());
        }
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    fn pages() -> Router {
        let shown = |request: Request| async move { format!("page {}", request.uri()) };
        Router::new()
            .route("/", get(shown))
            .route("/metrics", get(shown))
            .route("/objects/{name}", get(shown))
    }

    #[tokio::test]
    async fn route_prefix_is_before_all_pages() {
        let router = "/rules/eu".parse::<RoutePrefix>().unwrap().serve(pages());
        for (method, uri, code, text) in [
            ("GET", "/rules/eu/", 200, "page /"),
            ("GET", "/rules/eu/?a=b", 200, "page /?a=b"),
            ("GET", "/rules/eu/metrics", 200, "page /metrics"),
            ("GET", "/rules/eu/objects/a%2Fb?q=%20", 200, "page /objects/a%2Fb?q=%20"),
            ("GET", "https://example.com/rules/eu/metrics", 200, "page https://example.com/metrics"),
            ("POST", "/rules/eu/metrics", 405, ""),
            ("GET", "/rules/eu/none", 404, ""),
            ("GET", "/", 302, "/rules/eu/"),
            ("HEAD", "/", 302, "/rules/eu/"),
            ("GET", "/?q=x", 302, "/rules/eu/?q=x"),
            ("GET", "/rules/eu", 302, "/rules/eu/"),
            ("GET", "/rules/eu?q=x", 302, "/rules/eu/?q=x"),
            ("POST", "/", 404, "all pages are below /rules/eu/\n"),
            ("GET", "/metrics", 404, "all pages are below /rules/eu/\n"),
            ("GET", "/rules", 404, "all pages are below /rules/eu/\n"),
            ("GET", "/rules/eu2/metrics", 404, "all pages are below /rules/eu/\n"),
            ("GET", "/rules/eumetrics", 404, "all pages are below /rules/eu/\n"),
            ("GET", "//evil.example/rules/eu", 404, "all pages are below /rules/eu/\n"),
        ] {
            assert_eq!(asked(&router, method, uri).await, (code, text.to_owned()), "{method} {uri}");
        }
    }

    #[tokio::test]
    async fn route_prefix_of_none_changes_nothing() {
        let router = RoutePrefix::default().serve(pages());
        assert_eq!(asked(&router, "GET", "/metrics?a").await, (200, "page /metrics?a".to_owned()));
        assert_eq!(asked(&router, "GET", "/").await, (200, "page /".to_owned()));
    }
}
