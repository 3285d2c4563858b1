//! The errors that Go returns for invalid regular expressions, with their position in the pattern. The position in the
//! surrounding expression is computed in `literal`.

use std::error::Error;
use std::fmt;

use crate::span::Span;

/// The reason why Go rejects a regular expression; `Display` prints Go's text.
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
    /// A character class whose name is unknown here, but may be known to a newer Go.
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

/// The first error in a regular expression; `Display` prints the same text as Go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegexError {
    pub(crate) kind: RegexErrorKind,
    /// The invalid bytes of the pattern. Where Go shows the whole pattern, the span begins at the rejected part.
    pub(crate) span: Span,
    /// The part of the pattern shown in the error text.
    pub(crate) part: String,
}

impl fmt::Display for RegexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.kind, self.part)
    }
}

impl Error for RegexError {}
