//! The state of the parser, and its steps from token to token.

use super::frame::Frame;
use crate::error::ParseError;
use crate::logql::ast::{ExprKind, Node, NodeId};
use crate::logql::lex::Lexer;
use crate::logql::literal;
use crate::logql::pipeline::Text;
use crate::logql::token::{Token, TokenKind};
use crate::logql::wording::syntax_error;
use crate::span::Span;

pub(super) type Result<T> = std::result::Result<T, ParseError>;

/// A parser of one expression.
pub(super) struct Parser<'a> {
    pub(super) input: &'a str,
    pub(super) lexer: Lexer<'a>,
    /// The current token.
    pub(super) token: Token,
    /// The end of the last consumed token, in bytes.
    pub(super) last_end: usize,
    pub(super) nodes: Vec<Node>,
    /// For each node, `true` if it evaluates to log lines, ignoring parentheses.
    pub(super) logs: Vec<bool>,
    /// The constructs that still need an operand or a closing parenthesis, outermost first.
    pub(super) frames: Vec<Frame>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        let mut lexer = Lexer::new(input);
        let token = lexer.next_token();
        Self { input, lexer, token, last_end: 0, nodes: Vec::new(), logs: Vec::new(), frames: Vec::new() }
    }

    /// Consumes a string literal.
    pub(super) fn text(&mut self, expected: &[&str]) -> Result<Text> {
        let span = self.token.span;
        self.expect(TokenKind::String, expected)?;
        Ok(Text { value: literal::string(span.text(self.input)), span })
    }

    /// Consumes a name.
    pub(super) fn name(&mut self, expected: &[&str]) -> Result<String> {
        let span = self.token.span;
        self.expect(TokenKind::Identifier, expected)?;
        Ok(span.text(self.input).to_owned())
    }

    pub(super) fn push(&mut self, span: Span, kind: ExprKind) -> NodeId {
        self.logs.push(matches!(kind, ExprKind::Log(_)));
        self.nodes.push(Node { span, kind });
        NodeId(self.nodes.len() - 1)
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

    /// Consumes the current token, which must be of the given kind.
    pub(super) fn expect(&mut self, kind: TokenKind, expected: &[&str]) -> Result<()> {
        if self.accept(kind) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// The error for an unexpected current token. `expected` is empty if more than four tokens are valid.
    pub(super) fn unexpected(&mut self, expected: &[&str]) -> ParseError {
        if let Some(error) = self.lexer.take_error() {
            return error;
        }
        let Token { kind, span, line_lost } = self.token;
        let mut message = format!("syntax error: unexpected {}", kind.describe(span.text(self.input)));
        if !expected.is_empty() {
            message.push_str(", expecting ");
            message.push_str(&expected.join(" or "));
        }
        syntax_error(self.input, span, line_lost, message)
    }
}
