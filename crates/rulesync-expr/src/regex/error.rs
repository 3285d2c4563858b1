//! What Go says of a regular expression that it refuses, and where in it. Not for where the expression stands in
//! a rule: that is `literal`.

use std::error::Error;
use std::fmt;

use crate::span::Span;

/// The reasons for which Go refuses a regular expression; `Display` prints Go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegexErrorKind {
    InvalidClassRange,
    InvalidEscape,
    InvalidNamedCapture,
    InvalidPerlSyntax,
    InvalidRepeatCount,
    InvalidUtf8,
    MissingBracket,
    MissingParenthesis,
    MissingRepeatArgument,
    NestedRepetition,
    TooDeep,
    TooLarge,
    TrailingBackslash,
    UnexpectedParenthesis,
    /// A range of characters by a name that is not known here, and may be to a newer Go.
    UnknownClass,
}

impl fmt::Display for RegexErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidClassRange | Self::UnknownClass => "invalid character class range",
            Self::InvalidEscape => "invalid escape sequence",
            Self::InvalidNamedCapture => "invalid named capture",
            Self::InvalidPerlSyntax => "invalid or unsupported Perl syntax",
            Self::InvalidRepeatCount => "invalid repeat count",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::MissingBracket => "missing closing ]",
            Self::MissingParenthesis => "missing closing )",
            Self::MissingRepeatArgument => "missing argument to repetition operator",
            Self::NestedRepetition => "invalid nested repetition operator",
            Self::TooDeep => "expression nests too deeply",
            Self::TooLarge => "expression too large",
            Self::TrailingBackslash => "trailing backslash at end of expression",
            Self::UnexpectedParenthesis => "unexpected )",
        })
    }
}

/// The first thing wrong with a regular expression; `Display` prints what Go prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegexError {
    pub(crate) kind: RegexErrorKind,
    /// The bytes of the pattern that are wrong. Where Go shows all of it, they begin at what it could not take.
    pub(crate) span: Span,
    /// The part of the pattern that Go shows.
    pub(crate) part: String,
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.kind, self.part)
    }
}

impl Error for RegexError {}
