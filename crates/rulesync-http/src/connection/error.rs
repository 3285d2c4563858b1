//! The reasons why a request has no response.

use std::error::Error;
use std::time::Duration;

use rulesync_core::RulerError;

/// A request without a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SendError {
    /// The URL library would change the path, which could then name another resource.
    Path(String),
    /// The credentials are not available; with the reason, which contains no secrets.
    Unsigned(String),
    /// The server did not answer within this time.
    TimedOut(Duration),
    /// The exchange failed; with the reason.
    Failed(String),
}

impl From<SendError> for RulerError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Path(path) => Self::rejected(format!("the path {path} cannot be sent as it is")),
            SendError::Unsigned(reason) => Self::unavailable(format!("the request was not sent: {reason}")),
            SendError::TimedOut(timeout) => {
                Self::unavailable(format!("no answer within {}s", timeout.as_secs_f64()))
            }
            SendError::Failed(reason) => Self::unavailable(reason),
        }
    }
}

/// Formats an error without the URL, which may contain a password.
pub(crate) fn without_url(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source: Option<&dyn Error> = Error::source(error);
    while let Some(cause) = source {
        // Each cause tends to repeat the next one; the last is the most precise.
        text = cause.to_string();
        source = cause.source();
    }
    if text.is_empty() {
        text = if error.is_timeout() { "timed out".to_owned() } else { "the request failed".to_owned() };
    }
    text
}
