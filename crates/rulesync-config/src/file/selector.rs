//! Label selectors.

use std::collections::BTreeMap;

use rulesync_core::route::{Operator, Requirement, Selector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A label selector with the meaning it has in Kubernetes. An empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Selector")]
pub(crate) struct SelectorFile {
    /// Labels that must have these values.
    #[schemars(example = serde_json::json!({"team": "payments"}))]
    pub(crate) match_labels: BTreeMap<String, String>,
    /// Further conditions, all of which must hold.
    #[schemars(example = serde_json::json!([{"key": "team", "operator": "Exists"}]))]
    pub(crate) match_expressions: Vec<RequirementFile>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Requirement")]
pub(crate) struct RequirementFile {
    /// The label.
    pub(crate) key: String,
    /// The condition.
    pub(crate) operator: OperatorName,
    /// The values for `In` and `NotIn`.
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

/// A condition on a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Operator")]
pub(crate) enum OperatorName {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is missing.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is missing.
    DoesNotExist,
}

impl From<&SelectorFile> for Selector {
    fn from(SelectorFile { match_labels, match_expressions }: &SelectorFile) -> Self {
        let requirement = |RequirementFile { key, operator, values }: &RequirementFile| Requirement {
            key: key.clone(),
            operator: match operator {
                OperatorName::In => Operator::In,
                OperatorName::NotIn => Operator::NotIn,
                OperatorName::Exists => Operator::Exists,
                OperatorName::DoesNotExist => Operator::DoesNotExist,
            },
            values: values.clone(),
        };
        Self {
            match_labels: match_labels.clone(),
            match_expressions: match_expressions.iter().map(requirement).collect(),
        }
    }
}
