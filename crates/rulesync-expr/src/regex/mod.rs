//! Checks regular expressions as Go's `regexp` does: which patterns are valid, the error Go returns for the others,
//! and the properties of valid patterns that callers need. `parse` reads a pattern, `class` its classes and escapes,
//! `tree` joins the parsed parts (each a `node`), `limits` rejects patterns that are too large for Go, and `literal`
//! reads patterns from string literals in an expression.
//!
//! Nothing is matched. The flags are those of `regexp.Compile`; `s`, `m` and `U` are ignored here, because they neither
//! make a pattern invalid nor an empty match possible.

mod class;
mod error;
mod limits;
mod literal;
mod node;
mod parse;
#[cfg(test)]
mod tests;
mod tree;
mod unicode;

pub(crate) use error::RegexErrorKind;
pub(crate) use literal::{Misplaced, Wrapping, is_special, literal, matcher, matches_empty, pattern};
