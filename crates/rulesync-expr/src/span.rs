//! Source locations: byte ranges, and lines and columns for display. A span does not borrow the input.

use std::fmt;

/// A byte range in the parsed input; `start` is inclusive, `end` is exclusive.
///
/// Spans returned by this crate lie within the input and on character boundaries, so
/// `&input[span.start..span.end]` does not panic for the input that was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset of the byte after the last one.
    pub end: usize,
}

impl Span {
    /// Creates a span from `start` up to but not including `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The length in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Returns `true` if the span is empty, as at the end of the input.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The part of `input` that the span covers; empty if the span is not valid in `input`.
    #[must_use]
    pub fn text(self, input: &str) -> &str {
        input.get(self.start..self.end).unwrap_or_default()
    }
}

/// A position in the input, counted as Prometheus does.
///
/// ```
/// use rulesync_expr::Position;
///
/// let position = Position::of("sum(\n  up", 7);
/// assert_eq!(position.to_string(), "2:3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Offset in bytes.
    pub offset: usize,
    /// Line, starting at 1; lines end at `\n`.
    pub line: usize,
    /// Column, starting at 1, in bytes (not characters), as Prometheus prints it.
    pub column: usize,
}

impl Position {
    /// The position at byte `offset` of `input`; an offset past the end is the end.
    #[must_use]
    pub fn of(input: &str, offset: usize) -> Self {
        let offset = offset.min(input.len());
        let before = &input.as_bytes()[..offset];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        Self { offset, line, column: offset - line_start + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
