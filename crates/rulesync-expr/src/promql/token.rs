//! The tokens of PromQL, and their descriptions in Prometheus' messages. `lex` finds them in the input.

use super::operator::{Aggregator, BinaryOp};
use crate::quote::{quoted, shortened};
use crate::span::Span;

/// A token and its location.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Eof,
    /// The lexer has failed; [`Lexer::take_error`](super::lex::Lexer::take_error) returns the error.
    Error,
    Identifier,
    /// An identifier with a colon in it: a metric, never a label or a function.
    MetricIdentifier,
    Number,
    Duration,
    String,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    DoubleColon,
    /// A single `=`.
    Equal,
    EqualRegex,
    NotEqualRegex,
    At,
    Operator(BinaryOp),
    Aggregator(Aggregator),
    Keyword(Keyword),
    Preprocessor(Preprocessor),
}

/// Keywords other than operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Anchored,
    Bool,
    By,
    Fill,
    FillLeft,
    FillRight,
    GroupLeft,
    GroupRight,
    Ignoring,
    Offset,
    On,
    Smoothed,
    Without,
}

/// Keywords for properties of the query, and for functions on durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preprocessor {
    Start,
    End,
    Step,
    Range,
    /// `min_of` or `max_of`: of durations, or of scalars.
    Extreme,
}

impl TokenKind {
    /// Classifies a word. Keywords are case-insensitive, as `SUM BY (job)` is common.
    pub(super) fn of_word(word: &str) -> Self {
        Self::of_keyword(word).unwrap_or(if word.contains(':') {
            Self::MetricIdentifier
        } else {
            Self::Identifier
        })
    }

    fn of_keyword(word: &str) -> Option<Self> {
        use Aggregator as A;
        use BinaryOp as B;
        use Keyword as K;
        use Preprocessor as P;
        // No keyword is longer than 12 bytes, so longer identifiers are not compared.
        let mut lower = [0; 12];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"inf" | b"nan" => Self::Number,
            b"and" => Self::Operator(B::And),
            b"or" => Self::Operator(B::Or),
            b"unless" => Self::Operator(B::Unless),
            b"atan2" => Self::Operator(B::Atan2),
            b"sum" => Self::Aggregator(A::Sum),
            b"avg" => Self::Aggregator(A::Avg),
            b"count" => Self::Aggregator(A::Count),
            b"min" => Self::Aggregator(A::Min),
            b"max" => Self::Aggregator(A::Max),
            b"group" => Self::Aggregator(A::Group),
            b"stddev" => Self::Aggregator(A::Stddev),
            b"stdvar" => Self::Aggregator(A::Stdvar),
            b"topk" => Self::Aggregator(A::Topk),
            b"bottomk" => Self::Aggregator(A::Bottomk),
            b"count_values" => Self::Aggregator(A::CountValues),
            b"quantile" => Self::Aggregator(A::Quantile),
            b"limitk" => Self::Aggregator(A::Limitk),
            b"limit_ratio" => Self::Aggregator(A::LimitRatio),
            b"offset" => Self::Keyword(K::Offset),
            b"anchored" => Self::Keyword(K::Anchored),
            b"smoothed" => Self::Keyword(K::Smoothed),
            b"by" => Self::Keyword(K::By),
            b"without" => Self::Keyword(K::Without),
            b"on" => Self::Keyword(K::On),
            b"ignoring" => Self::Keyword(K::Ignoring),
            b"group_left" => Self::Keyword(K::GroupLeft),
            b"group_right" => Self::Keyword(K::GroupRight),
            b"fill" => Self::Keyword(K::Fill),
            b"fill_left" => Self::Keyword(K::FillLeft),
            b"fill_right" => Self::Keyword(K::FillRight),
            b"bool" => Self::Keyword(K::Bool),
            b"start" => Self::Preprocessor(P::Start),
            b"end" => Self::Preprocessor(P::End),
            b"step" => Self::Preprocessor(P::Step),
            b"range" => Self::Preprocessor(P::Range),
            b"min_of" | b"max_of" => Self::Preprocessor(P::Extreme),
            _ => return None,
        })
    }

    /// Returns `true` if the token can be a metric name where an operand is expected.
    pub(super) fn names_metric(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregator(_) | Self::Preprocessor(_) => true,
            Self::Operator(op) => op.is_set_operator(),
            Self::Keyword(keyword) => {
                use Keyword as K;
                matches!(keyword, K::By | K::Without | K::Offset | K::Anchored | K::Smoothed)
            }
            _ => false,
        }
    }

    /// Returns `true` if the token can be a label name in a list of labels.
    pub(super) fn names_label(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregator(_) | Self::Preprocessor(_) => true,
            Self::Operator(op) => op.is_set_operator() || op == BinaryOp::Atan2,
            Self::Keyword(keyword) => keyword != Keyword::Without,
            _ => false,
        }
    }

    /// Returns `true` if an operand can start with the token.
    pub(super) fn starts_operand(self) -> bool {
        match self {
            Self::Number | Self::Duration | Self::String | Self::LeftParen | Self::LeftBrace => true,
            Self::Operator(BinaryOp::Add | BinaryOp::Sub) => true,
            other => other.names_metric(),
        }
    }

    /// Prometheus' description of the unexpected token `text`.
    pub(super) fn describe(self, text: &str) -> String {
        match self {
            Self::Eof => "end of input".to_owned(),
            Self::Identifier => format!("identifier {}", quoted(text)),
            Self::MetricIdentifier => format!("metric identifier {}", quoted(text)),
            Self::Keyword(_) => format!("<{text}>"),
            Self::Operator(_) | Self::EqualRegex | Self::NotEqualRegex | Self::At => format!("<op:{text}>"),
            Self::Aggregator(_) => format!("<aggr:{text}>"),
            Self::Number => format!("number {}", shortened(text)),
            Self::Duration => format!("duration {}", shortened(text)),
            Self::String => format!("string {}", shortened(text)),
            _ => shortened(text),
        }
    }
}
