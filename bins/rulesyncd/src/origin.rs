//! Cross-origin requests: they are refused if they would change something.
//!
//! A page of another origin can make a browser send a request in the name of a person who can reach the daemon. The
//! browser says so in `Sec-Fetch-Site` and `Origin`; programs such as curl send neither.
//!
//! DNS rebinding is not covered: a name that led to an attacker's server and now leads to this daemon makes the
//! attacker's page one of the same origin, for the browser and here. The daemon cannot know its own names. The defaults
//! help, by which it listens on loopback and serves nothing that changes anything, and so does a proxy that knows its
//! names and authenticates. Nor is this a login: programs that reach the port are let through.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests from other origins, except those that only read.
pub(crate) async fn refuse_others(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let named = request.uri().authority().map(axum::http::uri::Authority::as_str);
    match if reads { None } else { reason(request.headers(), named) } {
        None => next.run(request).await,
        Some(reason) => (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response(),
    }
}

/// Returns why a request is from another origin; none if it is not, or if no browser has sent it. `named` is the authority
/// in the request line, which takes precedence over `Host`.
fn reason(headers: &HeaderMap, named: Option<&str>) -> Option<&'static str> {
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
    let host = named.or_else(|| host?.to_str().ok()).filter(|_| !ambiguous);
    let is_own = |origin: &axum::http::HeaderValue| {
        host.zip(origin.to_str().ok()).is_some_and(|(host, origin)| is_same(origin, host))
    };
    let other = "refused: cross-origin request (Origin is not Host); send it with curl or from this server's own origin";
    (!origins.all(is_own)).then_some(other)
}

/// Returns whether an origin, such as `http://a:8080`, is at a host, such as `a:8080`. The default port of the scheme may be
/// omitted; the scheme itself may be that of a proxy.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    !authority.is_empty() && bare(authority) == bare(host)
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
            assert_eq!(reason(&headers(lines), None), None, "{lines:?}");
        }
        let proxied = headers(&[("host", "b"), ("origin", "http://a:8080")]);
        assert_eq!(reason(&proxied, Some("a:8080")), None);
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
            assert!(reason(&headers(lines), None).is_some(), "{lines:?}");
        }
        let aimed = headers(&[("host", "a:8080"), ("origin", "http://a:8080")]);
        assert!(reason(&aimed, Some("b:8080")).is_some());
    }
}
