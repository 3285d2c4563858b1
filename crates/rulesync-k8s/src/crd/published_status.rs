//! What is published of an object: the status of a `RuleStatus`, and of a `LoggingRule`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;

/// What has become of an object with rules. No field changes unless something has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedStatus {
    /// The conditions, by type. `Accepted`: the rules are valid, and may go where they go. `Synced`: the rulers have them.
    /// `Evaluating`: the rulers evaluate them without errors. `Ready`: all of this. `Stalled`, only while `True`: somebody
    /// has to change something, waiting does not help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<StatusSummary>,
    /// The rulers and tenants that the rules go to, those with problems first; at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub destinations: Vec<StatusDestination>,
    /// The number of further destinations, which are not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted_destinations: Option<i64>,
    /// What is wrong, errors first; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub findings: Vec<StatusFinding>,
    /// The number of further findings, which are not listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted_findings: Option<i64>,
}

/// The numbers of an object with rules. Rules and groups in several rulers count once for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusSummary {
    /// The number of groups that the object declares; absent if it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<i64>,
    /// The number of rules that should be in rulers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<i64>,
    /// The number of groups that are refused: by the checks of rulesync, or by rulers; absent if the object cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_groups: Option<i64>,
    /// The number of rules that fail whenever they are evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_rules: Option<i64>,
    /// The number of destinations: rulers and tenants that the rules go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destinations: Option<i64>,
    /// The tenants that the rules go to, those with problems first, in one text; `<none>` for rulers without tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<String>,
}

/// An object with rules at one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusDestination {
    /// The ruler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruler: Option<String>,
    /// The tenant, if one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The ruler's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The state in one word, one of those of the label `rulesync.dev/state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A description of the state, if more is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The number of groups there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<i64>,
    /// The number of rules in these groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<i64>,
    /// The number of groups that are refused there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_groups: Option<i64>,
    /// The number of rules that fail there whenever they are evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_rules: Option<i64>,
    /// The number of groups that are not declared any more, and whose deletes are held there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_groups: Option<i64>,
}

/// One problem at one place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusFinding {
    /// The kind of problem, such as `promql`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `error` or `warning`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The ruler that it concerns, if it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruler: Option<String>,
    /// The tenant that it concerns, if it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The name of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The number of the rule in its group, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<i64>,
    /// The name of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
    /// The field, as a path from the root of the object where that is known, such as `spec.groups[1].rules[0].expr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The line in the text of the field, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    /// The column in this line, in bytes from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<i64>,
    /// The problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Advice on how to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
