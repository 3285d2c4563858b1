//! What a parser says when a text is not an expression.
//! Not for judging how bad that is: the caller knows who else will look at the expression.

use std::error::Error;
use std::fmt;

use crate::span::{Position, Span};

/// What kind of thing is wrong, for callers that treat them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not a sentence of the language.
    Syntax,
    /// The sentence is well formed, but its parts do not fit together.
    Type,
    /// A function of a name that is not known here. A newer or a different server may know it.
    UnknownFunction,
    /// Known, but switched off by the options the text was parsed with.
    Disabled,
}

/// The first thing wrong with an expression, in the wording of the server.
///
/// `Display` prints exactly what Prometheus and Mimir print, for example
/// `1:9: parse error: unclosed left parenthesis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    kind: ErrorKind,
    message: String,
    span: Span,
    position: Position,
}

impl ParseError {
    /// An error at `span` of `input`, which is clamped to what the input holds.
    pub(crate) fn new(kind: ErrorKind, input: &str, span: Span, message: impl Into<String>) -> Self {
        let start = span.start.min(input.len());
        let span = Span::new(start, span.end.clamp(start, input.len()));
        Self { kind, message: message.into(), span, position: Position::of(input, span.start) }
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, without the position. May quote parts of the expression.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes it is about; empty at the end of the input.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where it starts, in lines and columns.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: parse error: {}", self.position, self.message)
    }
}

impl Error for ParseError {}
