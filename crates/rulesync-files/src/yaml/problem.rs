//! Errors of the reader, which are findings in the end.

use rulesync_core::finding::Position;

/// An error in a document or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// The position in the file, in characters.
    pub(crate) position: Position,
}
