//! Expressions whose value cannot be known.

use crate::syntax::Position;

/// An expression whose value cannot be known, or that has none. The message shows no text of strings: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct EvaluationError {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl EvaluationError {
    pub(crate) fn new(position: Position, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }
}
