//! Checks that settings are consistent. Pure: no file is read.

use super::config::{Authorization, BasicAuth, ClientConfig, OAuth2, TlsConfig};
use super::error::SettingsError;
use super::secret::Secret;
use super::sigv4::SigV4;

impl ClientConfig {
    /// Checks that the settings are consistent. Does not read files.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let Self {
            basic_auth,
            authorization,
            bearer_token,
            bearer_token_file,
            oauth2,
            sigv4,
            tls_config,
            ..
        } = self;
        let methods = [
            basic_auth.is_some(),
            authorization.is_some(),
            bearer_token.is_some(),
            bearer_token_file.is_some(),
            oauth2.is_some(),
            sigv4.is_some(),
        ];
        at_most_one(
            &methods,
            "`basic_auth`, `authorization`, `bearer_token`, `bearer_token_file`, `oauth2` and `sigv4`",
        )?;
        if let Some(BasicAuth { username, username_file, password, password_file }) = basic_auth {
            for (given, keys) in [
                ([username.is_some(), username_file.is_some()], "`username` and `username_file`"),
                ([password.is_some(), password_file.is_some()], "`password` and `password_file`"),
            ] {
                at_most_one(&given, keys).map_err(|error| error.within("basic_auth"))?;
            }
            if username.is_none() && username_file.is_none() {
                return Err(SettingsError::missing("basic_auth.username"));
            }
        }
        if let Some(Authorization { kind, credentials, credentials_file }) = authorization {
            at_most_one(
                &[credentials.is_some(), credentials_file.is_some()],
                "`credentials` and `credentials_file`",
            )
            .map_err(|error| error.within("authorization"))?;
            if credentials.is_none() && credentials_file.is_none() {
                return Err(SettingsError::missing("authorization.credentials"));
            }
            if kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("basic")) {
                let reason = "use `basic_auth` for this type";
                return Err(SettingsError::invalid("authorization.type", reason));
            }
        }
        if let Some(oauth2) = oauth2 {
            let OAuth2 { client_id, client_secret, client_secret_file, token_url, tls_config, .. } = oauth2;
            at_most_one(
                &[client_secret.is_some(), client_secret_file.is_some()],
                "`client_secret` and `client_secret_file`",
            )
            .map_err(|error| error.within("oauth2"))?;
            for (key, value) in [("oauth2.client_id", client_id), ("oauth2.token_url", token_url)] {
                if value.is_empty() {
                    return Err(SettingsError::missing(key));
                }
            }
            let within = |error: SettingsError| error.within("oauth2");
            tls_config.as_ref().map_or(Ok(()), TlsConfig::validate).map_err(within)?;
            let OAuth2 { proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, .. } = oauth2;
            let has_headers = !proxy_connect_header.is_empty();
            proxy_agrees(proxy_url.as_ref(), no_proxy.as_ref(), *proxy_from_environment, has_headers)
                .map_err(within)?;
        }
        sigv4.as_ref().map_or(Ok(()), SigV4::validate).map_err(|error| error.within("sigv4"))?;
        let has_headers = !self.proxy_connect_header.is_empty();
        let no_proxy = self.no_proxy.as_ref();
        proxy_agrees(self.proxy_url.as_ref(), no_proxy, self.proxy_from_environment, has_headers)?;
        if self.follow_redirects == Some(true) {
            let reason = "must be `false`: a redirect is reported, since a request that follows one may turn from a \
                          write into a read, or carry credentials to another server";
            return Err(SettingsError::invalid("follow_redirects", reason));
        }
        if self.max_response_bytes.is_some_and(|bytes| bytes < MIN_RESPONSE_BYTES) {
            let reason = format!("must be at least {MIN_RESPONSE_BYTES}");
            return Err(SettingsError::invalid("max_response_bytes", reason));
        }
        tls_config.as_ref().map_or(Ok(()), TlsConfig::validate)
    }
}

/// The minimum of `max_response_bytes`. With less, the largest group that may be written could hardly contain a rule.
const MIN_RESPONSE_BYTES: u64 = 64 << 10;

impl TlsConfig {
    fn validate(&self) -> Result<(), SettingsError> {
        for (given, keys) in [
            ([self.ca.is_some(), self.ca_file.is_some()], "`ca` and `ca_file`"),
            ([self.cert.is_some(), self.cert_file.is_some()], "`cert` and `cert_file`"),
            ([self.key.is_some(), self.key_file.is_some()], "`key` and `key_file`"),
        ] {
            at_most_one(&given, keys).map_err(|error| error.within("tls_config"))?;
        }
        match (self.cert.is_some() || self.cert_file.is_some(), self.key.is_some() || self.key_file.is_some())
        {
            (true, false) => Err(SettingsError::missing("tls_config.key")),
            (false, true) => Err(SettingsError::missing("tls_config.cert")),
            _ => Ok(()),
        }
    }
}

fn proxy_agrees(
    url: Option<&Secret>,
    no_proxy: Option<&String>,
    from_environment: bool,
    has_headers: bool,
) -> Result<(), SettingsError> {
    at_most_one(&[url.is_some(), from_environment], "`proxy_url` and `proxy_from_environment`")?;
    at_most_one(&[no_proxy.is_some(), from_environment], "`no_proxy` and `proxy_from_environment`")?;
    // Without a proxy, its exceptions and headers have no effect.
    let is_useless = (no_proxy.is_some() || (has_headers && !from_environment)) && url.is_none();
    if is_useless { Err(SettingsError::missing("proxy_url")) } else { Ok(()) }
}

fn at_most_one(set: &[bool], keys: &'static str) -> Result<(), SettingsError> {
    if set.iter().filter(|set| **set).count() > 1 { Err(SettingsError::exclusive(keys)) } else { Ok(()) }
}
