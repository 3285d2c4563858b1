//! Where something stands in the text: byte ranges, and lines and columns for people.
//! Not for the text itself: a span borrows nothing.

use std::fmt;

/// A range of bytes in the parsed text, `start` included, `end` excluded.
///
/// Spans handed out by this crate lie within the text and on character boundaries, so
/// `&input[span.start..span.end]` does not panic for the input that was parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset of the byte after the last one.
    pub end: usize,
}

impl Span {
    /// The span from `start` up to, not including, `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// How many bytes it covers.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers nothing, as the end of the input does.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The part of `input` it covers; nothing if it does not fit that text.
    #[must_use]
    pub fn text(self, input: &str) -> &str {
        input.get(self.start..self.end).unwrap_or_default()
    }
}

/// A place in a text, as Prometheus counts it.
///
/// ```
/// use rulesync_expr::Position;
///
/// let position = Position::of("sum(\n  up", 7);
/// assert_eq!(position.to_string(), "2:3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Bytes before it.
    pub offset: usize,
    /// Line, from 1; lines end at `\n`.
    pub line: usize,
    /// Column, from 1, in bytes (not characters): that is what Prometheus prints.
    pub column: usize,
}

impl Position {
    /// The position `offset` bytes into `input`; an offset past the end counts as the end.
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
