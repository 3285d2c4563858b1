//! Where the pages are reached: the URL from outside, and the path that their routes are below.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::Authority;

use crate::route_prefix::RoutePrefix;

/// Where the pages are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Location {
    external_url: Option<ExternalUrl>,
    route_prefix: RoutePrefix,
}

impl Location {
    /// Without a route prefix, that of the external URL counts.
    pub(crate) fn new(external_url: Option<ExternalUrl>, route_prefix: Option<RoutePrefix>) -> Self {
        let of_url = || external_url.as_ref().map(|url| url.path.clone()).unwrap_or_default();
        let route_prefix = route_prefix.unwrap_or_else(of_url);
        Self { external_url, route_prefix }
    }

    /// The URL under which the pages are reached from outside, for links in what is read elsewhere; none if it is not known.
    pub(crate) fn external_url(&self) -> Option<&ExternalUrl> {
        self.external_url.as_ref()
    }

    /// The path that all routes are below. It may differ from that of the external URL: a proxy may replace it.
    pub(crate) fn route_prefix(&self) -> &RoutePrefix {
        &self.route_prefix
    }
}

/// A URL under which the pages are reached from outside. Shown without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalUrl {
    origin: Origin,
    path: RoutePrefix,
}

impl ExternalUrl {
    /// The origin that browsers name in requests of its pages.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl FromStr for ExternalUrl {
    /// What is wrong, and what to write.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "write a URL such as `https://example.com/rulesync`";
        if let Some(c) = text.chars().find(|c| matches!(c, '?' | '#')) {
            return Err(format!("it has no query and no fragment, and so no `{c}`: {EXAMPLE}"));
        }
        let uri: Uri = text.parse().map_err(|error| format!("{error}: {EXAMPLE}"))?;
        let Some(origin) =
            uri.scheme_str().zip(uri.authority()).and_then(|(scheme, at)| Origin::of(scheme, at))
        else {
            return Err(format!("it needs `http` or `https`, and a host without a user: {EXAMPLE}"));
        };
        Ok(Self { origin, path: uri.path().parse()? })
    }
}

impl fmt::Display for ExternalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path.path(""))
    }
}

/// The origin of a page: scheme, host and port, in the form of browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    is_https: bool,
    /// In lower case, without the default port.
    authority: String,
}

impl Origin {
    fn of(scheme: &str, authority: &Authority) -> Option<Self> {
        let is_https = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let authority = bare(authority.as_str(), is_https);
        Some(Self { is_https, authority })
    }

    /// Whether it is that of pages over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// Returns whether a host, such as `a:8080`, is that of the origin. The default port of the scheme may be omitted.
    pub(crate) fn is_at(&self, host: &str) -> bool {
        self.authority == bare(host, self.is_https)
    }
}

/// Returns an authority in lower case, without the default port.
fn bare(authority: &str, is_https: bool) -> String {
    let port = if is_https { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase()
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scheme, authority) = text.split_once("://").ok_or(())?;
        let authority: Authority = authority.parse().map_err(drop)?;
        Self::of(scheme, &authority).ok_or(())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_url_is_checked_and_shown_in_one_form() {
        for (text, shown) in [
            ("http://example.com", "http://example.com"),
            ("https://Example.COM:443/", "https://example.com"),
            ("http://example.com:80/rules/", "http://example.com/rules"),
            ("https://example.com:8443/a/b", "https://example.com:8443/a/b"),
            ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ] {
            assert_eq!(text.parse::<ExternalUrl>().unwrap().to_string(), shown, "{text}");
        }
        for (text, says) in [
            ("", "https://example.com/rulesync"),
            ("example.com", "`http` or `https`"),
            ("/rules", "`http` or `https`"),
            ("ftp://example.com", "`http` or `https`"),
            ("https://user:secret@example.com/", "without a user"),
            ("https://example.com/?a=b", "no `?`"),
            ("https://example.com/#a", "no `#`"),
            ("https://example.com/a//b", "a part of the path is ``"),
            ("https://example.com/a/../b", "`..`"),
            ("https://example.com/%20", "`%`"),
            ("https://exa mple.com/", "invalid"),
            ("\"https://example.com/\"", "invalid"),
        ] {
            let error = text.parse::<ExternalUrl>().unwrap_err();
            assert!(error.contains(says) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn route_prefix_is_that_of_the_external_url_unless_it_is_given() {
        for (url, prefix, expected) in [
            (None, None, "/"),
            (None, Some("/a"), "/a"),
            (Some("https://example.com"), None, "/"),
            (Some("https://example.com/rules/"), None, "/rules"),
            (Some("https://example.com/rules"), Some("/"), "/"),
            (Some("https://example.com/rules"), Some("/b"), "/b"),
        ] {
            let url: Option<ExternalUrl> = url.map(|url| url.parse().unwrap());
            let location = Location::new(url.clone(), prefix.map(|prefix| prefix.parse().unwrap()));
            assert_eq!(location.route_prefix().to_string(), expected, "{url:?} {prefix:?}");
            assert_eq!(location.external_url(), url.as_ref());
        }
    }
}
