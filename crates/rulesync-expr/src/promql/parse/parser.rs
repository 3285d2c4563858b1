//! The state of the parser, and its steps from token to token.

use super::frame::Frame;
use crate::error::{ErrorKind, ParseError};
use crate::promql::ast::{ExprKind, Node, NodeId};
use crate::promql::feature::{Feature, Use};
use crate::promql::lex::Lexer;
use crate::promql::literal;
use crate::promql::options::Options;
use crate::promql::token::{Token, TokenKind};
use crate::promql::value_type::ValueType;
use crate::span::Span;

pub(super) type Result<T> = std::result::Result<T, ParseError>;

/// A parser of one expression.
pub(super) struct Parser<'a> {
    pub(super) input: &'a str,
    pub(super) options: Options,
    pub(super) lexer: Lexer<'a>,
    /// The current token.
    pub(super) token: Token,
    /// The end of the last consumed token, in bytes.
    pub(super) last_end: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) features: Vec<Use>,
    /// The constructs that still need an operand or a closing parenthesis, outermost first.
    pub(super) frames: Vec<Frame>,
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

    /// Consumes a number or a duration and returns its value.
    pub(super) fn number(&mut self) -> Result<f64> {
        let Token { kind, span } = self.token;
        let text = span.text(self.input);
        let value = if kind == TokenKind::Duration { literal::duration(text) } else { literal::number(text) };
        let value = value.map_err(|message| self.syntax(span, message))?;
        self.advance();
        Ok(value)
    }

    pub(super) fn push(&mut self, span: Span, kind: ExprKind, value_type: ValueType) -> NodeId {
        self.nodes.push(Node { span, kind, value_type });
        NodeId(self.nodes.len() - 1)
    }

    pub(super) fn span_of(&self, node: NodeId) -> Span {
        self.nodes[node.0].span
    }

    /// Advances to the next token.
    pub(super) fn advance(&mut self) {
        self.last_end = self.token.span.end;
        self.token = self.lexer.next_token();
    }

    /// Consumes the current token if it is of the given kind.
    pub(super) fn accept(&mut self, kind: TokenKind) -> bool {
        let found = self.token.kind == kind;
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn syntax(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(ErrorKind::Syntax, self.input, span, message)
    }

    /// Records the use of a feature, or returns the server's error if the options disable it.
    pub(super) fn uses(
        &mut self,
        feature: Feature,
        span: Span,
        message: impl FnOnce() -> String,
    ) -> Result<()> {
        if self.options.experimental {
            self.features.push((feature, span));
            return Ok(());
        }
        Err(ParseError::new(ErrorKind::Disabled, self.input, span, message()))
    }

    /// The error for an unexpected current token in `context`, where `expected` is valid. Either may be empty.
    pub(super) fn unexpected(&mut self, context: &str, expected: &str) -> ParseError {
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
    pub(super) fn unexpected_here(&mut self) -> ParseError {
        let aggregates = self.frames.iter().any(|frame| matches!(frame, Frame::Aggregate { .. }));
        self.unexpected(if aggregates { "aggregation" } else { "" }, "")
    }
}
