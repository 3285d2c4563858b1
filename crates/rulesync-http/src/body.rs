//! The body of a response, read chunk by chunk, with a timeout for each chunk, a deadline for the whole body and a
//! limit on its size after decompression.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use rulesync_core::RulerError;
use tokio::time::Instant;

use crate::limits::too_long;
use crate::transport::without_url;

/// The deadline for a whole body as a multiple of the timeout: it may take longer while data keeps arriving.
pub(crate) const BODY_FACTOR: u32 = 10;

/// A body that has not been read yet.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) response: Response,
    chunk_timeout: Duration,
    deadline: Instant,
    limit: u64,
    /// The remaining bytes. Starts below the limit if several responses share the limit.
    pub(crate) left: u64,
}

impl Body {
    /// `chunk_timeout` is the maximum wait for each chunk, and a tenth of the maximum time for the whole body.
    pub(crate) fn new(response: Response, chunk_timeout: Duration, limit: u64) -> Self {
        let deadline = Instant::now() + chunk_timeout * BODY_FACTOR;
        Self { response, chunk_timeout, deadline, limit, left: limit }
    }

    /// Reads the next chunk; `None` at the end. A truncated body is an error, so that a part of a list is never read as
    /// a complete one.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, RulerError> {
        let chunk_deadline = (Instant::now() + self.chunk_timeout).min(self.deadline);
        let chunk = match tokio::time::timeout_at(chunk_deadline, self.response.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(error)) => {
                let message = format!("the answer broke off: {}", without_url(&error));
                return Err(RulerError::Unreadable { message });
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
        self.left = self.left.checked_sub(length).ok_or_else(|| too_long("the answer", self.limit))?;
        Ok(chunk)
    }
}
