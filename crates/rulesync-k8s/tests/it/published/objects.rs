//! Objects in each state, with what tools should make of them.

use rulesync_core::Owner;
use rulesync_core::status::ObjectStatus;
use rulesync_k8s::publish::{logging_rule, rule_status};
use rulesync_k8s::{LoggingRule, LoggingRuleSpec, RuleStatus};
use serde_json::{Value, json};

/// 22:32:02 on 27 November 2026.
pub(super) const NOW: u64 = 1_795_818_722;

/// What tools should make of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// Nothing is wrong.
    Healthy,
    /// It gets there by itself.
    Progressing,
    /// Somebody has to decide something first.
    Suspended,
    /// Somebody has to change something.
    Degraded,
}

impl Health {
    /// Returns the name that Argo CD has for it.
    pub(super) fn in_argo_cd(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::Suspended => "Suspended",
            Self::Degraded => "Degraded",
        }
    }

    /// Returns the name that kstatus, and so Flux, has for it.
    pub(super) fn in_kstatus(self) -> &'static str {
        match self {
            Self::Healthy => "Current",
            Self::Progressing | Self::Suspended => "InProgress",
            Self::Degraded => "Failed",
        }
    }
}

/// An object in a state.
pub(super) struct Sample {
    /// The state, as labels have it.
    pub(super) state: &'static str,
    pub(super) health: Health,
    /// The fields of its status that are not those of a synced object, as JSON has them.
    fields: Value,
}

impl Sample {
    /// Returns the status of an object of a kind in this state.
    pub(super) fn status(&self, kind: &str) -> ObjectStatus {
        let mut whole = json!({
            "source": "cluster", "kind": kind, "namespace": "team-a", "name": "node",
            "uid": "7d1b7a5e-0f4c-4d9a-9a53-0c3f5f1c2b11", "generation": 4, "state": "synced", "groups": 2,
            "findings": [], "destinations": [at(json!({}))],
        });
        merge(&mut whole, &self.fields);
        serde_json::from_value(whole).unwrap()
    }

    /// Returns the `RuleStatus` of a PrometheusRule in this state.
    pub(super) fn rule_status(&self) -> RuleStatus {
        rule_status::render(&self.status("PrometheusRule"), &owner()).unwrap().at(None, NOW).0
    }

    /// Returns a LoggingRule in this state.
    pub(super) fn logging_rule(&self) -> LoggingRule {
        let status = self.status("LoggingRule");
        let mut rule = LoggingRule::new(&status.name, LoggingRuleSpec::default());
        rule.metadata.namespace = Some(status.namespace.clone());
        rule.metadata.generation = status.generation;
        rule.status = Some(logging_rule::render(&status).unwrap().at(None, NOW).0);
        rule
    }
}

pub(super) fn owner() -> Owner {
    "prod".parse().unwrap()
}

/// Returns what is said of an object at a destination, with these fields instead of those of a synced one.
pub(super) fn at(fields: Value) -> Value {
    let mut whole = json!({
        "ruler": "mimir", "tenant": "team-a", "namespace": "prod.team-a.node", "state": "synced",
        "evaluation": "healthy", "delay": null, "groups": 2, "rules": 7, "refused_groups": 0, "failing_rules": 0,
        "held_groups": 0, "findings": [],
    });
    merge(&mut whole, &fields);
    whole
}

pub(super) fn finding(code: &str, severity: &str, message: &str) -> Value {
    let location = json!({
        "group": "load", "rule": 1, "rule_name": "HighLoad", "path": "spec.groups[0].rules[1].expr",
        "position": {"line": 1, "column": 5},
    });
    json!({"severity": severity, "code": code, "message": message, "location": location})
}

fn delayed(reason: &str, message: Option<&str>) -> Value {
    let delay = json!({"reason": reason, "message": message});
    json!({"state": "pending", "destinations": [at(json!({"state": "pending", "delay": delay}))]})
}

/// Returns an object in each state that can be published.
pub(super) fn samples() -> Vec<Sample> {
    let refused = finding("refused", "error", "refused by the ruler: unexpected end of input");
    let denied = json!({
        "severity": "error", "code": "tenant", "message": "it may not have the tenant \"team-b\"", "location": {},
    });
    let malformed = json!({
        "severity": "error", "code": "spec", "message": "`groups` must be a list", "location": {"path": "spec.groups"},
    });
    let contested = finding("contested", "warning", "three lists in a row found it changed: rules differs");
    let failing = finding("evaluation", "warning", "fails when it is evaluated: too many samples");
    let not_loaded = finding("not-loaded", "warning", "the ruler has stored the group and does not load it");
    let limit = "per-tenant rule group limit (limit: 20 actual: 21)";
    let claimed = "claimed by eu-1 as the same owner; this is eu-2";
    let sample = |state, health, fields| Sample { state, health, fields };
    vec![
        sample("synced", Health::Healthy, json!({})),
        sample("not-selected", Health::Suspended, json!({"state": "not_selected", "destinations": []})),
        sample("standby", Health::Progressing, delayed("standby", None)),
        sample("pending", Health::Progressing, delayed("failing", Some("the server answers 500"))),
        sample("unavailable", Health::Progressing, delayed("ruler_unavailable", Some("connection refused"))),
        sample(
            "failing",
            Health::Degraded,
            json!({"destinations": [at(json!({"evaluation": "failing", "failing_rules": 1, "findings": [failing]}))]}),
        ),
        sample(
            "not-loaded",
            Health::Degraded,
            json!({"destinations": [at(json!({"evaluation": "not_loaded", "findings": [not_loaded]}))]}),
        ),
        sample("held", Health::Suspended, json!({"destinations": [at(json!({"held_groups": 3}))]})),
        sample(
            "contested",
            Health::Degraded,
            json!({"state": "contested", "destinations": [at(json!({"state": "contested", "findings": [contested]}))]}),
        ),
        sample("limited", Health::Degraded, delayed("limit_exceeded", Some(limit))),
        sample("conflict", Health::Degraded, delayed("owner_conflict", Some(claimed))),
        sample(
            "refused",
            Health::Degraded,
            json!({"state": "refused", "destinations": [at(json!({
                "state": "refused", "groups": 1, "rules": 3, "refused_groups": 1, "findings": [refused],
            }))]}),
        ),
        sample(
            "denied",
            Health::Degraded,
            json!({"state": "refused", "findings": [denied], "destinations": []}),
        ),
        sample("malformed", Health::Degraded, json!({"state": "malformed", "findings": [malformed]})),
    ]
}

fn merge(whole: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
}

#[test]
fn published_objects_have_the_state_that_they_are_samples_of() {
    for sample in samples() {
        let labels = sample.rule_status().metadata.labels.unwrap();
        assert_eq!(labels["rulesync.dev/state"], sample.state);
    }
}
