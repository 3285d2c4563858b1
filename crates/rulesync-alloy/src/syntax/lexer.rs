//! Text to tokens. Where a line ends a statement, it ends in a terminator.

use super::error::SyntaxError;
use super::literal::{self, Literal};
use super::position::{Placement, Position};
use super::token::{Symbol, Token, TokenKind};
use super::tree::StringLiteral;

/// The tokens of a text, the last of which is [`TokenKind::End`], and what could not be read.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) tokens: Vec<Token>,
    pub(super) errors: Vec<SyntaxError>,
}

/// Reads a text to its end, whatever it contains.
pub(super) fn tokens(text: &str, placement: Placement) -> Tokens {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lexer = Lexer {
        rest,
        placement,
        line: 1,
        column: 1,
        ends_statement: false,
        found: Tokens { tokens: Vec::new(), errors: Vec::new() },
    };
    while lexer.next() {}
    lexer.found
}

struct Lexer<'a> {
    rest: &'a str,
    placement: Placement,
    line: usize,
    column: usize,
    /// Whether the last token may end a statement, so that the end of the line does.
    ends_statement: bool,
    found: Tokens,
}

impl<'a> Lexer<'a> {
    /// Reads one token, or what is between tokens. Returns whether there is more.
    fn next(&mut self) -> bool {
        let rest = self.rest;
        let Some(first) = rest.chars().next() else {
            if self.ends_statement {
                self.push(TokenKind::Terminator, 0);
            }
            self.push(TokenKind::End, 0);
            return false;
        };
        match first {
            '\n' if self.ends_statement => self.push(TokenKind::Terminator, 1),
            ' ' | '\t' | '\r' | '\n' => self.skip(1),
            '/' if rest.starts_with("//") => self.skip(rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => self.comment(),
            '"' => self.string(literal::quoted(rest, '"'), false),
            '`' => self.string(literal::raw(rest), true),
            '\'' => {
                self.error("a string is in double quotes, not single ones");
                let Literal { length, .. } = literal::quoted(rest, '\'');
                self.string(Literal { length, value: Ok(String::new()) }, false);
            }
            _ if begins_identifier(first) => self.word(),
            _ if begins_number(rest) => self.number(),
            _ => self.symbol(first),
        }
        true
    }

    /// Reads a comment in `/*` and `*/`. One with several lines ends a statement like the end of a line.
    fn comment(&mut self) {
        let length = self.rest.find("*/").map(|end| end + 2);
        if length.is_none() {
            self.error("the comment is not closed");
        }
        let length = length.unwrap_or(self.rest.len());
        if self.ends_statement && self.rest[..length].contains('\n') {
            self.push(TokenKind::Terminator, 0);
        }
        self.skip(length);
    }

    fn string(&mut self, Literal { length, value }: Literal, is_raw: bool) {
        let value = value.unwrap_or_else(|(after, message)| {
            let position = self.placement.position(self.line, self.column + after);
            self.found.errors.push(SyntaxError { position, message: message.to_owned() });
            String::new()
        });
        self.push(TokenKind::String { value: StringLiteral(value), is_raw }, length);
    }

    fn word(&mut self) {
        let rest = self.rest;
        let length = rest.find(|c| !continues_identifier(c)).unwrap_or(rest.len());
        let kind = match &rest[..length] {
            "true" => TokenKind::Bool(true),
            "false" => TokenKind::Bool(false),
            "null" => TokenKind::Null,
            name => TokenKind::Identifier(name.to_owned()),
        };
        self.push(kind, length);
    }

    fn number(&mut self) {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent == end + 1 + sign {
                self.error("the exponent has no digits");
                return self.push(TokenKind::Number(self.rest[..end].to_owned()), exponent);
            }
            end = exponent;
        }
        self.push(TokenKind::Number(self.rest[..end].to_owned()), end);
    }

    fn symbol(&mut self, first: char) {
        let symbol = Symbol::ALL.iter().find(|(written, _)| self.rest.starts_with(written));
        if let Some((written, symbol)) = symbol {
            self.push(TokenKind::Symbol(*symbol), written.len());
            return;
        }
        self.error(match first {
            '|' => "a second `|` is missing".to_owned(),
            '&' => "a second `&` is missing".to_owned(),
            '#' => "`#` begins no comment: comments begin with `//`".to_owned(),
            other => format!("`{}` has no meaning here", other.escape_debug()),
        });
        if first == '#' {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else {
            self.skip(first.len_utf8());
        }
    }

    fn error(&mut self, message: impl Into<String>) {
        let position = self.position();
        self.found.errors.push(SyntaxError { position, message: message.into() });
    }

    fn position(&self) -> Position {
        self.placement.position(self.line, self.column)
    }

    /// Adds a token of this many bytes.
    fn push(&mut self, kind: TokenKind, length: usize) {
        use Symbol::{CloseBrace, CloseBracket, CloseParenthesis};
        self.ends_statement = match &kind {
            TokenKind::Symbol(symbol) => matches!(symbol, CloseBrace | CloseBracket | CloseParenthesis),
            TokenKind::Terminator | TokenKind::End => false,
            _ => true,
        };
        let token = Token { kind, position: self.position(), at_margin: self.column == 1 };
        self.found.tokens.push(token);
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        let (skipped, rest) = self.rest.split_at(length);
        match skipped.rsplit_once('\n') {
            Some((before, last)) => {
                self.line += before.matches('\n').count() + 1;
                self.column = last.chars().count() + 1;
            }
            None => self.column += skipped.chars().count(),
        }
        self.rest = rest;
    }
}

/// Returns whether a text is an identifier, as labels must be.
pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(begins_identifier) && text.chars().all(continues_identifier)
}

fn begins_identifier(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

fn continues_identifier(character: char) -> bool {
    begins_identifier(character) || character.is_numeric()
}

fn begins_number(text: &str) -> bool {
    text.strip_prefix('.').unwrap_or(text).starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        tokens(text, Placement::Whole(0)).tokens.iter().map(|token| token.kind.to_string()).collect()
    }

    #[test]
    fn lines_end_statements_only_after_what_can_end_one() {
        let terminators =
            |text: &str| read(text).iter().filter(|kind| **kind == "the end of the line").count();
        for (text, expected) in [
            ("a = 1", 1),
            ("a = 1\n\n\nb = 2\n", 2),
            ("a = [\n1,\n2]\n", 1),
            ("a =\n1\n", 1),
            ("a = 1 // x\n", 1),
            ("a = 1 /* x */\nb = 2", 2),
            ("a = 1 /* x\n */ b = 2", 2),
            ("a = /* x\n */ 1", 1),
            ("// nothing\n\n", 0),
            ("b {\n}\n", 1),
        ] {
            assert_eq!(terminators(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_have_fractions_and_exponents() {
        for text in ["0", "12.5", ".5", "1.", "1e9", "2.5E-3"] {
            assert_eq!(read(text)[0], format!("`{text}`"));
        }
        assert_eq!(tokens("1e+", Placement::Whole(0)).errors[0].message, "the exponent has no digits");
    }

    #[test]
    fn positions_count_characters() {
        let found = tokens("é = \"ä\" + x\n  `a\nb` y", Placement::Whole(0)).tokens;
        let at = |index: usize| (found[index].position.line, found[index].position.column);
        assert_eq!((at(2), at(3), at(4)), ((1, 5), (1, 9), (1, 11)));
        assert_eq!((at(6), at(7)), ((2, 3), (3, 4)), "{found:?}");
    }
}
