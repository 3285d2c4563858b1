//! The authentication and the further headers of the settings. Pure.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName};

use super::credentials::{Header, Method, header_value};
use crate::settings::{Authorization, BasicAuth, ClientConfig, OAuth2, Secret, SecretSource, SettingsError};

/// Headers that have a separate setting, and those of the connection itself. Setting `Accept-Encoding` would disable
/// gzip decompression.
const RESERVED: [&str; 16] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-scope-orgid",
];

/// Returns the authentication of requests, unless they need a token.
pub(super) fn method(config: &ClientConfig) -> Result<Method, SettingsError> {
    let bearer = SecretSource::from_keys(config.bearer_token.as_ref(), config.bearer_token_file.as_ref());
    let (key, kind, credentials) =
        if let Some(BasicAuth { username, username_file, password, password_file }) = &config.basic_auth {
            let username = username.as_deref().map(Into::into);
            let username = SecretSource::from_keys(username.as_ref(), username_file.as_ref());
            let username = username.ok_or(SettingsError::missing("basic_auth.username"))?;
            let password = SecretSource::from_keys(password.as_ref(), password_file.as_ref());
            return Ok(Method::Basic { username, password });
        } else if let Some(Authorization { kind, credentials, credentials_file }) = &config.authorization {
            let credentials = SecretSource::from_keys(credentials.as_ref(), credentials_file.as_ref());
            let credentials = credentials.ok_or(SettingsError::missing("authorization.credentials"))?;
            let kind = kind.as_deref().unwrap_or("Bearer");
            check("authorization", kind)?;
            ("authorization.credentials", kind, credentials)
        } else if let Some(credentials) = bearer {
            ("bearer_token", "Bearer", credentials)
        } else {
            return Ok(Method::Anonymous);
        };
    if let SecretSource::Given(credentials) = &credentials {
        check(key, credentials.expose())?;
    }
    Ok(Method::Header { kind: kind.to_owned(), credentials })
}

/// Returns the authentication of requests to a token server.
pub(super) fn client(config: &OAuth2) -> Method {
    let secret = SecretSource::from_keys(config.client_secret.as_ref(), config.client_secret_file.as_ref());
    Method::Client { id: config.client_id.clone(), secret }
}

/// Returns the further headers of requests.
pub(super) fn headers(config: &ClientConfig) -> Result<Vec<Header>, SettingsError> {
    let mut headers = Vec::new();
    for (name, header) in &config.http_headers {
        let key = format!("http_headers.{name}");
        let secrets = header.secrets.iter().map(Secret::expose);
        for given in header.values.iter().map(String::as_str).chain(secrets) {
            check(&key, given)?;
        }
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|error| SettingsError::invalid(&key, error.to_string()))?;
        if RESERVED.contains(&parsed.as_str()) {
            return Err(SettingsError::invalid(key, "is set by rulesync or its connection, not here"));
        }
        let mut add = |source, public| headers.push(Header { name: parsed.clone(), source, public });
        for value in &header.values {
            add(SecretSource::Given(value.as_str().into()), true);
        }
        for secret in &header.secrets {
            add(SecretSource::Given(secret.clone()), false);
        }
        for file in header.files.iter().filter_map(|path| SecretSource::from_keys(None, Some(path))) {
            add(file, false);
        }
    }
    Ok(headers)
}

/// Headers of `CONNECT` requests that the HTTP library writes itself.
const RESERVED_TO_CONNECT: [&str; 5] =
    ["connection", "content-length", "host", "transfer-encoding", "user-agent"];

/// Returns the headers of `CONNECT` requests to a proxy.
pub(super) fn connect_headers(given: &BTreeMap<String, Vec<Secret>>) -> Result<HeaderMap, SettingsError> {
    let mut headers = HeaderMap::new();
    for (name, values) in given {
        let key = format!("proxy_connect_header.{name}");
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|error| SettingsError::invalid(&key, error.to_string()))?;
        if RESERVED_TO_CONNECT.contains(&parsed.as_str()) {
            return Err(SettingsError::invalid(key, "is set by rulesync, not here"));
        }
        for value in values {
            let value =
                header_value(value.expose()).map_err(|reason| SettingsError::invalid(&key, reason))?;
            headers.append(parsed.clone(), value);
        }
    }
    Ok(headers)
}

/// Checks that a value of the configuration is valid in a header; otherwise no request could ever be sent.
fn check(key: &str, text: &str) -> Result<(), SettingsError> {
    header_value(text).map(drop).map_err(|reason| SettingsError::invalid(key, reason))
}
