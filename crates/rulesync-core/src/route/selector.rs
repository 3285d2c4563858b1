//! Label selectors, with the meaning Kubernetes gives them.

use std::collections::BTreeMap;

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
        self.holds(|key| labels.get(key))
    }

    /// Returns whether a Kubernetes namespace is selected; none if that depends on unknown labels.
    ///
    /// Its name is the value of `kubernetes.io/metadata.name`, so that a selector on names needs no permission to read
    /// namespaces.
    pub fn matches_namespace(&self, name: &str, labels: Option<&Labels>) -> Option<bool> {
        if labels.is_none() && self.keys().any(|key| key != NAMESPACE_NAME) {
            return None;
        }
        Some(
            self.holds(
                |key| if key == NAMESPACE_NAME { Some(name) } else { labels.and_then(|l| l.get(key)) },
            ),
        )
    }

    /// Returns whether it needs more of a Kubernetes namespace than its name.
    pub fn needs_namespace_labels(&self) -> bool {
        self.keys().any(|key| key != NAMESPACE_NAME)
    }

    fn keys(&self) -> impl Iterator<Item = &str> {
        self.match_labels.keys().chain(self.match_expressions.iter().map(|r| &r.key)).map(String::as_str)
    }

    fn holds<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.match_labels.iter().all(|(key, wanted)| value(key) == Some(wanted))
            && self.match_expressions.iter().all(|Requirement { key, operator, values }| {
                let value = value(key);
                let listed = value.is_some_and(|value| values.iter().any(|v| v == value));
                match operator {
                    Operator::In => listed,
                    Operator::NotIn => !listed,
                    Operator::Exists => value.is_some(),
                    Operator::DoesNotExist => value.is_none(),
                }
            })
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
