//! Builds errors that name their place as Loki does: lines it has lost count of are line 0, columns are
//! characters, and what is wrong with the meaning has no place at all. Not for what is wrong.

use crate::error::{ErrorKind, ParseError, Wording};
use crate::span::Span;

/// The text is not LogQL from `span` on.
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
    // In an empty text Loki has not begun to count.
    let wording = if input.is_empty() { Wording::LokiNowhere } else { Wording::Loki { line, column } };
    ParseError::worded(wording, ErrorKind::Syntax, input, span, message)
}

/// The text is LogQL, but `span` of it means nothing.
pub(super) fn meaning_error(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::LokiNowhere, ErrorKind::Type, input, span, message)
}

/// Loki would store it, and fail whenever it evaluates it.
pub(super) fn never_evaluates(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::Own, ErrorKind::NeverEvaluates, input, span, message)
}
