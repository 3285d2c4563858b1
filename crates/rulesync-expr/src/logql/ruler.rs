//! Finds expressions that Loki's ruler accepts but can never evaluate.

use std::collections::BTreeSet;

use super::address;
use super::ast::Expr;
use super::operator::LineFilterOp;
use super::parse::parse;
use super::pipeline::{FormatValue, LabelFormat, LabelTest, LineText, Stage, StageKind, Text};
use super::wording::{never_evaluates, unevaluable_regex, unknown_function};
use crate::error::ParseError;
use crate::quote::quoted;
use crate::regex::{self, Wrapping};
use crate::span::Span;
use crate::template::{self, Environment};

const LOG_QUERY: &str =
    "a log query has no number to alert on: wrap it, for example in count_over_time(... [5m])";

/// The label in which Loki reports an error in a line.
const ERROR: &str = "__error__";

/// The location of a problem, and the message.
type Problem = (Span, String);

/// Parses the expression of a rule, and rejects expressions that Loki stores but always fails to evaluate: log queries,
/// line filters with an invalid regular expression, templates that are invalid in every version of Loki, and invalid
/// addresses and label formats. An invalid template is rejected even where Loki happens to discard it without parsing,
/// as at the end of a pipeline whose lines are only counted.
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
/// Returns the errors of [`parse`] and errors of the kind [`NeverEvaluates`](crate::ErrorKind::NeverEvaluates). If
/// there are none, returns an error of the kind [`UnknownFunction`](crate::ErrorKind::UnknownFunction) if a template
/// calls a function that this version does not have.
pub fn ruler_check(input: &str) -> Result<Expr, ParseError> {
    let expr = parse(input)?;
    if !expr.is_metric() {
        return Err(never_evaluates(input, expr.span(), LOG_QUERY));
    }
    let mut unknown = None;
    for stage in expr.queries().flat_map(|query| &query.stages) {
        if let Some((span, reason)) = stage_problem(stage) {
            return Err(never_evaluates(input, span, reason));
        }
        check_regexes(input, stage)?;
        for template in templates(stage) {
            match template.check() {
                Ok(()) => {}
                Err((InvalidIn::AnyVersion, (span, reason))) => {
                    return Err(never_evaluates(input, span, reason));
                }
                Err((InvalidIn::ThisVersion, problem)) => unknown = unknown.or(Some(problem)),
            }
        }
    }
    match unknown {
        Some((span, reason)) => Err(unknown_function(input, span, reason)),
        None => Ok(expr),
    }
}

/// Returns an error for a line filter with an invalid regular expression.
fn check_regexes(input: &str, stage: &Stage) -> Result<(), ParseError> {
    let StageKind::LineFilter { op, texts } = &stage.kind else { return Ok(()) };
    for LineText { text, is_ip } in texts {
        if op.is_regex() && !is_ip {
            regex::literal(input, text.span, &text.value, Wrapping::Nothing)
                .map_err(|error| unevaluable_regex(input, &error))?;
        }
    }
    Ok(())
}

/// The first problem of a stage.
fn stage_problem(stage: &Stage) -> Option<Problem> {
    match &stage.kind {
        StageKind::LineFilter { op, texts } => texts.iter().find_map(|line| line_filter_problem(*op, line)),
        StageKind::LabelFilter(conditions) => conditions.iter().find_map(|condition| match &condition.test {
            LabelTest::Ip { range, .. } => address_problem(range),
            _ => None,
        }),
        StageKind::LabelFormat(formats) => label_format_problem(formats, stage.span),
        _ => None,
    }
}

fn line_filter_problem(op: LineFilterOp, line: &LineText) -> Option<Problem> {
    let text = &line.text;
    match op {
        LineFilterOp::Contains | LineFilterOp::NotContains if line.is_ip => address_problem(text),
        _ if line.is_ip => Some((text.span, "ip() is only allowed after |= and !=".to_owned())),
        _ => None,
    }
}

fn address_problem(text: &Text) -> Option<Problem> {
    let reason =
        || format!("ip() expects an address, a range of addresses or a network, got {}", quoted(&text.value));
    (!address::is_pattern(&text.value)).then(|| (text.span, reason()))
}

/// A template of a stage.
struct Format<'a> {
    text: &'a Text,
    /// The label that the template sets; the line if `None`.
    label: Option<&'a str>,
}

/// The versions of Loki that reject a template.
enum InvalidIn {
    /// All versions, regardless of their functions.
    AnyVersion,
    /// This version: the template calls a function that another version may have.
    ThisVersion,
}

impl Format<'_> {
    /// Returns the problem of an invalid template. Problems other than unknown functions take precedence; an unknown
    /// function may hide them.
    fn check(&self) -> Result<(), (InvalidIn, Problem)> {
        let Some(problem) = self.problem_in(&Environment::LOGQL) else { return Ok(()) };
        match self.problem_in(&Environment::LOGQL.with_any_function()) {
            Some(problem) => Err((InvalidIn::AnyVersion, problem)),
            None => Err((InvalidIn::ThisVersion, problem)),
        }
    }

    /// The problem in an environment, in Loki's words.
    fn problem_in(&self, environment: &Environment) -> Option<Problem> {
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

/// A stage can set a label only once, and cannot set Loki's error label.
fn label_format_problem(formats: &[LabelFormat], span: Span) -> Option<Problem> {
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
