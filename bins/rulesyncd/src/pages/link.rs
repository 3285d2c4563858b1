//! Links between the pages: relative, so that they are right below every prefix, and with every part encoded.

use std::fmt::{Display, Write};

use axum::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rulesync_core::model::ObjectId;

/// What a part of a path may contain unencoded (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The way from a page to the first one: `../` for each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Root(usize);

impl Root {
    /// Returns the way from the page that a request is for.
    pub(super) fn of(uri: &Uri) -> Self {
        Self(uri.path().matches('/').count().saturating_sub(1))
    }

    /// Returns a link to a page, by its path from the first one.
    pub(super) fn to(self, path: impl Display) -> String {
        let up = "../".repeat(self.0);
        // An empty link, or one that begins with what could be a scheme, means something else.
        format!("{}{path}", if up.is_empty() { "./" } else { &up })
    }
}

/// Encodes a part of a path or a value in a query.
pub(super) fn encoded(part: &str) -> impl Display {
    utf8_percent_encode(part, UNRESERVED)
}

/// Returns the path of an object's page; none if a browser would not ask for it: it takes `.` and `..` for the way to
/// another page, also encoded.
pub(super) fn object(id: &ObjectId) -> Option<String> {
    path("objects", &[id.source(), id.kind(), id.namespace(), id.name()])
}

/// Returns the path of a destination's page, with the same exception.
pub(super) fn destination(ruler: &str, tenant: Option<&str>) -> Option<String> {
    match tenant {
        Some(tenant) => path("destinations", &[ruler, tenant]),
        None => path("destinations", &[ruler]),
    }
}

fn path(first: &str, parts: &[&str]) -> Option<String> {
    let mut path = first.to_owned();
    for part in parts {
        if matches!(*part, "" | "." | "..") {
            return None;
        }
        let _ = write!(path, "/{}", encoded(part));
    }
    Some(path)
}

/// Builds the query of a link, without parameters that are empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(String);

impl Query {
    /// Adds a parameter, if it has a value.
    pub(super) fn with(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            let separator = if self.0.is_empty() { '?' } else { '&' };
            let _ = write!(self.0, "{separator}{name}={}", encoded(&value));
        }
        self
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_first_page_from_every_depth() {
        for (page, link) in [
            ("/", "./objects"),
            ("/objects?page=2", "./objects"),
            ("/destinations/a", "../objects"),
            ("/objects/a/b/c/d%2Fe", "../../../../objects"),
        ] {
            assert_eq!(Root::of(&page.parse().unwrap()).to("objects"), link, "{page}");
        }
    }

    #[test]
    fn links_encode_every_part() {
        let id = |name: &str| ObjectId::new(&"k 8".into(), &"Prometheus/Rule".into(), "<shop>", name);
        assert_eq!(
            object(&id("a?b#\u{202e}\"é")).unwrap(),
            "objects/k%208/Prometheus%2FRule/%3Cshop%3E/a%3Fb%23%E2%80%AE%22%C3%A9"
        );
        assert_eq!([object(&id("..")), object(&id("."))], [None, None]);
        assert_eq!(destination("r", Some("a|b")).unwrap(), "destinations/r/a%7Cb");
        assert_eq!(destination("r", None).unwrap(), "destinations/r");
    }

    #[test]
    fn query_has_no_empty_parameters() {
        let query = Query::default().with("a", None::<&str>).with("b", Some("")).with("c", Some("d&e=f"));
        assert_eq!(query.with("page", Some(2)).to_string(), "?c=d%26e%3Df&page=2");
    }
}
