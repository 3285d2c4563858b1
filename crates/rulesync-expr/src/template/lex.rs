//! Splits a template into tokens, one at a time, because the meaning of a token depends on the enclosing action.

use super::fault::Fault;
use super::letters::is_part_of_name;
use super::token::{Token, TokenKind};
use crate::span::Span;

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const COMMENT: &str = "/*";
const COMMENT_END: &str = "*/";

/// The length of a trim marker: a `-` and one white space character.
const TRIM_MARKER: usize = 2;

/// The white space characters of templates.
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// The offset of the `{{` of the current action.
    action: Option<usize>,
    /// The offsets of the open parentheses in the current action.
    parens: Vec<usize>,
    /// The error that ended lexing, and its position.
    fault: Option<(Fault, Span)>,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, action: None, parens: Vec::new(), fault: None }
    }

    /// Returns the error of a [`TokenKind::Error`] token.
    pub(super) fn fault(&self) -> Option<&(Fault, Span)> {
        self.fault.as_ref()
    }

    pub(super) fn next(&mut self) -> Token {
        if self.fault.is_some() {
            return self.token(TokenKind::Error, self.at);
        }
        match self.action {
            Some(action) => self.inside(action),
            None => self.outside(),
        }
    }

    /// Creates a token that ends at the current position.
    fn token(&self, kind: TokenKind, start: usize) -> Token {
        Token { kind, span: Span::new(start, self.at) }
    }

    /// Records an error at `span`, and returns the last token, which begins at `start`.
    fn fail(&mut self, start: usize, fault: Fault, span: Span) -> Token {
        self.fault = Some((fault, span));
        self.at = start;
        self.token(TokenKind::Error, start)
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_while(&mut self, holds: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !holds(c)).unwrap_or(rest.len());
    }

    fn skip_one_of(&mut self, chars: &[u8]) -> bool {
        let found = self.rest().as_bytes().first().is_some_and(|byte| chars.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn outside(&mut self) -> Token {
        loop {
            let start = self.at;
            let Some(length) = self.rest().find(LEFT) else {
                self.at = self.text.len();
                let kind = if self.at > start { TokenKind::Text } else { TokenKind::Eof };
                return self.token(kind, start);
            };
            let before = &self.rest()[..length];
            self.at += length;
            let trims = trims_before(&self.rest()[LEFT.len()..]);
            let kept = if trims { before.trim_end_matches(SPACES) } else { before };
            if !kept.is_empty() {
                return Token { kind: TokenKind::Text, span: Span::new(start, start + kept.len()) };
            }
            let delimiter = self.at;
            self.at += LEFT.len() + if trims { TRIM_MARKER } else { 0 };
            if !self.rest().starts_with(COMMENT) {
                self.action = Some(delimiter);
                self.parens.clear();
                return self.token(TokenKind::LeftDelimiter, delimiter);
            }
            if let Some(error) = self.skip_comment() {
                return error;
            }
        }
    }

    /// Skips a comment and the end of its action, or returns an error token.
    fn skip_comment(&mut self) -> Option<Token> {
        let start = self.at;
        let opening = Span::new(start, start + COMMENT.len());
        let inside = &self.rest()[COMMENT.len()..];
        let Some(length) = inside.find(COMMENT_END) else {
            return Some(self.fail(start, Fault::UnclosedComment, opening));
        };
        self.at += COMMENT.len() + length + COMMENT_END.len();
        let Some(trims) = self.right_delimiter() else {
            return Some(self.fail(start, Fault::CommentWithoutEnd, opening));
        };
        self.skip_right_delimiter(trims);
        None
    }

    /// Checks for the end of an action here; the value is `true` if it trims the following text.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if rest.starts_with(RIGHT) {
            return Some(false);
        }
        trims_after(rest).then_some(true)
    }

    /// Skips the end of an action, and returns the span of the `}}`.
    fn skip_right_delimiter(&mut self, trims: bool) -> Span {
        if trims {
            self.at += TRIM_MARKER;
        }
        let start = self.at;
        self.at += RIGHT.len();
        let span = Span::new(start, self.at);
        if trims {
            self.skip_while(is_space);
        }
        self.action = None;
        span
    }

    fn inside(&mut self, action: usize) -> Token {
        let start = self.at;
        if let Some(trims) = self.right_delimiter() {
            if let Some(&paren) = self.parens.last() {
                return self.fail(start, Fault::UnclosedParen, Span::new(paren, paren + 1));
            }
            return Token { kind: TokenKind::RightDelimiter, span: self.skip_right_delimiter(trims) };
        }
        let Some(c) = self.peek() else {
            return self.fail(start, Fault::UnclosedAction, Span::new(action, action + LEFT.len()));
        };
        self.at += c.len_utf8();
        let here = Span::new(start, self.at);
        match c {
            _ if is_space(c) => self.space(start),
            '=' => self.token(TokenKind::Assign, start),
            ':' if self.skip_one_of(b"=") => self.token(TokenKind::Declare, start),
            ':' => self.fail(start, Fault::ColonWithoutEquals, here),
            '|' => self.token(TokenKind::Pipe, start),
            '"' => self.quoted(start, '"', TokenKind::String, Fault::UnterminatedString),
            '\'' => self.quoted(start, '\'', TokenKind::Character, Fault::UnterminatedCharacter),
            '`' => match self.rest().find('`') {
                Some(length) => {
                    self.at += length + 1;
                    self.token(TokenKind::RawString, start)
                }
                None => self.fail(start, Fault::UnterminatedRawString, here),
            },
            '$' => self.prefixed_name(start, TokenKind::Variable, TokenKind::Variable),
            '.' if self.peek().is_some_and(|next| !next.is_ascii_digit()) => {
                self.prefixed_name(start, TokenKind::Field, TokenKind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.at = start;
                self.number()
            }
            _ if is_part_of_name(c) => {
                self.skip_while(is_part_of_name);
                match self.misplaced_character(start) {
                    Some(error) => error,
                    None => self.token(TokenKind::of_name(&self.text[start..self.at]), start),
                }
            }
            '(' => {
                self.parens.push(start);
                self.token(TokenKind::LeftParen, start)
            }
            ')' => match self.parens.pop() {
                Some(_) => self.token(TokenKind::RightParen, start),
                None => self.fail(start, Fault::UnopenedParen, here),
            },
            '!'..='~' => self.token(TokenKind::Other, start),
            _ => self.fail(start, Fault::UnknownCharacter(c), here),
        }
    }

    /// Reads white space, whose last character may belong to a trim marker.
    fn space(&mut self, start: usize) -> Token {
        self.skip_while(is_space);
        let last = self.at - 1;
        if trims_after(&self.text[last..]) {
            self.at = last;
        }
        self.token(TokenKind::Space, start)
    }

    /// Reads a name after the `$` or `.` at `start`, or that character alone.
    fn prefixed_name(&mut self, start: usize, name: TokenKind, alone: TokenKind) -> Token {
        if self.at_name_end() {
            return self.token(alone, start);
        }
        self.skip_while(is_part_of_name);
        self.misplaced_character(start).unwrap_or_else(|| self.token(name, start))
    }

    /// Returns an error token if the character after a name is not allowed there.
    fn misplaced_character(&mut self, start: usize) -> Option<Token> {
        let c = self.peek().filter(|_| !self.at_name_end())?;
        let span = Span::new(self.at, self.at + c.len_utf8());
        Some(self.fail(start, Fault::MisplacedCharacter(c), span))
    }

    fn at_name_end(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(RIGHT),
        }
    }

    /// Reads a literal up to its closing quote; `literal` checks its escapes.
    fn quoted(&mut self, start: usize, quote: char, kind: TokenKind, unterminated: Fault) -> Token {
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '\n' => break,
                '\\' if matches!(chars.next(), None | Some((_, '\n'))) => break,
                _ if c == quote => {
                    self.at += offset + 1;
                    return self.token(kind, start);
                }
                _ => {}
            }
        }
        self.fail(start, unterminated, Span::new(start, start + 1))
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        let mut valid = self.skip_number();
        let mut kind = TokenKind::Number;
        if valid && matches!(self.peek(), Some('+' | '-')) {
            kind = TokenKind::Complex;
            valid = self.skip_number() && self.text[..self.at].ends_with('i');
        }
        if valid {
            return self.token(kind, start);
        }
        let number = &self.text[start..self.at];
        self.fail(start, Fault::BadNumber(number.to_owned()), Span::new(start, start + number.len()))
    }

    /// Skips a sequence that looks like a number, and returns whether it ends like one.
    fn skip_number(&mut self) -> bool {
        self.skip_one_of(b"+-");
        let decimal: fn(char) -> bool = |c| c.is_ascii_digit() || c == '_';
        let (mut digits, mut exponent) = (decimal, b"eE".as_slice());
        if self.skip_one_of(b"0") {
            if self.skip_one_of(b"xX") {
                (digits, exponent) = (|c: char| c.is_ascii_hexdigit() || c == '_', b"pP");
            } else if self.skip_one_of(b"oO") {
                (digits, exponent) = (|c: char| matches!(c, '0'..='7' | '_'), b"");
            } else if self.skip_one_of(b"bB") {
                (digits, exponent) = (|c: char| matches!(c, '0' | '1' | '_'), b"");
            }
        }
        self.skip_while(digits);
        if self.skip_one_of(b".") {
            self.skip_while(digits);
        }
        if self.skip_one_of(exponent) {
            self.skip_one_of(b"+-");
            self.skip_while(decimal);
        }
        self.skip_one_of(b"i");
        match self.peek() {
            Some(c) if is_part_of_name(c) => {
                self.at += c.len_utf8();
                false
            }
            _ => true,
        }
    }
}

fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

/// Returns `true` if `text`, which follows a `{{`, trims the text before the action.
fn trims_before(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-', space, ..] if is_space(char::from(*space)))
}

/// Returns `true` if `text` begins with the end of an action that trims the text after it.
fn trims_after(text: &str) -> bool {
    matches!(text.as_bytes(), [space, b'-', b'}', b'}', ..] if is_space(char::from(*space)))
}
