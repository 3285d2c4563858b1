//! The body of an answer, read portion by portion: each must come in time, all of them before a deadline, and no more
//! than a limit. Bytes are counted once they are unpacked.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use rulesync_core::RulerError;
use tokio::time::Instant;

use crate::limits::too_long;
use crate::transport::without_url;

/// A body may take longer than the beginning of an answer, as long as it gets on.
pub(crate) const BODY_FACTOR: u32 = 10;

/// A body that is still to be read.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) response: Response,
    patience: Duration,
    until: Instant,
    limit: u64,
    /// How many bytes of the limit are left. Less than the limit if several answers share it.
    pub(crate) left: u64,
}

impl Body {
    /// `patience` is how long each portion may take, and a tenth of what all may take together.
    pub(crate) fn new(response: Response, patience: Duration, limit: u64) -> Self {
        let until = Instant::now() + patience * BODY_FACTOR;
        Self { response, patience, until, limit, left: limit }
    }

    /// More of the body; none at its end. An end before the end is an error: half a list is not a list.
    pub(crate) async fn portion(&mut self) -> Result<Option<Bytes>, RulerError> {
        let patience = (Instant::now() + self.patience).min(self.until);
        let portion = match tokio::time::timeout_at(patience, self.response.chunk()).await {
            Ok(Ok(portion)) => portion,
            Ok(Err(error)) => {
                let message = format!("the answer broke off: {}", without_url(&error));
                return Err(RulerError::Unreadable { message });
            }
            Err(_) if patience == self.until => {
                let seconds = (self.patience * BODY_FACTOR).as_secs_f64();
                return Err(RulerError::unavailable(format!(
                    "the answer was not complete within {seconds}s"
                )));
            }
            Err(_) => return Err(RulerError::unavailable("the answer stopped coming".to_owned())),
        };
        let length = portion.as_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.checked_sub(length).ok_or_else(|| too_long("the answer", self.limit))?;
        Ok(portion)
    }
}
