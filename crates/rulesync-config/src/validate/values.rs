//! The values that a route reads from objects or adds to rules, and who may choose them.

use std::sync::Arc;

use rulesync_core::naming::Pattern;
use rulesync_core::route::{
    ExternalLabel, MatchOp, Mode, Permission, QueryMatcher, Value, ValueFrom, ValueSource,
};

use super::report::Report;
use crate::file::{
    AllowValuesFile, ExternalLabelFile, LabelMode, MatchOpName, MatcherMode, QueryMatcherFile, SelectorFile,
    ValueSourceName,
};
use crate::yaml::Path;

/// Checks a label that a route adds.
pub(super) fn label(file: &ExternalLabelFile, at: &Path, report: &mut Report<'_>) -> Option<ExternalLabel> {
    let ExternalLabelFile { label, value, from, key, default, allow, mode } = file;
    let setting = format!("external_labels.{label}");
    let value = Written { value, from: *from, key, default, allow, setting }.value(at, report)?;
    Some(ExternalLabel { name: label.clone(), value, add_if_absent: *mode == LabelMode::AddIfAbsent })
}

/// Checks a matcher that a route adds.
pub(super) fn matcher(file: &QueryMatcherFile, at: &Path, report: &mut Report<'_>) -> Option<QueryMatcher> {
    let QueryMatcherFile { label, op, value, from, key, default, allow, mode } = file;
    let setting = format!("query_matchers.{label}");
    let value = Written { value, from: *from, key, default, allow, setting }.value(at, report)?;
    let op = match op {
        MatchOpName::Equal => MatchOp::Equal,
        MatchOpName::NotEqual => MatchOp::NotEqual,
        MatchOpName::Regex => MatchOp::Regex,
        MatchOpName::NotRegex => MatchOp::NotRegex,
    };
    let mode = match mode {
        MatcherMode::Override => Mode::Override,
        MatcherMode::AddIfAbsent => Mode::AddIfAbsent,
        MatcherMode::Require => Mode::Require,
    };
    Some(QueryMatcher { label: label.clone(), op, value, mode })
}

/// Checks the place of a value. `setting` names it in messages.
pub(super) fn source(
    place: ValueSourceName,
    key: Option<&str>,
    setting: &str,
    at: &Path,
    report: &mut Report<'_>,
) -> Option<ValueSource> {
    if report.is_damaged(&at.key("from")) {
        return None;
    }
    if place == ValueSourceName::NamespaceName {
        if key.is_some() {
            let message =
                format!("`{setting}`: `key` has no meaning here: a Kubernetes namespace has one name");
            report.error_at_key(&at.key("key"), message, "remove it");
        }
        return Some(ValueSource::NamespaceName);
    }
    let Some(key) = key else {
        let message = format!("`{setting}`: `key` is missing: which label or annotation?");
        report.error(&at.key("key"), message, "");
        return None;
    };
    let key = Arc::from(key);
    Some(match place {
        ValueSourceName::Label => ValueSource::Label(key),
        ValueSourceName::Annotation => ValueSource::Annotation(key),
        ValueSourceName::NamespaceLabel => ValueSource::NamespaceLabel(key),
        ValueSourceName::NamespaceAnnotation => ValueSource::NamespaceAnnotation(key),
        ValueSourceName::NamespaceName => ValueSource::NamespaceName,
    })
}

/// An entry of an `allow` list. Absent `namespaces` are all that the selector selects; an empty list would allow nothing,
/// which is hardly meant where a template has made it.
pub(super) struct Entry<'a> {
    pub(super) namespaces: Option<&'a [String]>,
    pub(super) namespace_selector: &'a SelectorFile,
    /// The key of the list of values.
    pub(super) key: &'static str,
    pub(super) values: &'a [String],
}

impl Entry<'_> {
    /// Checks the entry. `setting` names the list in messages.
    pub(super) fn permission(&self, setting: &str, at: &Path, report: &mut Report<'_>) -> Option<Permission> {
        let empty = |key: &str, what: &str, report: &mut Report<'_>| {
            let message = format!("`{setting}`: `{key}` is empty, so that the entry allows nothing");
            report.error(&at.key(key), message, &format!("{what}, or remove the entry"));
            None
        };
        if self.namespaces.is_some_and(<[String]>::is_empty) {
            return empty("namespaces", "name Kubernetes namespaces, with `*` for all of them", report);
        }
        if self.values.is_empty() {
            return empty(self.key, "name the values that may be chosen, with `*` for any", report);
        }
        Some(Permission {
            namespaces: self.namespaces.map(patterns).unwrap_or_default(),
            namespace_selector: self.namespace_selector.into(),
            values: patterns(self.values),
        })
    }
}

pub(super) fn patterns(texts: &[String]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::from(text.as_str())).collect()
}

/// The keys of labels and matchers that say their value.
struct Written<'a> {
    value: &'a Option<String>,
    from: Option<ValueSourceName>,
    key: &'a Option<String>,
    default: &'a Option<String>,
    allow: &'a Option<Vec<AllowValuesFile>>,
    /// Their name in messages.
    setting: String,
}

impl Written<'_> {
    fn value(&self, at: &Path, report: &mut Report<'_>) -> Option<Value> {
        let Self { value, from, key, default, allow, setting } = self;
        let before = report.len();
        let from = match (value, from) {
            (Some(value), None) => {
                for (key, is_set) in
                    [("key", key.is_some()), ("default", default.is_some()), ("allow", allow.is_some())]
                {
                    if is_set {
                        let message = format!("`{setting}`: `{key}` has no meaning beside `value`");
                        report.error_at_key(
                            &at.key(key),
                            message,
                            "remove it, or read the value with `from`",
                        );
                    }
                }
                return (report.len() == before).then(|| Value::Constant(value.clone()));
            }
            (None, Some(from)) => *from,
            (Some(_), Some(_)) => {
                let message = format!("`{setting}`: `value` and `from` exclude each other");
                report.error_at_key(&at.key("from"), message, "set either `value` or `from`");
                return None;
            }
            (None, None) => {
                // Either may be missing because it is damaged.
                if !report.is_damaged(&at.key("value")) {
                    let message = format!("`{setting}`: the value is missing");
                    report.error(&at.key("from"), message, "set either `value` or `from`");
                }
                return None;
            }
        };
        if default.as_deref() == Some("") {
            report.error(&at.key("default"), format!("`{setting}`: `default` is empty"), "remove it");
        }
        if allow.as_ref().is_some_and(Vec::is_empty) {
            let message = format!("`{setting}`: `allow` is empty, so that no object could have a value");
            let hint = "add Kubernetes namespaces and the `values` they may choose, or remove `allow`";
            report.error(&at.key("allow"), message, hint);
        }
        let allowed = format!("{setting}.allow");
        let entries = allow.iter().flatten().enumerate().map(|(index, entry)| {
            let AllowValuesFile { namespaces, namespace_selector, values } = entry;
            let entry =
                Entry { namespaces: namespaces.as_deref(), namespace_selector, key: "values", values };
            entry.permission(&allowed, &at.key("allow").item(index), report)
        });
        let allow: Vec<Option<Permission>> = entries.collect();
        let origin = source(from, key.as_deref(), setting, at, report)?;
        let value =
            ValueFrom { origin, default: (*default).clone(), allow: allow.into_iter().flatten().collect() };
        (report.len() == before).then_some(Value::From(value))
    }
}
