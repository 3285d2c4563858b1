//! Label enforcement: adds matchers to every selector of an expression and leaves the rest of the source unchanged,
//! including white space, comments and order. The parser of each language locates the selectors, `enforcement` says
//! what they must have, and `splice` edits the text.
//!
//! Enforcement fails closed. The result is parsed again to verify that every selector has every matcher; otherwise an
//! error is returned instead of an expression.

mod enforcement;
mod error;
mod splice;
#[cfg(test)]
mod tests;

pub use enforcement::{Enforcement, InvalidEnforcement, Mode, WordListError, regex_of_words};
pub use error::EnforceError;

use crate::logql;
use crate::promql::{self, ExprKind};
use crate::span::Position;
use splice::{Braces, Matcher, Selector, splice};

/// Adds the matchers to every selector of a PromQL expression.
///
/// ```
/// use rulesync_expr::{Enforcement, Mode, enforce_promql, promql::MatchOp};
///
/// let team = Enforcement::new("team", MatchOp::Equal, "payments", Mode::Override)?;
/// let text = r#"rate(errors[5m]) / on (job) up{team=~".*"} # of all"#;
/// let enforced = enforce_promql(text, &[team])?;
/// assert_eq!(enforced, r#"rate(errors{team="payments"}[5m]) / on (job) up{team="payments"} # of all"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns [`EnforceError`] if not every selector can have every matcher.
pub fn enforce_promql(input: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
    splice(input, matchers, |text| {
        let expr = promql::parse(text, &promql::Options::default()).map_err(EnforceError::Unparsed)?;
        expr.nodes().map(|node| &node.kind).try_for_each(|kind| match kind {
            // With one argument `info` reads `target_info` of all tenants; the second one also selects labels to copy.
            ExprKind::Call(call) if call.function.name == "info" => Err(EnforceError::Unnamed {
                function: call.function.name,
                position: Position::of(text, call.name_span.start),
            }),
            _ => Ok(()),
        })?;
        let selector = |selector: &promql::VectorSelector| Selector {
            start: selector.metric.as_ref().map_or(0, |name| name.span.start),
            name_end: selector.metric.as_ref().map(|name| name.span.end),
            braces: match (selector.braces, &selector.metric) {
                (Some(braces), _) => Braces::At(braces.start + 1),
                (None, Some(name)) => Braces::MissingAt(name.span.end),
                // The parser returns no such selector.
                (None, None) => Braces::MissingAt(0),
            },
            matchers: selector
                .matchers
                .iter()
                .map(|matcher| Matcher {
                    span: matcher.span,
                    label: matcher.label.clone(),
                    op: matcher.op,
                    value: matcher.value.clone(),
                })
                .collect(),
        };
        Ok(expr.selectors().map(selector).collect())
    })
}

/// Adds the matchers to every stream selector of a LogQL expression.
///
/// ```
/// use rulesync_expr::{Enforcement, Mode, enforce_logql, promql::MatchOp};
///
/// let team = Enforcement::new("team", MatchOp::Equal, "payments", Mode::Override)?;
/// let text = r#"sum(rate({job="nginx"} |= "error" [5m])) > 1"#;
/// let enforced = enforce_logql(text, &[team])?;
/// assert_eq!(enforced, r#"sum(rate({job="nginx",team="payments"} |= "error" [5m])) > 1"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns [`EnforceError`] if not every selector can have every matcher.
pub fn enforce_logql(input: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
    splice(input, matchers, |text| {
        let expr = logql::parse(text).map_err(EnforceError::Unparsed)?;
        let selector = |selector: &logql::Selector| Selector {
            start: selector.span.start,
            name_end: None,
            braces: Braces::At(selector.span.start + 1),
            matchers: selector
                .matchers
                .iter()
                .map(|matcher| Matcher {
                    span: matcher.span,
                    label: matcher.label.clone(),
                    op: matcher.op,
                    value: matcher.value.clone(),
                })
                .collect(),
        };
        Ok(expr.selectors().map(selector).collect())
    })
}
