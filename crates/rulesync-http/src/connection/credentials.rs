//! Credentials: the `Authorization` header and further headers that are added to every request, and the renewal of
//! secrets that a server has rejected.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use percent_encoding::utf8_percent_encode;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use tokio::time::Instant;

use super::encode::UNRESERVED_KEPT;
use super::redact::Redactor;
use super::response::Response;
use crate::settings::{Secret, SecretSource};

/// The headers that are added to every request.
#[derive(Debug)]
pub(super) struct Credentials {
    method: Method,
    headers: Vec<Header>,
    redactor: Arc<Redactor>,
}

/// The authentication of requests.
#[derive(Debug)]
pub(super) enum Method {
    Anonymous,
    Basic {
        username: SecretSource,
        password: Option<SecretSource>,
    },
    /// A client ID and secret, form-encoded before they are put in the header (RFC 6749, 2.3.1).
    Client {
        id: String,
        secret: Option<SecretSource>,
    },
    Header {
        kind: String,
        credentials: SecretSource,
    },
    Token(Box<dyn TokenSource>),
    /// Headers that sign the whole request.
    #[cfg(feature = "sigv4")]
    Signature(Box<dyn RequestSigner>),
}

/// How AWS names credentials that have expired, or that were deleted.
#[cfg(feature = "sigv4")]
const REJECTIONS: [&str; 3] = ["ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient"];

/// Signs requests.
#[cfg(feature = "sigv4")]
#[async_trait]
pub(super) trait RequestSigner: fmt::Debug + Send + Sync {
    /// Adds the headers that sign a request, which is complete, and records the secrets in them. The error is a message.
    async fn sign(&self, request: &mut reqwest::Request, redactor: &Redactor) -> Result<(), String>;

    /// Discards the credentials if they are not newer than a rejected request, which was `signed` then.
    fn distrust(&self, signed: Instant);
}

/// A source of bearer tokens.
#[async_trait]
pub(super) trait TokenSource: fmt::Debug + Send + Sync {
    /// Returns a valid token. The error is a message.
    async fn token(&self) -> Result<Secret, String>;

    /// Discards the token if it is not newer than a rejected request, which was `signed` then: of many requests that
    /// are rejected together, only the first fetches a new token.
    fn distrust(&self, signed: Instant);
}

/// A further header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: HeaderName,
    pub(super) source: SecretSource,
    /// Set if the value is not secret.
    pub(super) public: bool,
}

impl Credentials {
    pub(super) fn new(method: Method, headers: Vec<Header>, redactor: Arc<Redactor>) -> Self {
        Self { method, headers, redactor }
    }

    /// Returns the redactor, which records the secrets that were sent.
    pub(super) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// Adds the credentials to a request. Reading files and fetching tokens have separate deadlines. The error is a
    /// message; secrets in it are not redacted.
    pub(super) async fn sign(&self, mut request: RequestBuilder) -> Result<RequestBuilder, String> {
        for Header { name, source, public } in &self.headers {
            let secret = text(source).await?;
            if !public {
                self.redactor.remember(None, secret.expose());
            }
            let value =
                header_value(secret.expose()).map_err(|reason| format!("the header `{name}` {reason}"))?;
            request = request.header(name, value);
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
            Method::Client { id, secret } => {
                let id = form_encoded(id);
                let Some(secret) = secret else { return Ok(request.basic_auth(id, None::<String>)) };
                let secret = text(secret).await?;
                let password = form_encoded(secret.expose());
                self.redactor.remember(None, secret.expose());
                self.redactor.remember(Some(&id), &password);
                request.basic_auth(id, Some(password))
            }
            Method::Header { kind, credentials } => {
                let credentials = text(credentials).await?;
                self.redactor.remember(None, credentials.expose());
                request.header(
                    AUTHORIZATION,
                    header_value(&format!("{kind} {}", credentials.expose()))
                        .map_err(|reason| format!("a credential {reason}"))?,
                )
            }
            Method::Token(tokens) => {
                let token = tokens.token().await?;
                self.redactor.remember(None, token.expose());
                request.header(
                    AUTHORIZATION,
                    header_value(&format!("Bearer {}", token.expose()))
                        .map_err(|reason| format!("a token {reason}"))?,
                )
            }
            #[cfg(feature = "sigv4")]
            Method::Signature(signer) => {
                let (client, request) = request.build_split();
                let mut request = request.map_err(|error| super::error::without_url(&error))?;
                signer.sign(&mut request, &self.redactor).await?;
                RequestBuilder::from_parts(client, request)
            }
        })
    }

    /// Returns `true` if a response says that the credentials are not valid, or no longer.
    pub(super) fn are_rejected(&self, response: &Response) -> bool {
        let expired = match &self.method {
            // AWS answers 403, as it does to those who may not do something, and names the reason in a header.
            #[cfg(feature = "sigv4")]
            Method::Signature(_) => {
                let reason = response.header("x-amzn-errortype");
                REJECTIONS.iter().any(|rejection| reason.starts_with(rejection))
            }
            _ => false,
        };
        expired || response.status() == StatusCode::UNAUTHORIZED.as_u16()
    }

    /// Discards secrets from files and tokens after the server has rejected a request that was `signed` then. Returns
    /// `false` if there is nothing to renew.
    pub(super) fn distrust(&self, signed: Instant) -> bool {
        // A further header may be the one that authenticates the request.
        let mut sources: Vec<&SecretSource> = self.headers.iter().map(|header| &header.source).collect();
        match &self.method {
            Method::Anonymous => {}
            Method::Basic { username, password } => {
                sources.push(username);
                sources.extend(password);
            }
            Method::Client { secret, .. } => sources.extend(secret),
            Method::Header { credentials, .. } => sources.push(credentials),
            Method::Token(tokens) => tokens.distrust(signed),
            #[cfg(feature = "sigv4")]
            Method::Signature(signer) => signer.distrust(signed),
        }
        for source in &sources {
            source.distrust(signed);
        }
        let renews = match self.method {
            Method::Token(_) => true,
            #[cfg(feature = "sigv4")]
            Method::Signature(_) => true,
            _ => false,
        };
        renews || sources.iter().any(|source| matches!(source, SecretSource::File(_)))
    }
}

async fn text(source: &SecretSource) -> Result<Secret, String> {
    source.get().await.map_err(|error| error.to_string())
}

/// Returns a value of a header. The error completes a sentence that begins with the key, and does not contain the text.
pub(super) fn header_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "contains characters that are not allowed in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Form-encodes a string. Unreserved characters are kept: many servers do not decode the header, and most client IDs
/// are UUIDs.
pub(super) fn form_encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED_KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_encoded_keeps_unreserved_characters() {
        assert_eq!(form_encoded("0b6e-41f2.a_b~c"), "0b6e-41f2.a_b~c");
        assert_eq!(form_encoded("s: +%é"), "s%3A%20%2B%25%C3%A9");
    }
}
