//! A place among the tokens, and how reading goes on after an error.

use super::error::SyntaxError;
use super::position::Position;
use super::token::{Symbol, Token, TokenKind};

/// How deep blocks and expressions may be in each other. No configuration is nearly as deep, and each level takes some of
/// the stack.
pub(super) const MAX_DEPTH: usize = 100;

/// An error was recorded, and the statement cannot be read on.
#[derive(Debug)]
pub(super) struct Failed;

/// A place among the tokens.
pub(super) struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
    errors: Vec<SyntaxError>,
    /// Whether reading goes on, after an error, at the first column: at what cannot be within a block that is left open.
    resumed_at_margin: bool,
}

impl<'a> Cursor<'a> {
    /// Begins at the first token.
    pub(super) fn new(tokens: &'a [Token], errors: Vec<SyntaxError>) -> Self {
        Self { tokens, at: 0, errors, resumed_at_margin: false }
    }

    pub(super) fn into_errors(self) -> Vec<SyntaxError> {
        self.errors
    }

    /// The number of the next token.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn resumed_at_margin(&self) -> bool {
        self.resumed_at_margin
    }

    pub(super) fn begin_statement(&mut self) {
        self.resumed_at_margin = false;
    }

    /// The next token. The last one is the end, which is never passed.
    pub(super) fn kind(&self) -> &TokenKind {
        self.tokens.get(self.at).map_or(&TokenKind::End, |token| &token.kind)
    }

    pub(super) fn position(&self) -> Position {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        token.map_or(Position { file: 0, line: 1, column: 1 }, |token| token.position)
    }

    /// The position of the token that was passed last.
    pub(super) fn last_position(&self) -> Position {
        self.tokens.get(self.at.saturating_sub(1)).map_or_else(|| self.position(), |token| token.position)
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
    }

    pub(super) fn is(&self, symbol: Symbol) -> bool {
        *self.kind() == TokenKind::Symbol(symbol)
    }

    /// Passes a symbol if it is next.
    pub(super) fn take(&mut self, symbol: Symbol) -> bool {
        let found = self.is(symbol);
        if found {
            self.advance();
        }
        found
    }

    /// Passes a symbol, which must be next.
    pub(super) fn expect(&mut self, symbol: Symbol) -> Result<(), Failed> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected(&symbol.to_string())) }
    }

    /// Records that something else is expected here.
    pub(super) fn unexpected(&mut self, expected: &str) -> Failed {
        let message = format!("expected {expected}, found {}", self.kind());
        self.fail(message)
    }

    /// Records an error here.
    pub(super) fn fail(&mut self, message: impl Into<String>) -> Failed {
        self.error(SyntaxError { position: self.position(), message: message.into() });
        Failed
    }

    pub(super) fn error(&mut self, error: SyntaxError) {
        self.errors.push(error);
    }

    /// Goes on behind the statement that begins at `start` and is in error here: at the end of a line that is in no
    /// brackets, before a brace that closes the block around, or at what looks like a block at the first column.
    pub(super) fn resume(&mut self, start: usize) {
        // A brace that closes the block around closes whatever brackets are left open before it.
        let (mut braces, mut brackets) = (0_usize, 0_usize);
        let failed = self.at;
        self.at = start;
        loop {
            let beyond = self.at > failed || (self.at == failed && self.at > start);
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Terminator if beyond && braces + brackets == 0 => return,
                TokenKind::Symbol(Symbol::OpenBrace) => braces += 1,
                TokenKind::Symbol(Symbol::OpenBracket | Symbol::OpenParenthesis) => brackets += 1,
                TokenKind::Symbol(Symbol::CloseBracket | Symbol::CloseParenthesis) => {
                    brackets = brackets.saturating_sub(1);
                }
                TokenKind::Symbol(Symbol::CloseBrace) if braces == 0 && self.at > start => return,
                TokenKind::Symbol(Symbol::CloseBrace) => braces = braces.saturating_sub(1),
                TokenKind::Identifier(_) if beyond && self.looks_like_a_block_at_the_margin() => {
                    self.resumed_at_margin = true;
                    return;
                }
                _ => {}
            }
            self.advance();
        }
    }

    fn looks_like_a_block_at_the_margin(&self) -> bool {
        let mut following = self.tokens[self.at..].iter();
        if !following.next().is_some_and(|token| token.at_margin) {
            return false;
        }
        for token in following {
            match token.kind {
                TokenKind::Identifier(_) | TokenKind::Symbol(Symbol::Dot) | TokenKind::String { .. } => {}
                TokenKind::Symbol(Symbol::OpenBrace) => return true,
                _ => return false,
            }
        }
        false
    }
}
