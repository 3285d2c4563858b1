//! Finds what Loki's ruler accepts and can never evaluate. Not for what it refuses: that is `parse`.

use std::collections::BTreeSet;

use super::ast::Expr;
use super::operator::LineFilterOp;
use super::pipeline::{FormatValue, LabelFormat, LabelTest, LineText, Stage, StageKind, Text};
use super::wording::{never_evaluates, unknown_function, unmatchable};
use super::{address, parse};
use crate::error::ParseError;
use crate::quote::quoted;
use crate::regex::{self, Wrapping};
use crate::span::Span;
use crate::template::{self, Environment};

const LOG_QUERY: &str =
    "a log query has no number to alert on: wrap it, for example in count_over_time(... [5m])";

/// The label that says what went wrong with a line.
const ERROR: &str = "__error__";

/// What cannot work, and why.
type Broken = (Span, String);

/// Parses the expression of a rule, and refuses what Loki would store and then fail to evaluate every time:
/// log queries, line filters whose regular expression Go refuses, templates that no Loki takes, and addresses and formats
/// that are plainly broken. A broken template is refused even where Loki happens to drop it unread, as at the end of a
/// pipeline whose lines are only counted.
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
/// What [`parse`] refuses, errors of the kind [`NeverEvaluates`](crate::ErrorKind::NeverEvaluates), and where there are
/// none, of the kind [`UnknownFunction`](crate::ErrorKind::UnknownFunction): a template calls what this version does
/// not have.
pub fn ruler_check(input: &str) -> Result<Expr, ParseError> {
    let expr = parse(input)?;
    if !expr.is_metric() {
        return Err(never_evaluates(input, expr.span(), LOG_QUERY));
    }
    let mut unknown = None;
    for stage in expr.queries().flat_map(|query| &query.stages) {
        if let Some((span, reason)) = broken(stage) {
            return Err(never_evaluates(input, span, reason));
        }
        check_regexes(input, stage)?;
        for template in templates(stage) {
            match template.check() {
                Ok(()) => {}
                Err((Refusal::AnyVersion, (span, reason))) => {
                    return Err(never_evaluates(input, span, reason));
                }
                Err((Refusal::ThisVersion, wrong)) => unknown = unknown.or(Some(wrong)),
            }
        }
    }
    match unknown {
        Some((span, reason)) => Err(unknown_function(input, span, reason)),
        None => Ok(expr),
    }
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
        StageKind::LabelFormat(formats) => broken_labels(formats, stage.span),
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

/// A template of a stage.
struct Format<'a> {
    text: &'a Text,
    /// The label that it makes; the line if none.
    label: Option<&'a str>,
}

/// Which versions of Loki refuse a template.
enum Refusal {
    /// All, whatever functions they have.
    AnyVersion,
    /// This one: it calls a function that another one may have.
    ThisVersion,
}

impl Format<'_> {
    /// Why it is refused, if it is. What is wrong apart from functions counts more, and a function may hide it.
    fn check(&self) -> Result<(), (Refusal, Broken)> {
        let Some(wrong) = self.refused_by(&Environment::LOGQL) else { return Ok(()) };
        match self.refused_by(&Environment::LOGQL.with_any_function()) {
            Some(wrong) => Err((Refusal::AnyVersion, wrong)),
            None => Err((Refusal::ThisVersion, wrong)),
        }
    }

    /// Why an environment refuses it, in Loki's words.
    fn refused_by(&self, environment: &Environment) -> Option<Broken> {
        let name = if self.label.is_some() { "label" } else { "line" };
        let error = template::parse(name, &self.text.value, environment).err()?;
        let reason = match self.label {
            Some(label) => format!("invalid template for label '{label}': {error}"),
            None => format!("invalid line template: {error}"),
        };
        Some((self.text.span, reason))
    }
}

fn templates(stage: &Stage) -> Vec<Format<'_>> {
    match &stage.kind {
        StageKind::LineFormat(text) => vec![Format { text, label: None }],
        StageKind::LabelFormat(formats) => formats.iter().filter_map(label_template).collect(),
        _ => Vec::new(),
    }
}

fn label_template(format: &LabelFormat) -> Option<Format<'_>> {
    match &format.value {
        FormatValue::Template(text) => Some(Format { text, label: Some(&format.label) }),
        FormatValue::Label(_) => None,
    }
}

/// A label can be given one value at a time, and those of errors are Loki's own.
fn broken_labels(formats: &[LabelFormat], span: Span) -> Option<Broken> {
    let mut seen = BTreeSet::new();
    formats.iter().find_map(|LabelFormat { label, .. }| {
        if label == ERROR {
            return Some((span, format!("{ERROR} cannot be formatted")));
        }
        (!seen.insert(label)).then(|| {
            (span, format!("multiple label name '{label}' not allowed in a single format operation"))
        })
    })
}
