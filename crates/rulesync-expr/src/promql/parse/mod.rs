//! The parser, which builds the syntax tree. It uses an explicit stack instead of recursion, so that no input can
//! exhaust the thread's stack: this is its loop, `parser` its state, `frame` what is on the stack. `check` checks types.

mod binary;
mod close;
mod duration;
mod frame;
mod modifier;
mod parser;
mod selector;

use super::ast::{Expr, ExprKind, NodeId, NumberLiteral};
use super::check;
use super::literal;
use super::operator::{BinaryOp, Precedence};
use super::options::Options;
use super::token::{Keyword, Token, TokenKind};
use super::value_type::ValueType;
use crate::error::ParseError;
use crate::span::Span;
use frame::Frame;
use parser::{Parser, Result};

/// Parses an expression and checks its types.
///
/// ```
/// use rulesync_expr::promql::{self, Options, ValueType};
///
/// let expr = promql::parse("up == 0 # everything that is down", &Options::default())?;
/// assert_eq!(expr.value_type(), ValueType::InstantVector);
/// assert_eq!(expr.span().text("up == 0 # everything that is down"), "up == 0");
/// # Ok::<(), rulesync_expr::ParseError>(())
/// ```
///
/// # Errors
///
/// Returns the first error that Prometheus would report. Types are checked only if the syntax is valid.
pub fn parse(input: &str, options: &Options) -> std::result::Result<Expr, ParseError> {
    let expr = Parser::new(input, *options).parse()?;
    check::check(input, &expr)?;
    Ok(expr)
}

impl Parser<'_> {
    /// Parses the whole input. The parser alternates between two states: before and after an operand.
    fn parse(mut self) -> Result<Expr> {
        if self.token.kind == TokenKind::Eof {
            return Err(self.syntax(Span::new(0, 0), "no expression found in input"));
        }
        loop {
            let Some(operand) = self.operand()? else { continue };
            if let Some(root) = self.after_operand(operand)? {
                return Ok(Expr::new(self.nodes, root, self.features));
            }
        }
    }

    /// Parses an operand. Returns `None` if a construct was pushed on the stack that needs an operand itself.
    fn operand(&mut self) -> Result<Option<NodeId>> {
        let Token { kind, span } = self.token;
        match kind {
            TokenKind::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                self.advance();
                self.frames.push(Frame::Sign { negative: op == BinaryOp::Sub, start: span.start });
                Ok(None)
            }
            TokenKind::LeftParen => {
                self.advance();
                self.frames.push(Frame::Paren { start: span.start });
                Ok(None)
            }
            TokenKind::Number | TokenKind::Duration => {
                let value = self.number()?;
                let literal = NumberLiteral { value, is_duration: kind == TokenKind::Duration };
                Ok(Some(self.push(span, ExprKind::Number(literal), ValueType::Scalar)))
            }
            TokenKind::String => {
                self.advance();
                let value = literal::string(span.text(self.input));
                Ok(Some(self.push(span, ExprKind::String(value), ValueType::String)))
            }
            TokenKind::LeftBrace => self.selector(None).map(Some),
            TokenKind::Aggregator(op) => {
                self.advance();
                match self.token.kind {
                    TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without) => {
                        self.open_aggregate(op, span)
                    }
                    _ => self.selector(Some(span)).map(Some),
                }
            }
            TokenKind::Identifier | TokenKind::Preprocessor(_) => {
                self.advance();
                match self.token.kind {
                    TokenKind::LeftParen => self.open_call(span),
                    _ => self.selector(Some(span)).map(Some),
                }
            }
            _ if kind.names_metric() => {
                self.advance();
                self.selector(Some(span)).map(Some)
            }
            _ => Err(self.unexpected_here()),
        }
    }

    /// Continues after a complete operand until another is expected. Returns the root at the end of the input.
    fn after_operand(&mut self, operand: NodeId) -> Result<Option<NodeId>> {
        let mut operand = operand;
        loop {
            operand = self.modifiers(operand)?;
            match self.token.kind {
                TokenKind::Operator(op) => {
                    let lhs = self.complete(operand, Some(op.precedence()))?;
                    let operation = self.operation(op)?;
                    self.frames.push(Frame::Binary { lhs, operation });
                    return Ok(None);
                }
                TokenKind::Comma => {
                    let operand = self.complete(operand, None)?;
                    self.argument(operand)?;
                    return Ok(None);
                }
                TokenKind::RightParen => {
                    let inner = self.complete(operand, None)?;
                    operand = self.close(inner)?;
                }
                TokenKind::Eof => {
                    let root = self.complete(operand, None)?;
                    return if self.frames.is_empty() { Ok(Some(root)) } else { Err(self.unexpected_here()) };
                }
                _ => return Err(self.unexpected_here()),
            }
        }
    }

    /// Completes the operations on the stack around `operand` that take precedence over what follows: an operator of
    /// precedence `next`, or the end of an expression.
    fn complete(&mut self, operand: NodeId, next: Option<Precedence>) -> Result<NodeId> {
        let completes = |precedence: Precedence| next.is_none_or(|next| precedence.completes_before(next));
        let mut operand = operand;
        loop {
            operand = match self.frames.pop() {
                Some(Frame::Sign { negative, start }) if completes(Precedence::Product) => {
                    self.signed(negative, start, operand)
                }
                Some(Frame::Binary { lhs, operation }) if completes(operation.precedence()) => {
                    self.combine(lhs, operation, operand)?
                }
                other => {
                    self.frames.extend(other);
                    return Ok(operand);
                }
            };
        }
    }

    /// Applies a sign. The sign of a number becomes part of the number.
    fn signed(&mut self, negative: bool, start: usize, operand: NodeId) -> NodeId {
        let node = &mut self.nodes[operand.0];
        if let ExprKind::Number(number) = &mut node.kind {
            if negative {
                number.value = -number.value;
            }
            node.span.start = start;
            return operand;
        }
        let (span, value_type) = (Span::new(start, node.span.end), node.value_type);
        self.push(span, ExprKind::Unary { negative, operand }, value_type)
    }
}
