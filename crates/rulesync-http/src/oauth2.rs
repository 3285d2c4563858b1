//! Tokens by OAuth 2.0 client credentials: one form, kept until shortly before it expires. Its own code, because the
//! crate `oauth2` would bring a second HTTP client with it.

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

/// Gets tokens and keeps them. A token is fetched whether or not the request still waits that needed it first: a server
/// that is slower than requests may be would never give one.
#[derive(Debug)]
pub(crate) struct TokenSource {
    server: Arc<TokenServer>,
    token: Shared<Secret>,
}

/// Who gives tokens, and what it is asked with.
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

/// RFC 6749 wants a number; some servers write it in quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    /// No more than [`LONGEST_LIFE`]; none if it is no time at all, which servers write that do not know it.
    fn life(&self) -> Option<Duration> {
        let seconds = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        if seconds.is_nan() || seconds <= 0.0 {
            return None;
        }
        Duration::try_from_secs_f64(seconds.min(LONGEST_LIFE.as_secs_f64())).ok()
    }
}

/// Parameters that name whom a token is for, which is no secret and stands in many messages. Any other may be one, such as
/// `password` or `client_assertion`.
const OPEN_PARAMETERS: [&str; 3] = ["audience", "resource", "scope"];

/// A token's server that says nothing of expiry gets asked this often.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);

/// However long a server says its token lives, after this a new one is got.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

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

    /// A token that is good for a while.
    pub(crate) async fn get(&self) -> Result<Secret, String> {
        let fetch = || {
            let server = Arc::clone(&self.server);
            async move { server.token().await }
        };
        self.token.get(fetch).await.map_err(|error| format!("oauth2: {error}"))
    }

    /// The token of a request that was `signed` then was not accepted. A newer one stays: of many requests that are
    /// refused together, only the first gets a new token.
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
        let late = |_| format!("the token's server gave no token within {}s", DEADLINE.as_secs());
        let fetching = tokio::time::timeout(DEADLINE, self.fetch(secret));
        let Granted { access_token, expires_in } = fetching.await.map_err(late)??;
        // It would be as useless for the rest of its life.
        if !is_token(access_token.expose()) {
            return Err(
                "the token's server answered with a token that no header can carry: it is empty, or holds \
                        spaces, line breaks or other characters that no token has"
                    .to_owned(),
            );
        }
        // A tenth early, so that it does not expire on its way.
        let life = expires_in.as_ref().and_then(Seconds::life).unwrap_or(UNKNOWN_LIFE).mul_f64(0.9);
        Ok((access_token, life))
    }

    /// The secret may have changed since its file was read.
    fn distrust_secret(&self) {
        if let Some(secret) = &self.client_secret {
            secret.distrust(Instant::now());
        }
    }

    async fn fetch(&self, secret: Option<Secret>) -> Result<Granted, String> {
        // RFC 6749, 2.3.1: both are encoded as in a form before they go into the header.
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

/// Whether a token can stand behind `Bearer` (RFC 6750, 2.1; some servers use a few more letters).
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// As in a form. What is unreserved stays: many servers do not decode the header, and most client ids are UUIDs.
fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED_KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_that_is_none_is_unknown() {
        let life = |json: &str| serde_json::from_str::<Seconds>(json).unwrap().life();
        for none in ["0", "-1", "-0.0", r#""nan""#, r#""NaN""#, r#""-inf""#, r#""0""#, r#""soon""#, r#""""#] {
            assert_eq!(life(none), None, "{none}");
        }
        assert_eq!(life("3600"), Some(Duration::from_secs(3600)));
        assert_eq!(life(r#"" 0.5 ""#), Some(Duration::from_millis(500)));
        for long in ["1e300", r#""inf""#, "86401"] {
            assert_eq!(life(long), Some(LONGEST_LIFE), "{long}");
        }
    }

    #[test]
    fn client_ids_go_as_they_are() {
        assert_eq!(encode("0b6e-41f2.a_b~c"), "0b6e-41f2.a_b~c");
        assert_eq!(encode("s: +%é"), "s%3A%20%2B%25%C3%A9");
    }
}
