//! Range aggregations. The range may be before the pipeline, after it, or after parentheses around selector and
//! pipeline.

use super::parser::{Parser, Result};
use super::pipeline::Unwrap;
use crate::logql::ast::{ExprKind, LogQuery, LogRange, NodeId, Param, RangeAggregate};
use crate::logql::literal;
use crate::logql::operator::RangeOp;
use crate::logql::token::{Keyword, TokenKind};
use crate::logql::wording::syntax_error;
use crate::span::Span;

/// The range in brackets and its offset.
struct Window {
    brackets: Span,
    seconds: f64,
    offset: Option<f64>,
}

impl Parser<'_> {
    /// Parses `rate(...)` and its grouping; the current token is the name.
    pub(super) fn range_aggregate(&mut self, op: RangeOp) -> Result<NodeId> {
        let op_span = self.token.span;
        self.advance();
        self.expect(TokenKind::LeftParen, &["("])?;
        let (mut param, mut expected) = (None, ["NUMBER", "{", "("].as_slice());
        let number = self.token.span;
        if self.accept(TokenKind::Number) {
            param = Some(Param { text: number.text(self.input).to_owned(), span: number });
            self.expect(TokenKind::Comma, &[","])?;
            expected = &["{", "("];
        }
        let range = self.log_range(expected)?;
        self.expect(TokenKind::RightParen, &[")"])?;
        let grouping = self.grouping()?;
        let span = Span::new(op_span.start, self.last_end);
        let aggregate = RangeAggregate { op, op_span, param, range, grouping };
        Ok(self.push(span, ExprKind::Range(Box::new(aggregate))))
    }

    /// Parses a log range, up to an enclosing closing parenthesis.
    pub(super) fn log_range(&mut self, expected: &[&str]) -> Result<LogRange> {
        let mut open = 0_usize;
        let mut expected = expected;
        while self.accept(TokenKind::LeftParen) {
            open += 1;
            expected = &["{", "("];
        }
        if self.token.kind != TokenKind::LeftBrace {
            return Err(self.unexpected(expected));
        }
        let selector = self.selector()?;
        let mut stages = Vec::new();
        let unwrap = self.pipeline(&mut stages, Unwrap::Allowed)?;
        let enclosed = open > 0 && self.token.kind == TokenKind::RightParen;
        if enclosed {
            open -= 1;
            self.advance();
        }
        if self.token.kind != TokenKind::Range {
            return Err(self.unexpected(match unwrap {
                _ if enclosed => &["RANGE"],
                Unwrap::Bare => &["RANGE", "|"],
                _ => &[],
            }));
        }
        let Window { brackets, seconds, offset } = self.window()?;
        if stages.is_empty() {
            self.pipeline(&mut stages, if enclosed { Unwrap::Only } else { Unwrap::Allowed })?;
            if !stages.is_empty() && self.token.kind != TokenKind::RightParen {
                return Err(self.unexpected(&[]));
            }
        }
        while open > 0 {
            self.expect(TokenKind::RightParen, &[")"])?;
            open -= 1;
        }
        Ok(LogRange { query: LogQuery { selector, stages }, seconds, brackets, offset })
    }

    /// Parses `[5m] offset 1h`; the current token is the range.
    fn window(&mut self) -> Result<Window> {
        let brackets = self.token.span;
        let text = brackets.text(self.input);
        let seconds = self.seconds(Span::new(brackets.start + 1, brackets.start + text.len() - 1))?;
        self.advance();
        let mut offset = None;
        if self.accept(TokenKind::Keyword(Keyword::Offset)) {
            let span = self.token.span;
            self.expect(TokenKind::Duration, &["DURATION"])?;
            offset = Some(self.seconds(span)?);
        }
        Ok(Window { brackets, seconds, offset })
    }

    /// The value in seconds of a duration, which the lexer has already checked.
    pub(super) fn seconds(&self, span: Span) -> Result<f64> {
        literal::duration(span.text(self.input))
            .map_err(|message| syntax_error(self.input, span, true, message))
    }
}
