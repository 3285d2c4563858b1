//! The parser, which builds the syntax tree. It uses an explicit stack instead of recursion, so that no input can
//! exhaust the thread's stack. `check` checks types.

mod binary;
mod close;
mod duration;
mod modifier;
mod selector;

use super::Options;
use super::ast::{Expr, ExprKind, Node, NodeId, NumberLiteral, ValueType};
use super::feature::{Feature, Use};
use super::lex::Lexer;
use super::literal;
use super::operator::{Aggregator, BinaryOp, Precedence};
use super::token::{Keyword, Token, TokenKind};
use crate::error::{ErrorKind, ParseError};
use crate::span::Span;
use binary::Operation;
use close::Clause;

type Result<T> = std::result::Result<T, ParseError>;

/// A parser of one expression.
pub(super) struct Parser<'a> {
    input: &'a str,
    options: Options,
    lexer: Lexer<'a>,
    /// The current token.
    token: Token,
    /// The end of the last consumed token, in bytes.
    last_end: usize,
    nodes: Vec<Node>,
    features: Vec<Use>,
    /// The constructs that still need an operand or a closing parenthesis, outermost first.
    frames: Vec<Frame>,
}

/// An incomplete construct.
enum Frame {
    /// A sign without its operand.
    Sign { negative: bool, start: usize },
    /// A binary operation without its right operand.
    Binary { lhs: NodeId, operation: Operation },
    /// An open parenthesis.
    Paren { start: usize },
    /// A call whose arguments are being parsed.
    Call { name: Span, args: Vec<NodeId> },
    /// An aggregation whose arguments are being parsed.
    Aggregate { op: Aggregator, clause: Clause, args: Vec<NodeId> },
}

impl<'a> Parser<'a> {
    pub(super) fn new(input: &'a str, options: Options) -> Self {
        let mut lexer = Lexer::new(input);
        let token = lexer.next_token();
        Self {
            input,
            options,
            lexer,
            token,
            last_end: 0,
            nodes: Vec::with_capacity(8),
            features: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Parses the whole input. The parser alternates between two states: before and after an operand.
    pub(super) fn parse(mut self) -> Result<Expr> {
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

    /// Consumes a number or a duration and returns its value.
    fn number(&mut self) -> Result<f64> {
        let Token { kind, span } = self.token;
        let text = span.text(self.input);
        let value = if kind == TokenKind::Duration { literal::duration(text) } else { literal::number(text) };
        let value = value.map_err(|message| self.syntax(span, message))?;
        self.advance();
        Ok(value)
    }

    fn push(&mut self, span: Span, kind: ExprKind, value_type: ValueType) -> NodeId {
        self.nodes.push(Node { span, kind, value_type });
        NodeId(self.nodes.len() - 1)
    }

    fn span_of(&self, node: NodeId) -> Span {
        self.nodes[node.0].span
    }

    /// Advances to the next token.
    fn advance(&mut self) {
        self.last_end = self.token.span.end;
        self.token = self.lexer.next_token();
    }

    /// Consumes the current token if it is of the given kind.
    fn accept(&mut self, kind: TokenKind) -> bool {
        let found = self.token.kind == kind;
        if found {
            self.advance();
        }
        found
    }

    fn syntax(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(ErrorKind::Syntax, self.input, span, message)
    }

    /// Records the use of a feature, or returns the server's error if the options disable it.
    fn uses(&mut self, feature: Feature, span: Span, message: impl FnOnce() -> String) -> Result<()> {
        if self.options.experimental {
            self.features.push((feature, span));
            return Ok(());
        }
        Err(ParseError::new(ErrorKind::Disabled, self.input, span, message()))
    }

    /// The error for an unexpected current token in `context`, where `expected` is valid. Either may be empty.
    fn unexpected(&mut self, context: &str, expected: &str) -> ParseError {
        if let Some(error) = self.lexer.take_error() {
            return error;
        }
        let Token { kind, span } = self.token;
        let mut message = format!("unexpected {}", kind.describe(span.text(self.input)));
        for (before, part) in [(" in ", context), (", expected ", expected)] {
            if !part.is_empty() {
                message.push_str(before);
                message.push_str(part);
            }
        }
        self.syntax(span, message)
    }

    /// The error for an unexpected current token in an expression. Prometheus mentions an enclosing aggregation.
    fn unexpected_here(&mut self) -> ParseError {
        let aggregates = self.frames.iter().any(|frame| matches!(frame, Frame::Aggregate { .. }));
        self.unexpected(if aggregates { "aggregation" } else { "" }, "")
    }
}
