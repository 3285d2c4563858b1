//! Tokens by OAuth 2.0 client credentials: one form, kept until shortly before it expires. Its own code, because the
//! crate `oauth2` would bring a second HTTP client with it.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::secret::{Secret, SecretSource};
use crate::settings::{OAuth2, SettingsError};
use crate::transport::{ProxySettings, Transport, without_url};

/// Gets tokens and keeps them.
#[derive(Debug)]
pub(crate) struct TokenSource {
    transport: Transport,
    url: Url,
    host: Option<String>,
    client_id: String,
    client_secret: Option<SecretSource>,
    /// Scopes and further parameters, encoded.
    parameters: String,
    /// Held while a token is fetched, so that one request serves all that wait.
    token: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Token {
    secret: Secret,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

/// A token's server that says nothing of expiry gets asked this often.
const UNKNOWN_LIFE: u64 = 300;

const DEADLINE: Duration = Duration::from_secs(15);

impl TokenSource {
    pub(crate) fn new(config: &OAuth2) -> Result<Self, SettingsError> {
        let url = Url::parse(&config.token_url).map_err(|error| SettingsError::Invalid {
            key: "oauth2.token_url".to_owned(),
            reason: error.to_string(),
        })?;
        let proxy = ProxySettings {
            url: config.proxy_url.clone(),
            no_proxy: config.no_proxy.clone(),
            from_environment: config.proxy_from_environment,
        };
        let (transport, url, host) =
            Transport::new(&url, config.tls_config.clone().unwrap_or_default(), proxy)?;
        let mut parameters = "grant_type=client_credentials".to_owned();
        let scope = config.scopes.join(" ");
        let scope = (!scope.is_empty()).then_some(("scope", scope.as_str()));
        let further = config.endpoint_params.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in scope.into_iter().chain(further) {
            parameters.push_str(&format!("&{}={}", encode(key), encode(value)));
        }
        Ok(Self {
            transport,
            url,
            host,
            client_id: config.client_id.clone(),
            client_secret: SecretSource::from_keys(
                config.client_secret.as_ref(),
                config.client_secret_file.as_ref(),
            ),
            parameters,
            token: Mutex::new(None),
        })
    }

    /// A token that is good for a while.
    pub(crate) async fn get(&self) -> Result<Secret, String> {
        let mut token = self.token.lock().await;
        if let Some(token) = token.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.secret.clone());
        }
        let Granted { access_token, expires_in } =
            self.fetch().await.map_err(|error| format!("oauth2: {error}"))?;
        // A tenth early, so that it does not expire on its way.
        let life = Duration::from_secs(expires_in.unwrap_or(UNKNOWN_LIFE)).mul_f64(0.9);
        let secret = Secret::from(access_token.as_str());
        *token = Some(Token { secret: secret.clone(), until: Instant::now() + life });
        Ok(secret)
    }

    /// The token was not accepted.
    pub(crate) async fn distrust(&self) {
        *self.token.lock().await = None;
        self.client_secret.iter().for_each(SecretSource::distrust);
    }

    async fn fetch(&self) -> Result<Granted, String> {
        let secret = self
            .client_secret
            .as_ref()
            .map(SecretSource::get)
            .transpose()
            .map_err(|error| error.to_string())?;
        // RFC 6749, 2.3.1: both are encoded as in a form before they go into the header.
        let password = secret.as_ref().map(|secret| encode(secret.expose()));
        let mut request = self.transport.client().post(self.url.clone()).timeout(DEADLINE);
        if let Some(host) = &self.host {
            request = request.header(reqwest::header::HOST, host);
        }
        let request = request
            .basic_auth(encode(&self.client_id), password)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.parameters.clone());
        let answer = request.send().await.map_err(|error| without_url(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| without_url(&error))?;
        if !status.is_success() {
            return Err(format!("the token's server answered {status}"));
        }
        serde_json::from_slice(&body)
            .map_err(|_| "the token's server answered something else than a token".to_owned())
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
