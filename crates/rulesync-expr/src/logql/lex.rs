//! The LogQL lexer. It produces tokens on demand, so that the first error found is the first one in source order.
//! Loki uses Go's scanner for Go source, hence Go's comments, Go's numbers and identifiers of any letters. `literal`
//! evaluates literals.

use super::literal;
use super::operator::LineFilterOp;
use super::token::{Token, TokenKind, function, reserved};
use super::wording::syntax_error;
use crate::error::ParseError;
use crate::promql::BinaryOp;
use crate::span::Span;

/// The flags of `logfmt`.
pub(super) const STRICT: &str = "--strict";
/// See [`STRICT`].
pub(super) const KEEP_EMPTY: &str = "--keep-empty";

/// A cursor over the input.
pub(super) struct Lexer<'a> {
    input: &'a str,
    /// Start of the token being read.
    start: usize,
    pos: usize,
    line_lost: bool,
    error: Option<ParseError>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        let pos = if input.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { input, start: pos, pos, line_lost: false, error: None }
    }

    /// The error of the last `TokenKind::Error`.
    pub(super) fn take_error(&mut self) -> Option<ParseError> {
        self.error.take()
    }

    /// The next token. Tokens after an `Error` or `Eof` are meaningless.
    pub(super) fn next_token(&mut self) -> Token {
        self.line_lost = false;
        let kind = if self.skip_blanks() { self.token() } else { TokenKind::Error };
        Token { kind, span: Span::new(self.start, self.pos), line_lost: self.line_lost }
    }

    /// Skips to the start of the next token; returns `false` on an invalid comment.
    fn skip_blanks(&mut self) -> bool {
        loop {
            let rest = &self.input[self.pos..];
            self.start = self.pos;
            match rest.as_bytes() {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => self.pos += 1,
                [b'#', ..] | [b'/', b'/', ..] => {
                    let comment = rest.split('\n').next().unwrap_or_default();
                    self.pos += comment.len();
                    // Parsers differ in whether it ends the comment, so it could hide a part of the expression.
                    if comment.trim_end_matches('\r').contains('\r') {
                        self.fail("carriage return within a comment");
                        return false;
                    }
                }
                [b'/', b'*', ..] => match rest[2..].find("*/") {
                    Some(length) => self.pos += length + 4,
                    None => {
                        self.fail("comment not terminated");
                        return false;
                    }
                },
                _ => return true,
            }
        }
    }

    fn token(&mut self) -> TokenKind {
        let Some(c) = self.next_char() else { return TokenKind::Eof };
        match c {
            c if is_name_start(c) => self.word(),
            '0'..='9' => self.number(),
            '.' if self.peek().is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
            '"' => self.string(),
            '`' => self.raw_string(),
            '\'' => self.char_literal(),
            '[' => self.range(),
            '-' => self.minus(),
            '\0' => self.fail("invalid character NUL"),
            '.' => TokenKind::Dot,
            ',' => TokenKind::Comma,
            '{' => TokenKind::LeftBrace,
            '}' => TokenKind::RightBrace,
            '(' => TokenKind::LeftParen,
            ')' => TokenKind::RightParen,
            ']' => TokenKind::RightBracket,
            '+' => TokenKind::Operator(BinaryOp::Add),
            '*' => TokenKind::Operator(BinaryOp::Mul),
            '/' => TokenKind::Operator(BinaryOp::Div),
            '%' => TokenKind::Operator(BinaryOp::Mod),
            '^' => TokenKind::Operator(BinaryOp::Pow),
            '=' if self.accept_second(b'=') => TokenKind::Operator(BinaryOp::Equal),
            '=' if self.accept_second(b'~') => TokenKind::EqualRegex,
            '=' => TokenKind::Equal,
            '!' if self.accept_second(b'=') => TokenKind::Operator(BinaryOp::NotEqual),
            '!' if self.accept_second(b'~') => TokenKind::NotRegex,
            '!' if self.accept_second(b'>') => TokenKind::LineFilter(LineFilterOp::NotPattern),
            '|' if self.accept_second(b'=') => TokenKind::LineFilter(LineFilterOp::Contains),
            '|' if self.accept_second(b'~') => TokenKind::LineFilter(LineFilterOp::Regex),
            '|' if self.accept_second(b'>') => TokenKind::LineFilter(LineFilterOp::Pattern),
            '|' => TokenKind::Pipe,
            '>' if self.accept_second(b'=') => TokenKind::Operator(BinaryOp::GreaterOrEqual),
            '>' => TokenKind::Operator(BinaryOp::Greater),
            '<' if self.accept_second(b'=') => TokenKind::Operator(BinaryOp::LessOrEqual),
            '<' => TokenKind::Operator(BinaryOp::Less),
            // Loki treats unknown characters as identifiers.
            _ => TokenKind::Identifier,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.pos).copied()
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.input.get(self.pos..)?.chars().next()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = &self.input[self.pos..];
        self.pos += rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    }

    /// Consumes the second character of an operator, if it is `wanted`.
    fn accept_second(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.pos += usize::from(found);
        self.line_lost |= found;
        found
    }

    /// Fails at the start of the current token.
    fn fail(&mut self, message: impl Into<String>) -> TokenKind {
        let span = Span::new(self.start, self.input.len());
        self.error = Some(syntax_error(self.input, span, self.line_lost, message));
        TokenKind::Error
    }

    fn word(&mut self) -> TokenKind {
        self.skip_while(|c| is_name_start(c) || c.is_numeric());
        let word = self.input[self.start..self.pos].to_ascii_lowercase();
        let called = function(&word).filter(|_| self.is_called());
        called.or_else(|| reserved(&word)).unwrap_or(TokenKind::Identifier)
    }

    /// Returns `true` if arguments or a grouping follow.
    fn is_called(&self) -> bool {
        let rest = self.input[self.pos..].trim_start().as_bytes();
        let begins = |word: &[u8]| rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        begins(b"(") || begins(b"by") || begins(b"without")
    }

    /// Reads a number, a duration or a size, depending on the unit.
    fn number(&mut self) -> TokenKind {
        self.pos = self.start;
        let problem = self.scan_number();
        let rest = &self.input[self.pos..];
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let duration_len = duration_length(rest);
        if literal::is_size_unit(&rest[..letters]) && duration_len < letters {
            self.pos += letters;
            self.line_lost = true;
            return TokenKind::Bytes;
        }
        if let Some(problem) = problem {
            return self.fail(problem);
        }
        if duration_len > 0 && literal::duration(&self.input[self.start..self.pos + duration_len]).is_ok() {
            self.pos += duration_len;
            self.line_lost = true;
            return TokenKind::Duration;
        }
        TokenKind::Number
    }

    /// Reads a number as Go's scanner does, and returns Go's error if it is malformed.
    fn scan_number(&mut self) -> Option<&'static str> {
        let is_digit = |c: char| c.is_ascii_digit() || c == '_';
        let bytes = &self.input.as_bytes()[self.pos..];
        if let [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', next, ..] = bytes
            && next.is_ascii_hexdigit()
        {
            self.pos += 2;
            self.skip_while(|c| c.is_ascii_hexdigit() || c == '_');
            return None;
        }
        self.skip_while(is_digit);
        let whole = &self.input[self.start..self.pos];
        let bad_octal = whole.len() > 1 && whole.starts_with('0') && whole.contains(['8', '9']);
        let mut is_float = false;
        if self.peek() == Some(b'.') {
            is_float = true;
            self.pos += 1;
            self.skip_while(is_digit);
        }
        if let Some(b'e' | b'E') = self.peek() {
            let exponent = &self.input.as_bytes()[self.pos + 1..];
            let sign = usize::from(matches!(exponent.first(), Some(b'+' | b'-')));
            if !exponent.get(sign).is_some_and(u8::is_ascii_digit) {
                return Some("exponent has no digits");
            }
            is_float = true;
            self.pos += 1 + sign;
            self.skip_while(is_digit);
        }
        (bad_octal && !is_float).then_some("invalid digit in octal literal")
    }

    /// Reads a minus, a negative duration or a flag.
    fn minus(&mut self) -> TokenKind {
        let rest = &self.input[self.start..];
        for flag in [STRICT, KEEP_EMPTY] {
            if let Some(tail) = rest.strip_prefix(flag)
                && !tail.starts_with(is_name_start)
            {
                self.pos = self.start + flag.len();
                self.line_lost = true;
                return TokenKind::Flag;
            }
        }
        let length = 1 + duration_length(&rest[1..]);
        let has_unit = rest[..length].ends_with(char::is_alphabetic);
        if has_unit && literal::duration(&rest[..length]).is_ok() {
            self.pos = self.start + length;
            self.line_lost = true;
            return TokenKind::Duration;
        }
        TokenKind::Operator(BinaryOp::Sub)
    }

    /// Reads up to the closing bracket; the content has to be a duration.
    fn range(&mut self) -> TokenKind {
        self.line_lost = true;
        let body = self.pos;
        let Some(length) = self.input[body..].find(']') else {
            return self.fail("missing closing ']' in duration");
        };
        self.pos = body + length + 1;
        match literal::duration(&self.input[body..body + length]) {
            Ok(_) => TokenKind::Range,
            Err(message) => self.fail(message),
        }
    }

    fn string(&mut self) -> TokenKind {
        match self.quoted('"') {
            Ok(_) => TokenKind::String,
            Err(message) => self.fail(message),
        }
    }

    /// Reads a Go character literal, which has no meaning in LogQL.
    fn char_literal(&mut self) -> TokenKind {
        match self.quoted('\'') {
            Ok(1) => TokenKind::Identifier,
            Ok(_) => self.fail("invalid char literal"),
            Err(message) => self.fail(message),
        }
    }

    /// Reads up to the closing quote, and returns the number of characters before it.
    fn quoted(&mut self, quote: char) -> Result<usize, &'static str> {
        let mut count = 0;
        loop {
            match self.next_char() {
                Some('\\') => self.escape(quote)?,
                None | Some('\n') => return Err("literal not terminated"),
                Some(c) if c == quote => return Ok(count),
                Some(_) => {}
            }
            count += 1;
        }
    }

    /// Checks the escape sequence after a backslash.
    fn escape(&mut self, quote: char) -> Result<(), &'static str> {
        const INVALID: &str = "invalid char escape";
        let (digits, radix, largest) = match self.next_char() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(c) if c == quote => return Ok(()),
            Some('0'..='7') => {
                self.pos -= 1;
                (3, 8, 255)
            }
            Some('x') => (2, 16, 255),
            Some('u') => (4, 16, u32::from(char::MAX)),
            Some('U') => (8, 16, u32::from(char::MAX)),
            _ => return Err(INVALID),
        };
        let code = self.input.get(self.pos..self.pos + digits).ok_or(INVALID)?;
        if !code.bytes().all(|byte| char::from(byte).is_digit(radix)) {
            return Err(INVALID);
        }
        self.pos += digits;
        let value = u32::from_str_radix(code, radix).map_err(|_| INVALID)?;
        // Go's scanner accepts these, but unquoting rejects them.
        if value > largest || (0xd800..0xe000).contains(&value) { Err("invalid syntax") } else { Ok(()) }
    }

    fn raw_string(&mut self) -> TokenKind {
        match self.input[self.pos..].find('`') {
            Some(length) => {
                self.pos += length + 1;
                TokenKind::String
            }
            None => self.fail("literal not terminated"),
        }
    }
}

/// The length of the prefix of `text` that could be a duration or the rest of one, in bytes.
fn duration_length(text: &str) -> usize {
    let continues = |c: char| {
        c.is_ascii_digit() || matches!(c, '.' | 'n' | 's' | 'u' | 'm' | 'h' | 'µ' | 'μ' | 'd' | 'w' | 'y')
    };
    text.find(|c| !continues(c)).unwrap_or(text.len())
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}
