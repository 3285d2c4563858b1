//! Reads YAML, for the whole crate. Errors have a message of one line and a position, without an excerpt.

mod align;
mod document;
mod escape;
mod mapping;
mod scalar;
mod tree;

use rulesync_core::Position;

pub(crate) use align::segments;
pub(crate) use document::{Document, documents};
pub(crate) use mapping::{Mapping, Pair};
pub(crate) use scalar::{Scalar, Text};
pub(crate) use tree::{Node, Shape, Tree};

/// An error in a document or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// The position in the file, in characters.
    pub(crate) position: Position,
}

#[cfg(test)]
mod tests;
