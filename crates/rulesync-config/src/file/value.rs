//! The labels and matchers that a route adds.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::absent::{nullable, present};
use super::selector::SelectorFile;
use super::value_source::ValueSourceName;

/// A label that is added to every rule. Its value is either `value`, or read from the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExternalLabel")]
pub(crate) struct ExternalLabelFile {
    /// The label.
    pub(crate) label: String,
    /// The value, the same for all objects.
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// The kind of place that the value is read from.
    #[serde(default)]
    pub(crate) from: Option<ValueSourceName>,
    /// The key of the label or annotation that the value is read from.
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// The value for objects without one.
    #[serde(default)]
    pub(crate) default: Option<String>,
    /// Who may choose which values; other values are refused. If absent, every object may choose any value.
    #[serde(default)]
    pub(crate) allow: Option<Vec<AllowValuesFile>>,
    /// What happens to a label of this name that the author of a rule has set.
    #[serde(default)]
    pub(crate) mode: LabelMode,
}

/// What happens to a label that the author of a rule has set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LabelMode {
    /// It is replaced. For an object without a value, groups that set the label are refused.
    #[default]
    Override,
    /// It stays.
    AddIfAbsent,
}

/// A matcher that is added to every selector of every expression. Its value is either `value`, or read from the object.
/// Several matchers on one label hold together and have one `mode`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QueryMatcher")]
pub(crate) struct QueryMatcherFile {
    /// The label.
    pub(crate) label: String,
    /// The operator. `"!="` and `"!~"` must be in quotes, because `!` begins a tag in YAML.
    #[serde(default, deserialize_with = "operator")]
    pub(crate) op: MatchOpName,
    /// The value, the same for all objects. With `=~` and `!~` it is a regular expression, in RE2 syntax, that has to match
    /// the whole value of the label.
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// The kind of place that the value is read from. With `=~` and `!~`, what is read is one or several words with `|`
    /// between them, and each matches itself alone; other characters with a meaning in regular expressions are refused.
    #[serde(default)]
    pub(crate) from: Option<ValueSourceName>,
    /// The key of the label or annotation that the value is read from.
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// The value for objects without one. Without a default, such objects do not go by this route.
    #[serde(default)]
    pub(crate) default: Option<String>,
    /// Who may choose which values; other values are refused. If absent, every object may choose any value.
    #[serde(default)]
    pub(crate) allow: Option<Vec<AllowValuesFile>>,
    /// What happens to matchers on this label that the author of a rule has written.
    #[serde(default)]
    pub(crate) mode: MatcherMode,
}

/// An operator of a matcher.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "MatchOp")]
pub(crate) enum MatchOpName {
    /// The label has this value.
    #[default]
    #[serde(rename = "=")]
    Equal,
    /// The label has another value, or does not exist.
    #[serde(rename = "!=")]
    NotEqual,
    /// The value matches a regular expression.
    #[serde(rename = "=~")]
    Regex,
    /// The value does not match a regular expression.
    #[serde(rename = "!~")]
    NotRegex,
}

/// Reads an operator. Without quotes, `!=` is a tag and its value is none.
fn operator<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MatchOpName, D::Error> {
    Option::deserialize(deserializer)?.ok_or_else(|| {
        D::Error::custom(
            "the operators `!=` and `!~` must be in quotes: without them, `!` begins a tag in YAML",
        )
    })
}

/// What happens to matchers that the author of a rule has written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MatcherMode {
    /// They are replaced, whatever their operators.
    #[default]
    Override,
    /// They stay, and nothing is added beside them.
    AddIfAbsent,
    /// Every selector must already have exactly this matcher; otherwise the group is refused. Further matchers on the
    /// label may stand beside it.
    Require,
}

/// Who may choose which values of a label or matcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AllowValues")]
pub(crate) struct AllowValuesFile {
    /// Kubernetes namespaces by name, with `*` for any text. By default all that `namespace_selector` selects. An empty
    /// list is an error.
    #[serde(default, deserialize_with = "present")]
    pub(crate) namespaces: Option<Vec<String>>,
    /// Kubernetes namespaces by label. By default all that `namespaces` names.
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) namespace_selector: SelectorFile,
    /// The values that may be chosen, with `*` for any text. An empty list is an error.
    pub(crate) values: Vec<String>,
}
