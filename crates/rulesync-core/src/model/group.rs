//! A rule group as a ruler knows it, in the schema of Prometheus rule files plus Mimir's additions.
//!
//! This is the one wire shape of the project: rulers write it, lists are read into it, and the engine keeps it in
//! [`EncodedGroup`]s. What an author declared, with all its looseness, is [`crate::DeclaredGroup`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::duration::PromDuration;

/// A named list of rules that are evaluated together, in order.
///
/// Absent, empty and zero mean the same in every field, as they do to the rulers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The name, unique within its namespace.
    pub name: String,
    /// How often the rules are evaluated; zero is the ruler's default.
    #[serde(default, skip_serializing_if = "PromDuration::is_zero")]
    pub interval: PromDuration,
    /// Mimir's older name for `query_offset`, kept apart because Mimir keeps it apart.
    #[serde(default, skip_serializing_if = "PromDuration::is_zero")]
    pub evaluation_delay: PromDuration,
    /// How far back in time the rules are evaluated; zero is the ruler's default.
    #[serde(default, skip_serializing_if = "PromDuration::is_zero")]
    pub query_offset: PromDuration,
    /// The most alerts or series a rule may produce; zero is no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limit: i64,
    /// The rules, in order of evaluation.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rules: Vec<Rule>,
    /// Labels added to every rule of the group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "labels")]
    pub labels: BTreeMap<String, String>,
    /// The tenants a federated Mimir group reads from.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_default")]
    pub source_tenants: Vec<String>,
    /// Mimir: evaluate at multiples of the interval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub align_evaluation_time_on_interval: bool,
}

/// One alerting or recording rule.
///
/// Exactly one of `record` and `alert` is set once [`crate::intake::convert`] has accepted a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The metric a recording rule writes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub record: String,
    /// The name of an alerting rule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alert: String,
    /// The expression, in the ruler's language.
    #[serde(default)]
    pub expr: String,
    /// How long the condition must hold before the alert fires.
    #[serde(default, rename = "for", skip_serializing_if = "PromDuration::is_zero")]
    pub hold: PromDuration,
    /// How long the alert goes on firing after the condition has ended.
    #[serde(default, skip_serializing_if = "PromDuration::is_zero")]
    pub keep_firing_for: PromDuration,
    /// Labels added to the result.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "labels")]
    pub labels: BTreeMap<String, String>,
    /// Texts attached to the alert.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "labels")]
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// The rule's name: the alert's, else the recorded metric's.
    pub fn name(&self) -> &str {
        if self.alert.is_empty() { &self.record } else { &self.alert }
    }
}

/// A group in the compact form the engine keeps it in: one shared allocation, where a parsed [`Group`] needs dozens.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedGroup(Arc<[u8]>);

/// An [`EncodedGroup`] that cannot be read back. It is a defect of rulesync, not of the rule.
#[derive(Debug, thiserror::Error)]
#[error("a stored group cannot be read back")]
pub struct EncodingError(#[from] serde_json::Error);

impl EncodedGroup {
    /// Packs a group.
    ///
    /// # Errors
    ///
    /// None is known: it would be a defect of rulesync.
    pub fn encode(group: &Group) -> Result<Self, EncodingError> {
        Ok(Self(serde_json::to_vec(group)?.into()))
    }

    /// Unpacks it again.
    ///
    /// # Errors
    ///
    /// None is known: it would be a defect of rulesync.
    pub fn decode(&self) -> Result<Group, EncodingError> {
        Ok(serde_json::from_slice(&self.0)?)
    }

    /// The size kept in memory, in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for EncodedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Reads `null` as the empty value, as Go does.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a map of labels; a `null` value is the empty string, as Go does.
pub(crate) fn labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let map: Option<BTreeMap<String, Option<String>>> = Option::deserialize(deserializer)?;
    Ok(map.unwrap_or_default().into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_keeps_every_field() {
        let text = r#"{"name":"g","interval":"1m","evaluation_delay":"5s","query_offset":"5s","limit":3,
            "rules":[{"alert":"A","expr":"up == 0","for":"1m30s","keep_firing_for":"1h","labels":{"a":null},
            "annotations":{"b":"c"}},{"record":"r:x","expr":"1"}],"labels":{"team":"x"},"source_tenants":["a"],
            "align_evaluation_time_on_interval":true}"#;
        let group: Group = serde_json::from_str(text).unwrap();
        assert_eq!(group.rules[0].labels["a"], "");
        assert_eq!(group.rules[1].name(), "r:x");
        let encoded = EncodedGroup::encode(&group).unwrap();
        assert_eq!(encoded.decode().unwrap(), group);
        assert!(encoded.size() < text.len());
    }
}
