//! Tokens by OAuth 2.0 client credentials, cached until shortly before they expire. The crate `oauth2` is not used
//! because it would add a second HTTP client.

use std::sync::Arc;
use std::time::Duration;

use percent_encoding::utf8_percent_encode;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use rulesync_fs::{Got, Shared};
use serde::Deserialize;
use tokio::time::Instant;

use crate::address;
use crate::cut::CUT;
use crate::proxy::{ProxySettings, ProxyUser};
use crate::redact::Redactor;
use crate::secret::{Secret, SecretSource};
use crate::settings::{OAuth2, SettingsError};
use crate::transport::{Transport, drain, without_url};
use crate::url::UNRESERVED_KEPT;

/// Fetches and caches tokens. Fetching continues if the request that needed the token is cancelled: otherwise a token
/// server slower than the request timeout would never provide one.
#[derive(Debug)]
pub(crate) struct TokenSource {
    server: Arc<TokenServer>,
    token: Shared<Secret>,
}

/// The token server and the parameters of requests to it.
#[derive(Debug)]
struct TokenServer {
    transport: Transport,
    url: Url,
    host: Option<String>,
    client_id: String,
    client_secret: Option<SecretSource>,
    /// Scopes and further parameters, encoded.
    parameters: Secret,
    redactor: Arc<Redactor>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    expires_in: Option<Seconds>,
}

/// RFC 6749 requires a number; some servers write it as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    /// The lifetime, at most [`MAX_LIFETIME`]; `None` if it is not positive, as servers write that do not know it.
    fn lifetime(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        if seconds.is_nan() || seconds <= 0.0 {
            return None;
        }
        Duration::try_from_secs_f64(seconds.min(MAX_LIFETIME.as_secs_f64())).ok()
    }
}

/// Parameters that name the resource a token is for, which are not secret and appear in many messages. Any other
/// parameter may be secret, such as `password` or `client_assertion`.
const OPEN_PARAMETERS: [&str; 3] = ["audience", "resource", "scope"];

/// The lifetime of a token without a known expiry.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// The maximum lifetime: after this, a new token is fetched whatever expiry the server reported.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

const DEADLINE: Duration = Duration::from_secs(15);

impl TokenSource {
    pub(crate) fn new(config: &OAuth2, redactor: Arc<Redactor>) -> Result<Self, SettingsError> {
        let invalid = |reason: String| SettingsError::Invalid { key: "oauth2.token_url".to_owned(), reason };
        let url = address::parse(&config.token_url, "client_secret").map_err(invalid)?;
        let proxy = ProxySettings {
            url: config.proxy_url.clone(),
            no_proxy: config.no_proxy.clone(),
            from_environment: config.proxy_from_environment,
        };
        let (transport, url, host) =
            Transport::new(&url, config.tls_config.clone().unwrap_or_default(), proxy)?;
        if let Some(ProxyUser { name, secret }) = transport.proxy_user() {
            redactor.keep(name.as_deref(), secret.expose());
        }
        let mut parameters = "grant_type=client_credentials".to_owned();
        let scope = config.scopes.join(" ");
        let scope = (!scope.is_empty()).then_some(("scope", scope.as_str()));
        let further = config.endpoint_params.iter().map(|(key, value)| (key.as_str(), value.expose()));
        for (_, value) in further.clone().filter(|(key, _)| !OPEN_PARAMETERS.contains(key)) {
            redactor.keep(None, value);
        }
        for (key, value) in scope.into_iter().chain(further) {
            parameters.push_str(&format!("&{}={}", encode(key), encode(value)));
        }
        let server = TokenServer {
            transport,
            url,
            host,
            client_id: config.client_id.clone(),
            client_secret: SecretSource::from_keys(
                config.client_secret.as_ref(),
                config.client_secret_file.as_ref(),
            ),
            parameters: Secret::from(parameters.as_str()),
            redactor,
        };
        Ok(Self { server: Arc::new(server), token: Shared::default() })
    }

    /// Returns a valid token.
    pub(crate) async fn get(&self) -> Result<Secret, String> {
        let fetch = || {
            let server = Arc::clone(&self.server);
            async move { server.token().await }
        };
        self.token.get(fetch).await.map_err(|error| format!("oauth2: {error}"))
    }

    /// Discards the token if it is not newer than a rejected request, which was `signed` then: of many requests that
    /// are rejected together, only the first fetches a new token.
    pub(crate) fn distrust(&self, signed: Instant) {
        if self.token.distrust(signed) {
            self.server.distrust_secret();
        }
    }
}

impl TokenServer {
    async fn token(&self) -> Got<Secret> {
        let secret = match &self.client_secret {
            Some(secret) => Some(secret.get().await.map_err(|error| error.to_string())?),
            None => None,
        };
        let timed_out = |_| format!("the token's server gave no token within {}s", DEADLINE.as_secs());
        let fetching = tokio::time::timeout(DEADLINE, self.fetch(secret));
        let Granted { access_token, expires_in } = fetching.await.map_err(timed_out)??;
        // An unusable token must not be cached for its lifetime.
        if !is_token(access_token.expose()) {
            return Err(
                "the token's server answered with a token that no header can carry: it is empty, or contains \
                        spaces, line breaks or other characters that are not allowed in a token"
                    .to_owned(),
            );
        }
        // A tenth early, so that it does not expire in transit.
        let lifetime =
            expires_in.as_ref().and_then(Seconds::lifetime).unwrap_or(DEFAULT_LIFETIME).mul_f64(0.9);
        Ok((access_token, lifetime))
    }

    /// Discards the secret, which may have changed since its file was read.
    fn distrust_secret(&self) {
        if let Some(secret) = &self.client_secret {
            secret.distrust(Instant::now());
        }
    }

    async fn fetch(&self, secret: Option<Secret>) -> Result<Granted, String> {
        // RFC 6749, 2.3.1: user and password are form-encoded before they are put in the header.
        let password = secret.as_ref().map(|secret| encode(secret.expose()));
        if let (Some(secret), Some(password)) = (&secret, &password) {
            self.redactor.remember(None, secret.expose());
            self.redactor.remember(Some(&encode(&self.client_id)), password);
        }
        let mut request = self.transport.client().post(self.url.clone());
        if let Some(host) = &self.host {
            request = request.header(reqwest::header::HOST, host);
        }
        let request = request
            .basic_auth(encode(&self.client_id), password)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.parameters.expose().to_owned());
        let answer = request.send().await.map_err(|error| without_url(&error))?;
        let status = answer.status();
        let body = drain(answer, DEADLINE).await;
        if !status.is_success() {
            self.distrust_secret();
            return Err(format!("the token's server answered {status}"));
        }
        serde_json::from_str(body.trim_end_matches(CUT))
            .map_err(|_| "the token's server answered something else than a token".to_owned())
    }
}

/// Returns `true` if a token can follow `Bearer` (RFC 6750, 2.1; some servers use a few more characters).
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Form-encodes a string. Unreserved characters are kept: many servers do not decode the header, and most client IDs
/// are UUIDs.
fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED_KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_is_unknown_unless_positive() {
        let life = |json: &str| serde_json::from_str::<Seconds>(json).unwrap().lifetime();
        for none in ["0", "-1", "-0.0", r#""nan""#, r#""NaN""#, r#""-inf""#, r#""0""#, r#""soon""#, r#""""#] {
            assert_eq!(life(none), None, "{none}");
        }
        assert_eq!(life("3600"), Some(Duration::from_secs(3600)));
        assert_eq!(life(r#"" 0.5 ""#), Some(Duration::from_millis(500)));
        for long in ["1e300", r#""inf""#, "86401"] {
            assert_eq!(life(long), Some(MAX_LIFETIME), "{long}");
        }
    }

    #[test]
    fn encode_keeps_unreserved_characters() {
        assert_eq!(encode("0b6e-41f2.a_b~c"), "0b6e-41f2.a_b~c");
        assert_eq!(encode("s: +%é"), "s%3A%20%2B%25%C3%A9");
    }
}
