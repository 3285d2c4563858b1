//! Binary operations: the operator, its modifiers, and the finished node; and the label lists of modifiers and
//! aggregations. The parent module handles precedence.

use super::frame::Operation;
use super::parser::{Parser, Result};
use crate::logql::ast::{Binary, ExprKind, GroupSide, Grouping, Matching, MatchingLabels, NodeId};
use crate::logql::token::{Keyword, TokenKind};
use crate::promql::BinaryOp;
use crate::span::Span;

impl Parser<'_> {
    /// Parses the operator `op`, which is the current token, and its modifiers.
    pub(super) fn operation(&mut self, op: BinaryOp) -> Result<Operation> {
        let op_span = self.token.span;
        self.advance();
        let mut matching =
            Matching { returns_bool: self.accept(TokenKind::Keyword(Keyword::Bool)), ..Matching::default() };
        let on = self.accept(TokenKind::Keyword(Keyword::On));
        if on || self.accept(TokenKind::Keyword(Keyword::Ignoring)) {
            matching.labels = Some(MatchingLabels { on, labels: self.labels()? });
            matching.group = self.group_side()?;
        }
        Ok(Operation { op, op_span, matching })
    }

    fn group_side(&mut self) -> Result<Option<GroupSide>> {
        let left = self.accept(TokenKind::Keyword(Keyword::GroupLeft));
        if !left && !self.accept(TokenKind::Keyword(Keyword::GroupRight)) {
            return Ok(None);
        }
        let include = if self.token.kind == TokenKind::LeftParen { self.labels()? } else { Vec::new() };
        Ok(Some(GroupSide { left, include }))
    }

    /// Builds the node of an operation and its operands.
    pub(super) fn combine(&mut self, lhs: NodeId, operation: Operation, rhs: NodeId) -> NodeId {
        let Operation { op, op_span, matching } = operation;
        let span = Span::new(self.nodes[lhs.0].span.start, self.nodes[rhs.0].span.end);
        self.push(span, ExprKind::Binary(Box::new(Binary { op, op_span, lhs, rhs, matching })))
    }

    /// Parses `by (...)` or `without (...)`, if present.
    pub(super) fn grouping(&mut self) -> Result<Option<Grouping>> {
        let start = self.token.span.start;
        let without = self.accept(TokenKind::Keyword(Keyword::Without));
        if !without && !self.accept(TokenKind::Keyword(Keyword::By)) {
            return Ok(None);
        }
        let labels = self.labels()?;
        Ok(Some(Grouping { without, span: Span::new(start, self.last_end), labels }))
    }

    /// Parses labels in parentheses.
    fn labels(&mut self) -> Result<Vec<String>> {
        self.expect(TokenKind::LeftParen, &["("])?;
        let mut labels = Vec::new();
        if self.accept(TokenKind::RightParen) {
            return Ok(labels);
        }
        labels.push(self.name(&["IDENTIFIER", ")"])?);
        while !self.accept(TokenKind::RightParen) {
            self.expect(TokenKind::Comma, &[",", ")"])?;
            labels.push(self.name(&["IDENTIFIER"])?);
        }
        Ok(labels)
    }
}
