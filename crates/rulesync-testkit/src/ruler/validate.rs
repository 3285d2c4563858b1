//! Validation of a posted group, with the messages of Mimir and Cortex. Loki's are in `loki`.

use std::fmt::Write as _;

use rulesync_expr::template::{self, Environment};
use rulesync_expr::{names, promql};

use super::{
    group::StoredRule,
    kind::{Dialect, Limits, NameScheme, Profile},
    span::Millis,
    yaml_in::{Position, Posted, RulePositions},
};

/// The text of the error answer for an invalid group or invalid rules; `None` if the group is valid.
pub(crate) fn error_text(posted: &Posted, profile: &Profile, federation: bool) -> Option<String> {
    let group = &posted.group;
    let Dialect::PromQl { invalid, positions, explains_expressions, experimental, checks_group_fields } =
        profile.dialect
    else {
        return loki::error_text(group, profile.name_scheme);
    };
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
        for error in rule_errors(rule, profile.name_scheme, experimental) {
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

/// The text of the error answer for an exceeded limit. `stored` returns the number of groups of the tenant.
pub(crate) fn over_limit(posted: &Posted, limits: &Limits, stored: impl FnOnce() -> usize) -> Option<String> {
    let rules = posted.group.rules.len();
    if limits.rules_per_group > 0 && rules > limits.rules_per_group {
        let limit = limits.rules_per_group;
        return Some(format!(
            "per-user rules per rule group limit (limit: {limit} actual: {rules}) exceeded"
        ));
    }
    let (interval, least) = (posted.group.interval, Millis::from(limits.min_interval));
    if interval != Millis::ZERO && interval < least {
        return Some(format!(
            "per-user minimum rule evaluation interval limit (limit: {least} actual: {interval}) exceeded"
        ));
    }
    if limits.groups > 0 {
        // The servers do not check whether the group is already stored.
        let (limit, groups) = (limits.groups, stored() + 1);
        if groups > limit {
            return Some(format!("per-user rule groups limit (limit: {limit} actual: {groups}) exceeded"));
        }
    }
    None
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

/// The errors in the templates of an alerting rule; those of recording rules are not checked.
fn bad_templates(rule: &StoredRule, environment: &Environment) -> Vec<String> {
    let mut errors = Vec::new();
    if rule.alert.is_empty() {
        return errors;
    }
    let template = format!("__alert_{}", rule.alert);
    for (kind, texts) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
        for (name, text) in texts {
            if let Err(error) = template::parse(&template, text, environment) {
                errors.push(format!("{kind} {}: {error}", quoted(name)));
            }
        }
    }
    errors
}

fn valid_metric(name: &str, scheme: NameScheme) -> bool {
    match scheme {
        NameScheme::Utf8 => !name.is_empty(),
        NameScheme::Legacy => names::is_legacy_metric(name),
    }
}

fn valid_label(name: &str, scheme: NameScheme) -> bool {
    match scheme {
        NameScheme::Utf8 => !name.is_empty(),
        NameScheme::Legacy => names::is_legacy_label(name),
    }
}

/// Quotes a string like Go's `%q`.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\x7f' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{A0}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

mod loki;
#[cfg(test)]
mod tests;
