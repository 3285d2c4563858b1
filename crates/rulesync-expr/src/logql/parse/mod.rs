//! The parser, which builds the syntax tree. It uses an explicit stack instead of recursion, so that no input can
//! exhaust the thread's stack: this is its loop, `parser` its state, `frame` what is on the stack. Errors list the
//! expected tokens as Loki's parser generator does: up to four, otherwise none. `check` checks semantics.

mod binary;
mod frame;
mod label_filter;
mod parser;
mod pipeline;
mod range;
mod selector;

use super::ast::{Expr, ExprKind, LabelReplace, NodeId, Param, Variants, VectorAggregate};
use super::check;
use super::literal;
use super::operator::VectorOp;
use super::pipeline::Text;
use super::token::{Keyword, Token, TokenKind};
use super::wording::semantic_error;
use crate::error::ParseError;
use crate::promql::{BinaryOp, Precedence};
use crate::span::Span;
use frame::{Aggregation, Frame};
use parser::{Parser, Result};

/// The input size limit: input of this many bytes or more is rejected without parsing, as in Loki.
pub const MAX_INPUT: usize = 131_072;

/// Parses an expression as Loki does when a rule is posted.
///
/// ```
/// use rulesync_expr::logql;
///
/// let input = r#"sum by (job) (rate({job=~"nginx.*"} |= "error" [5m])) > 10 # too many"#;
/// let expr = logql::parse(input)?;
/// assert!(expr.is_metric());
/// let selector = expr.selectors().next().expect("there is one");
/// assert_eq!(selector.span.text(input), r#"{job=~"nginx.*"}"#);
///
/// let error = logql::parse("sum by (").expect_err("it is cut short");
/// assert_eq!(
///     error.to_string(),
///     "parse error at line 1, col 9: syntax error: unexpected $end, expecting IDENTIFIER or )",
/// );
/// # Ok::<(), rulesync_expr::ParseError>(())
/// ```
///
/// # Errors
///
/// Returns the error that Loki would report. Of several errors, syntax errors come before semantic errors, and then the
/// first in source order; Loki itself may report another.
pub fn parse(input: &str) -> std::result::Result<Expr, ParseError> {
    if input.len() >= MAX_INPUT {
        let message = format!("input size too long ({} > {MAX_INPUT})", input.len());
        return Err(semantic_error(input, Span::new(0, input.len()), message));
    }
    let expr = Parser::new(input).parse()?;
    check::check(input, &expr)?;
    Ok(expr)
}

impl Parser<'_> {
    /// Parses the whole input. The parser alternates between two states: before and after an operand.
    fn parse(mut self) -> Result<Expr> {
        loop {
            let Some(operand) = self.operand()? else { continue };
            if let Some(root) = self.after_operand(operand)? {
                return Ok(Expr::new(self.nodes, root));
            }
        }
    }

    /// Parses an operand. Returns `None` if a construct was pushed on the stack that needs an operand itself.
    fn operand(&mut self) -> Result<Option<NodeId>> {
        let Token { kind, span, .. } = self.token;
        match kind {
            TokenKind::LeftParen => {
                self.advance();
                self.frames.push(Frame::Paren { start: span.start });
                Ok(None)
            }
            TokenKind::Number => self.number().map(Some),
            TokenKind::Operator(BinaryOp::Add | BinaryOp::Sub) => self.number().map(Some),
            TokenKind::LeftBrace => {
                let query = self.log_query()?;
                let span = Span::new(span.start, self.last_end);
                Ok(Some(self.push(span, ExprKind::Log(Box::new(query)))))
            }
            TokenKind::RangeOp(op) => self.range_aggregate(op).map(Some),
            TokenKind::VectorOp(op) => self.open_aggregation(op),
            TokenKind::Keyword(Keyword::Vector) => self.constant().map(Some),
            TokenKind::Keyword(Keyword::LabelReplace) => {
                self.advance();
                self.expect(TokenKind::LeftParen, &["("])?;
                self.frames.push(Frame::LabelReplace { start: span.start });
                Ok(None)
            }
            TokenKind::Keyword(Keyword::Variants) if self.nodes.is_empty() && self.frames.is_empty() => {
                self.advance();
                self.expect(TokenKind::LeftParen, &["("])?;
                self.frames.push(Frame::Variants { start: span.start, exprs: Vec::new() });
                Ok(None)
            }
            _ => Err(self.unexpected(&[])),
        }
    }

    /// Continues after a complete operand until another is expected. Returns the root at the end of the input.
    fn after_operand(&mut self, operand: NodeId) -> Result<Option<NodeId>> {
        let mut operand = operand;
        loop {
            match self.token.kind {
                TokenKind::Operator(op) => {
                    let lhs = self.complete(operand, Some(op.precedence()));
                    let operation = self.operation(op)?;
                    self.frames.push(Frame::Binary { lhs, operation });
                    return Ok(None);
                }
                TokenKind::Comma => {
                    operand = self.complete(operand, None);
                    if self.logs[operand.0] {
                        return Err(self.unexpected(&[]));
                    }
                    match self.frames.last_mut() {
                        Some(Frame::Variants { exprs, .. }) => {
                            exprs.push(operand);
                            self.advance();
                            return Ok(None);
                        }
                        Some(&mut Frame::LabelReplace { start }) => {
                            self.frames.pop();
                            operand = self.label_replace(start, operand)?;
                        }
                        _ => return Err(self.unexpected(&[])),
                    }
                }
                TokenKind::RightParen => {
                    let inner = self.complete(operand, None);
                    operand = self.close(inner)?;
                }
                TokenKind::Eof => {
                    let root = self.complete(operand, None);
                    return if self.frames.is_empty() { Ok(Some(root)) } else { Err(self.unexpected(&[])) };
                }
                _ => return Err(self.unexpected(&[])),
            }
        }
    }

    /// Completes the operations on the stack around `operand` that take precedence over what follows: an operator of
    /// precedence `next`, or the end of an expression.
    fn complete(&mut self, operand: NodeId, next: Option<Precedence>) -> NodeId {
        let mut operand = operand;
        loop {
            match self.frames.pop() {
                Some(Frame::Binary { lhs, operation })
                    if next.is_none_or(|next| operation.precedence().completes_before(next)) =>
                {
                    operand = self.combine(lhs, operation, operand);
                }
                other => {
                    self.frames.extend(other);
                    return operand;
                }
            }
        }
    }

    /// Completes the innermost open frame with `inner`; the current token is the closing parenthesis.
    fn close(&mut self, inner: NodeId) -> Result<NodeId> {
        let is_log = self.logs[inner.0];
        match self.frames.pop() {
            Some(Frame::Paren { start }) => {
                self.advance();
                let node = self.push(Span::new(start, self.last_end), ExprKind::Paren(inner));
                self.logs[node.0] = is_log;
                Ok(node)
            }
            Some(Frame::Vector(aggregation)) if !is_log => {
                self.advance();
                self.finish_aggregation(aggregation, inner)
            }
            Some(Frame::Variants { start, mut exprs }) if !is_log => {
                self.advance();
                exprs.push(inner);
                self.variants(start, exprs)
            }
            _ => Err(self.unexpected(&[])),
        }
    }

    /// Begins an aggregation. Returns its operand if that is a number that could have been the parameter.
    fn open_aggregation(&mut self, op: VectorOp) -> Result<Option<NodeId>> {
        let op_span = self.token.span;
        self.advance();
        let grouping = self.grouping()?;
        self.expect(TokenKind::LeftParen, &["("])?;
        let mut aggregation = Aggregation { op, op_span, param: None, grouping };
        let mut operand = None;
        if self.token.kind == TokenKind::Number {
            let span = self.token.span;
            self.advance();
            if self.accept(TokenKind::Comma) {
                aggregation.param = Some(Param { text: span.text(self.input).to_owned(), span });
            } else {
                operand = Some(self.number_at(span, false, span)?);
            }
        }
        self.frames.push(Frame::Vector(aggregation));
        Ok(operand)
    }

    fn finish_aggregation(&mut self, aggregation: Aggregation, expr: NodeId) -> Result<NodeId> {
        let Aggregation { op, op_span, param, mut grouping } = aggregation;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let span = Span::new(op_span.start, self.last_end);
        Ok(self
            .push(span, ExprKind::Vector(Box::new(VectorAggregate { op, op_span, param, expr, grouping }))))
    }

    /// Parses the arguments after the first one; the current token is the comma.
    fn label_replace(&mut self, start: usize, expr: NodeId) -> Result<NodeId> {
        let mut texts = Vec::with_capacity(4);
        while texts.len() < 4 {
            self.expect(TokenKind::Comma, &[","])?;
            texts.push(self.text(&["STRING"])?);
        }
        self.expect(TokenKind::RightParen, &[")"])?;
        let Ok([to, replacement, from, regex]) = <[Text; 4]>::try_from(texts) else {
            return Err(self.unexpected(&[]));
        };
        let span = Span::new(start, self.last_end);
        let kind = LabelReplace {
            expr,
            to: to.value,
            replacement: replacement.value,
            from: from.value,
            regex: regex.value,
            regex_span: regex.span,
        };
        Ok(self.push(span, ExprKind::LabelReplace(Box::new(kind))))
    }

    /// Parses `of (...)`.
    fn variants(&mut self, start: usize, exprs: Vec<NodeId>) -> Result<NodeId> {
        let is_of = self.token.span.text(self.input).eq_ignore_ascii_case("of");
        if self.token.kind != TokenKind::Identifier || !is_of {
            return Err(self.unexpected(&["of"]));
        }
        self.advance();
        self.expect(TokenKind::LeftParen, &["("])?;
        let of = self.log_range(&["{", "("])?;
        self.expect(TokenKind::RightParen, &[")"])?;
        let span = Span::new(start, self.last_end);
        Ok(self.push(span, ExprKind::Variants(Box::new(Variants { exprs, of }))))
    }

    /// Parses `vector(1)`.
    fn constant(&mut self) -> Result<NodeId> {
        let start = self.token.span.start;
        self.advance();
        self.expect(TokenKind::LeftParen, &["("])?;
        let number = self.token.span;
        self.expect(TokenKind::Number, &["NUMBER"])?;
        self.expect(TokenKind::RightParen, &[")"])?;
        let value = self.value_of(number)?;
        Ok(self.push(Span::new(start, self.last_end), ExprKind::Constant(value)))
    }

    /// Parses a number with or without a sign.
    fn number(&mut self) -> Result<NodeId> {
        let start = self.token.span;
        let negative = self.token.kind == TokenKind::Operator(BinaryOp::Sub);
        if matches!(self.token.kind, TokenKind::Operator(_)) {
            self.advance();
        }
        let digits = self.token.span;
        self.expect(TokenKind::Number, &["NUMBER"])?;
        self.number_at(digits, negative, Span::new(start.start, digits.end))
    }

    fn number_at(&mut self, digits: Span, negative: bool, span: Span) -> Result<NodeId> {
        let value = self.value_of(digits)?;
        Ok(self.push(span, ExprKind::Number(if negative { -value } else { value })))
    }

    fn value_of(&self, digits: Span) -> Result<f64> {
        literal::number(digits.text(self.input)).map_err(|reason| {
            semantic_error(self.input, digits, format!("unable to parse literal as a float: {reason}"))
        })
    }
}
