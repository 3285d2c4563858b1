//! Validation of a posted group, with the messages of Mimir and Cortex.

use std::fmt::Write as _;

use rulesync_expr::{promql, template::Environment};

use super::checks::{bad_templates, valid_label, valid_metric};
use crate::{
    escape::quoted,
    model::{
        group::StoredRule,
        kind::{NameScheme, PromQlStyle},
        span::Millis,
    },
    yaml::decode::{Position, Posted, RulePositions},
};

/// The text of the error answer for an invalid group or invalid rules; `None` if the group is valid.
pub(super) fn error_text(
    posted: &Posted,
    names: NameScheme,
    style: &PromQlStyle,
    federation: bool,
) -> Option<String> {
    let group = &posted.group;
    let PromQlStyle { invalid, positions, explains_expressions, experimental, checks_group_fields } = *style;
    let name = &group.name;
    let group_error = if name.is_empty() {
        Some("rule group name must not be empty".to_owned())
    } else if group.rules.is_empty() {
        Some(format!("rule group '{name}' has no rules"))
    } else if checks_group_fields && !group.source_tenants.is_empty() && !federation {
        Some(format!(
            "rule group '{name}' is a federated rule group, but rules federation is disabled; \
             please contact your service administrator to have it enabled"
        ))
    } else if checks_group_fields
        && group.evaluation_delay != Millis::ZERO
        && group.query_offset.is_some_and(|offset| offset != Millis::ZERO && offset != group.evaluation_delay)
    {
        Some(format!(
            "rule group '{name}' has both query_offset and (deprecated) evaluation_delay set, but to different \
             values; please remove the deprecated evaluation_delay and use query_offset instead"
        ))
    } else {
        None
    };
    if let Some(text) = group_error {
        return Some(format!("{}{text}", invalid));
    }
    let mut messages = Vec::new();
    for (index, rule) in group.rules.iter().enumerate() {
        let at = posted.positions.get(index).copied().unwrap_or_default();
        let rule_name = if rule.alert.is_empty() { &rule.record } else { &rule.alert };
        for error in rule_errors(rule, names, experimental) {
            if matches!(error, RuleError { about: About::Expression, .. }) && !explains_expressions {
                messages.push(String::new());
                continue;
            }
            let mut text = error.about.prefix(if positions { at } else { RulePositions::default() });
            let _ =
                write!(text, "group {}, rule {index}, {}: {}", quoted(name), quoted(rule_name), error.text);
            messages.push(text);
        }
    }
    (!messages.is_empty()).then(|| messages.join(", "))
}

struct RuleError {
    about: About,
    text: String,
}

/// The field that an error refers to.
enum About {
    Kind,
    Record,
    MissingExpression,
    Expression,
    Nothing,
}

impl About {
    fn prefix(&self, at: RulePositions) -> String {
        let place = |at: Position| format!("{}:{}: ", at.line, at.column);
        match self {
            Self::Kind => place(at.record) + &place(at.alert),
            Self::Record => place(at.record),
            Self::MissingExpression | Self::Expression => place(at.expr),
            Self::Nothing => String::new(),
        }
    }
}

fn rule_errors(rule: &StoredRule, scheme: NameScheme, experimental: bool) -> Vec<RuleError> {
    let promql = promql::Options { experimental, ..promql::Options::default() };
    let mut errors = Vec::new();
    let mut report = |about, text: String| errors.push(RuleError { about, text });
    match (rule.record.is_empty(), rule.alert.is_empty()) {
        (false, false) => report(About::Kind, "only one of 'record' and 'alert' must be set".to_owned()),
        (true, true) => report(About::Kind, "one of 'record' or 'alert' must be set".to_owned()),
        _ => {}
    }
    if rule.expr.is_empty() {
        report(About::MissingExpression, "field 'expr' must be set in rule".to_owned());
    } else if let Err(error) = promql::parse(&rule.expr, &promql) {
        report(About::Expression, format!("could not parse expression: {error}"));
    }
    if !rule.record.is_empty() {
        for (field, set) in [
            ("annotations", !rule.annotations.is_empty()),
            ("for", rule.for_ != Millis::ZERO),
            ("keep_firing_for", rule.keep_firing_for != Millis::ZERO),
        ] {
            if set {
                report(About::Record, format!("invalid field '{field}' in recording rule"));
            }
        }
        if !valid_metric(&rule.record, scheme) {
            report(About::Record, format!("invalid recording rule name: {}", rule.record));
        }
        if rule.record.contains(['{', '}']) {
            let text = "braces present in the recording rule name; should it be in expr?";
            report(About::Record, format!("{text}: {}", rule.record));
        }
    }
    for name in rule.labels.keys() {
        if !valid_label(name, scheme) || name == "__name__" {
            report(About::Nothing, format!("invalid label name: {name}"));
        }
    }
    for name in rule.annotations.keys() {
        if !valid_label(name, scheme) {
            report(About::Nothing, format!("invalid annotation name: {name}"));
        }
    }
    for text in bad_templates(rule, &Environment::PROMETHEUS) {
        report(About::Nothing, text);
    }
    errors
}
