//! Errors of rulers, by what the caller should do about them.

use std::time::Duration;

use crate::model::encoded::EncodingError;

/// An error of a ruler, by what the caller should do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulerError {
    /// Not reached, overloaded, or failed on its side: try again later.
    #[error("the ruler is not available: {message}")]
    Unavailable {
        /// The problem.
        message: String,
        /// The time that the ruler asked to be left alone for (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// This group is refused in its present form: a retry is pointless until it changes.
    #[error("refused by the ruler: {message}")]
    Rejected {
        /// The ruler's own message.
        message: String,
        /// The index of the rule at fault, from 0, where the ruler names one.
        rule: Option<usize>,
    },
    /// A limit of the tenant: works once something is deleted or the limit is raised.
    #[error("over a limit of the ruler: {message}")]
    Limit {
        /// The ruler's own message.
        message: String,
    },
    /// Credentials or tenant are not accepted.
    #[error("access denied: {message}")]
    Denied {
        /// The ruler's own message.
        message: String,
    },
    /// The namespace is protected against changes.
    #[error("the namespace is protected: {message}")]
    Protected {
        /// The ruler's own message.
        message: String,
    },
    /// A wrong address or prefix, or an API that is off: a matter of configuration, never "nothing there".
    #[error("not a ruler's configuration API: {message}")]
    Misconfigured {
        /// The thing that was found instead.
        message: String,
    },
    /// An answer that cannot be parsed: never to be taken for empty.
    #[error("the ruler's answer cannot be read: {message}")]
    Unreadable {
        /// The problem.
        message: String,
    },
}

impl RulerError {
    /// Creates [`RulerError::Unavailable`] without a `Retry-After`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), retry_after: None }
    }

    /// Returns the class in one word, for metrics and logs.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Rejected { .. } => "rejected",
            Self::Limit { .. } => "limit",
            Self::Denied { .. } => "denied",
            Self::Protected { .. } => "protected",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// Returns the ruler's own message, without the class.
    pub fn message(&self) -> &str {
        match self {
            Self::Unavailable { message, .. }
            | Self::Rejected { message, .. }
            | Self::Limit { message }
            | Self::Denied { message }
            | Self::Protected { message }
            | Self::Misconfigured { message }
            | Self::Unreadable { message } => message,
        }
    }
}

impl From<EncodingError> for RulerError {
    /// A group that cannot be decoded is rejected: a retry is pointless.
    fn from(error: EncodingError) -> Self {
        Self::Rejected { message: error.to_string(), rule: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ruler_error_has_a_class_and_the_message_of_the_ruler() {
        let message = || "says so".to_owned();
        for (error, class) in [
            (RulerError::unavailable("says so"), "unavailable"),
            (RulerError::Rejected { message: message(), rule: None }, "rejected"),
            (RulerError::Limit { message: message() }, "limit"),
            (RulerError::Denied { message: message() }, "denied"),
            (RulerError::Protected { message: message() }, "protected"),
            (RulerError::Misconfigured { message: message() }, "misconfigured"),
            (RulerError::Unreadable { message: message() }, "unreadable"),
        ] {
            assert_eq!((error.class(), error.message()), (class, "says so"));
        }
    }
}
