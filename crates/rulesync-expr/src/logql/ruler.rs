//! Finds what Loki's ruler accepts and can never evaluate. Not for what it refuses: that is `parse`.

use super::ast::Expr;
use super::operator::LineFilterOp;
use super::pipeline::{FormatValue, LabelTest, LineText, StageKind, Text};
use super::wording::never_evaluates;
use super::{address, parse, template};
use crate::error::ParseError;
use crate::quote::quoted;
use crate::regex;

const LOG_QUERY: &str =
    "a log query has no number to alert on: wrap it, for example in count_over_time(... [5m])";

/// What cannot work, and why.
type Broken<'a> = (&'a Text, String);

/// Parses the expression of a rule, and refuses what Loki would store and then fail to evaluate every time:
/// log queries, and line filters, addresses and templates that are plainly broken. Of regular expressions only
/// unbalanced parentheses and brackets, look-around and the like are noticed, of templates only unclosed actions
/// and unbalanced blocks; what else Go would refuse shows when the rule is evaluated.
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
    let broken = expr.queries().flat_map(|query| &query.stages).find_map(|stage| broken(&stage.kind));
    if let Some((text, reason)) = broken {
        return Err(never_evaluates(input, text.span, reason));
    }
    Ok(expr)
}

/// The first part of a stage that cannot work.
fn broken(stage: &StageKind) -> Option<Broken<'_>> {
    match stage {
        StageKind::LineFilter { op, texts } => texts.iter().find_map(|line| broken_line(*op, line)),
        StageKind::LabelFilter(conditions) => conditions.iter().find_map(|condition| match &condition.test {
            LabelTest::Ip { range, .. } => broken_address(range),
            _ => None,
        }),
        StageKind::LineFormat(text) => broken_template(text),
        StageKind::LabelFormat(formats) => formats.iter().find_map(|format| match &format.value {
            FormatValue::Template(text) => broken_template(text),
            FormatValue::Label(_) => None,
        }),
        _ => None,
    }
}

fn broken_line(op: LineFilterOp, line: &LineText) -> Option<Broken<'_>> {
    let text = &line.text;
    match op {
        LineFilterOp::Contains | LineFilterOp::NotContains if line.is_ip => broken_address(text),
        _ if line.is_ip => Some((text, "ip() can stand behind |= and != only".to_owned())),
        _ if op.is_regex() => regex::syntax_error(&text.value).map(|reason| (text, reason)),
        _ => None,
    }
}

fn broken_address(text: &Text) -> Option<Broken<'_>> {
    let reason = || format!("ip() of no address, range of addresses or network: {}", quoted(&text.value));
    (!address::is_pattern(&text.value)).then(|| (text, reason()))
}

fn broken_template(text: &Text) -> Option<Broken<'_>> {
    template::syntax_error(&text.value).map(|reason| (text, reason))
}
