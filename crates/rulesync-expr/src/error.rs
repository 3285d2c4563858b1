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
    /// A variable of a template that nothing declares.
    UndefinedVariable,
    /// Known, but switched off by the options the text was parsed with.
    Disabled,
    /// The server takes it, but can never evaluate it.
    NeverEvaluates,
}

/// The first thing wrong with an expression, in the wording of the server.
///
/// `Display` prints exactly what the server prints: Prometheus and Mimir, for example,
/// `1:9: parse error: unclosed left parenthesis`, Loki
/// `parse error at line 1, col 9: syntax error: unexpected $end, expecting IDENTIFIER or )`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    kind: ErrorKind,
    message: String,
    span: Span,
    position: Position,
    wording: Wording,
}

/// How a server names the place of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// Prometheus and those built on it: `1:9: parse error: ...`.
    Prometheus,
    /// Prometheus where it names another place: the whole of what the error is in.
    PrometheusAt(Position),
    /// Loki where it knows the place, as it counts: characters, and no line where it has lost count of it.
    Loki { line: usize, column: usize },
    /// Loki where it does not: `parse error : ...`.
    LokiNowhere,
    /// Ours, where the server says nothing.
    Own,
}

impl ParseError {
    /// An error at `span` of `input`, which is clamped to what the input holds.
    pub(crate) fn new(kind: ErrorKind, input: &str, span: Span, message: impl Into<String>) -> Self {
        Self::worded(Wording::Prometheus, kind, input, span, message)
    }

    /// As [`ParseError::new`], in the words of another server.
    pub(crate) fn worded(
        wording: Wording,
        kind: ErrorKind,
        input: &str,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        let start = span.start.min(input.len());
        let span = Span::new(start, span.end.clamp(start, input.len()));
        Self { kind, message: message.into(), span, position: Position::of(input, span.start), wording }
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
        let Self { message, position, .. } = self;
        match self.wording {
            Wording::Prometheus => write!(f, "{position}: parse error: {message}"),
            Wording::PrometheusAt(position) => write!(f, "{position}: parse error: {message}"),
            Wording::Loki { line, column } => {
                write!(f, "parse error at line {line}, col {column}: {message}")
            }
            Wording::LokiNowhere => write!(f, "parse error : {message}"),
            Wording::Own => write!(f, "{position}: {message}"),
        }
    }
}

impl Error for ParseError {}
