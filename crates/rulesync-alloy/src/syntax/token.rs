//! The tokens.

use std::fmt;

use super::position::Position;
use super::tree::StringLiteral;

/// A token and its position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) position: Position,
    /// Whether it is the first character of a line.
    pub(super) at_margin: bool,
}

/// A kind of token, with what it says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Identifier(String),
    /// Digits, as written.
    Number(String),
    String {
        value: StringLiteral,
        /// Whether it is in backticks.
        is_raw: bool,
    },
    Bool(bool),
    Null,
    Symbol(Symbol),
    /// The end of a line that ends a statement, or the end of the text after one.
    Terminator,
    End,
}

/// A token without content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Or,
    And,
    Not,
    Assign,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
    Power,
    OpenBrace,
    CloseBrace,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
}

impl Symbol {
    /// All symbols as they are written, those of two characters first.
    pub(super) const ALL: [(&'static str, Self); 24] = [
        ("||", Self::Or),
        ("&&", Self::And),
        ("!=", Self::NotEqual),
        ("==", Self::Equal),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("!", Self::Not),
        ("=", Self::Assign),
        ("<", Self::Less),
        (">", Self::Greater),
        ("+", Self::Plus),
        ("-", Self::Minus),
        ("*", Self::Times),
        ("/", Self::Divide),
        ("%", Self::Modulo),
        ("^", Self::Power),
        ("{", Self::OpenBrace),
        ("}", Self::CloseBrace),
        ("(", Self::OpenParenthesis),
        (")", Self::CloseParenthesis),
        ("[", Self::OpenBracket),
        ("]", Self::CloseBracket),
        (",", Self::Comma),
        (".", Self::Dot),
    ];
}

/// As in messages. The content of strings is not shown: it may be a secret.
impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(name) => write!(f, "`{name}`"),
            Self::Number(text) => write!(f, "`{text}`"),
            Self::String { .. } => f.write_str("a string"),
            Self::Bool(value) => write!(f, "`{value}`"),
            Self::Null => f.write_str("`null`"),
            Self::Symbol(symbol) => symbol.fmt(f),
            Self::Terminator => f.write_str("the end of the line"),
            Self::End => f.write_str("the end of the file"),
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Self::ALL.iter().find(|(_, symbol)| symbol == self).map_or("", |(text, _)| text);
        write!(f, "`{text}`")
    }
}
