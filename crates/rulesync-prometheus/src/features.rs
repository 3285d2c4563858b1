//! Finds features of a group that a version of Prometheus lacks, to explain a rejection. Pure. The versions are those
//! of Prometheus' `model/rulefmt` that introduced a field.

use std::fmt;

use rulesync_core::{Group, Rule};
use rulesync_expr::names;
use rulesync_expr::promql::{self, ExprKind, Matching};
use serde::{Deserialize, Serialize};

/// The major and minor version of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version(u32, u32);

/// A feature that a server's version does not support.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingFeature {
    /// The message for the author.
    pub(crate) message: String,
    /// The rule that uses the feature, counted from 0.
    pub(crate) rule: Option<usize>,
}

const LIMIT: Version = Version(2, 31);
const KEEP_FIRING_FOR: Version = Version(2, 42);
const QUERY_OFFSET: Version = Version(2, 53);
const GROUP_LABELS: Version = Version(3, 0);
const UTF8_NAMES: Version = Version(3, 0);

impl Version {
    /// Parses a version such as `2.42.0+ds`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').split('.');
        Some(Self(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// Returns the first feature that a group uses and this version lacks.
    pub(crate) fn missing_feature(self, group: &Group) -> Option<MissingFeature> {
        let of_group = [
            (!group.labels.is_empty(), "`labels` of a group", GROUP_LABELS),
            (!group.query_offset.is_zero(), "`query_offset`", QUERY_OFFSET),
            (group.limit != 0, "`limit`", LIMIT),
        ];
        if let Some((_, what, since)) = of_group.into_iter().find(|(used, _, since)| *used && self < *since) {
            return Some(MissingFeature { message: self.message(what, since), rule: None });
        }
        group.rules.iter().enumerate().find_map(|(index, rule)| {
            let missing = |what: &str, since| {
                Some(MissingFeature { message: self.message(what, since), rule: Some(index) })
            };
            if !rule.keep_firing_for.is_zero() && self < KEEP_FIRING_FOR {
                return missing("`keep_firing_for`", KEEP_FIRING_FOR);
            }
            if self >= UTF8_NAMES {
                return None;
            }
            match new_name(rule) {
                Some(name) => missing(
                    &format!("names such as {name:?}, with characters other than letters, digits and `_`"),
                    UTF8_NAMES,
                ),
                None => missing(&format!("quoted names, such as {}", quoted_name(&rule.expr)?), UTF8_NAMES),
            }
        })
    }

    fn message(self, what: &str, since: Self) -> String {
        format!("Prometheus {self} does not support {what}: {since} or later is required")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A name in a rule that only the UTF-8 validation scheme allows.
fn new_name(rule: &Rule) -> Option<&str> {
    let mut labels = rule.labels.keys().chain(rule.annotations.keys()).map(String::as_str);
    let is_new_metric = |name: &&str| !name.is_empty() && !names::is_legacy_metric(name);
    labels.find(|name| !names::is_legacy_label(name)).or_else(|| Some(&*rule.record).filter(is_new_metric))
}

/// A quoted name of a metric or label, which only the UTF-8 validation scheme allows.
fn quoted_name(expr: &str) -> Option<&str> {
    let parsed = promql::parse(expr, &promql::Options::default()).ok()?;
    let lists = parsed.nodes().flat_map(|node| match &node.kind {
        ExprKind::Aggregate(aggregate) => [aggregate.grouping.as_ref().map(|by| &by.labels), None],
        ExprKind::Binary(binary) => {
            let Matching { labels, group, .. } = &binary.matching;
            [labels.as_ref().map(|on| &on.list), group.as_ref().and_then(|side| side.include.as_ref())]
        }
        _ => [None, None],
    });
    let listed = lists.flatten().flat_map(|list| &list.labels).map(|name| name.span);
    let matched = parsed.selectors().flat_map(|selector| &selector.matchers).map(|matcher| matcher.span);
    let is_quoted = |name: &&str| name.starts_with(['"', '\'', '`']);
    matched.chain(listed).map(|span| span.text(expr)).find(is_quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_feature(version: &str, group: &str) -> Option<(String, Option<usize>)> {
        let group: Group = serde_json::from_str(group).unwrap();
        Version::parse(version)
            .unwrap()
            .missing_feature(&group)
            .map(|missing| (missing.message, missing.rule))
    }

    #[test]
    fn version_is_parsed_and_compared_as_numbers() {
        assert_eq!(Version::parse("2.42.0+ds"), Some(Version(2, 42)));
        assert_eq!(Version::parse("v3.0.0-rc.1"), Some(Version(3, 0)));
        assert_eq!((Version::parse("three"), Version::parse("3")), (None, None));
        assert!(Version(2, 9) < Version(2, 42) && Version(2, 53) < Version(3, 0));
    }

    #[test]
    fn missing_feature_is_described() {
        for (group, rule, what) in [
            (r#"{"name":"g","labels":{"a":"b"},"rules":[]}"#, None, "`labels` of a group: 3.0 or later"),
            (r#"{"name":"g","query_offset":"1m","rules":[]}"#, None, "`query_offset`: 2.53 or later"),
            (
                r#"{"name":"g","rules":[{"record":"a","expr":"1"},{"record":"a.b","expr":"1"}]}"#,
                Some(1),
                "\"a.b\"",
            ),
            (r#"{"name":"g","rules":[{"alert":"a b","expr":"1","labels":{"a-b":"x"}}]}"#, Some(0), "\"a-b\""),
            (r#"{"name":"g","rules":[{"alert":"a","expr":"1","annotations":{"é":"x"}}]}"#, Some(0), "\"é\""),
        ] {
            let (message, at) = missing_feature("2.42.0", group).unwrap();
            assert!(
                message.starts_with("Prometheus 2.42 does not support ") && message.contains(what),
                "{message}"
            );
            assert_eq!(at, rule);
            assert_eq!(missing_feature("3.1.0", group), None);
        }
        for (expr, name) in [
            (r#"{\"a.b\"}"#, r#"such as "a.b""#),
            (r#"up{\"a\"=\"b\"}"#, r#"such as "a"="b""#),
            (r#"sum by (\"a.b\") (up)"#, r#"such as "a.b""#),
            (r#"up * on (a) group_left (b, \"c.d\") up"#, r#"such as "c.d""#),
        ] {
            let group = format!(r#"{{"name":"g","rules":[{{"record":"a","expr":"{expr}"}}]}}"#);
            let (message, at) = missing_feature("2.42.0", &group).unwrap();
            assert!(message.contains(name) && at == Some(0), "{message}");
            assert_eq!(missing_feature("3.1.0", &group), None);
        }
        let usual = r#"{"name":"a b","limit":3,"rules":[{"alert":"a b","expr":"1","keep_firing_for":"1m"},
            {"record":"a:b_c","expr":"sum by (a) ({__name__=\"a.b\"})"}]}"#;
        assert_eq!(missing_feature("2.42.0", usual), None);
        assert!(missing_feature("2.41.0", usual).unwrap().0.contains("`keep_firing_for`"));
        assert!(missing_feature("2.30.0", usual).unwrap().0.contains("`limit`"));
    }
}
