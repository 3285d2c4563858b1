//! YAML with positions: text to a tree of nodes, and a tree to typed values, with every error that is found on the way.

mod collect;
mod decode;
mod document;
mod environment;
mod fault;
mod path;
mod tree;

#[cfg(test)]
pub(crate) use collect::fields_of;
pub(crate) use document::{Document, Parsed, Problem, parse, parse_verbatim};
#[cfg(test)]
pub(crate) use environment::expand;
pub(crate) use path::Path;
pub(crate) use tree::Position;
