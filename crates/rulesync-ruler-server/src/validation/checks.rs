//! Checks of rules that all kinds of rulers have in common.

use rulesync_expr::{
    names,
    template::{self, Environment},
};

use crate::{
    escape::quoted,
    model::{group::StoredRule, kind::NameScheme},
};

/// The errors in the templates of an alerting rule; those of recording rules are not checked.
pub(super) fn bad_templates(rule: &StoredRule, environment: &Environment) -> Vec<String> {
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

/// Returns `true` if a recording rule may have this name.
pub(super) fn valid_metric(name: &str, scheme: NameScheme) -> bool {
    match scheme {
        NameScheme::Utf8 => !name.is_empty(),
        NameScheme::Legacy => names::is_legacy_metric(name),
    }
}

/// Returns `true` if a label or annotation may have this name.
pub(super) fn valid_label(name: &str, scheme: NameScheme) -> bool {
    match scheme {
        NameScheme::Utf8 => !name.is_empty(),
        NameScheme::Legacy => names::is_legacy_label(name),
    }
}
