//! The shape of the labels and matchers that a route adds, and what they become.

use rulesync_core::{ExternalLabel, Mode, QueryMatcher, Selector, Value, ValueFrom};
use serde::Deserialize;

use super::{OriginKind, RouteError, nullable, permission, some};

/// A label that every rule gets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalLabelConfig {
    /// Its name.
    pub label: String,
    /// Its value, unless it is read off objects.
    #[serde(default)]
    pub value: Option<String>,
    /// Where it is read.
    #[serde(default)]
    pub from: Option<OriginKind>,
    /// The key of the label or annotation that it is read from.
    #[serde(default)]
    pub key: Option<String>,
    /// The value for objects that have none there.
    #[serde(default)]
    pub default: Option<String>,
    /// Who may choose which values; absent: everyone any. Other values are refused.
    #[serde(default)]
    pub allow: Option<Vec<AllowValuesConfig>>,
    /// What becomes of a label of that name that the author wrote. It is replaced if nothing is said, and a group that
    /// carries it is refused for objects that have no value to replace it with.
    #[serde(default)]
    pub mode: LabelMode,
}

/// What becomes of a label that the author wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelMode {
    /// It is replaced.
    #[default]
    Override,
    /// It stays.
    AddIfAbsent,
}

/// A matcher that every selector carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryMatcherConfig {
    /// The label.
    pub label: String,
    /// The value, unless it is read off objects.
    #[serde(default)]
    pub value: Option<String>,
    /// Where it is read.
    #[serde(default)]
    pub from: Option<OriginKind>,
    /// The key of the label or annotation that it is read from.
    #[serde(default)]
    pub key: Option<String>,
    /// The value for objects that have none there.
    #[serde(default)]
    pub default: Option<String>,
    /// Who may choose which values; absent: everyone any. Other values are refused.
    #[serde(default)]
    pub allow: Option<Vec<AllowValuesConfig>>,
    /// What becomes of matchers on the label that the author wrote. They are replaced if nothing is said.
    #[serde(default)]
    pub mode: MatcherMode,
}

/// What becomes of matchers on a label that the author wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatcherMode {
    /// They are replaced.
    #[default]
    Override,
    /// They stay.
    AddIfAbsent,
    /// The very matcher must be there.
    Require,
}

/// Who may choose which values of a label or matcher.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowValuesConfig {
    /// Kubernetes namespaces by name, with `*` for anything; absent: all that the selector selects. An empty list is
    /// refused.
    #[serde(default, deserialize_with = "some")]
    pub namespaces: Option<Vec<String>>,
    /// Kubernetes namespaces by label; absent: all that are named.
    #[serde(default, deserialize_with = "nullable")]
    pub namespace_selector: Selector,
    /// What may be chosen, with `*` for anything. An empty list is refused.
    pub values: Vec<String>,
}

impl ExternalLabelConfig {
    pub(super) fn label(&self) -> Result<ExternalLabel, RouteError> {
        let Self { label, value, from, key, default, allow, mode } = self;
        let value = ValueConfig { value, from: *from, key, default, allow };
        Ok(ExternalLabel {
            name: label.clone(),
            value: value.value(&format!("external_labels.{label}"))?,
            add_if_absent: *mode == LabelMode::AddIfAbsent,
        })
    }
}

impl QueryMatcherConfig {
    pub(super) fn matcher(&self) -> Result<QueryMatcher, RouteError> {
        let Self { label, value, from, key, default, allow, mode } = self;
        let value = ValueConfig { value, from: *from, key, default, allow };
        Ok(QueryMatcher {
            label: label.clone(),
            value: value.value(&format!("query_matchers.{label}"))?,
            mode: match mode {
                MatcherMode::Override => Mode::Override,
                MatcherMode::AddIfAbsent => Mode::AddIfAbsent,
                MatcherMode::Require => Mode::Require,
            },
        })
    }
}

/// What labels and matchers say of their value alike.
struct ValueConfig<'a> {
    value: &'a Option<String>,
    from: Option<OriginKind>,
    key: &'a Option<String>,
    default: &'a Option<String>,
    allow: &'a Option<Vec<AllowValuesConfig>>,
}

impl ValueConfig<'_> {
    fn value(&self, at: &str) -> Result<Value, RouteError> {
        let at = || at.to_owned();
        let meaningless = |key| Err(RouteError::OfValue { at: at(), key });
        let from = match (self.value, self.from) {
            (Some(_), None) if self.default.is_some() => return meaningless("default"),
            (Some(_), None) if self.allow.is_some() => return meaningless("allow"),
            (Some(value), None) if self.key.is_none() => return Ok(Value::Constant(value.clone())),
            (None, Some(from)) => from,
            _ => return Err(RouteError::Value { at: at() }),
        };
        if self.default.as_deref() == Some("") {
            return Err(RouteError::EmptyDefault { at: at() });
        }
        if self.allow.as_ref().is_some_and(Vec::is_empty) {
            return Err(RouteError::NothingAllowed { at: at() });
        }
        let allowed_at = format!("{}.allow", at());
        let allow = |allow: &AllowValuesConfig| {
            let AllowValuesConfig { namespaces, namespace_selector, values } = allow;
            permission(&allowed_at, namespaces.as_deref(), namespace_selector, "values", values)
        };
        Ok(Value::From(ValueFrom {
            origin: from.origin(self.key.as_deref(), &at())?,
            default: self.default.clone(),
            allow: self.allow.iter().flatten().map(allow).collect::<Result<_, _>>()?,
        }))
    }
}
