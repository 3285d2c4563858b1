//! Finds what Loki's ruler accepts and can never evaluate. Not for what it refuses: that is `parse`.

use super::ast::Expr;
use super::pipeline::{FormatValue, StageKind, Text};
use super::wording::never_evaluates;
use super::{parse, template};
use crate::error::ParseError;
use crate::regex;

const LOG_QUERY: &str =
    "a log query has no number to alert on: wrap it, for example in count_over_time(... [5m])";

/// Parses the expression of a rule, and refuses what Loki would store and then fail to evaluate every time:
/// log queries, and line filters and templates that are plainly broken. Of regular expressions only unbalanced
/// parentheses and brackets, look-around and the like are noticed, of templates only unclosed actions and
/// unbalanced blocks; what else Go would refuse shows when the rule is evaluated.
///
/// ```
/// use rulesync_expr::{ErrorKind, logql};
///
/// let error = logql::ruler_check(r#"{job="nginx"} |= "error""#).expect_err("no number");
/// assert_eq!(error.kind(), ErrorKind::NeverEvaluates);
/// assert!(logql::ruler_check(r#"rate({job="nginx"} |= "error" [5m]) > 1"#).is_ok());
/// ```
///
/// # Errors
///
/// What [`parse`] refuses, and errors of the kind [`NeverEvaluates`](crate::ErrorKind::NeverEvaluates).
pub fn ruler_check(input: &str) -> Result<Expr, ParseError> {
    let expr = parse(input)?;
    if !expr.is_metric() {
        return Err(never_evaluates(input, expr.span(), LOG_QUERY));
    }
    let broken = |text: &Text, reason: String| Err(never_evaluates(input, text.span, reason));
    for stage in expr.queries().flat_map(|query| &query.stages) {
        match &stage.kind {
            StageKind::LineFilter { op, texts } if op.is_regex() => {
                for line in texts.iter().filter(|line| !line.is_ip) {
                    if let Some(reason) = regex::syntax_error(&line.text.value) {
                        return broken(&line.text, reason);
                    }
                }
            }
            StageKind::LineFormat(text) => {
                if let Some(reason) = template::syntax_error(&text.value) {
                    return broken(text, reason);
                }
            }
            StageKind::LabelFormat(formats) => {
                for format in formats {
                    if let FormatValue::Template(text) = &format.value
                        && let Some(reason) = template::syntax_error(&text.value)
                    {
                        return broken(text, reason);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(expr)
}
