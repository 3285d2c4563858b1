//! Label filters: comparisons joined by `and`, `or`, a comma or nothing, in parentheses of any depth.

use super::parser::{Parser, Result};
use crate::logql::pipeline::{LabelCondition, LabelTest, StageKind};
use crate::logql::token::{Keyword, TokenKind};
use crate::promql::{BinaryOp, MatchOp};
use crate::span::Span;

impl Parser<'_> {
    /// Parses a label filter, which starts at the current token.
    pub(super) fn label_filter(&mut self) -> Result<StageKind> {
        let mut conditions = Vec::new();
        let mut open = 0_usize;
        loop {
            while self.accept(TokenKind::LeftParen) {
                open += 1;
            }
            conditions.push(self.condition()?);
            while open > 0 && self.accept(TokenKind::RightParen) {
                open -= 1;
            }
            match self.token.kind {
                TokenKind::Comma | TokenKind::Operator(BinaryOp::And | BinaryOp::Or) => self.advance(),
                TokenKind::Identifier | TokenKind::LeftParen => {}
                _ if open > 0 => return Err(self.unexpected(&[])),
                _ => return Ok(StageKind::LabelFilter(conditions)),
            }
        }
    }

    fn condition(&mut self) -> Result<LabelCondition> {
        let start = self.token.span.start;
        let label = self.name(&["IDENTIFIER", "("])?;
        let test = match self.token.kind {
            TokenKind::Operator(op) if op.is_comparison() && op != BinaryOp::NotEqual => {
                self.advance();
                self.quantity(op)?
            }
            _ => match self.match_op() {
                Some(op @ (MatchOp::Regex | MatchOp::NotRegex)) => {
                    LabelTest::Text(op, self.text(&["STRING"])?)
                }
                Some(op) => self.text_or_quantity(op)?,
                None => return Err(self.unexpected(&[])),
            },
        };
        Ok(LabelCondition { span: Span::new(start, self.last_end), label, test })
    }

    /// Parses the value after `=` or `!=`, which may be of any kind.
    fn text_or_quantity(&mut self, op: MatchOp) -> Result<LabelTest> {
        let negated = op == MatchOp::NotEqual;
        match self.token.kind {
            TokenKind::String => Ok(LabelTest::Text(op, self.text(&[])?)),
            TokenKind::Keyword(Keyword::Ip) => Ok(LabelTest::Ip { negated, range: self.ip()? }),
            _ => self.quantity(if negated { BinaryOp::NotEqual } else { BinaryOp::Equal }),
        }
    }

    /// Parses a number, a duration or a size.
    fn quantity(&mut self, op: BinaryOp) -> Result<LabelTest> {
        let span = self.token.span;
        match self.token.kind {
            TokenKind::Duration => {
                self.advance();
                Ok(LabelTest::Duration(op, self.seconds(span)?))
            }
            TokenKind::Bytes => {
                self.advance();
                Ok(LabelTest::Size(op, span.text(self.input).to_owned()))
            }
            TokenKind::Number | TokenKind::Operator(BinaryOp::Add | BinaryOp::Sub) => {
                let negative = self.token.kind == TokenKind::Operator(BinaryOp::Sub);
                if self.token.kind != TokenKind::Number {
                    self.advance();
                }
                let digits = self.token.span;
                self.expect(TokenKind::Number, &["NUMBER"])?;
                let value = self.value_of(digits)?;
                Ok(LabelTest::Number(op, if negative { -value } else { value }))
            }
            _ => Err(self.unexpected(&[])),
        }
    }
}
