//! The tokens of templates, which `lex` finds in the source text.

use crate::span::Span;

/// A token and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Eof,
    /// The lexer has stopped with an error; see `Lexer::fault`.
    Error,
    /// Text between actions.
    Text,
    /// `{{`, including a trim marker.
    LeftDelimiter,
    /// `}}`.
    RightDelimiter,
    Keyword(Keyword),
    /// White space within an action, which separates operands.
    Space,
    /// A name that is not a keyword: a function.
    Identifier,
    /// `$` or `$name`.
    Variable,
    /// `.name`.
    Field,
    Dot,
    Nil,
    Bool,
    Number,
    /// A number with an imaginary part: `1+2i`.
    Complex,
    /// `'a'`.
    Character,
    /// `"text"`.
    String,
    /// `` `text` ``.
    RawString,
    LeftParen,
    RightParen,
    Pipe,
    /// `=`.
    Assign,
    /// `:=`.
    Declare,
    /// Any other printable ASCII character, including the comma.
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
    /// Returns the kind of a name.
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

    /// Returns `true` if an operand can begin with this token.
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
