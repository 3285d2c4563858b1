//! Tokens by OAuth 2.0 client credentials, cached until shortly before they expire. The crate `oauth2` is not used
//! because it would add a second HTTP client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_fs::{Got, Shared};
use serde::Deserialize;
use tokio::time::Instant;

use super::allowance::Allowance;
use super::credentials::{TokenSource, form_encoded};
use super::cut::CUT;
use super::error::SendError;
use super::redact::Redactor;
use super::request::Request;
use super::send::Connection;
use crate::settings::{OAuth2, Secret};

/// Fetches and caches tokens. Fetching continues if the request that needed the token is cancelled: otherwise a token
/// server slower than the request timeout would never provide one.
#[derive(Debug)]
pub(super) struct CachedToken {
    server: Arc<TokenServer>,
    token: Shared<Secret>,
}

/// The token server and the parameters of requests to it.
#[derive(Debug)]
struct TokenServer {
    connection: Connection,
    /// Scopes and further parameters, encoded.
    parameters: Secret,
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

/// The maximum time for a token.
const TIMEOUT: Duration = Duration::from_secs(15);

impl CachedToken {
    /// Creates a source of the tokens of a server: the URL and the client credentials of the settings are those of the
    /// connection. Secrets are recorded by `redactor`.
    pub(super) fn new(connection: Connection, config: &OAuth2, redactor: &Redactor) -> Self {
        let mut parameters = "grant_type=client_credentials".to_owned();
        let scope = config.scopes.join(" ");
        let scope = (!scope.is_empty()).then_some(("scope", scope.as_str()));
        let further = config.endpoint_params.iter().map(|(key, value)| (key.as_str(), value.expose()));
        for (_, value) in further.clone().filter(|(key, _)| !OPEN_PARAMETERS.contains(key)) {
            redactor.keep(None, value);
        }
        for (key, value) in scope.into_iter().chain(further) {
            parameters.push_str(&format!("&{}={}", form_encoded(key), form_encoded(value)));
        }
        let connection = connection.with_timeout(TIMEOUT);
        let server = TokenServer { connection, parameters: Secret::from(parameters.as_str()) };
        Self { server: Arc::new(server), token: Shared::default() }
    }
}

#[async_trait]
impl TokenSource for CachedToken {
    async fn token(&self) -> Result<Secret, String> {
        let fetch = || {
            let server = Arc::clone(&self.server);
            async move { server.token().await }
        };
        self.token.get(fetch).await.map_err(|error| format!("oauth2: {error}"))
    }

    fn distrust(&self, signed: Instant) {
        if self.token.distrust(signed) {
            self.server.connection.distrust();
        }
    }
}

impl TokenServer {
    async fn token(&self) -> Got<Secret> {
        let Granted { access_token, expires_in } = self.fetch().await?;
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

    async fn fetch(&self) -> Result<Granted, String> {
        let form = self.parameters.expose().to_owned();
        let request = Request::post("", "token").with_body("application/x-www-form-urlencoded", form);
        let mut allowance = Allowance::new(self.connection.timeout());
        let response = self.connection.send_within(&request, &mut allowance).await.map_err(described)?;
        if !response.is_success() {
            // The secret may have changed since its file was read, and not all servers say so by a 401.
            self.connection.distrust();
            let status = response.status_text();
            let _ = self.connection.outcome_text(response, &mut allowance).await;
            return Err(format!("the token's server answered {status}"));
        }
        let reading = response.drain(self.connection.timeout());
        let timed_out = || described(SendError::TimedOut(self.connection.timeout()));
        let body = allowance.wait(reading).await.ok_or_else(timed_out)?;
        serde_json::from_str(body.trim_end_matches(CUT))
            .map_err(|_| "the token's server answered something else than a token".to_owned())
    }
}

/// Describes a failed request for a token.
fn described(error: SendError) -> String {
    match error {
        SendError::TimedOut(timeout) => {
            format!("the token's server gave no token within {}s", timeout.as_secs_f64())
        }
        SendError::Unsigned(reason) | SendError::Failed(reason) => reason,
        SendError::Path(path) => format!("the path {path} cannot be sent as it is"),
    }
}

/// Returns `true` if a token can follow `Bearer` (RFC 6750, 2.1; some servers use a few more characters).
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
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
}
