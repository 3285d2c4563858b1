//! A LogQL parser compatible with the ruler of Grafana Loki 3.8. `lex` splits the input into `token`s, `parse` builds
//! the syntax tree (`ast` and `pipeline`), `check` checks semantics, and `ruler` finds expressions that Loki accepts
//! but can never evaluate.
//!
//! JSON paths, and anything that depends on data or time, are not checked.

mod address;
mod ast;
mod capture;
mod check;
mod constant;
mod lex;
mod literal;
mod operator;
mod parse;
mod pipeline;
mod ruler;
mod selector;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod wording;

use crate::error::ParseError;
use crate::promql;

pub use crate::promql::{BinaryOp, MatchOp};
pub use ast::{
    Binary, Expr, ExprKind, GroupSide, Grouping, LabelReplace, LogQuery, LogRange, Matching, MatchingLabels,
    Node, NodeId, Param, RangeAggregate, Variants, VectorAggregate,
};
pub use constant::constant_labels;
pub use operator::{Conversion, LineFilterOp, RangeOp, VectorOp};
pub use parse::{MAX_INPUT, parse};
pub use pipeline::{
    Extraction, FormatValue, LabelChoice, LabelCondition, LabelFormat, LabelTest, LineText, Stage, StageKind,
    Text,
};
pub use ruler::ruler_check;
pub use selector::{Matcher, Selector};

/// Loki's message for an error, without the preceding rule and group.
#[must_use]
pub fn loki_message(error: &ParseError) -> String {
    error.to_string()
}

/// Returns `true` if the input is certainly PromQL and not LogQL, so that a message can say that it was sent to the
/// wrong ruler: it is valid PromQL and selects no log streams. Returns `false` for input that is valid in both
/// languages, such as `1 > 0`, and for input that selects streams with syntax unknown to this parser, which a newer
/// Loki might support.
///
/// ```
/// use rulesync_expr::logql::looks_like_promql;
///
/// assert!(looks_like_promql("sum(rate(http_requests_total[5m])) > 1"));
/// assert!(!looks_like_promql(r#"sum(rate({job="nginx"} [5m])) > 1"#));
/// assert!(!looks_like_promql("count_over_time({job='nginx'}[5m]) > 1"), "wrong quotes, but a stream selector");
/// assert!(!looks_like_promql("neither of ( both"));
/// ```
#[must_use]
pub fn looks_like_promql(input: &str) -> bool {
    let selects_streams = |expr: &promql::Expr| expr.selectors().any(|selector| selector.metric.is_none());
    input.len() < MAX_INPUT
        && parse(input).is_err()
        && promql::parse(input, &promql::Options::default()).is_ok_and(|expr| !selects_streams(&expr))
}
