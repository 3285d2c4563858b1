//! The connection to a server: sends requests with credentials, and bounds their time.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST};
use rulesync_core::RulerError;
use tokio::time::Instant;

use super::allowance::Allowance;
use super::credentials::Credentials;
use super::error::{SendError, without_url};
use super::limits::Limits;
use super::observe::{Observed, RequestObserver};
use super::redact::Redactor;
use super::request::{Content, Request};
use super::response::Response;
use super::transport::Transport;

#[cfg(doc)]
use rulesync_core::RulerErrorKind;

/// A connection to one server: its address, and the credentials, TLS material, proxy, deadlines and size limits of
/// requests.
///
/// Created by [`Connection::new`]. Redirects are not followed, requests are not compressed, and gzip is accepted in
/// responses. Dropping a future cancels its request.
#[derive(Debug)]
pub struct Connection {
    base: Url,
    /// The `Host` header, if it differs from the URL's.
    host: Option<String>,
    transport: Transport,
    credentials: Credentials,
    timeout: Duration,
    limits: Limits,
    observer: Option<Arc<dyn RequestObserver>>,
}

/// The timeout unless another one is set.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum wait for a body that only reports the outcome; a quarter of the timeout if that is less.
const OUTCOME_BODY_TIMEOUT: Duration = Duration::from_secs(2);

impl Connection {
    pub(super) fn of_parts(
        (transport, base, host): (Transport, Url, Option<String>),
        credentials: Credentials,
        limits: Limits,
    ) -> Self {
        Self { base, host, transport, credentials, timeout: DEFAULT_TIMEOUT, limits, observer: None }
    }

    /// Sets the maximum time for a response, instead of 30 seconds. Only the time of the server counts, not that for
    /// reading secrets or fetching tokens. A body may take ten times as long while it keeps arriving.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the observer, which is told about every request.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn RequestObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Returns the address: the base URL of requests, including its path.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Returns the destination of requests: scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        let base = self.base.as_str();
        base.strip_suffix(self.base.path()).unwrap_or(base)
    }

    /// Returns the maximum time for a response.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns the limits on the size of responses.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns the redactor of the secrets that were sent.
    pub(crate) fn redactor(&self) -> &Redactor {
        self.credentials.redactor()
    }

    /// Discards the secrets from files and the tokens in use, because the server may have rejected them.
    pub(super) fn distrust(&self) {
        self.credentials.distrust(Instant::now());
    }

    /// Returns `true` if requests to this path below the address can be sent.
    pub(crate) fn accepts(&self, path: &str) -> bool {
        self.url(path).is_some()
    }

    /// Sends a request, and sends it again if it was unauthorized and the credentials can be renewed. A response with
    /// an error status is not an error.
    ///
    /// # Errors
    ///
    /// [`RulerErrorKind::Unavailable`] if there is no response in time; [`RulerErrorKind::Rejected`] if the path cannot be sent
    /// unchanged.
    pub async fn send(&self, request: Request<'_>) -> Result<Response, RulerError> {
        let sent = self.send_within(&request, &mut Allowance::new(self.timeout)).await;
        sent.map_err(|error| self.redactor().error(error.into()))
    }

    /// Like [`send`](Self::send), within the time that is left. Secrets in the error are not redacted.
    pub(crate) async fn send_within(
        &self,
        request: &Request<'_>,
        allowance: &mut Allowance,
    ) -> Result<Response, SendError> {
        let (mut response, signed) = self.exchange(request, allowance).await?;
        if self.credentials.are_rejected(&response) && self.credentials.distrust(signed) {
            self.outcome_text(response, allowance).await?;
            (response, _) = self.exchange(request, allowance).await?;
        }
        Ok(response)
    }

    /// Reads a body that only reports the outcome, as far as it arrives soon.
    pub(crate) async fn outcome_text(
        &self,
        response: Response,
        allowance: &mut Allowance,
    ) -> Result<String, SendError> {
        let timeout = OUTCOME_BODY_TIMEOUT.min(self.timeout / 4);
        allowance.wait(response.drain(timeout)).await.ok_or(SendError::TimedOut(self.timeout))
    }

    /// Sends a request once. Returns the response and the time at which the request was signed.
    async fn exchange(
        &self,
        request: &Request<'_>,
        allowance: &mut Allowance,
    ) -> Result<(Response, Instant), SendError> {
        let mut url = self.url(&request.path).ok_or_else(|| SendError::Path(request.path.to_string()))?;
        if let Some(query) = &request.query {
            url.set_query(Some(query));
        }
        let mut builder = self.transport.client().request(request.method.into(), url);
        if let Some(tenant) = request.tenant {
            builder = builder.header("X-Scope-OrgID", tenant.as_str());
        }
        if let Some(host) = &self.host {
            builder = builder.header(HOST, host);
        }
        if let Some(media_type) = request.accept {
            builder = builder.header(ACCEPT, media_type);
        }
        if let Some(Content { media_type, body }) = &request.content {
            builder = builder.header(CONTENT_TYPE, *media_type).body(body.clone());
        }
        // Secrets and tokens have separate deadlines.
        let builder = self.credentials.sign(builder).await.map_err(SendError::Unsigned)?;
        let signed = Instant::now();
        // Reports on drop, so that a cancelled request is counted too.
        let mut observed = Observed {
            observer: self.observer.as_deref(),
            method: request.method.as_str(),
            route: request.route,
            start: signed,
            status: None,
        };
        let sent = allowance.wait(builder.send()).await.ok_or(SendError::TimedOut(self.timeout))?;
        let answer = sent.map_err(|error| SendError::Failed(without_url(&error)))?;
        observed.status = Some(answer.status());
        let redactor = Arc::clone(self.credentials.redactor());
        Ok((Response::new(answer, self.timeout, self.limits, redactor), signed))
    }

    /// Returns the URL of a path below the base; `None` if the URL library would normalize the path, which could then
    /// name another resource.
    fn url(&self, path: &str) -> Option<Url> {
        let mut url = self.base.clone();
        if path.is_empty() {
            return Some(url);
        }
        let path = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        (url.path() == path).then_some(url)
    }
}
