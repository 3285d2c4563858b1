//! The settings of an HTTP client, with Prometheus' names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::sigv4::SigV4;

/// The connection and authentication settings for a server. At most one of `basic_auth`, `authorization`,
/// `bearer_token(_file)`, `oauth2` and `sigv4` may be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientConfig {
    /// User and password.
    pub basic_auth: Option<BasicAuth>,
    /// An `Authorization` header.
    pub authorization: Option<Authorization>,
    /// An `Authorization` header of type `Bearer`, as in older configurations.
    pub bearer_token: Option<Secret>,
    /// A file with the bearer token.
    pub bearer_token_file: Option<PathBuf>,
    /// A token fetched with client credentials.
    pub oauth2: Option<OAuth2>,
    /// AWS Signature Version 4.
    pub sigv4: Option<SigV4>,
    /// TLS settings.
    pub tls_config: Option<TlsConfig>,
    /// The proxy for all requests: `http`, `https`, `socks5` or `socks5h`. It may contain a password.
    pub proxy_url: Option<Secret>,
    /// Hosts, domains and networks that are reached directly, separated by commas; with a port, on that port only.
    /// Requires `proxy_url`.
    pub no_proxy: Option<String>,
    /// Use `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the environment. They do not apply to loopback addresses.
    pub proxy_from_environment: bool,
    /// Headers of `CONNECT` requests to the proxy, by which it is asked for a connection to an `https://` address; all
    /// values are sent. Requires `proxy_url` or `proxy_from_environment`.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Must be absent or `false`: redirects are reported, not followed.
    pub follow_redirects: Option<bool>,
    /// Use HTTP/2 with `https://` addresses, if the server does; `true` if absent.
    pub enable_http2: Option<bool>,
    /// Further headers of every request.
    pub http_headers: BTreeMap<String, HeaderConfig>,
    /// The maximum size of a response in bytes, after decompression; 1 GiB if absent. A single namespace or group may
    /// have a quarter of it, a loaded group a half, and a group that is written a thirty-second. A longer response is
    /// an error, and no part of it is used.
    pub max_response_bytes: Option<u64>,
}

/// User and password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BasicAuth {
    /// The user.
    pub username: Option<String>,
    /// The user, from a file.
    pub username_file: Option<PathBuf>,
    /// The password.
    pub password: Option<Secret>,
    /// The password, from a file.
    pub password_file: Option<PathBuf>,
}

/// An `Authorization` header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Authorization {
    /// The authentication type; `Bearer` if absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The credentials.
    pub credentials: Option<Secret>,
    /// The credentials, from a file.
    pub credentials_file: Option<PathBuf>,
}

/// OAuth 2.0 client credentials (RFC 6749, 4.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OAuth2 {
    /// The client ID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: Option<Secret>,
    /// The client secret, from a file.
    pub client_secret_file: Option<PathBuf>,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// The URL of the token server.
    pub token_url: String,
    /// Further parameters of the request. Their values are not shown, and are redacted in messages of servers, except
    /// for `audience`, `resource` and `scope`.
    pub endpoint_params: BTreeMap<String, Secret>,
    /// TLS settings for the token server.
    pub tls_config: Option<TlsConfig>,
    /// The proxy for the token server.
    pub proxy_url: Option<Secret>,
    /// Hosts, domains and networks that are reached directly.
    pub no_proxy: Option<String>,
    /// Use the proxy of the environment.
    pub proxy_from_environment: bool,
    /// Headers of `CONNECT` requests to the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

/// TLS settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Certificates to trust instead of the system's, as PEM.
    pub ca: Option<String>,
    /// A file with the certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// The client certificate, as PEM.
    pub cert: Option<String>,
    /// A file with the client certificate.
    pub cert_file: Option<PathBuf>,
    /// The client key, as PEM.
    pub key: Option<Secret>,
    /// A file with the client key.
    pub key_file: Option<PathBuf>,
    /// The host name that the server's certificate must have, if not that of the address. Not with a proxy, and not for
    /// `http://`.
    pub server_name: Option<String>,
    /// Accept any certificate. For tests.
    pub insecure_skip_verify: bool,
    /// The minimum TLS version.
    pub min_version: Option<TlsVersion>,
}

/// A TLS version, with Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TlsVersion {
    /// 1.0, which is no longer supported: the minimum is 1.2.
    TLS10,
    /// 1.1, which is no longer supported: the minimum is 1.2.
    TLS11,
    /// 1.2.
    TLS12,
    /// 1.3.
    TLS13,
}

/// A header of every request; all its values are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HeaderConfig {
    /// Values.
    pub values: Vec<String>,
    /// Secret values.
    pub secrets: Vec<Secret>,
    /// Files with one value each.
    pub files: Vec<PathBuf>,
}

impl ClientConfig {
    /// Resolves relative file paths against `directory`, as Prometheus resolves paths against the directory of its
    /// configuration file.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path) -> Self {
        let Self {
            basic_auth,
            authorization,
            bearer_token: _,
            bearer_token_file,
            oauth2,
            sigv4: _,
            tls_config,
            proxy_url: _,
            no_proxy: _,
            proxy_from_environment: _,
            proxy_connect_header: _,
            follow_redirects: _,
            enable_http2: _,
            http_headers,
            max_response_bytes: _,
        } = &mut self;
        let mut files: Vec<&mut PathBuf> = bearer_token_file.iter_mut().collect();
        if let Some(BasicAuth { username_file, password_file, .. }) = basic_auth {
            files.extend(username_file.iter_mut().chain(password_file));
        }
        if let Some(Authorization { credentials_file, .. }) = authorization {
            files.extend(credentials_file);
        }
        if let Some(OAuth2 { client_secret_file, tls_config, .. }) = oauth2 {
            files.extend(client_secret_file);
            files.extend(tls_config.iter_mut().flat_map(TlsConfig::files));
        }
        files.extend(tls_config.iter_mut().flat_map(TlsConfig::files));
        files.extend(http_headers.values_mut().flat_map(|header| &mut header.files));
        for file in files {
            *file = directory.join(&*file);
        }
        self
    }
}

impl TlsConfig {
    fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let Self { ca_file, cert_file, key_file, .. } = self;
        ca_file.iter_mut().chain(cert_file).chain(key_file)
    }
}
