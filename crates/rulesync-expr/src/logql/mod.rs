//! A LogQL parser compatible with the ruler of Grafana Loki 3.8. `lex` splits the input into `token`s, `parse` builds
//! the syntax tree (`ast` and `pipeline`), `check` checks semantics, and `ruler` finds expressions that Loki accepts
//! but can never evaluate.
//!
//! JSON paths, and anything that depends on data or time, are not checked.

mod address;
mod ast;
mod capture;
mod check;
mod lex;
mod literal;
mod operator;
mod parse;
mod pipeline;
mod ruler;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod wording;

use crate::error::ParseError;
use crate::promql;
use crate::span::Span;

pub use crate::promql::{BinaryOp, MatchOp};
pub use ast::{
    Binary, Expr, ExprKind, GroupSide, Grouping, LabelReplace, LogQuery, LogRange, Matcher, Matching,
    MatchingLabels, Node, NodeId, Param, RangeAggregate, Selector, Variants, VectorAggregate,
};
pub use operator::{Conversion, LineFilterOp, RangeOp, VectorOp};
pub use pipeline::{
    Extraction, FormatValue, LabelChoice, LabelCondition, LabelFormat, LabelTest, LineText, Stage, StageKind,
    Text,
};
pub use ruler::ruler_check;

/// The input size limit: input of this many bytes or more is rejected without parsing, as in Loki.
pub const MAX_INPUT: usize = 131_072;

/// Parses an expression as Loki does when a rule is posted.
///
/// ```
/// use rulesync_expr::logql;
///
/// let input = r#"sum by (job) (rate({job=~"nginx.*"} |= "error" [5m])) > 10 # too many"#;
/// let expr = logql::parse(input)?;
/// assert!(expr.is_metric());
/// let selector = expr.selectors().next().expect("there is one");
/// assert_eq!(selector.span.text(input), r#"{job=~"nginx.*"}"#);
///
/// let error = logql::parse("sum by (").expect_err("it is cut short");
/// assert_eq!(
///     error.to_string(),
///     "parse error at line 1, col 9: syntax error: unexpected $end, expecting IDENTIFIER or )",
/// );
/// # Ok::<(), rulesync_expr::ParseError>(())
/// ```
///
/// # Errors
///
/// Returns the error that Loki would report. Of several errors, syntax errors come before semantic errors, and then the
/// first in source order; Loki itself may report another.
pub fn parse(input: &str) -> Result<Expr, ParseError> {
    if input.len() >= MAX_INPUT {
        let message = format!("input size too long ({} > {MAX_INPUT})", input.len());
        return Err(wording::semantic_error(input, Span::new(0, input.len()), message));
    }
    let expr = parse::Parser::new(input).parse()?;
    check::check(input, &expr)?;
    Ok(expr)
}

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
