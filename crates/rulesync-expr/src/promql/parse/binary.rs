//! Binary operations: the operator, its modifiers, and the finished node. The parent module handles precedence.

use super::frame::Operation;
use super::parser::{Parser, Result};
use crate::promql::ast::{Binary, ExprKind, GroupSide, Matching, MatchingLabels, NodeId};
use crate::promql::feature::Feature;
use crate::promql::operator::BinaryOp;
use crate::promql::token::{Keyword, TokenKind};
use crate::promql::value_type::ValueType;
use crate::span::Span;

impl Parser<'_> {
    /// Parses the operator `op`, which is the current token, and its modifiers.
    pub(super) fn operation(&mut self, op: BinaryOp) -> Result<Operation> {
        let op_span = self.token.span;
        self.advance();
        let mut matching =
            Matching { returns_bool: self.accept(TokenKind::Keyword(Keyword::Bool)), ..Matching::default() };
        let on = match self.token.kind {
            TokenKind::Keyword(Keyword::On) => Some(true),
            TokenKind::Keyword(Keyword::Ignoring) => Some(false),
            _ => None,
        };
        if let Some(on) = on {
            self.advance();
            matching.labels = Some(MatchingLabels { on, list: self.labels()? });
            matching.group = self.group_side()?;
        }
        self.fill(&mut matching)?;
        Ok(Operation { op, op_span, matching })
    }

    fn group_side(&mut self) -> Result<Option<GroupSide>> {
        let left = match self.token.kind {
            TokenKind::Keyword(Keyword::GroupLeft) => true,
            TokenKind::Keyword(Keyword::GroupRight) => false,
            _ => return Ok(None),
        };
        self.advance();
        let include = if self.token.kind == TokenKind::LeftParen { Some(self.labels()?) } else { None };
        Ok(Some(GroupSide { left, include }))
    }

    /// Parses `fill(0)`, or `fill_left(0)` and `fill_right(0)` in either order.
    fn fill(&mut self, matching: &mut Matching) -> Result<()> {
        if self.accept(TokenKind::Keyword(Keyword::Fill)) {
            let value = Some(self.fill_value()?);
            (matching.fill_left, matching.fill_right) = (value, value);
            return Ok(());
        }
        loop {
            let side = match self.token.kind {
                TokenKind::Keyword(Keyword::FillLeft) if matching.fill_left.is_none() => {
                    &mut matching.fill_left
                }
                TokenKind::Keyword(Keyword::FillRight) if matching.fill_right.is_none() => {
                    &mut matching.fill_right
                }
                _ => return Ok(()),
            };
            self.advance();
            *side = Some(self.fill_value()?);
        }
    }

    fn fill_value(&mut self) -> Result<f64> {
        if !self.accept(TokenKind::LeftParen) {
            return Err(self.unexpected_here());
        }
        let negative = self.sign();
        if !matches!(self.token.kind, TokenKind::Number | TokenKind::Duration) {
            return Err(self.unexpected_here());
        }
        let value = self.number()?;
        if !self.accept(TokenKind::RightParen) {
            return Err(self.unexpected_here());
        }
        Ok(if negative { -value } else { value })
    }

    /// Builds the node of an operation and its operands.
    pub(super) fn combine(&mut self, lhs: NodeId, operation: Operation, rhs: NodeId) -> Result<NodeId> {
        let Operation { op, op_span, matching } = operation;
        let span = Span::new(self.span_of(lhs).start, self.span_of(rhs).end);
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if fills {
            self.uses(Feature::FillModifiers, span, || {
                "binop fill modifiers are experimental and not enabled".to_owned()
            })?;
        }
        let scalar = |node: NodeId| self.nodes[node.0].value_type == ValueType::Scalar;
        let value_type =
            if scalar(lhs) && scalar(rhs) { ValueType::Scalar } else { ValueType::InstantVector };
        Ok(self.push(
            span,
            ExprKind::Binary(Box::new(Binary { op, op_span, lhs, rhs, matching })),
            value_type,
        ))
    }
}
