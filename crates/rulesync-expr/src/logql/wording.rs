//! Builds errors that name their place as Loki does: lines it has lost count of are line 0, columns are
//! characters, and what is wrong with the meaning has no place at all. Not for what is wrong.

use crate::error::{ErrorKind, ParseError, Wording};
use crate::regex::{Misplaced, RegexErrorKind};
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

/// A regular expression is none. Of a class by a name that is not known here, a newer Loki may judge otherwise.
pub(super) fn regex_error(input: &str, before: &str, wrong: &Misplaced) -> ParseError {
    let kind = kind_unless_newer(wrong, ErrorKind::Type);
    ParseError::worded(Wording::LokiNowhere, kind, input, wrong.span, format!("{before}{}", wrong.error))
}

/// As [`regex_error`], of a regular expression that Loki does not read before it evaluates it.
pub(super) fn unmatchable(input: &str, wrong: &Misplaced) -> ParseError {
    let kind = kind_unless_newer(wrong, ErrorKind::NeverEvaluates);
    ParseError::worded(Wording::Own, kind, input, wrong.span, wrong.error.to_string())
}

fn kind_unless_newer(wrong: &Misplaced, kind: ErrorKind) -> ErrorKind {
    match wrong.error.kind {
        RegexErrorKind::UnknownClass => ErrorKind::Syntax,
        _ => kind,
    }
}

/// Loki would store it, and fail whenever it evaluates it.
pub(super) fn never_evaluates(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::Own, ErrorKind::NeverEvaluates, input, span, message)
}

/// A template calls a function that this version of Loki does not have; another one may.
pub(super) fn unknown_function(input: &str, span: Span, message: impl Into<String>) -> ParseError {
    ParseError::worded(Wording::Own, ErrorKind::UnknownFunction, input, span, message)
}
