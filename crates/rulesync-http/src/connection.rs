//! The connection to one server, made from settings: address, credentials, TLS material, proxy, deadlines, size limits,
//! and the redaction of secrets in messages. Rulers of every kind use it, and so do requests for OAuth 2.0 tokens.

mod address;
mod allowance;
mod auth;
mod credentials;
mod cut;
mod encode;
mod endpoint;
mod error;
mod limits;
mod oauth2;
mod observe;
mod proxy;
mod redact;
mod request;
mod response;
mod send;
#[cfg(feature = "sigv4")]
mod sigv4;
mod transport;

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::header::HeaderMap;

pub(crate) use address::redirection;
pub(crate) use allowance::Allowance;
pub(crate) use cut::{CUT, MESSAGE_BYTES, shortened, shortened_bytes};
pub(crate) use encode::UNRESERVED_KEPT;
pub(crate) use error::SendError;
pub(crate) use limits::{Limits, too_long, too_long_to_send};
pub use observe::RequestObserver;
pub(crate) use redact::Redaction;
pub(crate) use request::Method;
pub use request::Request;
pub(crate) use response::BODY_FACTOR;
pub use response::Response;
pub use send::Connection;

use crate::settings::{ClientConfig, OAuth2, Secret, SettingsError, SigV4};
use credentials::Credentials;
use endpoint::endpoint;
use oauth2::CachedToken;
use proxy::ProxySettings;
use redact::Redactor;

impl Connection {
    /// Creates a connection to the server at `address`, such as `http://mimir.monitoring.svc:9009`. Sends no request,
    /// but reads the files of `tls_config`, which may block.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the address or the settings are invalid, or a file cannot be read.
    pub fn new(address: &str, config: &ClientConfig) -> Result<Self, SettingsError> {
        config.validate()?;
        let invalid = |reason: String| SettingsError::invalid("address", reason);
        let url = address::parse(address, "basic_auth").map_err(invalid)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("must not hold a query or a fragment".to_owned()));
        }
        let redactor = Arc::new(Redactor::default());
        let proxy = ProxySettings {
            url: config.proxy_url.clone(),
            no_proxy: config.no_proxy.clone(),
            from_environment: config.proxy_from_environment,
            connect_headers: connect_headers(&config.proxy_connect_header, &redactor)?,
        };
        let http2 = config.enable_http2.unwrap_or(true);
        let endpoint = endpoint(&url, config.tls_config.as_ref(), proxy, http2, &redactor)?;
        let method = match (&config.oauth2, &config.sigv4) {
            (Some(oauth2), _) => credentials::Method::Token(Box::new(
                tokens(oauth2, &redactor).map_err(|error| error.within("oauth2"))?,
            )),
            (None, Some(sigv4)) => signature(sigv4)?,
            (None, None) => auth::method(config)?,
        };
        let credentials = Credentials::new(method, auth::headers(config)?, redactor);
        Ok(Self::of_parts(endpoint, credentials, Limits::new(config.max_response_bytes)))
    }
}

/// Returns the authentication by signatures.
#[cfg(feature = "sigv4")]
fn signature(config: &SigV4) -> Result<credentials::Method, SettingsError> {
    Ok(credentials::Method::Signature(Box::new(sigv4::Signer::new(config))))
}

#[cfg(not(feature = "sigv4"))]
fn signature(_: &SigV4) -> Result<credentials::Method, SettingsError> {
    let reason = "is not compiled into this build: build rulesync-http with the cargo feature `sigv4`";
    Err(SettingsError::invalid("sigv4", reason))
}

/// Creates a source of tokens. Errors name keys within `oauth2`.
fn tokens(config: &OAuth2, redactor: &Arc<Redactor>) -> Result<CachedToken, SettingsError> {
    let url = address::parse(&config.token_url, "client_secret")
        .map_err(|reason| SettingsError::invalid("token_url", reason))?;
    let proxy = ProxySettings {
        url: config.proxy_url.clone(),
        no_proxy: config.no_proxy.clone(),
        from_environment: config.proxy_from_environment,
        connect_headers: connect_headers(&config.proxy_connect_header, redactor)?,
    };
    let endpoint = endpoint(&url, config.tls_config.as_ref(), proxy, true, redactor)?;
    let credentials = Credentials::new(auth::client(config), Vec::new(), Arc::clone(redactor));
    let connection = Connection::of_parts(endpoint, credentials, Limits::default());
    Ok(CachedToken::new(connection, config, redactor))
}

/// Returns the headers of `CONNECT` requests, which the HTTP library sends by itself.
fn connect_headers(
    given: &BTreeMap<String, Vec<Secret>>,
    redactor: &Redactor,
) -> Result<HeaderMap, SettingsError> {
    given.values().flatten().for_each(|value| redactor.keep(None, value.expose()));
    auth::connect_headers(given)
}

#[cfg(test)]
mod tests;
