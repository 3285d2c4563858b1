//! Authentication: the `Authorization` header and further headers of the settings.

use std::sync::Arc;

use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use rulesync_core::RulerError;
use tokio::time::Instant;

use crate::oauth2::TokenSource;
use crate::proxy::ProxyUser;
use crate::redact::Redactor;
use crate::secret::{Secret, SecretSource};
use crate::settings::{Authorization, BasicAuth, ClientConfig, SettingsError};
use crate::transport::Transport;

/// The headers that are added to every request.
#[derive(Debug)]
pub(crate) struct Credentials {
    method: Method,
    headers: Vec<Header>,
    redactor: Arc<Redactor>,
}

/// A further header.
#[derive(Debug)]
struct Header {
    name: HeaderName,
    source: SecretSource,
    /// Set if the value is not secret.
    public: bool,
}

#[derive(Debug)]
enum Method {
    Anonymous,
    Basic { username: SecretSource, password: Option<SecretSource> },
    Header { kind: String, credentials: SecretSource },
    OAuth2(Box<TokenSource>),
}

impl Credentials {
    /// Creates the credentials of the settings, to be sent by `transport`.
    pub(crate) fn new(config: &ClientConfig, transport: &Transport) -> Result<Self, SettingsError> {
        let redactor = Arc::new(Redactor::default());
        if let Some(ProxyUser { name, secret }) = transport.proxy_user() {
            redactor.keep(name.as_deref(), secret.expose());
        }
        let bearer = SecretSource::from_keys(config.bearer_token.as_ref(), config.bearer_token_file.as_ref());
        let method = if let Some(BasicAuth { username, username_file, password, password_file }) =
            &config.basic_auth
        {
            let username = username.as_deref().map(Into::into);
            let username = SecretSource::from_keys(username.as_ref(), username_file.as_ref());
            let username = username.ok_or(SettingsError::Missing("basic_auth.username"))?;
            Method::Basic {
                username,
                password: SecretSource::from_keys(password.as_ref(), password_file.as_ref()),
            }
        } else if let Some(Authorization { kind, credentials, credentials_file }) = &config.authorization {
            let credentials = SecretSource::from_keys(credentials.as_ref(), credentials_file.as_ref());
            let credentials = credentials.ok_or(SettingsError::Missing("authorization.credentials"))?;
            let kind = kind.clone().unwrap_or_else(|| "Bearer".to_owned());
            sendable("authorization", &kind)?;
            Method::Header { kind, credentials }
        } else if let Some(credentials) = bearer {
            Method::Header { kind: "Bearer".to_owned(), credentials }
        } else if let Some(oauth2) = &config.oauth2 {
            Method::OAuth2(Box::new(TokenSource::new(oauth2, Arc::clone(&redactor))?))
        } else {
            Method::Anonymous
        };
        let mut headers = Vec::new();
        for (name, header) in &config.http_headers {
            let key = format!("http_headers.{name}");
            let secrets = header.secrets.iter().map(Secret::expose);
            for given in header.values.iter().map(String::as_str).chain(secrets) {
                sendable(&key, given)?;
            }
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .map_err(|error| SettingsError::Invalid { key: key.clone(), reason: error.to_string() })?;
            if RESERVED.contains(&parsed.as_str()) {
                let reason = "is set by rulesync or its connection, not here".to_owned();
                return Err(SettingsError::Invalid { key, reason });
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
        if let Method::Header { credentials: SecretSource::Given(credentials), .. } = &method {
            let key =
                if config.authorization.is_some() { "authorization.credentials" } else { "bearer_token" };
            sendable(key, credentials.expose())?;
        }
        Ok(Self { method, headers, redactor })
    }

    /// The redactor, which records the secrets that were sent.
    pub(crate) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// Adds the credentials to a request. Reading files and fetching tokens have separate deadlines, which do not count
    /// as the ruler's time.
    pub(crate) async fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder, RulerError> {
        self.signed(request)
            .await
            .map_err(|error| RulerError::unavailable(format!("the request was not sent: {error}")))
    }

    /// The error is a message without secrets.
    async fn signed(&self, mut request: RequestBuilder) -> Result<RequestBuilder, String> {
        for Header { name, source, public } in &self.headers {
            let secret = text(source).await?;
            if !public {
                self.redactor.remember(None, secret.expose());
            }
            request = request.header(name, value(secret.expose())?);
        }
        Ok(match &self.method {
            Method::Anonymous => request,
            Method::Basic { username, password } => {
                let username = text(username).await?;
                let password = match password {
                    Some(password) => Some(text(password).await?),
                    None => None,
                };
                if let Some(password) = &password {
                    self.redactor.remember(Some(username.expose()), password.expose());
                }
                request.basic_auth(username.expose(), password.as_ref().map(|password| password.expose()))
            }
            Method::Header { kind, credentials } => {
                let credentials = text(credentials).await?;
                self.redactor.remember(None, credentials.expose());
                request.header(AUTHORIZATION, value(&format!("{kind} {}", credentials.expose()))?)
            }
            Method::OAuth2(tokens) => {
                let token = tokens.get().await?;
                self.redactor.remember(None, token.expose());
                request.header(AUTHORIZATION, value(&format!("Bearer {}", token.expose()))?)
            }
        })
    }

    /// Discards secrets from files and tokens after the server has rejected a request that was `signed` then. Returns
    /// `false` if there is nothing to renew.
    pub(crate) fn distrust(&self, signed: Instant) -> bool {
        // A further header may be the one that authenticates the request.
        let mut sources: Vec<&SecretSource> = self.headers.iter().map(|header| &header.source).collect();
        match &self.method {
            Method::Anonymous => {}
            Method::Basic { username, password } => {
                sources.push(username);
                sources.extend(password);
            }
            Method::Header { credentials, .. } => sources.push(credentials),
            Method::OAuth2(tokens) => tokens.distrust(signed),
        }
        for source in &sources {
            source.distrust(signed);
        }
        matches!(self.method, Method::OAuth2(_))
            || sources.iter().any(|source| matches!(source, SecretSource::File(_)))
    }
}

async fn text(source: &SecretSource) -> Result<Secret, String> {
    source.get().await.map_err(|error| error.to_string())
}

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

/// Checks that a value of the configuration is valid in a header; otherwise no request could ever be sent.
fn sendable(key: &str, text: &str) -> Result<(), SettingsError> {
    value(text).map(drop).map_err(|reason| SettingsError::Invalid { key: key.to_owned(), reason })
}

fn value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "a credential contains characters that are not allowed in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
