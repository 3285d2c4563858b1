//! Label selectors, with the meaning Kubernetes gives them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::labels::Labels;

/// The label of every Kubernetes namespace with its own name.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// A selector of labels. An empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Labels that must exist with this value.
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions; all must be met.
    #[serde(default)]
    pub match_expressions: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// The operator.
    pub operator: Operator,
    /// The values `In` and `NotIn` compare with.
    #[serde(default)]
    pub values: Vec<String>,
}

/// The operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// The label exists, with one of the values.
    In,
    /// The label is missing or has another value.
    NotIn,
    /// The label exists.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

/// The reason why a selector is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// `In` or `NotIn` without values.
    #[error("match_expressions: `{key}` with operator {operator:?} needs at least one value")]
    NoValues {
        /// The label.
        key: String,
        /// The operator.
        operator: Operator,
    },
    /// `Exists` or `DoesNotExist` with values.
    #[error("match_expressions: `{key}` with operator {operator:?} takes no values")]
    Values {
        /// The label.
        key: String,
        /// The operator.
        operator: Operator,
    },
}

impl Selector {
    /// Checks that the selector is valid by Kubernetes' rules.
    ///
    /// # Errors
    ///
    /// A [`SelectorError`] for the first requirement that is not.
    pub fn validate(&self) -> Result<(), SelectorError> {
        for Requirement { key, operator, values } in &self.match_expressions {
            let (key, operator) = (key.clone(), *operator);
            match operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    return Err(SelectorError::NoValues { key, operator });
                }
                Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                    return Err(SelectorError::Values { key, operator });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Returns whether labels are selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.judge(labels).all(|judged| judged.is_met == Some(true))
    }

    /// Returns whether a Kubernetes namespace is selected; none if that depends on unknown labels.
    ///
    /// Its name is the value of `kubernetes.io/metadata.name`, so that a selector on names needs no permission to read
    /// namespaces.
    pub fn matches_namespace(&self, name: &str, labels: Option<&Labels>) -> Option<bool> {
        let mut selected = Some(true);
        for judged in self.judge_namespace(name, labels) {
            match judged.is_met {
                Some(true) => {}
                Some(false) => return Some(false),
                None => selected = None,
            }
        }
        selected
    }

    /// Returns whether it needs more of a Kubernetes namespace than its name.
    pub fn needs_namespace_labels(&self) -> bool {
        self.conditions().any(|condition| condition.key != NAMESPACE_NAME)
    }

    /// Judges labels by each condition.
    pub(crate) fn judge<'a>(
        &'a self,
        labels: &'a Labels,
    ) -> impl Iterator<Item = JudgedCondition<'a>> + use<'a> {
        self.conditions().map(|condition| condition.judge(labels.get(condition.key)))
    }

    /// Judges a Kubernetes namespace by each condition.
    pub(crate) fn judge_namespace<'a>(
        &'a self,
        name: &'a str,
        labels: Option<&'a Labels>,
    ) -> impl Iterator<Item = JudgedCondition<'a>> + use<'a> {
        self.conditions().map(move |condition| match labels {
            _ if condition.key == NAMESPACE_NAME => condition.judge(Some(name)),
            Some(labels) => condition.judge(labels.get(condition.key)),
            None => JudgedCondition { condition, actual: None, is_met: None },
        })
    }

    fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        let labels = self.match_labels.iter().map(|(key, value)| Condition {
            key,
            operator: Operator::In,
            values: std::slice::from_ref(value),
        });
        labels.chain(self.match_expressions.iter().map(|Requirement { key, operator, values }| Condition {
            key,
            operator: *operator,
            values,
        }))
    }
}

/// One condition of a selector: a requirement, or a label of `match_labels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Condition<'a> {
    key: &'a str,
    operator: Operator,
    values: &'a [String],
}

/// A condition, and what it says of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JudgedCondition<'a> {
    pub(crate) condition: Condition<'a>,
    /// The label's value, if it has one.
    pub(crate) actual: Option<&'a str>,
    /// Whether it is met; none if the labels are unknown.
    pub(crate) is_met: Option<bool>,
}

impl<'a> Condition<'a> {
    fn judge(self, actual: Option<&'a str>) -> JudgedCondition<'a> {
        let listed = actual.is_some_and(|actual| self.values.iter().any(|value| value == actual));
        let is_met = match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => actual.is_some(),
            Operator::DoesNotExist => actual.is_none(),
        };
        JudgedCondition { condition: self, actual, is_met: Some(is_met) }
    }
}

/// As Kubernetes' tools write it: `team=a`, `team in (a, b)`, `!team`.
impl fmt::Display for Condition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        match (operator, values) {
            (Operator::In, [value]) => write!(f, "{key}={value}"),
            (Operator::NotIn, [value]) => write!(f, "{key}!={value}"),
            (Operator::In, values) => write!(f, "{key} in ({})", values.join(", ")),
            (Operator::NotIn, values) => write!(f, "{key} notin ({})", values.join(", ")),
            (Operator::Exists, _) => f.write_str(key),
            (Operator::DoesNotExist, _) => write!(f, "!{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(json: &str) -> Selector {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn selector_selects_as_kubernetes_does() {
        let labels: Labels = [("tenant", "prod"), ("team", "a")].into_iter().collect();
        for (json, expected) in [
            ("{}", true),
            (r#"{"match_labels":{"tenant":"prod"}}"#, true),
            (r#"{"match_labels":{"tenant":"stage"}}"#, false),
            (r#"{"match_labels":{"nope":""}}"#, false),
            (r#"{"match_expressions":[{"key":"team","operator":"In","values":["a","b"]}]}"#, true),
            (r#"{"match_expressions":[{"key":"team","operator":"NotIn","values":["a"]}]}"#, false),
            (r#"{"match_expressions":[{"key":"absent","operator":"NotIn","values":["a"]}]}"#, true),
            (r#"{"match_expressions":[{"key":"team","operator":"Exists"}]}"#, true),
            (r#"{"match_expressions":[{"key":"team","operator":"DoesNotExist"}]}"#, false),
            (
                r#"{"match_labels":{"tenant":"prod"},"match_expressions":[{"key":"team","operator":"In","values":["b"]}]}"#,
                false,
            ),
        ] {
            assert_eq!(selector(json).matches(&labels), expected, "{json}");
        }
    }

    #[test]
    fn selector_requirement_has_values_where_its_operator_takes_them() {
        for (operator, values, valid) in [
            (Operator::In, 1, true),
            (Operator::In, 0, false),
            (Operator::NotIn, 1, true),
            (Operator::NotIn, 0, false),
            (Operator::Exists, 0, true),
            (Operator::Exists, 1, false),
            (Operator::DoesNotExist, 0, true),
            (Operator::DoesNotExist, 1, false),
        ] {
            let requirement = Requirement { key: "k".into(), operator, values: vec!["v".into(); values] };
            let selector = Selector { match_expressions: vec![requirement], ..Selector::default() };
            assert_eq!(selector.validate().is_ok(), valid, "{selector:?}");
            assert!(!selector.is_empty());
        }
        assert!(Selector::default().is_empty());
        assert!(!selector(r#"{"match_labels":{"tenant":"prod"}}"#).is_empty());
    }

    #[test]
    fn selector_knows_a_namespace_by_its_name() {
        let by_name = selector(r#"{"match_labels":{"kubernetes.io/metadata.name":"monitoring"}}"#);
        assert_eq!(by_name.matches_namespace("monitoring", None), Some(true));
        assert_eq!(by_name.matches_namespace("other", None), Some(false));
        let by_label = selector(r#"{"match_labels":{"team":"a"}}"#);
        assert_eq!(by_label.matches_namespace("monitoring", None), None);
        assert!(by_label.needs_namespace_labels());
        assert_eq!(by_label.matches_namespace("monitoring", Some(&Labels::default())), Some(false));
        let both = selector(r#"{"match_labels":{"kubernetes.io/metadata.name":"monitoring","team":"a"}}"#);
        assert_eq!(both.matches_namespace("monitoring", None), None);
        assert_eq!(both.matches_namespace("other", None), Some(false), "whatever its labels");
    }

    #[test]
    fn selector_conditions_are_shown_as_kubernetes_tools_write_them() {
        let all = selector(
            r#"{"match_labels":{"a":"1"},"match_expressions":[{"key":"b","operator":"In","values":["x","y"]},
                {"key":"c","operator":"NotIn","values":["x"]},{"key":"d","operator":"NotIn","values":["x","y"]},
                {"key":"e","operator":"Exists"},{"key":"f","operator":"DoesNotExist"}]}"#,
        );
        let shown: Vec<String> = all.conditions().map(|condition| condition.to_string()).collect();
        assert_eq!(shown, ["a=1", "b in (x, y)", "c!=x", "d notin (x, y)", "e", "!f"]);
    }

    #[test]
    fn selector_refuses_invalid_requirements() {
        assert!(selector(r#"{"match_expressions":[{"key":"a","operator":"In"}]}"#).validate().is_err());
        assert!(
            selector(r#"{"match_expressions":[{"key":"a","operator":"Exists","values":["x"]}]}"#)
                .validate()
                .is_err()
        );
        assert!(
            selector(r#"{"match_expressions":[{"key":"a","operator":"NotIn","values":["x"]}]}"#)
                .validate()
                .is_ok()
        );
    }
}
