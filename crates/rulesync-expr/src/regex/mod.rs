//! Regular expressions as Go's `regexp` takes them: whether it does, what it says if not, and what callers must know
//! of those it takes. The tour: `parse` reads a pattern, `class` its classes and escapes, `tree` joins what was read,
//! `limits` refuses what Go finds too large, `literal` reads patterns where they stand in an expression.
//!
//! Nothing is matched. The flags are those of `regexp.Compile`; `s`, `m` and `U` change nothing here, because they
//! neither make a pattern wrong nor an empty match possible.

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

/// The largest count of a repetition, and how often repetitions within each other may repeat the innermost part.
const MOST_COPIES: u32 = 1000;

/// What is to be known of a pattern that Go takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Regex {
    /// The names of its groups in order; one may be there twice.
    pub(crate) names: Vec<String>,
    /// Whether it matches the empty text.
    pub(crate) matches_empty: bool,
}

/// Reads a pattern as Go does.
fn parse(pattern: &[u8]) -> Result<Regex, RegexError> {
    parse::Parser::new(pattern).parse()
}
