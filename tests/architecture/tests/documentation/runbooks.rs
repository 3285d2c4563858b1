//! Every alert has a runbook, whose commands ask for what there is.

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
fn runbooks_lead_to_what_there_is() {
    let api = read("bins/rulesyncd/src/api/openapi.yaml");
    let verbs: BTreeSet<String> = files("bins/rulesync/src/verbs", "rs");
    let states = read("docs/guide/status.md");
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
        let end = |c: char| c.is_whitespace() || matches!(c, '"' | '`' | '?' | '\'');
        for path in text.split("$RULESYNC_DAEMON").skip(1).filter_map(|rest| rest.split(end).next()) {
            let pattern = path.replace("RULER", "{ruler}").replace("TENANT", "{tenant}");
            if path.starts_with("/api/") && !api.contains(&format!("\n  {pattern}:\n")) {
                problems.push(format!("{runbook}: the API has no {path}"));
            }
        }
        let commands =
            text.split("\nrulesync ").chain(text.split("`rulesync ")).chain(text.split("| rulesync "));
        let starts = commands.filter(|rest| !rest.starts_with("# "));
        for verb in starts.filter_map(|rest| rest.split(end).next()) {
            let file = |name: &str| verbs.contains(&format!("bins/rulesync/src/verbs/{name}.rs"));
            if !file(&verb.replace('-', "_")) && !file(&format!("{verb}_check")) {
                problems.push(format!("{runbook}: there is no rulesync {verb}"));
            }
        }
        for state in text.split("rulesync.dev/state=").skip(1).filter_map(|rest| rest.split(end).next()) {
            if !states.contains(&format!("\n| `{state}` |")) {
                problems.push(format!("{runbook}: there is no state {state}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
