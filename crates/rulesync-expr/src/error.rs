//! The error type of the parsers. Severity is up to the caller, which knows the server that will evaluate the
//! expression.

use std::error::Error;
use std::fmt;

use crate::span::{Position, Span};

/// The category of a [`ParseError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A syntax error.
    Syntax,
    /// The syntax is valid, but types or operands do not fit together.
    Type,
    /// A function unknown to this crate. A newer or a different server may support it.
    UnknownFunction,
    /// A template variable that is not declared.
    UndefinedVariable,
    /// A known feature that is disabled by the parser options.
    Disabled,
    /// The server accepts the expression, but can never evaluate it.
    NeverEvaluates,
}

/// The first error in an expression, in the server's words.
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

/// The format in which a server prints the position of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// Prometheus and servers built on it: `1:9: parse error: ...`.
    Prometheus,
    /// Prometheus, where it prints a position other than the span's: the start of the enclosing construct.
    PrometheusAt(Position),
    /// Loki, with the position as Loki counts it: columns in characters, and line 0 where Loki has lost the line.
    Loki { line: usize, column: usize },
    /// Loki without a position: `parse error : ...`.
    LokiNowhere,
    /// A message of this crate, where the server reports no error.
    Own,
}

impl ParseError {
    /// Creates an error in Prometheus' format. `span` is clamped to the length of `input`.
    pub(crate) fn new(kind: ErrorKind, input: &str, span: Span, message: impl Into<String>) -> Self {
        Self::worded(Wording::Prometheus, kind, input, span, message)
    }

    /// Creates an error in the format of another server; see [`ParseError::new`].
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

    /// The category of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error message without the position. It may quote parts of the expression.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The byte range of the error; empty at the end of the input.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The start of the error as line and column.
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
