//! A rule group as a ruler stores it, in the schema of Prometheus rule files plus Mimir's additions.
//!
//! This is the one wire format of the project: rulers are sent it, lists are read into it, and the engine stores it
//! compressed ([`crate::model::CompressedGroup`]). A group as its author declared it, before any check, is
//! [`crate::model::DeclaredGroup`].

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::duration::PromDuration;

/// A named list of rules that are evaluated together, in order.
///
/// Absent, empty and zero mean the same in every field, as they do to the rulers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The name, unique within its namespace.
    pub name: String,
    /// The interval at which the rules are evaluated; zero is the ruler's default.
    #[serde(default, skip_serializing_if = "PromDuration::is_zero")]
    pub interval: PromDuration,
    /// Mimir's older name for `query_offset`, a separate field because Mimir stores it separately.
    #[serde(default, skip_serializing_if = "PromDuration::is_zero")]
    pub evaluation_delay: PromDuration,
    /// The time by which evaluations look back; zero is the ruler's default.
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
/// Exactly one of `record` and `alert` is set once a rule has been accepted.
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
    /// The time that the condition must be true before the alert fires.
    #[serde(default, rename = "for", skip_serializing_if = "PromDuration::is_zero")]
    pub for_duration: PromDuration,
    /// The time that the alert continues to fire after the condition has ended.
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

/// Reads a map of labels; `null` is the empty map, and a `null` value the empty string, as to Go.
pub(crate) fn labels<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct Texts;

    impl<'de> Visitor<'de> for Texts {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of texts")
        }
        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = entries.next_entry::<String, Option<String>>()? {
                map.insert(key, value.unwrap_or_default());
            }
            Ok(map)
        }
    }

    deserializer.deserialize_option(Texts)
}
