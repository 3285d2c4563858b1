//! The error of rulers, by what the caller should do about it.

use std::fmt;
use std::time::Duration;

use crate::model::encoded::EncodingError;

/// An error of a ruler.
///
/// ```
/// use rulesync_core::ruler::{RulerError, RulerErrorKind};
///
/// let error = RulerError::rejected("parse error").with_rule(2);
/// assert_eq!((error.kind(), error.rule()), (RulerErrorKind::Rejected, Some(2)));
/// assert_eq!(error.to_string(), "refused by the ruler: parse error");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulerError {
    kind: RulerErrorKind,
    message: Box<str>,
    rule: Option<usize>,
    retry_after: Option<Duration>,
}

/// The kind of a [`RulerError`]: what the caller should do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RulerErrorKind {
    /// The ruler was not reached, is overloaded, or failed on its side: try again later.
    Unavailable,
    /// This group, as it is, is refused: trying again is pointless until it changes.
    Rejected,
    /// A limit of the tenant: works once something is deleted or the limit is raised.
    Limit,
    /// Credentials or tenant are not accepted.
    Denied,
    /// The namespace is protected against changes.
    Protected,
    /// A wrong address or prefix, or an API that is off: a matter of configuration, never "nothing exists".
    Misconfigured,
    /// An answer that cannot be parsed: never to be taken for empty.
    Unreadable,
}

impl RulerErrorKind {
    /// Returns the kind in one word, for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
            Self::Limit => "limit",
            Self::Denied => "denied",
            Self::Protected => "protected",
            Self::Misconfigured => "misconfigured",
            Self::Unreadable => "unreadable",
        }
    }
}

impl RulerError {
    /// Creates an error of a kind, with the message of the ruler or of whatever stood in the way.
    pub fn new(kind: RulerErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), rule: None, retry_after: None }
    }

    /// Creates a [`RulerErrorKind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Unavailable, message)
    }

    /// Creates a [`RulerErrorKind::Rejected`].
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Rejected, message)
    }

    /// Creates a [`RulerErrorKind::Limit`].
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Limit, message)
    }

    /// Creates a [`RulerErrorKind::Denied`].
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Denied, message)
    }

    /// Creates a [`RulerErrorKind::Protected`].
    pub fn protected(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Protected, message)
    }

    /// Creates a [`RulerErrorKind::Misconfigured`].
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Misconfigured, message)
    }

    /// Creates a [`RulerErrorKind::Unreadable`].
    pub fn unreadable(message: impl Into<String>) -> Self {
        Self::new(RulerErrorKind::Unreadable, message)
    }

    /// Names the rule at fault by its index in the group, from 0.
    #[must_use]
    pub fn with_rule(self, rule: impl Into<Option<usize>>) -> Self {
        Self { rule: rule.into(), ..self }
    }

    /// Sets the time that the ruler asked to be left alone for (`Retry-After`).
    #[must_use]
    pub fn with_retry_after(self, retry_after: impl Into<Option<Duration>>) -> Self {
        Self { retry_after: retry_after.into(), ..self }
    }

    /// Replaces the message, for example by one without secrets.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into().into(), ..self }
    }

    /// Returns the kind.
    pub fn kind(&self) -> RulerErrorKind {
        self.kind
    }

    /// Returns the ruler's own message, without the kind.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the index of the rule at fault, from 0, where the ruler names one.
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }

    /// Returns the time that the ruler asked to be left alone for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for RulerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RulerErrorKind::Unavailable => "the ruler is not available",
            RulerErrorKind::Rejected => "refused by the ruler",
            RulerErrorKind::Limit => "over a limit of the ruler",
            RulerErrorKind::Denied => "access denied",
            RulerErrorKind::Protected => "the namespace is protected",
            RulerErrorKind::Misconfigured => "not a ruler's configuration API",
            RulerErrorKind::Unreadable => "the ruler's answer cannot be read",
        };
        write!(f, "{kind}: {}", self.message)
    }
}

impl std::error::Error for RulerError {}

impl From<EncodingError> for RulerError {
    /// A group that cannot be decoded is rejected: trying again is pointless.
    fn from(error: EncodingError) -> Self {
        Self::rejected(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ruler_error_has_a_kind_a_message_and_what_the_ruler_said_besides() {
        let wait = Duration::from_secs(7);
        let error = RulerError::unavailable("busy").with_retry_after(wait);
        assert_eq!((error.kind().as_str(), error.message()), ("unavailable", "busy"));
        assert_eq!((error.rule(), error.retry_after()), (None, Some(wait)));
        let error = RulerError::rejected("bad").with_rule(Some(1)).with_message("***");
        assert_eq!((error.kind().as_str(), error.message(), error.rule()), ("rejected", "***", Some(1)));
        for (error, kind, text) in [
            (RulerError::limit("x"), "limit", "over a limit of the ruler: x"),
            (RulerError::denied("x"), "denied", "access denied: x"),
            (RulerError::protected("x"), "protected", "the namespace is protected: x"),
            (RulerError::misconfigured("x"), "misconfigured", "not a ruler's configuration API: x"),
            (RulerError::unreadable("x"), "unreadable", "the ruler's answer cannot be read: x"),
        ] {
            assert_eq!((error.kind().as_str(), error.to_string().as_str()), (kind, text));
        }
    }
}
