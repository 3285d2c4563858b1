//! Every alert has a runbook, with commands. `bins/rulesyncd/tests/it/runbooks.rs` runs them.

use std::collections::BTreeSet;

use super::{files, linked, links, read};

#[test]
fn alerts_have_runbooks() {
    let alerts = read("deploy/alerts/rulesync.yaml");
    let alerts: BTreeSet<String> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .map(|name| format!("docs/runbooks/{}.md", name.trim_matches('"')))
        .collect();
    assert!(!alerts.is_empty());
    assert_eq!(alerts, files("docs/runbooks", "md"));
    let index = "docs/operations/alerts.md";
    let linked: BTreeSet<String> = links(&read(index)).iter().map(|target| linked(index, target)).collect();
    let missing: Vec<&String> = alerts.difference(&linked).collect();
    assert!(missing.is_empty(), "{index} has no links to {missing:?}");
}

#[test]
fn runbooks_have_a_diagnosis_with_commands() {
    let mut problems = Vec::new();
    for runbook in files("docs/runbooks", "md") {
        let text = read(&runbook);
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        if headings != ["Meaning", "Impact", "Diagnosis", "Mitigation"] {
            problems.push(format!("{runbook}: {headings:?}"));
        }
        let (diagnosis, mitigation) = text.split_once("## Mitigation").unwrap_or_default();
        if !diagnosis.contains("```console") {
            problems.push(format!("{runbook}: the diagnosis has no command"));
        }
        if mitigation.contains("kubectl logs") {
            problems.push(format!("{runbook}: the mitigation is to look at logs"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
