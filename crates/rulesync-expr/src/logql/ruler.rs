//! Finds what Loki's ruler accepts and can never evaluate. Not for what it refuses: that is `parse`.

use std::collections::BTreeSet;

use super::ast::Expr;
use super::operator::LineFilterOp;
use super::pipeline::{FormatValue, LabelFormat, LabelTest, LineText, Stage, StageKind, Text};
use super::wording::{never_evaluates, unmatchable};
use super::{address, parse, template};
use crate::error::ParseError;
use crate::quote::quoted;
use crate::regex::{self, Wrapping};
use crate::span::Span;

const LOG_QUERY: &str =
    "a log query has no number to alert on: wrap it, for example in count_over_time(... [5m])";

/// The label that says what went wrong with a line.
const ERROR: &str = "__error__";

/// What cannot work, and why.
type Broken = (Span, String);

/// Parses the expression of a rule, and refuses what Loki would store and then fail to evaluate every time:
/// log queries, line filters whose regular expression Go refuses, and addresses and formats that are plainly broken. Of
/// templates only unclosed actions and unbalanced blocks are noticed; what else Go would refuse shows when the rule is
/// evaluated. A broken template is refused even where Loki happens to drop it unread, as at the end of a pipeline whose lines are only counted.
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
    for stage in expr.queries().flat_map(|query| &query.stages) {
        if let Some((span, reason)) = broken(stage) {
            return Err(never_evaluates(input, span, reason));
        }
        check_regexes(input, stage)?;
    }
    Ok(expr)
}

/// Refuses a line filter by what is no regular expression.
fn check_regexes(input: &str, stage: &Stage) -> Result<(), ParseError> {
    let StageKind::LineFilter { op, texts } = &stage.kind else { return Ok(()) };
    for LineText { text, is_ip } in texts {
        if op.is_regex() && !is_ip {
            regex::literal(input, text.span, &text.value, Wrapping::Nothing)
                .map_err(|wrong| unmatchable(input, &wrong))?;
        }
    }
    Ok(())
}

/// The first part of a stage that cannot work.
fn broken(stage: &Stage) -> Option<Broken> {
    match &stage.kind {
        StageKind::LineFilter { op, texts } => texts.iter().find_map(|line| broken_line(*op, line)),
        StageKind::LabelFilter(conditions) => conditions.iter().find_map(|condition| match &condition.test {
            LabelTest::Ip { range, .. } => broken_address(range),
            _ => None,
        }),
        StageKind::LineFormat(text) => broken_template("line template", text),
        StageKind::LabelFormat(formats) => broken_formats(formats, stage.span),
        _ => None,
    }
}

fn broken_line(op: LineFilterOp, line: &LineText) -> Option<Broken> {
    let text = &line.text;
    match op {
        LineFilterOp::Contains | LineFilterOp::NotContains if line.is_ip => broken_address(text),
        _ if line.is_ip => Some((text.span, "ip() can stand behind |= and != only".to_owned())),
        _ => None,
    }
}

fn broken_address(text: &Text) -> Option<Broken> {
    let reason = || format!("ip() of no address, range of addresses or network: {}", quoted(&text.value));
    (!address::is_pattern(&text.value)).then(|| (text.span, reason()))
}

fn broken_template(what: &str, text: &Text) -> Option<Broken> {
    template::syntax_error(&text.value)
        .map(|reason| (text.span, format!("invalid {what}: template: {reason}")))
}

/// A label can be given one value at a time, and those of errors are Loki's own.
fn broken_formats(formats: &[LabelFormat], span: Span) -> Option<Broken> {
    let mut seen = BTreeSet::new();
    formats.iter().find_map(|LabelFormat { label, value }| {
        if label == ERROR {
            return Some((span, format!("{ERROR} cannot be formatted")));
        }
        if !seen.insert(label) {
            return Some((
                span,
                format!("multiple label name '{label}' not allowed in a single format operation"),
            ));
        }
        match value {
            FormatValue::Template(text) => broken_template(&format!("template for label '{label}'"), text),
            FormatValue::Label(_) => None,
        }
    })
}
