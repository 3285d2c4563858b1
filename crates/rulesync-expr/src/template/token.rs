//! The words of templates. Not for finding them in a text: that is `lex`.

use crate::span::Span;

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Eof,
    /// The lexer has given up; it holds the fault.
    Error,
    /// What stands between actions.
    Text,
    /// `{{`, with its trim marker.
    LeftDelimiter,
    /// `}}`.
    RightDelimiter,
    Keyword(Keyword),
    /// White space within an action; it separates operands.
    Space,
    /// A name that is no keyword: a function.
    Identifier,
    /// `$` or `$name`.
    Variable,
    /// `.name`.
    Field,
    Dot,
    Nil,
    Bool,
    Number,
    /// Two numbers, the second of which is imaginary: `1+2i`.
    Complex,
    /// `'a'`.
    Character,
    /// `"text"`.
    String,
    /// Text in back quotes.
    RawString,
    LeftParen,
    RightParen,
    Pipe,
    /// `=`.
    Assign,
    /// `:=`.
    Declare,
    /// Any other visible character of ASCII, the comma among them.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl TokenKind {
    /// The kind of a name.
    pub(super) fn of_name(name: &str) -> Self {
        let keyword = match name {
            "block" => Keyword::Block,
            "break" => Keyword::Break,
            "continue" => Keyword::Continue,
            "define" => Keyword::Define,
            "else" => Keyword::Else,
            "end" => Keyword::End,
            "if" => Keyword::If,
            "range" => Keyword::Range,
            "template" => Keyword::Template,
            "with" => Keyword::With,
            "nil" => return Self::Nil,
            "true" | "false" => return Self::Bool,
            _ => return Self::Identifier,
        };
        Self::Keyword(keyword)
    }

    /// Whether an operand can begin with it.
    pub(super) fn begins_operand(self) -> bool {
        matches!(
            self,
            Self::Identifier
                | Self::Variable
                | Self::Field
                | Self::Dot
                | Self::Nil
                | Self::Bool
                | Self::Number
                | Self::Complex
                | Self::Character
                | Self::String
                | Self::RawString
                | Self::LeftParen
        )
    }
}
