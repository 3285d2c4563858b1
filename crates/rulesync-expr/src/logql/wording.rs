//! Constructors of errors with positions as Loki prints them: line 0 where Loki has lost the line, columns in
//! characters, and no position for semantic errors.

use crate::error::{ErrorKind, ParseError, Wording};
use crate::regex::{Misplaced, RegexErrorKind};
use crate::span::Span;

/// A syntax error at `span`.
pub(super) fn syntax_error(
    input: &str,
    span: Span,
    line_lost: bool,
    message: impl Into<String>,
) -> ParseError {
    let before = input.get(..span.start).unwrap_or(input);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = if line_lost { 0 } else { 1 + before.bytes().filter(|&byte| byte == b'\n').count() };
    let column = 1 + before[line_start..].chars().count();
    // For empty input Loki prints no position.
    let wording = if input.is_empty() { Wording::LokiNowhere } else { Wording::Loki { line, column } };
    ParseError::worded(wording, ErrorKind::Syntax, input, span, message)
}

/// A semantic error at `span` of syntactically valid LogQL.
pub(super) fn semantic_error(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::LokiNowhere, ErrorKind::Type, input, span, message)
}

/// An invalid regular expression. A newer Loki may accept a class name that is unknown here.
pub(super) fn regex_error(input: &str, prefix: &str, wrong: &Misplaced) -> ParseError {
    let kind = kind_unless_newer(wrong, ErrorKind::Type);
    ParseError::worded(Wording::LokiNowhere, kind, input, wrong.span, format!("{prefix}{}", wrong.error))
}

/// Like [`regex_error`], for a regular expression that Loki compiles only on evaluation.
pub(super) fn unevaluable_regex(input: &str, wrong: &Misplaced) -> ParseError {
    let kind = kind_unless_newer(wrong, ErrorKind::NeverEvaluates);
    ParseError::worded(Wording::Own, kind, input, wrong.span, wrong.error.to_string())
}

fn kind_unless_newer(wrong: &Misplaced, kind: ErrorKind) -> ErrorKind {
    match wrong.error.kind {
        RegexErrorKind::UnknownClass => ErrorKind::Syntax,
        _ => kind,
    }
}

/// An expression that Loki stores, but always fails to evaluate.
pub(super) fn never_evaluates(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::Own, ErrorKind::NeverEvaluates, input, span, message)
}

/// A template that calls a function unknown to this version of Loki; another version may have it.
pub(super) fn unknown_function(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::Own, ErrorKind::UnknownFunction, input, span, message)
}
