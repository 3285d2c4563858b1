//! Names of labels, annotations and recorded metrics that a ruler is expected to refuse.

use std::collections::BTreeMap;

use rulesync_expr::names::{is_legacy_label, is_legacy_metric};

use crate::finding::{Code, Finding, Location};
use crate::model::capabilities::LabelNames;
use crate::model::group::Group;

const UTF8: &str = "Prometheus 3 takes it, and Mimir with the name validation scheme `utf8`";

/// Returns the findings about names in a group that a ruler with these rules for names is expected to refuse.
pub(super) fn check(group: &Group, allowed: LabelNames) -> Vec<Finding> {
    let mut findings = Vec::new();
    let location = |rule: Option<usize>, field: String| Location {
        group: Some(group.name.clone()),
        rule,
        rule_name: rule.and_then(|index| group.rules.get(index)).map(|rule| rule.name().to_owned()),
        field: Some(field),
        ..Location::default()
    };
    let mut check_keys = |rule, field: &str, code, map: &BTreeMap<String, String>| {
        // An empty name has a finding of its own.
        for name in map.keys().filter(|name| !name.is_empty() && !is_legacy_label(name)) {
            let message =
                format!("the name {name:?} has other characters than letters, digits and underscores");
            let finding = beyond_legacy(allowed, code, message);
            findings.extend(finding.map(|finding| finding.at(location(rule, format!("{field}.{name}")))));
        }
    };
    check_keys(None, "labels", Code::LabelName, &group.labels);
    for (index, rule) in group.rules.iter().enumerate() {
        check_keys(Some(index), "labels", Code::LabelName, &rule.labels);
        check_keys(Some(index), "annotations", Code::AnnotationName, &rule.annotations);
    }
    for (index, rule) in group.rules.iter().enumerate() {
        let record = &rule.record;
        if record.is_empty() || is_legacy_metric(record) {
            continue;
        }
        let finding = if record.contains(['{', '}']) {
            let message = format!("the recorded metric's name has braces: {record:?}");
            Some(
                Finding::suspicion(Code::RecordName, message)
                    .hint("put what it selects into `expr` or `labels`"),
            )
        } else {
            let message = format!(
                "the name {record:?} has other characters than letters, digits, underscores and colons"
            );
            beyond_legacy(allowed, Code::RecordName, message)
        };
        findings.extend(finding.map(|finding| finding.at(location(Some(index), "record".to_owned()))));
    }
    findings
}

/// Returns the finding about a name that only the UTF-8 scheme allows.
fn beyond_legacy(allowed: LabelNames, code: Code, message: String) -> Option<Finding> {
    match allowed {
        LabelNames::Utf8 => None,
        LabelNames::LegacyByDefault => Some(Finding::warning(code, message).hint(UTF8)),
        LabelNames::Legacy => Some(Finding::suspicion(code, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_legacy_scheme_are_reported_according_to_the_ruler() {
        let group: Group = serde_json::from_str(
            r#"{"name": "g", "labels": {"é": ""}, "rules": [
                {"alert": "A", "expr": "up", "labels": {"a-b": "x", "ok_1": ""}, "annotations": {"c.d": "x"}},
                {"record": "job:up", "expr": "up"},
                {"record": "a-b", "expr": "up"},
                {"record": "a{b=\"c\"}", "expr": "up"}]}"#,
        )
        .unwrap();
        let findings_of = |allowed| -> Vec<String> {
            let line = |finding: &Finding| {
                assert!(!finding.withholds(), "the ruler is the judge");
                format!("{:?} {} {finding}", finding.severity, finding.code)
            };
            check(&group, allowed).iter().map(line).collect()
        };
        insta::assert_snapshot!(findings_of(LabelNames::Legacy).join("\n"), @r#"
        Error label-name group "g", labels.é: the name "é" has other characters than letters, digits and underscores
        Error label-name group "g", rule 0 "A", labels.a-b: the name "a-b" has other characters than letters, digits and underscores
        Error annotation-name group "g", rule 0 "A", annotations.c.d: the name "c.d" has other characters than letters, digits and underscores
        Error record-name group "g", rule 2 "a-b", record: the name "a-b" has other characters than letters, digits, underscores and colons
        Error record-name group "g", rule 3 "a{b=\"c\"}", record: the recorded metric's name has braces: "a{b=\"c\"}" (put what it selects into `expr` or `labels`)
        "#);
        let by_default = findings_of(LabelNames::LegacyByDefault);
        let suspicions = by_default.iter().filter(|line| line.starts_with("Error ")).collect::<Vec<_>>();
        assert!(
            by_default.len() == 5 && suspicions.len() == 1 && suspicions[0].contains("braces"),
            "{by_default:?}"
        );
        assert!(by_default[0].ends_with(&format!("({UTF8})")), "{by_default:?}");
        assert_eq!(findings_of(LabelNames::Utf8), findings_of(LabelNames::Legacy)[4..]);
    }
}
