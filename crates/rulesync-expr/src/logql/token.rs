//! The tokens of LogQL, and their names in Loki's messages. `lex` finds them in the input.

use super::operator::{Conversion, LineFilterOp, RangeOp, VectorOp};
use crate::promql::BinaryOp;
use crate::span::Span;

/// A token and its location.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
    /// `true` if Loki has lost the line after reading this token and reports line 0, which happens wherever Loki
    /// itself looks ahead.
    pub(super) line_lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Eof,
    /// The lexer has failed; [`Lexer::take_error`](super::lex::Lexer::take_error) returns the error.
    Error,
    /// A name, or anything that is not another token.
    Identifier,
    String,
    Number,
    Duration,
    Bytes,
    /// `[5m]`, brackets included.
    Range,
    /// `--strict` or `--keep-empty`.
    Flag,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    /// An unmatched `]`.
    RightBracket,
    Comma,
    Dot,
    Pipe,
    /// A single `=`.
    Equal,
    EqualRegex,
    /// `!~`: of matchers, of label filters and of line filters.
    NotRegex,
    /// An operator that is only a line filter, which `!=` and `!~` are not.
    LineFilter(LineFilterOp),
    Operator(BinaryOp),
    RangeOp(RangeOp),
    VectorOp(VectorOp),
    Conversion(Conversion),
    Keyword(Keyword),
}

/// Keywords other than operators.
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

/// The token of a reserved word, given in lower case. Labels with such a name cannot be used.
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

/// The token of a word followed by arguments or a grouping; elsewhere it may be a label name.
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
    /// Loki's name for the unexpected token `text`.
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
