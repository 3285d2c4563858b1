//! Errors of the text itself.

use super::position::Position;

/// One error of the syntax. Its message quotes no string of the text, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where the text cannot be read on.
    pub position: Position,
    /// What is wrong there.
    pub message: String,
}
