//! The one way YAML is read here, and what is told of an error: one line and a position, no excerpt.

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

/// Why a document, or a part of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// In the file, in characters.
    pub(crate) position: Position,
}

#[cfg(test)]
mod tests;
