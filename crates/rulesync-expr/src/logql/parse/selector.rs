//! Stream selectors, and matchers in selectors and stages.

use super::parser::{Parser, Result};
use crate::logql::selector::{Matcher, Selector};
use crate::logql::token::TokenKind;
use crate::promql::{BinaryOp, MatchOp};
use crate::span::Span;

impl Parser<'_> {
    /// Parses `{...}`; the current token is the brace.
    pub(super) fn selector(&mut self) -> Result<Selector> {
        let start = self.token.span.start;
        self.advance();
        let mut matchers = Vec::new();
        if !self.accept(TokenKind::RightBrace) {
            matchers.push(self.matcher(&["IDENTIFIER", "}"])?);
            while !self.accept(TokenKind::RightBrace) {
                self.expect(TokenKind::Comma, &["}", ","])?;
                matchers.push(self.matcher(&["IDENTIFIER"])?);
            }
        }
        Ok(Selector { span: Span::new(start, self.last_end), matchers })
    }

    fn matcher(&mut self, expected: &[&str]) -> Result<Matcher> {
        let label_span = self.token.span;
        let label = self.name(expected)?;
        let Some(op) = self.match_op() else {
            return Err(self.unexpected(&["=", "=~", "!~", "!="]));
        };
        self.finish_matcher(label_span, label, op)
    }

    /// Parses the value of a matcher whose label and operator have been read.
    pub(super) fn finish_matcher(&mut self, label_span: Span, label: String, op: MatchOp) -> Result<Matcher> {
        let value = self.text(&["STRING"])?;
        let span = Span::new(label_span.start, value.span.end);
        Ok(Matcher { span, label, op, value: value.value, value_span: value.span })
    }

    /// Consumes a matching operator.
    pub(super) fn match_op(&mut self) -> Option<MatchOp> {
        let op = match self.token.kind {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::EqualRegex => MatchOp::Regex,
            TokenKind::NotRegex => MatchOp::NotRegex,
            TokenKind::Operator(BinaryOp::NotEqual) => MatchOp::NotEqual,
            _ => return None,
        };
        self.advance();
        Some(op)
    }
}
