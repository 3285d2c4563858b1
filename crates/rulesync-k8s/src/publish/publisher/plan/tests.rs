use serde_json::json;

use super::*;
use crate::publish::annotation::Annotated;
use crate::publish::events::NoticeReason;
use crate::publish::samples::{at, finding, refused, status};

fn owner() -> Owner {
    "us".parse().unwrap()
}

fn all() -> PublishSettings {
    PublishSettings {
        objects: Some(ObjectSelection::All),
        annotations: Some(Annotated::Problems),
        reports: true,
        ..PublishSettings::default()
    }
}

fn synced() -> ObjectStatus {
    status(json!({}))
}

fn failing() -> ObjectStatus {
    let findings = [finding("evaluation", "warning", "the query timed out")];
    let at = at(json!({"evaluation": "failing", "failing_rules": 1, "findings": findings}));
    status(json!({"destinations": [at]}))
}

fn unknown() -> ObjectStatus {
    status(json!({"destinations": [at(json!({"evaluation": null}))]}))
}

/// Makes the writes of a plan. Returns what is known then, what was written, and how much changed.
fn publish(
    status: &ObjectStatus,
    mut known: Known,
    settings: &PublishSettings,
) -> (Known, Vec<Output>, Change) {
    let plan = plan(status, &known, settings, &owner(), 1_000);
    let outputs = plan.writes.iter().map(|(write, _)| write.output()).collect();
    for (_, effect) in plan.writes {
        match effect {
            Effect::Document(Output::RuleStatus, written) => known.rule_status = written.map(Some),
            Effect::Document(Output::LoggingRule, written) => known.logging_rule = written.map(Some),
            Effect::Document(_, written) => known.report = written.map(Some),
            Effect::Annotation(state) => known.annotation = state,
        }
    }
    (known, outputs, plan.change)
}

#[test]
fn plan_writes_what_differs_in_each_place_and_nothing_twice() {
    let settings = all();
    let (known, outputs, change) = publish(&refused(), Known::default(), &settings);
    assert_eq!(outputs, [Output::RuleStatus, Output::Report, Output::Annotation("PrometheusRule")]);
    assert_eq!((change, known.state()), (Change::Whole, Some(Reason::GroupsRefused)));
    let (known, outputs, change) = publish(&refused(), known, &settings);
    assert_eq!((outputs, change), (vec![], Change::Nothing));
    let (known, outputs, change) = publish(&synced(), known, &settings);
    assert_eq!(outputs, [Output::RuleStatus, Output::Report, Output::Annotation("PrometheusRule")]);
    assert_eq!(change, Change::Whole);
    assert_eq!((known.report, known.annotation), (None, None), "there are failures no more");
    assert_eq!(publish(&synced(), known, &settings).1, []);
}

#[test]
fn plan_of_problems_begins_with_the_first_one_and_keeps_what_exists() {
    let settings = PublishSettings::default();
    let (known, outputs, _) = publish(&synced(), Known::default(), &settings);
    assert_eq!(outputs, []);
    let (known, outputs, _) = publish(&refused(), known, &settings);
    assert_eq!(outputs, [Output::RuleStatus]);
    let (known, outputs, _) = publish(&synced(), known, &settings);
    assert_eq!(outputs, [Output::RuleStatus], "that it has recovered");
    assert_eq!(known.state(), Some(Reason::Synced));
    let off = PublishSettings { objects: None, ..settings };
    let (known, outputs, _) = publish(&refused(), known, &off);
    assert_eq!((outputs, known.rule_status), (vec![Output::RuleStatus], None), "what exists is removed");
    assert_eq!(publish(&refused(), known, &off).1, []);
}

#[test]
fn plan_writes_what_exists_and_is_not_known() {
    let known = Known { rule_status: Some(None), ..Known::default() };
    let (known, outputs, change) = publish(&synced(), known, &PublishSettings::default());
    assert_eq!((outputs, change), (vec![Output::RuleStatus], Change::Whole));
    assert!(known.rule_status.unwrap().is_some());
}

#[test]
fn plan_of_a_logging_rule_is_its_own_status() {
    let logs = |fields| {
        let mut fields: serde_json::Value = fields;
        fields["kind"] = json!("LoggingRule");
        status(fields)
    };
    let settings = PublishSettings::default();
    let (known, outputs, _) = publish(&logs(json!({})), Known::default(), &settings);
    assert_eq!(outputs, [Output::LoggingRule], "also without a problem");
    assert_eq!(publish(&logs(json!({})), known.clone(), &settings).1, []);
    let elsewhere = logs(json!({"state": "not_selected", "destinations": []}));
    assert_eq!(publish(&elsewhere, Known::default(), &settings).1, [], "it may be another installation's");
    assert_eq!(publish(&elsewhere, known, &settings).1, [Output::LoggingRule]);
}

#[test]
fn change_of_evaluation_is_told_from_other_changes_in_each_place() {
    let (annotated, reported) = (
        PublishSettings { objects: None, annotations: Some(Annotated::All), ..PublishSettings::default() },
        PublishSettings { objects: None, reports: true, ..PublishSettings::default() },
    );
    for settings in [all(), annotated, reported] {
        let (healthy, ..) = publish(&synced(), Known::default(), &settings);
        let (ill, _, change) = publish(&failing(), healthy.clone(), &settings);
        assert_eq!(change, Change::Evaluation, "{settings:?}");
        assert_eq!(publish(&synced(), ill.clone(), &settings).2, Change::Evaluation, "{settings:?}");
        assert_eq!(publish(&unknown(), ill.clone(), &settings).2, Change::Unknown, "{settings:?}");
        assert_eq!(publish(&refused(), ill, &settings).2, Change::Whole, "{settings:?}");
        assert_eq!(publish(&refused(), healthy, &settings).2, Change::Whole, "{settings:?}");
    }
}

#[test]
fn removal_deletes_what_exists() {
    let delete = |known: &Known| -> Vec<Output> {
        let writes = removal("PrometheusRule", "team-a", "node", known, &owner());
        writes.iter().map(|(write, _)| write.output()).collect()
    };
    let (known, ..) = publish(&refused(), Known::default(), &all());
    assert_eq!(delete(&known), [Output::RuleStatus, Output::Report]);
    assert_eq!(delete(&Known { report: None, ..known }), [Output::RuleStatus]);
    assert_eq!(delete(&Known::default()), []);
}

fn reasons(notices: &[Notice]) -> Vec<NoticeReason> {
    notices.iter().map(|notice| notice.reason).collect()
}

#[test]
fn news_are_told_once_and_problems_have_an_end() {
    use NoticeReason::{Recovered, RulerRejected};
    let mut known = Known::default();
    let mut tell = |status: &ObjectStatus| {
        let (notices, facts) = news(status, &known, EventSelection::Warnings, true, Change::Whole);
        known.facts = facts;
        reasons(&notices)
    };
    assert_eq!(tell(&synced()), []);
    assert_eq!(tell(&refused()), [RulerRejected]);
    assert_eq!(tell(&refused()), []);
    assert_eq!(tell(&synced()), [Recovered]);
    assert_eq!(tell(&synced()), []);
    assert_eq!(known.facts, None, "nothing is kept of an object without problems");
}

#[test]
fn news_of_all_objects_are_of_those_that_are_new() {
    let (of_new, _) = news(&synced(), &Known::default(), EventSelection::All, true, Change::Whole);
    assert_eq!(reasons(&of_new), [NoticeReason::Synced]);
    let (of_old, facts) = news(&synced(), &Known::default(), EventSelection::All, false, Change::Whole);
    assert_eq!(reasons(&of_old), []);
    assert!(facts.is_some());
}

#[test]
fn news_leave_out_what_was_published_before() {
    let (known, ..) = publish(&refused(), Known::default(), &PublishSettings::default());
    let tell = |status: &ObjectStatus, change| news(status, &known, EventSelection::Warnings, false, change);
    let (notices, facts) = tell(&refused(), Change::Nothing);
    assert_eq!((reasons(&notices), facts.is_some()), (vec![], true));
    assert_eq!(reasons(&tell(&refused(), Change::Whole).0), [NoticeReason::RulerRejected], "in another way");
    assert_eq!(reasons(&tell(&synced(), Change::Whole).0), [NoticeReason::Recovered]);
}

#[test]
fn news_do_not_take_ignorance_for_a_recovery() {
    let (ill, ..) = publish(&failing(), Known::default(), &PublishSettings::default());
    for known in [
        Known {
            facts: news(&failing(), &Known::default(), EventSelection::Warnings, true, Change::Whole).1,
            ..Known::default()
        },
        ill,
    ] {
        let (notices, facts) = news(&unknown(), &known, EventSelection::Warnings, false, Change::Evaluation);
        assert_eq!(reasons(&notices), []);
        let known = Known { facts, ..Known::default() };
        let (notices, _) = news(&synced(), &known, EventSelection::Warnings, false, Change::Evaluation);
        assert_eq!(reasons(&notices), [NoticeReason::Recovered], "now it is known");
    }
}

#[test]
fn object_is_on_its_way_while_a_destination_has_not_said_anything() {
    assert!(!is_on_its_way(&synced(), 1));
    assert!(is_on_its_way(&synced(), 2), "one did not answer in time");
    let with = |fields| status(json!({"state": "pending", "destinations": [at(fields)]}));
    assert!(is_on_its_way(&with(json!({"state": "pending"})), 1));
    let delay = |reason: &str| json!({"state": "pending", "delay": {"reason": reason, "message": null}});
    assert!(is_on_its_way(&with(delay("standby")), 1));
    assert!(!is_on_its_way(&with(delay("ruler_unavailable")), 1), "that may last");
}
