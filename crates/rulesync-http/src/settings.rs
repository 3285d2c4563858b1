//! The settings of an HTTP client, with Prometheus' names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::secret::{Secret, SecretError};

/// The connection and authentication settings for a server. At most one of `basic_auth`, `authorization`,
/// `bearer_token(_file)` and `oauth2` may be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// TLS settings.
    pub tls_config: Option<TlsConfig>,
    /// The proxy for all requests: `http`, `https`, `socks5` or `socks5h`. It may contain a password.
    pub proxy_url: Option<Secret>,
    /// Hosts, domains and networks that are reached directly, separated by commas; with a port, on that port only.
    /// Requires `proxy_url`.
    pub no_proxy: Option<String>,
    /// Use `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the environment. They do not apply to loopback addresses.
    pub proxy_from_environment: bool,
    /// Further headers of every request.
    pub http_headers: BTreeMap<String, HeaderConfig>,
    /// The maximum size of a response in bytes, after decompression; 1 GiB if absent. A single namespace or group may
    /// have a quarter of it, a loaded group a half, and a group that is written a thirty-second. A longer response is
    /// an error, and no part of it is used.
    pub max_response_bytes: Option<u64>,
}

/// User and password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
}

/// TLS settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderConfig {
    /// Values.
    pub values: Vec<String>,
    /// Secret values.
    pub secrets: Vec<Secret>,
    /// Files with one value each.
    pub files: Vec<PathBuf>,
}

/// An error in the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Mutually exclusive keys are set.
    #[error("at most one of {0} may be set")]
    Exclusive(&'static str),
    /// A required key is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value is invalid.
    #[error("`{key}`: {reason}")]
    Invalid {
        /// The key.
        key: String,
        /// The reason; never contains the value of a secret.
        reason: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] SecretError),
}

impl ClientConfig {
    /// Checks that the settings are consistent. Does not read files.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let Self { basic_auth, authorization, bearer_token, bearer_token_file, oauth2, tls_config, .. } =
            self;
        let methods = [
            basic_auth.is_some(),
            authorization.is_some(),
            bearer_token.is_some(),
            bearer_token_file.is_some(),
            oauth2.is_some(),
        ];
        at_most_one(
            &methods,
            "`basic_auth`, `authorization`, `bearer_token`, `bearer_token_file` and `oauth2`",
        )?;
        if let Some(BasicAuth { username, username_file, password, password_file }) = basic_auth {
            at_most_one(&[username.is_some(), username_file.is_some()], "`username` and `username_file`")?;
            at_most_one(&[password.is_some(), password_file.is_some()], "`password` and `password_file`")?;
            if username.is_none() && username_file.is_none() {
                return Err(SettingsError::Missing("basic_auth.username"));
            }
        }
        if let Some(Authorization { kind, credentials, credentials_file }) = authorization {
            at_most_one(
                &[credentials.is_some(), credentials_file.is_some()],
                "`credentials` and `credentials_file`",
            )?;
            if credentials.is_none() && credentials_file.is_none() {
                return Err(SettingsError::Missing("authorization.credentials"));
            }
            if kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("basic")) {
                let reason = "use `basic_auth` for this type".to_owned();
                return Err(SettingsError::Invalid { key: "authorization.type".to_owned(), reason });
            }
        }
        if let Some(oauth2) = oauth2 {
            let OAuth2 { client_id, client_secret, client_secret_file, token_url, tls_config, .. } = oauth2;
            at_most_one(
                &[client_secret.is_some(), client_secret_file.is_some()],
                "`client_secret` and `client_secret_file`",
            )?;
            for (key, value) in [("oauth2.client_id", client_id), ("oauth2.token_url", token_url)] {
                if value.is_empty() {
                    return Err(SettingsError::Missing(key));
                }
            }
            tls_config.as_ref().map_or(Ok(()), TlsConfig::validate)?;
            let OAuth2 { proxy_url, no_proxy, proxy_from_environment, .. } = oauth2;
            proxy_agrees(proxy_url.as_ref(), no_proxy.as_ref(), *proxy_from_environment)?;
        }
        proxy_agrees(self.proxy_url.as_ref(), self.no_proxy.as_ref(), self.proxy_from_environment)?;
        if self.max_response_bytes.is_some_and(|bytes| bytes < MIN_RESPONSE_BYTES) {
            let reason = format!("must be at least {MIN_RESPONSE_BYTES}");
            return Err(SettingsError::Invalid { key: "max_response_bytes".to_owned(), reason });
        }
        tls_config.as_ref().map_or(Ok(()), TlsConfig::validate)
    }
}

/// The minimum of `max_response_bytes`. With less, the largest group that may be written could hardly contain a rule.
const MIN_RESPONSE_BYTES: u64 = 64 << 10;

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
            tls_config,
            proxy_url: _,
            no_proxy: _,
            proxy_from_environment: _,
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

    fn validate(&self) -> Result<(), SettingsError> {
        at_most_one(&[self.ca.is_some(), self.ca_file.is_some()], "`ca` and `ca_file`")?;
        at_most_one(&[self.cert.is_some(), self.cert_file.is_some()], "`cert` and `cert_file`")?;
        at_most_one(&[self.key.is_some(), self.key_file.is_some()], "`key` and `key_file`")?;
        match (self.cert.is_some() || self.cert_file.is_some(), self.key.is_some() || self.key_file.is_some())
        {
            (true, false) => Err(SettingsError::Missing("tls_config.key")),
            (false, true) => Err(SettingsError::Missing("tls_config.cert")),
            _ => Ok(()),
        }
    }
}

fn proxy_agrees(
    url: Option<&Secret>,
    no_proxy: Option<&String>,
    from_environment: bool,
) -> Result<(), SettingsError> {
    at_most_one(&[url.is_some(), from_environment], "`proxy_url` and `proxy_from_environment`")?;
    at_most_one(&[no_proxy.is_some(), from_environment], "`no_proxy` and `proxy_from_environment`")?;
    // `no_proxy` alone has no effect.
    if no_proxy.is_some() && url.is_none() { Err(SettingsError::Missing("proxy_url")) } else { Ok(()) }
}

fn at_most_one(set: &[bool], keys: &'static str) -> Result<(), SettingsError> {
    if set.iter().filter(|set| **set).count() > 1 { Err(SettingsError::Exclusive(keys)) } else { Ok(()) }
}
