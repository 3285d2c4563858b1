//! Selects the proxy for a server: that of the settings, or that of the environment, as Go programs such as Prometheus
//! read it. Pure except for reading the environment.

use percent_encoding::percent_decode_str;
use reqwest::header::HeaderMap;
use reqwest::{NoProxy, Proxy, Url};

use super::error::without_url;
use crate::settings::{Secret, SettingsError};

/// The proxy settings of clients and token requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxySettings {
    pub(crate) url: Option<Secret>,
    pub(crate) no_proxy: Option<String>,
    pub(crate) from_environment: bool,
    /// The headers of `CONNECT` requests.
    pub(crate) connect_headers: HeaderMap,
}

/// The proxy for a server. `Debug` does not show its password.
pub(crate) struct ChosenProxy {
    pub(crate) proxy: Proxy,
    pub(crate) user: Option<ProxyUser>,
    /// Set if the connection to the proxy itself uses TLS.
    pub(crate) over_tls: bool,
}

/// The credentials for a proxy, as sent.
pub(crate) struct ProxyUser {
    /// `None` if there is no password: then the name is the secret.
    pub(crate) name: Option<String>,
    pub(crate) secret: Secret,
}

impl std::fmt::Debug for ChosenProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChosenProxy")
    }
}

/// A configured proxy and its exceptions.
#[derive(Debug, PartialEq, Eq)]
struct ConfiguredProxy {
    /// The environment variable, if it is the proxy of the environment.
    variable: Option<String>,
    url: Secret,
    no_proxy: Option<String>,
}

/// The supported schemes of a proxy's URL.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

impl ProxySettings {
    /// Returns `true` if there may be a proxy.
    pub(crate) fn is_set(&self) -> bool {
        self.url.is_some() || self.from_environment
    }

    /// Returns the proxy for requests to `address`.
    pub(crate) fn towards(&self, address: &Url) -> Result<Option<ChosenProxy>, SettingsError> {
        let Some(ConfiguredProxy { variable, url, no_proxy }) =
            self.choose(address, |name| std::env::var(name).ok())
        else {
            return Ok(None);
        };
        let invalid = |reason: String| match &variable {
            Some(variable) => {
                SettingsError::invalid("proxy_from_environment", format!("`{variable}`: {reason}"))
            }
            None => SettingsError::invalid("proxy_url", reason),
        };
        // As in Go, the default scheme is `http`.
        let scheme = url.expose().split_once("://").map_or("http", |(scheme, _)| scheme);
        if !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            let reason = format!("must begin with one of {}", SCHEMES.map(|s| format!("{s}://")).join(", "));
            return Err(invalid(reason));
        }
        let proxy = Proxy::all(url.expose()).map_err(|error| invalid(without_url(&error)))?;
        let port = address.port_or_known_default();
        let around = no_proxy.and_then(|list| NoProxy::from_string(&for_port(&list, port)));
        let over_tls = scheme.eq_ignore_ascii_case("https");
        let mut proxy = proxy.no_proxy(around);
        if !self.connect_headers.is_empty() {
            if address.scheme() != "https" || !(over_tls || scheme.eq_ignore_ascii_case("http")) {
                let reason = "is for an `https://` address and an `http://` or `https://` proxy: all other requests do \
                              without `CONNECT`";
                return Err(SettingsError::invalid("proxy_connect_header", reason));
            }
            proxy = proxy.headers(self.connect_headers.clone());
        }
        Ok(Some(ChosenProxy { proxy, user: user(url.expose()), over_tls }))
    }

    fn choose(&self, address: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<ConfiguredProxy> {
        if let Some(url) = &self.url {
            let (url, no_proxy) = (url.clone(), self.no_proxy.clone());
            return Some(ConfiguredProxy { variable: None, url, no_proxy });
        }
        if !self.from_environment || is_local(address) {
            return None;
        }
        let either = |name: &str| {
            [name.to_uppercase(), name.to_lowercase()]
                .into_iter()
                .find_map(|name| Some((variable(&name).filter(|value| !value.is_empty())?, name)))
        };
        let (url, variable) = either(if address.scheme() == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" })?;
        let url = Secret::from(url.as_str());
        let no_proxy = either("NO_PROXY").map(|(value, _)| value);
        Some(ConfiguredProxy { variable: Some(variable), url, no_proxy })
    }
}

/// The user and password of a URL.
fn user(url: &str) -> Option<ProxyUser> {
    let url =
        if url.contains("://") { Url::parse(url) } else { Url::parse(&format!("http://{url}")) }.ok()?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (name, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    let (name, secret) = if password.is_empty() { (None, name) } else { (Some(name), password) };
    (!secret.is_empty()).then(|| ProxyUser { name, secret: Secret::from(secret.as_str()) })
}

/// Returns `true` for loopback addresses, which are never reached through a proxy of the environment.
fn is_local(address: &Url) -> bool {
    let host = address.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Returns the exceptions that apply to a server on this port, without ports and in the syntax of the library. An
/// exception with a port applies to that port only.
fn for_port(list: &str, port: Option<u16>) -> String {
    let counts = |entry: &'_ str| match with_port(entry) {
        Some((host, only)) => (Some(only) == port).then(|| host.to_owned()),
        None => Some(entry.to_owned()),
    };
    let entries = list.split(',').map(str::trim).filter_map(counts);
    // `*.x` is an alternative spelling of `.x`.
    entries
        .map(|entry| entry.strip_prefix("*.").map_or(entry.clone(), |rest| format!(".{rest}")))
        .collect::<Vec<_>>()
        .join(",")
}

fn with_port(entry: &str) -> Option<(&str, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']')?,
        // An IPv6 address.
        None if host.contains(':') => return None,
        None => host,
    };
    Some((host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn towards(address: &str, variables: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let settings = ProxySettings { from_environment: true, ..ProxySettings::default() };
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let named = settings.choose(&address.parse().unwrap(), variable)?;
        Some((named.url.expose().to_owned(), named.no_proxy))
    }

    #[test]
    fn proxy_from_environment_matches_go() {
        let both = [("HTTP_PROXY", "http://a"), ("https_proxy", "http://b"), ("no_proxy", "x")];
        assert_eq!(towards("http://mimir", &both), Some(("http://a".to_owned(), Some("x".to_owned()))));
        assert_eq!(towards("https://mimir", &both), Some(("http://b".to_owned(), Some("x".to_owned()))));
        assert_eq!(towards("http://mimir", &[("HTTP_PROXY", ""), ("http_proxy", "c")]).unwrap().0, "c");
        assert_eq!(towards("http://mimir", &[("ALL_PROXY", "http://a")]), None);
        for local in ["http://localhost:1", "http://127.0.0.9", "http://[::1]:9009"] {
            assert_eq!(towards(local, &both), None, "{local}");
        }
        assert_eq!(towards("http://localhost.example", &both).unwrap().0, "http://a");
    }

    #[test]
    fn no_proxy_entry_with_port_applies_to_that_port() {
        let list = "a:80, b:81,.c, 10.0.0.0/8,[::1]:80,::2,*.d,*";
        assert_eq!(for_port(list, Some(80)), "a,.c,10.0.0.0/8,::1,::2,.d,*");
        assert_eq!(for_port(list, Some(81)), "b,.c,10.0.0.0/8,::2,.d,*");
    }
}
