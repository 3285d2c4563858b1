//! The PromQL lexer. It produces tokens on demand, so that the first error found is the first one in source order,
//! regardless of whether the lexer or the parser finds it. `literal` evaluates literals.

use super::operator::BinaryOp;
use super::token::{Keyword, Token, TokenKind};
use crate::error::{ErrorKind, ParseError};
use crate::quote::{code_point, quoted, quoted_char};
use crate::span::Span;

/// The lexical context; the same characters have different meanings in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Expression,
    /// Between `{` and `}`.
    Braces,
    /// After `[`, until the first number.
    Duration,
    /// After `[` and a number, until `]`.
    Brackets,
}

/// A cursor over the input.
pub(super) struct Lexer<'a> {
    input: &'a str,
    /// Start of the token being read.
    start: usize,
    pos: usize,
    mode: Mode,
    open_parens: usize,
    seen_colon: bool,
    error: Option<ParseError>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self {
            input,
            start: 0,
            pos: 0,
            mode: Mode::Expression,
            open_parens: 0,
            seen_colon: false,
            error: None,
        }
    }

    /// The error of the last `TokenKind::Error`.
    pub(super) fn take_error(&mut self) -> Option<ParseError> {
        self.error.take()
    }

    /// The next token. Tokens after an `Error` or `Eof` are meaningless.
    pub(super) fn next_token(&mut self) -> Token {
        self.skip_blanks();
        self.start = self.pos;
        let kind = match self.mode {
            Mode::Braces => self.in_braces(),
            Mode::Duration => self.in_duration(),
            Mode::Expression | Mode::Brackets => self.in_expression(),
        };
        Token { kind, span: Span::new(self.start, self.pos) }
    }

    fn skip_blanks(&mut self) {
        let bytes = self.input.as_bytes();
        loop {
            match bytes.get(self.pos) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos += 1,
                Some(b'#') if self.mode != Mode::Duration => {
                    let rest = &bytes[self.pos..];
                    let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.pos += length.unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.pos).copied()
    }

    fn peek_char(&self) -> Option<char> {
        self.input.get(self.pos..)?.chars().next()
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.peek_char()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.pos += usize::from(found);
        found
    }

    fn accept_if(&mut self, wanted: impl FnOnce(u8) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        self.pos += usize::from(found);
        found
    }

    /// Fails at the start of the current token.
    fn fail(&mut self, message: impl Into<String>) -> TokenKind {
        self.fail_at(self.start, message)
    }

    fn fail_at(&mut self, start: usize, message: impl Into<String>) -> TokenKind {
        let span = Span::new(start, self.input.len());
        self.error = Some(ParseError::new(ErrorKind::Syntax, self.input, span, message));
        TokenKind::Error
    }

    fn in_expression(&mut self) -> TokenKind {
        let in_brackets = self.mode == Mode::Brackets;
        let Some(c) = self.next_char() else {
            return match (self.open_parens, in_brackets) {
                (0, false) => TokenKind::Eof,
                (0, true) => self.fail("unclosed left bracket"),
                _ => self.fail("unclosed left parenthesis"),
            };
        };
        match c {
            'a'..='z' | 'A'..='Z' | '_' | ':' if in_brackets => self.word_in_brackets(c),
            'a'..='z' | 'A'..='Z' | '_' | ':' => self.word(),
            '0'..='9' => self.number_or_duration(),
            '.' if self.peek().is_some_and(|byte| byte.is_ascii_digit()) => self.number_or_duration(),
            '"' | '\'' => self.string(c),
            '`' => self.raw_string(),
            '@' => TokenKind::At,
            '=' => match self.peek() {
                Some(b'=') => self.one_more(TokenKind::Operator(BinaryOp::Equal)),
                Some(b'~') => self.fail("unexpected character after '=': '~'"),
                _ => TokenKind::Equal,
            },
            '!' => match self.next_char() {
                Some('=') => TokenKind::Operator(BinaryOp::NotEqual),
                other => self.fail(format!("unexpected character after '!': {}", quoted_char(other))),
            },
            '<' => match self.peek() {
                Some(b'=') => self.one_more(TokenKind::Operator(BinaryOp::LessOrEqual)),
                Some(b'/') => self.one_more(TokenKind::Operator(BinaryOp::TrimUpper)),
                _ => TokenKind::Operator(BinaryOp::Less),
            },
            '>' => match self.peek() {
                Some(b'=') => self.one_more(TokenKind::Operator(BinaryOp::GreaterOrEqual)),
                Some(b'/') => self.one_more(TokenKind::Operator(BinaryOp::TrimLower)),
                _ => TokenKind::Operator(BinaryOp::Greater),
            },
            '{' => {
                self.mode = Mode::Braces;
                TokenKind::LeftBrace
            }
            '[' if in_brackets => self.fail("unexpected left bracket '['"),
            '[' => {
                self.mode = Mode::Duration;
                self.seen_colon = false;
                TokenKind::LeftBracket
            }
            ']' if !in_brackets => self.fail("unexpected right bracket ']'"),
            _ => match self.punctuation(c) {
                Some(kind) => kind,
                None => self.fail(format!("unexpected character: {}", quoted_char(Some(c)))),
            },
        }
    }

    /// Reads punctuation that is the same inside and outside of brackets.
    fn punctuation(&mut self, c: char) -> Option<TokenKind> {
        Some(match c {
            ',' => TokenKind::Comma,
            '+' => TokenKind::Operator(BinaryOp::Add),
            '-' => TokenKind::Operator(BinaryOp::Sub),
            '*' => TokenKind::Operator(BinaryOp::Mul),
            '/' => TokenKind::Operator(BinaryOp::Div),
            '%' => TokenKind::Operator(BinaryOp::Mod),
            '^' => TokenKind::Operator(BinaryOp::Pow),
            '(' => {
                self.open_parens += 1;
                TokenKind::LeftParen
            }
            ')' if self.open_parens == 0 => {
                // Prometheus reports the position after the parenthesis here.
                self.fail_at(self.pos, "unexpected right parenthesis ')'")
            }
            ')' => {
                self.open_parens -= 1;
                TokenKind::RightParen
            }
            ']' => {
                self.mode = Mode::Expression;
                TokenKind::RightBracket
            }
            _ => return None,
        })
    }

    fn one_more(&mut self, kind: TokenKind) -> TokenKind {
        self.pos += 1;
        kind
    }

    /// Reads a token inside braces, where keywords are plain identifiers.
    fn in_braces(&mut self) -> TokenKind {
        match self.next_char() {
            None => self.fail("unexpected end of input inside braces"),
            Some('a'..='z' | 'A'..='Z' | '_') => {
                while self.accept_if(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {}
                TokenKind::Identifier
            }
            Some(',') => TokenKind::Comma,
            Some(c @ ('"' | '\'')) => self.string(c),
            Some('`') => self.raw_string(),
            Some('=') if self.accept(b'~') => TokenKind::EqualRegex,
            Some('=') => TokenKind::Equal,
            Some('!') => match self.next_char() {
                Some('~') => TokenKind::NotEqualRegex,
                Some('=') => TokenKind::Operator(BinaryOp::NotEqual),
                other => {
                    self.fail(format!("unexpected character after '!' inside braces: {}", quoted_char(other)))
                }
            },
            Some('{') => self.fail("unexpected left brace '{'"),
            Some('}') => {
                self.mode = Mode::Expression;
                TokenKind::RightBrace
            }
            Some(c) => self.fail(format!("unexpected character inside braces: {}", quoted_char(Some(c)))),
        }
    }

    /// Reads a token where a duration, or arithmetic on durations, is expected.
    fn in_duration(&mut self) -> TokenKind {
        let Some(c) = self.next_char() else {
            return self.fail("unexpected end of input in duration expression");
        };
        match c {
            '0'..='9' => self.bracket_number(),
            '.' if self.peek().is_some_and(|byte| byte.is_ascii_digit()) => self.bracket_number(),
            ':' => self.fail_at(self.pos, "unexpected colon before duration in duration expression"),
            'a'..='z' | 'A'..='Z' => self.duration_keyword().unwrap_or_else(|| {
                self.fail(format!("unexpected character in duration expression: {}", quoted_char(Some(c))))
            }),
            _ => match self.punctuation(c) {
                Some(kind) => kind,
                None => self
                    .fail(format!("unexpected character in duration expression: {}", quoted_char(Some(c)))),
            },
        }
    }

    fn bracket_number(&mut self) -> TokenKind {
        self.mode = Mode::Brackets;
        self.number_or_duration()
    }

    fn word_in_brackets(&mut self, first: char) -> TokenKind {
        if first == ':' {
            if self.seen_colon {
                return self.fail("unexpected colon ':'");
            }
            self.seen_colon = true;
            return if self.accept(b':') { TokenKind::DoubleColon } else { TokenKind::Colon };
        }
        match self.duration_keyword() {
            Some(kind) => kind,
            None => self.fail(format!("unexpected character: {}, expected ':'", quoted_char(Some(first)))),
        }
    }

    /// Reads a keyword that is valid within brackets; the first letter has been read. `min` and `max` are the former
    /// names of `min_of` and `max_of`.
    fn duration_keyword(&mut self) -> Option<TokenKind> {
        while self.accept_if(|byte| byte.is_ascii_alphabetic() || byte == b'_') {}
        let word = self.input[self.start..self.pos].to_ascii_lowercase();
        let known = matches!(word.as_str(), "step" | "range" | "min" | "max" | "min_of" | "max_of");
        if !known {
            return None;
        }
        // A colon may follow `step()` as it may follow a number.
        self.mode = Mode::Brackets;
        Some(TokenKind::of_word(&word))
    }

    fn word(&mut self) -> TokenKind {
        while self.accept_if(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')) {}
        let kind = TokenKind::of_word(&self.input[self.start..self.pos]);
        let fills =
            matches!(kind, TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight));
        if fills && !self.input[self.pos..].trim_start_matches([' ', '\t', '\r', '\n']).starts_with('(') {
            // These keywords were added late, so metrics and labels may have these names.
            return TokenKind::Identifier;
        }
        kind
    }

    fn string(&mut self, quote: char) -> TokenKind {
        loop {
            match self.next_char() {
                Some('\\') => {
                    if let Err(message) = self.escape(quote) {
                        return self.fail(message);
                    }
                }
                // Prometheus cannot distinguish a real U+FFFD from the one that marks invalid UTF-8.
                Some(char::REPLACEMENT_CHARACTER) => return self.fail("invalid UTF-8 rune"),
                None | Some('\n') => return self.fail("unterminated quoted string"),
                Some(c) if c == quote => return TokenKind::String,
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> TokenKind {
        loop {
            match self.next_char() {
                Some(char::REPLACEMENT_CHARACTER) => return self.fail("invalid UTF-8 rune"),
                None => return self.fail("unterminated raw string"),
                Some('`') => return TokenKind::String,
                Some(_) => {}
            }
        }
    }

    /// Checks the escape sequence after a backslash.
    fn escape(&mut self, quote: char) -> Result<(), String> {
        const NOT_TERMINATED: &str = "escape sequence not terminated";
        let c = self.next_char().ok_or(NOT_TERMINATED)?;
        let (mut digits, radix, largest) = match c {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            _ if c == quote => return Ok(()),
            '0'..='7' => {
                self.pos -= 1;
                (3, 8, 255)
            }
            'x' => (2, 16, 255),
            'u' => (4, 16, u32::from(char::MAX)),
            'U' => (8, 16, u32::from(char::MAX)),
            _ => return Err(format!("unknown escape sequence {}", code_point(c))),
        };
        let mut code = 0_u32;
        while digits > 0 {
            let c = self.next_char().ok_or(NOT_TERMINATED)?;
            let digit = c
                .to_digit(radix)
                .ok_or_else(|| format!("illegal character {} in escape sequence", code_point(c)))?;
            code = code.wrapping_mul(radix).wrapping_add(digit);
            digits -= 1;
        }
        if code > largest || (0xd800..0xe000).contains(&code) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }

    fn number_or_duration(&mut self) -> TokenKind {
        self.pos = self.start;
        if self.scan_number() {
            return TokenKind::Number;
        }
        if self.scan_duration_units() {
            return TokenKind::Duration;
        }
        let text = quoted(&self.input[self.start..self.pos]);
        self.fail(format!("bad number or duration syntax: {text}"))
    }

    /// Reads a possible number and returns `true` if it ends like one. It need not be a valid number, as `literal` is
    /// stricter. On failure, a duration may continue at the position reached.
    fn scan_number(&mut self) -> bool {
        let hexadecimal = self.accept(b'0') && self.accept_if(|byte| matches!(byte, b'x' | b'X'));
        if hexadecimal {
            self.accept(b'_');
        }
        let is_digit = |byte: u8| if hexadecimal { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        let is_exponent = |byte: u8| matches!(byte, b'e' | b'E');
        self.accept(b'.');
        self.accept_if(is_digit);
        let (mut dot, mut exponent) = (false, false);
        while let Some(byte) = self.peek() {
            match byte {
                b'.' => {
                    self.pos += 1;
                    if dot || hexadecimal || self.accept_if(|next| matches!(next, b'_' | b'.')) {
                        return false;
                    }
                    dot = true;
                }
                // An `e` after the first digit starts an exponent even in hexadecimal, as in Prometheus.
                _ if is_exponent(byte) => {
                    self.pos += 1;
                    if exponent {
                        return false;
                    }
                    exponent = true;
                    self.accept_if(|next| matches!(next, b'+' | b'-'));
                    if self.peek().is_none()
                        || self.accept_if(|next| matches!(next, b'.' | b'_' | b'e' | b'E'))
                    {
                        return false;
                    }
                }
                b'_' => {
                    self.pos += 1;
                    if self.peek().is_none()
                        || self.accept_if(|next| matches!(next, b'.' | b'_' | b'e' | b'E'))
                    {
                        return false;
                    }
                }
                _ if is_digit(byte) => while self.accept_if(is_digit) {},
                _ => break,
            }
        }
        !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    /// Reads the rest of a duration after its first number: a unit, then numbers with units. `literal` checks the
    /// order of the units.
    fn scan_duration_units(&mut self) -> bool {
        let is_unit = |byte: u8| matches!(byte, b's' | b'm' | b'h' | b'd' | b'w');
        if !self.accept_if(|byte| is_unit(byte) || byte == b'y') {
            return false;
        }
        self.accept(b's');
        while self.accept_if(|byte| byte.is_ascii_digit()) {
            while self.accept_if(|byte| byte.is_ascii_digit()) {}
            if !self.accept_if(is_unit) {
                return false;
            }
            self.accept(b's');
        }
        !self.accept_if(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}
