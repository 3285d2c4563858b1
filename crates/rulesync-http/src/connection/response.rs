//! Responses, whose body is read chunk by chunk, with a timeout for each chunk, a deadline for the whole body and a
//! limit on its size after decompression.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use rulesync_core::RulerError;
use tokio::time::Instant;

use super::address;
use super::cut::shortened_bytes;
use super::error::without_url;
use super::limits::{Limits, too_long};
use super::redact::{Redaction, Redactor};

#[cfg(doc)]
use rulesync_core::RulerErrorKind;

/// The deadline for a whole body as a multiple of the timeout: it may take longer while data keeps arriving.
pub(crate) const BODY_FACTOR: u32 = 10;

/// The maximum size of a body other than the list that is read to its end, so that its connection can be reused.
const DRAINED_BYTES: usize = 64 * 1024;

/// A response whose body has not been read yet.
#[derive(Debug)]
pub struct Response {
    inner: reqwest::Response,
    chunk_timeout: Duration,
    deadline: Instant,
    limits: Limits,
    /// The remaining bytes. Starts below the limit if several responses share the limit.
    left: u64,
    redactor: Arc<Redactor>,
}

impl Response {
    /// `chunk_timeout` is the maximum wait for each chunk, and a tenth of the maximum time for the whole body.
    pub(super) fn new(
        inner: reqwest::Response,
        chunk_timeout: Duration,
        limits: Limits,
        redactor: Arc<Redactor>,
    ) -> Self {
        let deadline = Instant::now() + chunk_timeout * BODY_FACTOR;
        Self { inner, chunk_timeout, deadline, limits, left: limits.response(), redactor }
    }

    /// Returns the status.
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// Returns the status and its usual reason.
    pub(crate) fn status_text(&self) -> String {
        self.inner.status().to_string()
    }

    /// Returns `true` if the status is one of success.
    pub(crate) fn is_success(&self) -> bool {
        self.inner.status().is_success()
    }

    /// Returns the content type of the body, without parameters; empty if the header is missing.
    pub fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE.as_str()).split(';').next().unwrap_or_default().trim()
    }

    /// Returns the redirect as `from ADDRESS to ADDRESS`; `None` if the response is not a redirect.
    pub fn redirection(&self) -> Option<String> {
        let redirected = self.inner.status().is_redirection();
        redirected.then(|| address::redirection(self.url(), self.header(LOCATION.as_str())))
    }

    /// Returns a header; empty if it is missing or not text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.inner.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the URL of the request.
    pub(crate) fn url(&self) -> &Url {
        self.inner.url()
    }

    /// Reads the next chunk of the body; `None` at its end. A truncated body is an error, so that a part of a list is
    /// never read as a complete one.
    ///
    /// # Errors
    ///
    /// [`RulerErrorKind::Unreadable`] if the body is truncated or longer than
    /// [`max_response_bytes`](crate::ClientConfig::max_response_bytes), [`RulerErrorKind::Unavailable`] if the next chunk
    /// does not arrive in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RulerError> {
        let chunk_deadline = (Instant::now() + self.chunk_timeout).min(self.deadline);
        let chunk = match tokio::time::timeout_at(chunk_deadline, self.inner.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                let message = format!("the answer broke off: {}", without_url(&error));
                return Err(RulerError::unreadable(message));
            }
            Err(_) if chunk_deadline == self.deadline => {
                let seconds = (self.chunk_timeout * BODY_FACTOR).as_secs_f64();
                return Err(RulerError::unavailable(format!(
                    "the answer was not complete within {seconds}s"
                )));
            }
            Err(_) => return Err(RulerError::unavailable("the answer stopped coming".to_owned())),
        };
        let length = chunk.as_ref().map_or(0, Bytes::len) as u64;
        let too_long = || too_long("the answer", self.limits.response());
        self.left = self.left.checked_sub(length).ok_or_else(too_long)?;
        Ok(chunk)
    }

    /// Returns the number of bytes that may still be read.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Limits the number of bytes that may still be read.
    pub(crate) fn limit_to(&mut self, left: u64) {
        self.left = left;
    }

    /// Reads the beginning of the body as text for a message: at most 64 KiB, then `…`, with secrets redacted.
    pub async fn excerpt(self) -> String {
        let (redactor, timeout) = (Arc::clone(&self.redactor), self.chunk_timeout);
        redactor.text(self.drain(timeout).await).trim().to_owned()
    }

    /// Reads the body to its end, within a size limit and `timeout`, and returns the part that arrived: a caller that
    /// only needs the status must not wait for a server that does not finish. A missing end is marked.
    pub(crate) async fn drain(mut self, timeout: Duration) -> String {
        let mut kept = Vec::new();
        let reading = async {
            loop {
                match self.inner.chunk().await {
                    Ok(Some(chunk)) => kept.extend_from_slice(&chunk),
                    Ok(None) => return true,
                    Err(_) => return false,
                }
                if kept.len() > DRAINED_BYTES {
                    return false;
                }
            }
        };
        // The part that arrived in time is kept.
        let whole = tokio::time::timeout(timeout, reading).await.unwrap_or(false);
        if kept.is_empty() { String::new() } else { shortened_bytes(&kept, DRAINED_BYTES, !whole) }
    }

    /// Redacts the secrets in an error about this response.
    #[must_use]
    pub fn redact(&self, error: RulerError) -> RulerError {
        self.redactor.error(error)
    }

    /// Returns a redaction of the secrets that were sent so far, for many texts.
    pub(crate) fn redaction(&self) -> Redaction {
        self.redactor.sent_so_far()
    }

    /// Returns the size limits.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }
}
