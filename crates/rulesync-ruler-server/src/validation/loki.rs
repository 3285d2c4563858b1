//! Validation of a posted group, with the messages of Loki: different from Prometheus', without positions, and only the
//! first error of each rule.

use rulesync_expr::logql;
use rulesync_expr::template::Environment;

use super::checks::{bad_templates, valid_label, valid_metric};
use crate::model::{
    group::{StoredGroup, StoredRule},
    kind::NameScheme,
    span::Millis,
};

/// The text of the error answer for an invalid group; `None` if it is valid. A group may have no rules.
pub(super) fn error_text(group: &StoredGroup, scheme: NameScheme) -> Option<String> {
    let nameless = group.name.is_empty().then(|| "group 0: Groupname must not be empty".to_owned());
    let rules = group.rules.iter().filter_map(|rule| rule_error(rule, &group.name, scheme));
    let messages: Vec<String> = nameless.into_iter().chain(rules).collect();
    (!messages.is_empty()).then(|| messages.join(", "))
}

fn rule_error(rule: &StoredRule, group: &str, scheme: NameScheme) -> Option<String> {
    match (rule.record.is_empty(), rule.alert.is_empty()) {
        (false, false) => return Some("only one of 'record' and 'alert' must be set".to_owned()),
        (true, true) => return Some("one of 'record' or 'alert' must be set".to_owned()),
        _ => {}
    }
    if rule.expr.is_empty() {
        return Some("field 'expr' must be set in rule".to_owned());
    }
    if let Some(error) = logql_error(&rule.expr) {
        let (kind, name) =
            if rule.alert.is_empty() { ("record", &rule.record) } else { ("alert", &rule.alert) };
        return Some(format!("could not parse expression for {kind} '{name}' in group '{group}': {error}"));
    }
    if !rule.record.is_empty() {
        for (field, set) in
            [("annotations", !rule.annotations.is_empty()), ("for", rule.for_ != Millis::ZERO)]
        {
            if set {
                return Some(format!("invalid field '{field}' in recording rule"));
            }
        }
        if !valid_metric(&rule.record, scheme) {
            return Some(format!("invalid recording rule name: {}", rule.record));
        }
    }
    if let Some(name) = rule.labels.keys().find(|name| !valid_label(name, scheme) || *name == "__name__") {
        return Some(format!("invalid label name: {name}"));
    }
    if let Some(name) = rule.annotations.keys().find(|name| !valid_label(name, scheme)) {
        return Some(format!("invalid annotation name: {name}"));
    }
    bad_templates(rule, &Environment::LOKI_RULES).into_iter().next()
}

/// The parse error of an expression that is not LogQL. Log queries are valid, though no rule can evaluate them.
fn logql_error(expr: &str) -> Option<String> {
    logql::parse(expr).err().map(|error| error.to_string())
}
