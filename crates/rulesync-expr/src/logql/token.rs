//! The words of LogQL, and how Loki names them in its messages.
//! Not for finding them in a text: that is `lex`.

use super::operator::{Conversion, LineFilterOp, RangeOp, VectorOp};
use crate::promql::BinaryOp;
use crate::span::Span;

/// A token and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
    /// Whether Loki has lost count of the line by the time it has read this token: it does so wherever it
    /// looks ahead by itself, and then says line 0.
    pub(super) line_lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Eof,
    /// The lexer has given up; it holds the error.
    Error,
    /// A name, and everything that is nothing else.
    Identifier,
    String,
    Number,
    Duration,
    Bytes,
    /// `[5m]`, brackets included.
    Range,
    /// `--strict` and its like.
    Flag,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    /// A `]` without its partner.
    RightBracket,
    Comma,
    Dot,
    Pipe,
    /// A single `=`.
    Equal,
    EqualRegex,
    /// `!~`: of matchers, of label filters and of line filters.
    NotRegex,
    /// Line filters that are nothing else; `!=` and `!~` are not among them.
    LineFilter(LineFilterOp),
    Operator(BinaryOp),
    RangeOp(RangeOp),
    VectorOp(VectorOp),
    Conversion(Conversion),
    Keyword(Keyword),
}

/// Words with a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Bool,
    By,
    Decolorize,
    Drop,
    GroupLeft,
    GroupRight,
    Ignoring,
    Ip,
    Json,
    Keep,
    LabelFormat,
    LabelReplace,
    LineFormat,
    Logfmt,
    Offset,
    On,
    Pattern,
    Regexp,
    Unpack,
    Unwrap,
    Variants,
    Vector,
    Without,
}

/// What a word is wherever it stands, in any case. A label of such a name cannot be asked for.
pub(super) fn reserved(word: &str) -> Option<TokenKind> {
    use Keyword as K;
    let keyword = match word {
        "and" => return Some(TokenKind::Operator(BinaryOp::And)),
        "or" => return Some(TokenKind::Operator(BinaryOp::Or)),
        "unless" => return Some(TokenKind::Operator(BinaryOp::Unless)),
        "bool" => K::Bool,
        "by" => K::By,
        "decolorize" => K::Decolorize,
        "drop" => K::Drop,
        "group_left" => K::GroupLeft,
        "group_right" => K::GroupRight,
        "ignoring" => K::Ignoring,
        "json" => K::Json,
        "keep" => K::Keep,
        "label_format" => K::LabelFormat,
        "line_format" => K::LineFormat,
        "logfmt" => K::Logfmt,
        "offset" => K::Offset,
        "on" => K::On,
        "pattern" => K::Pattern,
        "regexp" => K::Regexp,
        "unpack" => K::Unpack,
        "unwrap" => K::Unwrap,
        "without" => K::Without,
        _ => return None,
    };
    Some(TokenKind::Keyword(keyword))
}

/// What a word is where arguments or a grouping follow; elsewhere it may name a label.
pub(super) fn function(word: &str) -> Option<TokenKind> {
    let keyword = match word {
        "ip" => Keyword::Ip,
        "label_replace" => Keyword::LabelReplace,
        "variants" => Keyword::Variants,
        "vector" => Keyword::Vector,
        _ => {
            return RangeOp::of_name(word)
                .map(TokenKind::RangeOp)
                .or_else(|| VectorOp::of_name(word).map(TokenKind::VectorOp))
                .or_else(|| Conversion::of_name(word).map(TokenKind::Conversion));
        }
    };
    Some(TokenKind::Keyword(keyword))
}

impl TokenKind {
    /// How Loki names the token, spelt `text`, when it did not expect it.
    pub(super) fn describe(self, text: &str) -> String {
        let name = match self {
            Self::Eof => "$end",
            Self::Identifier => "IDENTIFIER",
            Self::String => "STRING",
            Self::Number => "NUMBER",
            Self::Duration => "DURATION",
            Self::Bytes => "BYTES",
            Self::Range => "RANGE",
            Self::Flag => "FUNCTION_FLAG",
            Self::Conversion(Conversion::Bytes) => "BYTES_CONV",
            Self::Conversion(Conversion::Duration) => "DURATION_CONV",
            Self::Conversion(Conversion::DurationSeconds) => "DURATION_SECONDS_CONV",
            Self::RangeOp(_) | Self::VectorOp(_) | Self::Keyword(Keyword::Vector | Keyword::Variants) => {
                return text.to_ascii_uppercase();
            }
            _ => return text.to_ascii_lowercase(),
        };
        name.to_owned()
    }
}
