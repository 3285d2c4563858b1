//! Reads YAML, for the whole crate. Errors have a message of one line and a position, without an excerpt.

mod align;
mod document;
mod escape;
mod mapping;
mod problem;
mod scalar;
mod tree;

pub(crate) use align::segments;
pub(crate) use document::documents;
pub(crate) use mapping::{Mapping, Pair};
pub(crate) use problem::Problem;
pub(crate) use scalar::{Scalar, Text};
pub(crate) use tree::{Node, Shape, Tree};

#[cfg(test)]
mod tests;
