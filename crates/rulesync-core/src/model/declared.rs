//! Declared groups and rules before any check: the schema of PrometheusRules and of Prometheus rule files.
//!
//! Everything the PrometheusRule CRD accepts is readable here (docs/contracts/observed.md, "What the PrometheusRule CRD
//! lets through"): an integer `expr`, empty durations, missing lists. [`crate::intake::convert`] converts or refuses
//! it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use super::group::labels;

/// A group as declared. Fields are as in [`crate::Group`], unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeclaredGroup {
    /// The group's name.
    #[serde(default)]
    pub name: String,
    /// A duration; empty means unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// A duration; empty means unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_offset: Option<String>,
    /// A duration; empty means unset. Only Mimir knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_delay: Option<String>,
    /// The most alerts or series a rule may produce.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "whole")]
    pub limit: Option<i64>,
    /// Labels for every rule.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "labels")]
    pub labels: BTreeMap<String, String>,
    /// The rules; none means that the group should not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<DeclaredRule>>,
    /// The tenants to read from; in a PrometheusRule an annotation names them instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_tenants: Option<Vec<String>>,
    /// Mimir: evaluate at multiples of the interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align_evaluation_time_on_interval: Option<bool>,
    /// A field of Thanos; no supported ruler stores it, so it is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_response_strategy: Option<String>,
}

/// A rule as declared. Fields are as in [`crate::Rule`], unchecked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeclaredRule {
    /// The metric to record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The alert's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The expression: a text or a number.
    #[serde(default, deserialize_with = "scalar")]
    pub expr: String,
    /// A duration; empty means unset.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_duration: Option<String>,
    /// A duration; empty means unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    /// Labels for the result.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "labels")]
    pub labels: BTreeMap<String, String>,
    /// Texts for the alert.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "labels")]
    pub annotations: BTreeMap<String, String>,
}

/// Reads a text, or a number as its text: Kubernetes stores `expr: 1` as a number.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Scalar;

    impl Visitor<'_> for Scalar {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an expression: a string or a number")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_string<E: de::Error>(self, text: String) -> Result<String, E> {
            Ok(text)
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_unit<E: de::Error>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }

    deserializer.deserialize_any(Scalar)
}

/// Reads a whole number, which may be written as `5.0`; the fraction of other numbers is cut off, as rulers do.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    struct Whole;

    impl<'de> Visitor<'de> for Whole {
        type Value = Option<i64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<i64>, E> {
            Ok(Some(number))
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<i64>, E> {
            i64::try_from(number).map(Some).map_err(|_| E::custom("the number is too large"))
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Option<i64>, E> {
            // Beyond this, floats are not exact.
            const MOST: f64 = 9_007_199_254_740_992.0;
            if number.abs() > MOST {
                return Err(E::custom("the number is too large"));
            }
            #[expect(clippy::cast_possible_truncation, reason = "its fraction is meant to go")]
            Ok(Some(number as i64))
        }
        fn visit_unit<E: de::Error>(self) -> Result<Option<i64>, E> {
            Ok(None)
        }
        fn visit_none<E: de::Error>(self) -> Result<Option<i64>, E> {
            Ok(None)
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<i64>, D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    deserializer.deserialize_any(Whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_limit_may_have_a_fraction() {
        let limit = |text: &str| {
            serde_json::from_str::<DeclaredGroup>(&format!(r#"{{"limit":{text}}}"#))
                .map(|group| group.limit)
                .ok()
        };
        assert_eq!(
            (limit("5.0"), limit("5.7"), limit("-2.5")),
            (Some(Some(5)), Some(Some(5)), Some(Some(-2)))
        );
        let exact = 9_007_199_254_740_992_i64;
        assert_eq!((limit("9007199254740992.0"), limit("9007199254740994.0")), (Some(Some(exact)), None));
        assert_eq!((limit("5"), limit("-1"), limit("null")), (Some(Some(5)), Some(Some(-1)), Some(None)));
        assert_eq!((limit("1e300"), limit("[5]"), limit("\"5\"")), (None, None, None));
    }

    #[test]
    fn declared_expression_may_be_a_number() {
        let expr = |text: &str| {
            serde_json::from_str::<DeclaredRule>(&format!(r#"{{"expr":{text}}}"#)).map(|rule| rule.expr).ok()
        };
        for (text, read) in [("7", "7"), ("-7", "-7"), ("1.5", "1.5"), ("null", ""), ("\"up\"", "up")] {
            assert_eq!(expr(text).as_deref(), Some(read), "{text}");
        }
        assert_eq!((expr("true"), expr("[1]")), (None, None));
    }

    #[test]
    fn declaration_reads_what_the_crd_accepts() {
        let group: DeclaredGroup = serde_json::from_str(
            r#"{"name":"g","interval":"","labels":null,"unknown":[1],
                "rules":[{"expr":1,"for":""},{"alert":"A","labels":{"a":null,"b":"c"},"annotations":null}]}"#,
        )
        .unwrap();
        let rules = group.rules.unwrap();
        assert_eq!(rules[0].expr, "1");
        assert_eq!(rules[0].for_duration.as_deref(), Some(""));
        assert_eq!(rules[1].expr, "");
        assert_eq!((rules[1].labels["a"].as_str(), rules[1].labels["b"].as_str()), ("", "c"));
        assert!(group.labels.is_empty() && rules[1].annotations.is_empty());
        assert_eq!(group.interval.as_deref(), Some(""));
    }
}
