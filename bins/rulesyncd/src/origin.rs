//! Cross-origin requests: they are refused if they would change something.
//!
//! A page of another origin can make a browser send a request in the name of a person who can reach the daemon. The
//! browser says so in `Sec-Fetch-Site` and `Origin`; programs such as curl send neither.
//!
//! A page is of the same origin if `Origin` names the host that the request was sent to, or the origin of
//! `--web.external-url`: a proxy may ask by another name than the browser does.
//!
//! DNS rebinding is not covered: a name that led to an attacker's server and now leads to this daemon makes the
//! attacker's page one of the same origin, for the browser and here. The daemon cannot know its own names. The defaults
//! help, by which it listens on loopback and serves nothing that changes anything, and so does a proxy that knows its
//! names and authenticates. Nor is this a login: programs that reach the port are let through.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::location::{ExternalUrl, Location, Origin};
use crate::serve::Peer;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests from other origins, except those that only read.
pub(crate) async fn refuse_others(
    State(location): State<Arc<Location>>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let named = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let external = location.external_url().map(ExternalUrl::origin);
    let is_encrypted = request.extensions().get::<Peer>().is_some_and(|peer| peer.is_encrypted);
    let asked = Asked { named, external, is_encrypted };
    match if reads { None } else { reason(request.headers(), asked) } {
        None => next.run(request).await,
        Some(reason) => (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response(),
    }
}

/// What a request asks for, besides its headers.
#[derive(Debug, Clone, Copy, Default)]
struct Asked<'a> {
    /// The authority in the request line, which takes precedence over `Host`.
    named: Option<&'a str>,
    /// The origin of the external URL.
    external: Option<&'a Origin>,
    /// Whether the connection is encrypted.
    is_encrypted: bool,
}

/// Returns why a request is from another origin; none if it is not, or if no browser has sent it.
fn reason(headers: &HeaderMap, asked: Asked<'_>) -> Option<&'static str> {
    let same_site = |site: &axum::http::HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    if !headers.get_all(SEC_FETCH_SITE).iter().all(same_site) {
        return Some(
            "refused: cross-origin request (Sec-Fetch-Site); send it with curl or from this server's own origin",
        );
    }
    let mut origins = headers.get_all(ORIGIN).iter().peekable();
    origins.peek()?;
    let mut hosts = headers.get_all(HOST).iter();
    let (host, ambiguous) = (hosts.next(), hosts.next().is_some());
    let host = asked.named.or_else(|| host?.to_str().ok()).filter(|_| !ambiguous);
    let is_own = |origin: &axum::http::HeaderValue| {
        // Without encryption here, the scheme may be that of a proxy.
        let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Origin>().ok());
        origin.is_some_and(|origin| {
            let may_be = origin.is_https() || !asked.is_encrypted;
            Some(&origin) == asked.external || (may_be && host.is_some_and(|host| origin.is_at(host)))
        })
    };
    let other = "refused: cross-origin request (Origin is not Host); send it with curl or from this server's own origin";
    (!origins.all(is_own)).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let parsed = lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in parsed {
            let name: HeaderName = name;
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn same_origin_and_programs_pass() {
        for lines in [
            &[("host", "a:8080")][..],
            &[],
            &[("host", "a:8080"), ("origin", "http://a:8080")],
            &[("host", "A:8080"), ("origin", "http://a:8080"), ("sec-fetch-site", "same-origin")],
            &[("host", "a"), ("origin", "https://a")],
            &[("host", "a:443"), ("origin", "https://a")],
            &[("host", "a"), ("origin", "http://a:80")],
            &[("host", "[::1]:8080"), ("origin", "http://[::1]:8080")],
            &[("host", "a:8080"), ("sec-fetch-site", "none")],
        ] {
            assert_eq!(reason(&headers(lines), Asked::default()), None, "{lines:?}");
        }
        let proxied = headers(&[("host", "b"), ("origin", "http://a:8080")]);
        assert_eq!(reason(&proxied, Asked { named: Some("a:8080"), ..Asked::default() }), None);
    }

    #[test]
    fn other_origins_are_refused() {
        for lines in [
            &[("host", "a:8080"), ("origin", "http://b:8080")][..],
            &[("host", "a:8080"), ("origin", "http://a")],
            &[("host", "a:8080"), ("origin", "http://a:80")],
            &[("host", "a:8080"), ("origin", "http://a:8081")],
            &[("host", "a:8080"), ("origin", "null")],
            &[("host", "a:8080"), ("origin", "")],
            &[("host", ""), ("origin", "http://")],
            &[("host", "a:80"), ("origin", "https://a")],
            &[("host", "a"), ("origin", "file://a")],
            &[("host", "a"), ("origin", "http://a"), ("origin", "http://b")],
            &[("host", "a"), ("host", "b"), ("origin", "http://a")],
            &[("origin", "http://a")],
            &[("host", "a:8080"), ("sec-fetch-site", "cross-site")],
            &[("host", "a:8080"), ("sec-fetch-site", "same-site")],
            &[("host", "a:8080"), ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
            &[("host", "a:8080"), ("sec-fetch-site", "")],
        ] {
            assert!(reason(&headers(lines), Asked::default()).is_some(), "{lines:?}");
        }
        let aimed = headers(&[("host", "a:8080"), ("origin", "http://a:8080")]);
        assert!(reason(&aimed, Asked { named: Some("b:8080"), ..Asked::default() }).is_some());
    }

    #[test]
    fn origin_of_the_external_url_passes_whatever_the_host() {
        let external: ExternalUrl = "https://Example.com/rules".parse().unwrap();
        let pass = |origin: &str, host: &str| {
            let lines = [("host", host), ("origin", origin), ("sec-fetch-site", "same-origin")];
            let asked = Asked { external: Some(external.origin()), ..Asked::default() };
            reason(&headers(&lines), asked).is_none()
        };
        for (origin, host) in [
            ("https://example.com", "10.0.0.1:8080"),
            ("https://example.com:443", "rulesyncd"),
            ("https://EXAMPLE.com", "example.com"),
            ("http://10.0.0.1:8080", "10.0.0.1:8080"),
        ] {
            assert!(pass(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://example.com", "rulesyncd"),
            ("https://example.com:8443", "rulesyncd"),
            ("https://example.com.evil.example", "rulesyncd"),
            ("https://evil.example", "rulesyncd"),
            ("null", "rulesyncd"),
        ] {
            assert!(!pass(origin, host), "{origin} {host}");
        }
        let lines = [("host", "a"), ("origin", "https://example.com"), ("sec-fetch-site", "cross-site")];
        let asked = Asked { external: Some(external.origin()), ..Asked::default() };
        assert!(reason(&headers(&lines), asked).is_some());
    }

    #[test]
    fn origin_without_encryption_is_another_one_than_that_with_it() {
        let external: ExternalUrl = "http://example.com".parse().unwrap();
        let pass = |origin: &str, named| {
            let asked = Asked { named, external: Some(external.origin()), is_encrypted: true };
            reason(&headers(&[("host", "a:8443"), ("origin", origin)]), asked).is_none()
        };
        assert!(
            pass("https://a:8443", None) && pass("https://b", Some("b:443")) && pass("https://b", Some("b"))
        );
        assert!(
            !pass("http://a:8443", None)
                && !pass("http://b", Some("b"))
                && !pass("http://b:443", Some("b:443"))
        );
        // A proxy may encrypt only its own requests.
        assert!(pass("http://example.com", None));
    }
}
