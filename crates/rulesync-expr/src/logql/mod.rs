//! LogQL as the ruler of Grafana Loki 3.8 reads it. The tour: `lex` cuts the text into `token`s, `parse` builds
//! the tree of `ast` and `pipeline` from them, `check` judges whether its parts fit together, `ruler` finds what
//! Loki accepts and can never evaluate.
//!
//! What is not checked: paths into JSON, and anything that depends on data or on time.

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

/// A text of so many bytes is refused unread, as Loki refuses it.
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
/// The error Loki would answer with. Where a text has several, syntax comes before meaning, and then the first in
/// reading order; Loki itself may name another.
pub fn parse(input: &str) -> Result<Expr, ParseError> {
    if input.len() >= MAX_INPUT {
        let message = format!("input size too long ({} > {MAX_INPUT})", input.len());
        return Err(wording::meaning_error(input, Span::new(0, input.len()), message));
    }
    let expr = parse::Parser::new(input).parse()?;
    check::check(input, &expr)?;
    Ok(expr)
}

/// What Loki says of an error, without the rule and the group it puts before.
#[must_use]
pub fn loki_message(error: &ParseError) -> String {
    error.to_string()
}

/// Whether a text is certainly not LogQL, so that a message can say that it went to the wrong ruler: it is PromQL, and
/// selects no log streams. What is both, as `1 > 0`, is not; nor is what selects streams in a way that this parser does
/// not know, as a newer Loki might.
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
