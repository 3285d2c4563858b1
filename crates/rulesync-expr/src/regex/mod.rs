//! Checks regular expressions as Go's `regexp` does: which patterns are valid, the error Go returns for the others,
//! and the properties of valid patterns that callers need. `parse` reads a pattern, `class` its classes and escapes,
//! `tree` joins the parsed parts, `limits` rejects patterns that are too large for Go, and `literal` reads patterns
//! from string literals in an expression.
//!
//! Nothing is matched. The flags are those of `regexp.Compile`; `s`, `m` and `U` are ignored here, because they neither
//! make a pattern invalid nor an empty match possible.

mod class;
mod error;
mod limits;
mod literal;
mod parse;
#[cfg(test)]
mod tests;
mod tree;
mod unicode;

pub(crate) use error::{RegexError, RegexErrorKind};
pub(crate) use literal::{Misplaced, Wrapping, literal, matcher, matches_empty};

/// The maximum count of a repetition, and the maximum product of the counts of nested repetitions.
const MOST_COPIES: u32 = 1000;

/// The properties of a pattern that Go accepts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Regex {
    /// The names of the capture groups in order, possibly with duplicates.
    pub(crate) names: Vec<String>,
    /// `true` if the pattern matches the empty string.
    pub(crate) matches_empty: bool,
}

/// Parses a pattern as Go does.
fn parse(pattern: &[u8]) -> Result<Regex, RegexError> {
    parse::Parser::new(pattern).parse()
}
