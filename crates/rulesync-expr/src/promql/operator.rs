//! Binary, aggregation and matching operators and their properties.

use crate::regex;

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `</`: keeps the part of a native histogram below a value.
    TrimUpper,
    /// `>/`: keeps the part of a native histogram above a value.
    TrimLower,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

impl BinaryOp {
    /// The operator as written in an expression.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    /// Returns `true` if the operator compares values.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        use BinaryOp as B;
        matches!(self, B::Equal | B::NotEqual | B::Less | B::LessOrEqual | B::Greater | B::GreaterOrEqual)
    }

    /// Returns `true` if the operator combines sets of series.
    #[must_use]
    pub fn is_set_operator(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// The precedence of the operator.
    pub(crate) fn precedence(self) -> Precedence {
        match self {
            Self::Or => Precedence::Or,
            Self::And | Self::Unless => Precedence::And,
            Self::Add | Self::Sub => Precedence::Sum,
            Self::Mul | Self::Div | Self::Mod | Self::Atan2 => Precedence::Product,
            Self::Pow => Precedence::Power,
            _ => Precedence::Comparison,
        }
    }
}

/// The precedence of operators, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Precedence {
    Or,
    And,
    Comparison,
    Sum,
    /// Also the precedence of signs: `-a ^ b` is `-(a ^ b)`, `-a * b` is `(-a) * b`.
    Product,
    Power,
}

impl Precedence {
    /// Returns `true` if an operation of this precedence is complete when an operator of precedence `next` follows.
    /// Operators are left-associative, except for powers.
    pub(crate) fn completes_before(self, next: Precedence) -> bool {
        if next == Self::Power { self > next } else { self >= next }
    }
}

/// An aggregation operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregator {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
    /// `limitk`, experimental
    Limitk,
    /// `limit_ratio`, experimental
    LimitRatio,
}

impl Aggregator {
    /// Returns `true` if the operator has a parameter before the aggregated expression.
    #[must_use]
    pub fn takes_parameter(self) -> bool {
        use Aggregator as A;
        matches!(self, A::Topk | A::Bottomk | A::CountValues | A::Quantile | A::Limitk | A::LimitRatio)
    }

    /// The name of the operator if it is experimental and has to be enabled in the server.
    pub(super) fn experimental_name(self) -> Option<&'static str> {
        match self {
            Self::Limitk => Some("limitk"),
            Self::LimitRatio => Some("limit_ratio"),
            _ => None,
        }
    }
}

/// A label matching operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// Returns `true` if the value is a regular expression.
    #[must_use]
    pub fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::NotRegex)
    }

    /// Returns `true` if a matcher of this operator and value matches the empty string, and therefore also what does not
    /// have the label. A selector needs one that does not.
    #[must_use]
    pub fn matches_empty(self, value: &str) -> bool {
        match self {
            Self::Equal => value.is_empty(),
            Self::NotEqual => !value.is_empty(),
            Self::Regex => regex::matches_empty(value),
            Self::NotRegex => !regex::matches_empty(value),
        }
    }
}

impl std::fmt::Display for MatchOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        })
    }
}
