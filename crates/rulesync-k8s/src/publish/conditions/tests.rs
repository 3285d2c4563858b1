use serde_json::{Value, json};

use super::*;
use crate::publish::samples::{at, finding, status};

/// Returns the conditions in short, such as `Ready=False/Pending`.
fn short(status: &ObjectStatus) -> String {
    let conditions = Conditions::of(status);
    let parts: Vec<String> = conditions
        .iter()
        .map(|(type_, verdict)| format!("{}={}/{}", type_.name(), verdict.status.name(), verdict.reason))
        .collect();
    parts.join(" ")
}

fn refused_at(findings: Value) -> Value {
    at(json!({"state": "refused", "refused_groups": 1, "findings": findings}))
}

/// What is said of an object at a destination that refuses all of it.
fn with_nothing() -> Value {
    at(json!({"state": "refused", "groups": 0, "rules": 0, "refused_groups": 2, "evaluation": null}))
}

fn delayed(reason: &str) -> Value {
    at(json!({"state": "pending", "delay": {"reason": reason, "message": "why"}}))
}

#[test]
fn conditions_tell_what_became_of_an_object() {
    let rejected = finding("refused", "error", "no");
    let failing = json!({"evaluation": "failing", "failing_rules": 2});
    for (fields, expected) in [
        (json!({}), "Accepted=True/Accepted Synced=True/Synced Evaluating=True/Healthy Ready=True/Synced"),
        // A ruler that does not tell how rules evaluate does not keep an object from being ready.
        (
            json!({"destinations": [at(json!({"evaluation": null}))]}),
            "Accepted=True/Accepted Synced=True/Synced Evaluating=Unknown/Unknown Ready=True/Synced",
        ),
        (
            json!({"destinations": [at(json!({})), at(json!({"tenant": "b", "evaluation": null}))]}),
            "Accepted=True/Accepted Synced=True/Synced Evaluating=Unknown/Unknown Ready=True/Synced",
        ),
        (
            json!({"state": "not_selected", "destinations": []}),
            "Accepted=False/NotSelected Synced=Unknown/NotSelected Evaluating=Unknown/Unknown Ready=False/NotSelected",
        ),
        (
            json!({"state": "pending", "destinations": []}),
            "Accepted=True/Accepted Synced=False/Pending Evaluating=Unknown/Unknown Ready=False/Pending",
        ),
        (
            json!({"state": "pending", "destinations": [at(json!({"state": "pending"}))]}),
            "Accepted=True/Accepted Synced=False/Pending Evaluating=True/Healthy Ready=False/Pending",
        ),
        (
            json!({"state": "pending", "destinations": [delayed("failing")]}),
            "Accepted=True/Accepted Synced=False/Pending Evaluating=True/Healthy Ready=False/Pending",
        ),
        (
            json!({"state": "pending", "destinations": [delayed("standby")]}),
            "Accepted=True/Accepted Synced=False/Standby Evaluating=True/Healthy Ready=False/Standby",
        ),
        // An outage is nobody's to mend in an object: it is not stalled.
        (
            json!({"state": "pending", "destinations": [delayed("ruler_unavailable"), at(json!({}))]}),
            "Accepted=True/Accepted Synced=False/RulerUnavailable Evaluating=True/Healthy Ready=False/RulerUnavailable",
        ),
        (
            json!({"state": "pending", "destinations": [delayed("limit_exceeded"), delayed("ruler_unavailable")]}),
            "Accepted=True/Accepted Synced=False/LimitExceeded Evaluating=True/Healthy Ready=False/LimitExceeded \
             Stalled=True/LimitExceeded",
        ),
        (
            json!({"destinations": [at(json!({"delay": {"reason": "owner_conflict", "message": null}}))]}),
            "Accepted=True/Accepted Synced=False/OwnerConflict Evaluating=True/Healthy Ready=False/OwnerConflict \
             Stalled=True/OwnerConflict",
        ),
        (
            json!({"destinations": [at(json!({"held_groups": 1}))]}),
            "Accepted=True/Accepted Synced=False/DeletesHeld Evaluating=True/Healthy Ready=False/DeletesHeld",
        ),
        (
            json!({"state": "contested", "destinations": [at(json!({"state": "contested"}))]}),
            "Accepted=True/Accepted Synced=False/Contested Evaluating=True/Healthy Ready=False/Contested \
             Stalled=True/Contested",
        ),
        (
            json!({"destinations": [at(failing.clone())]}),
            "Accepted=True/Accepted Synced=True/Synced Evaluating=False/Failing Ready=False/Failing",
        ),
        (
            json!({"destinations": [at(failing), at(json!({"evaluation": "not_loaded"}))]}),
            "Accepted=True/Accepted Synced=True/Synced Evaluating=False/NotLoaded Ready=False/NotLoaded",
        ),
        (
            json!({"state": "refused", "destinations": [refused_at(json!([rejected.clone()]))]}),
            "Accepted=False/GroupsRefused Synced=True/Synced Evaluating=True/Healthy Ready=False/GroupsRefused \
             Stalled=True/GroupsRefused",
        ),
        (
            json!({"state": "refused", "destinations": [refused_at(json!([rejected])), delayed("ruler_unavailable")]}),
            "Accepted=False/GroupsRefused Synced=False/RulerUnavailable Evaluating=True/Healthy \
             Ready=False/GroupsRefused Stalled=True/GroupsRefused",
        ),
        (
            json!({"state": "refused", "destinations": [with_nothing()]}),
            "Accepted=False/GroupsRefused Synced=Unknown/GroupsRefused Evaluating=Unknown/Unknown \
             Ready=False/GroupsRefused Stalled=True/GroupsRefused",
        ),
        (
            json!({"state": "refused", "findings": [finding("tenant", "error", "no")], "destinations": []}),
            "Accepted=False/TenantDenied Synced=Unknown/TenantDenied Evaluating=Unknown/Unknown \
             Ready=False/TenantDenied Stalled=True/TenantDenied",
        ),
        (
            json!({"state": "refused", "destinations": [refused_at(json!([finding("source-tenants", "error", "no")]))]}),
            "Accepted=False/TenantDenied Synced=True/Synced Evaluating=True/Healthy Ready=False/TenantDenied \
             Stalled=True/TenantDenied",
        ),
        // Its last readable version is in the ruler.
        (
            json!({"state": "malformed", "findings": [finding("spec", "error", "no")]}),
            "Accepted=False/Malformed Synced=True/Synced Evaluating=True/Healthy Ready=False/Malformed \
             Stalled=True/Malformed",
        ),
    ] {
        assert_eq!(short(&status(fields.clone())), expected, "{fields}");
    }
}

#[test]
fn conditions_say_why_and_where() {
    let findings =
        json!([finding("promql", "error", "unclosed \u{1b}[2J"), finding("refused", "error", "no")]);
    let refused = status(json!({"state": "refused", "destinations": [refused_at(findings)]}));
    let place = "mimir/team-a: group \"load\", rule 1 \"HighLoad\", spec.groups[0].rules[1].expr, 1:5";
    assert_eq!(Conditions::of(&refused).ready.message, format!("{place}: no (and 1 more)"));

    let limited =
        status(json!({"state": "pending", "destinations": [at(json!({})), delayed("limit_exceeded")]}));
    assert_eq!(Conditions::of(&limited).synced.message, "mimir/team-a: the tenant is full: why");
    // What a ruler that is down answers may be another thing with each attempt.
    let down = status(json!({"state": "pending", "destinations": [delayed("ruler_unavailable")]}));
    assert_eq!(Conditions::of(&down).synced.message, "mimir/team-a: the ruler does not answer");
    let two = status(json!({"destinations": [at(json!({})), at(json!({"tenant": null}))]}));
    assert_eq!(Conditions::of(&two).synced.message, "14 rules in 2 destinations");

    let failing = json!([finding("evaluation", "warning", "too many samples")]);
    let failing = at(json!({"evaluation": "failing", "failing_rules": 3, "findings": failing}));
    let failing = Conditions::of(&status(json!({"destinations": [failing]})));
    assert_eq!(failing.evaluating.message, format!("{place}: too many samples (and 2 more)"));
}

#[test]
fn conditions_say_where_rules_are_and_whose_they_are() {
    let synced = |fields: Value| Conditions::of(&status(fields)).synced.message;
    let whole = json!({"state": "refused", "destinations": [with_nothing()]});
    assert_eq!(synced(whole), "nothing of it goes to mimir/team-a");
    let somewhere = json!({"state": "refused", "destinations": [with_nothing(), at(json!({"tenant": "b"}))]});
    assert_eq!(synced(somewhere), "7 rules in mimir/b");
    let nothing = at(json!({"groups": 0, "rules": 0}));
    let nothing = json!({"groups": 0, "destinations": [nothing, at(json!({"groups": 0, "rules": 0}))]});
    assert_eq!(synced(nothing), "it declares no rules");
    let malformed = json!({"state": "malformed", "findings": [finding("spec", "error", "no")]});
    assert_eq!(synced(malformed), "its last readable version is there: 7 rules in mimir/team-a");
    let unreadable = json!({"state": "malformed", "groups": 0, "destinations": []});
    assert_eq!(synced(unreadable), "it goes to no ruler");
}

#[test]
fn conditions_have_short_messages() {
    let finding = finding("refused", "error", &"ä\"".repeat(5000));
    let refused = status(json!({"state": "refused", "destinations": [refused_at(json!([finding]))]}));
    for (_, verdict) in Conditions::of(&refused).iter() {
        assert!(verdict.message.len() <= MAX_MESSAGE);
    }
}
