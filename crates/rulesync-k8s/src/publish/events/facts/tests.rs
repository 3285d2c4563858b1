use rulesync_core::status::ObjectStatus;
use serde_json::{Value, json};

use super::*;
use crate::publish::samples::{at, finding, refused, status};

/// Returns the reasons of what is new after each status in turn.
fn told(start: Option<Facts>, statuses: &[ObjectStatus]) -> Vec<Vec<&'static str>> {
    let mut before = start;
    let mut told = Vec::new();
    for status in statuses {
        let (new, facts) = notices(before.as_ref(), status);
        told.push(new.iter().map(|notice| notice.reason.name()).collect());
        before = Some(facts);
    }
    told
}

fn pending(generation: i64) -> ObjectStatus {
    let at = at(json!({"state": "pending"}));
    status(json!({"generation": generation, "state": "pending", "destinations": [at]}))
}

fn synced(generation: i64) -> ObjectStatus {
    status(json!({"generation": generation}))
}

#[test]
fn notices_tell_of_a_new_object_once_it_is_synced() {
    let new = Some(Facts::default());
    assert_eq!(
        told(new, &[pending(1), synced(1), synced(1), pending(2), synced(2)]),
        [vec![], vec!["Synced"], vec![], vec![], vec!["Synced"]]
    );
}

#[test]
fn notices_do_not_call_an_object_synced_that_is_refused_as_a_whole() {
    let new = || Some(Facts::default());
    let nothing = at(json!({"state": "refused", "refused_groups": 2, "groups": 0, "rules": 0}));
    let whole = status(json!({
        "state": "refused", "findings": [finding("no-expr", "error", "the expression is empty")],
        "destinations": [nothing],
    }));
    assert_eq!(told(new(), std::slice::from_ref(&whole)), [["RuleRefused"]]);
    assert_eq!(told(new(), &[whole, synced(5)])[1], ["Recovered", "Synced"]);
    // One that declares no groups any more is as declared.
    let empty = status(json!({"groups": 0, "destinations": [at(json!({"groups": 0, "rules": 0}))]}));
    assert_eq!(told(new(), &[empty]), [["Synced"]]);
}

#[test]
fn notices_do_not_call_a_generation_synced_that_cannot_be_read() {
    let malformed = status(json!({
        "generation": 5, "state": "malformed", "findings": [finding("spec", "error", "no")],
    }));
    let told = told(Some(Facts::default()), &[synced(4), malformed, synced(6)]);
    assert_eq!(told, [vec!["Synced"], vec!["RuleRefused"], vec!["Recovered", "Synced"]]);
}

#[test]
fn notices_at_the_start_of_a_process_are_problems_only() {
    assert_eq!(told(None, &[synced(1), synced(1)]), [vec![""; 0], vec![]]);
    assert_eq!(
        told(None, &[refused(), refused(), synced(4)]),
        [vec!["RulerRejected"], vec![], vec!["Recovered", "Synced"]]
    );
}

#[test]
fn notices_tell_of_recovery_when_the_object_is_ready_again() {
    let new = Some(Facts::default());
    assert_eq!(
        told(new, &[refused(), pending(5), synced(5), synced(5)]),
        [vec!["RulerRejected", "Synced"], vec![], vec!["Recovered", "Synced"], vec![]]
    );
    // What was published before a restart tells that there was a problem.
    for (state, expected) in [(Reason::GroupsRefused, vec!["Recovered"]), (Reason::Synced, vec![])] {
        let new = told(Some(Facts::of_state(state)), &[synced(4)]);
        let without_synced: Vec<&str> = new[0].iter().copied().filter(|reason| *reason != "Synced").collect();
        assert_eq!(without_synced, expected, "{state}");
    }
    // An object that no route selects any more has not recovered.
    let unselected = status(json!({"state": "not_selected", "destinations": []}));
    assert_eq!(told(None, &[refused(), unselected, synced(4)])[1..], [vec![], vec!["Synced"]]);
}

#[test]
fn notices_tell_of_each_problem_and_again_if_it_is_another() {
    let with = |message: &str| {
        let findings = json!([finding("refused", "error", message)]);
        status(
            json!({"state": "refused", "destinations": [at(json!({"state": "refused", "findings": findings}))]}),
        )
    };
    assert_eq!(
        told(None, &[with("one"), with("two"), with("two")]),
        [vec!["RulerRejected"], vec!["RulerRejected"], vec![]]
    );
    let problems = |fields: Value| told(None, &[status(fields)]).remove(0);
    let here = |fields: Value| json!({"destinations": [at(fields)]});
    for (fields, expected) in [
        (json!({"state": "malformed", "findings": [finding("spec", "error", "no")]}), "RuleRefused"),
        (json!({"state": "refused", "findings": [finding("promql", "error", "no")]}), "RuleRefused"),
        (json!({"state": "refused", "findings": [finding("tenant", "error", "no")]}), "TenantDenied"),
        (here(json!({"delay": {"reason": "limit_exceeded", "message": null}})), "LimitExceeded"),
        (here(json!({"delay": {"reason": "owner_conflict", "message": null}})), "OwnerConflict"),
        (here(json!({"held_groups": 1})), "DeletesHeld"),
        (here(json!({"findings": [finding("contested", "warning", "no")]})), "Contested"),
        (
            here(json!({"evaluation": "not_loaded", "findings": [finding("not-loaded", "warning", "no")]})),
            "NotLoaded",
        ),
        (
            here(json!({"evaluation": "failing", "findings": [finding("evaluation", "warning", "no")]})),
            "EvaluationFailing",
        ),
    ] {
        assert_eq!(problems(fields.clone()), [expected], "{fields}");
    }
    for fields in [
        json!({"state": "not_selected", "findings": [finding("promql", "error", "no")], "destinations": []}),
        here(json!({"findings": [finding("normalized", "warning", "no")]})),
        here(json!({"state": "pending", "delay": {"reason": "ruler_unavailable", "message": "no"}})),
        here(json!({"state": "pending", "delay": {"reason": "standby", "message": null}})),
    ] {
        assert_eq!(problems(fields.clone()), [""; 0], "{fields}");
    }
}

#[test]
fn notices_list_three_findings_and_the_number_of_the_others() {
    let finding = |message: &str| finding("refused", "error", message);
    let findings = |messages: &[&str]| {
        let findings: Vec<Value> = messages.iter().map(|message| finding(message)).collect();
        let status = status(
            json!({"state": "refused", "destinations": [at(json!({"state": "refused", "findings": findings}))]}),
        );
        notices(None, &status).0.remove(0).note
    };
    let place = "mimir/team-a: group \"load\", rule 1 \"HighLoad\", spec.groups[0].rules[1].expr, 1:5";
    assert_eq!(
        findings(&["a", "b", "c", "d", "e"]),
        format!("{place}: a; {place}: b; {place}: c; and 2 more")
    );
    let long = "\u{202e}x".repeat(2000);
    let note = findings(&[&format!("1{long}"), &format!("2{long}"), &format!("3{long}"), "d"]);
    assert!(note.len() <= 1024 && note.ends_with("; and 1 more") && !note.contains('\u{202e}'), "{note}");
}

#[test]
fn facts_of_an_object_without_problems_are_small() {
    assert!(std::mem::size_of::<Facts>() <= 24);
    let (_, facts) = notices(None, &synced(4));
    assert!(facts.problems.is_empty());
    assert!(Facts::default().is_empty() && !facts.is_empty());
}
