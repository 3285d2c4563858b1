//! Health in Flux: the expressions of `healthCheckExprs` over what is rendered, as kustomize-controller evaluates them.

use cel::{Context, Program, Value as Answer};
use serde::Deserialize;
use serde_json::{Value, json};

use super::integrations;
use super::objects::samples;

/// The parts of a Kustomization that this is about.
#[derive(Deserialize)]
struct Kustomization {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    health_check_exprs: Vec<Expressions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expressions {
    api_version: String,
    kind: String,
    in_progress: Option<String>,
    failed: Option<String>,
    current: String,
}

/// Returns whether an expression holds for an object, whose fields are its variables.
fn holds(expression: &str, object: &Value) -> bool {
    let program = Program::compile(expression).unwrap();
    let mut context = Context::default();
    for (name, value) in object.as_object().unwrap() {
        context.add_variable(name, value.clone()).unwrap();
    }
    match program.execute(&context) {
        Ok(Answer::Bool(holds)) => holds,
        other => panic!("{expression}: {other:?}"),
    }
}

impl Expressions {
    /// Returns the status of an object: the first expression that holds decides, in this order.
    fn status(&self, object: &Value) -> &'static str {
        let generation = |path| object.pointer(path).and_then(Value::as_i64);
        let observed = generation("/status/observedGeneration");
        if observed.is_some() && observed != generation("/metadata/generation") {
            return "InProgress";
        }
        let ordered = [
            (self.in_progress.as_deref(), "InProgress"),
            (self.failed.as_deref(), "Failed"),
            (Some(self.current.as_str()), "Current"),
        ];
        let mut decided = ordered.into_iter().filter_map(|(expression, status)| Some((expression?, status)));
        decided.find(|(expression, _)| holds(expression, object)).map_or("InProgress", |(_, status)| status)
    }
}

fn expressions(kind: &str) -> Expressions {
    let text = std::fs::read_to_string(integrations().join("flux/kustomization.yaml")).unwrap();
    let kustomization: Kustomization = serde_saphyr::from_str(&text).unwrap();
    kustomization.spec.health_check_exprs.into_iter().find(|checks| checks.kind == kind).unwrap()
}

#[test]
fn flux_expressions_tell_the_health_of_what_is_rendered() {
    let (of_status, of_rule) = (expressions("RuleStatus"), expressions("LoggingRule"));
    assert_eq!([&*of_status.api_version, &of_rule.api_version], ["rulesync.dev/v1alpha1"; 2]);
    for sample in samples() {
        let expected = sample.health.in_kstatus();
        let object = serde_json::to_value(sample.rule_status()).unwrap();
        assert_eq!(of_status.status(&object), expected, "{}", sample.state);
        let mut object = serde_json::to_value(sample.logging_rule()).unwrap();
        assert_eq!(of_rule.status(&object), expected, "{}", sample.state);
        object["metadata"]["generation"] = json!(5);
        assert_eq!(of_rule.status(&object), "InProgress", "{}", sample.state);
    }
}

#[test]
fn flux_expressions_tell_the_health_of_an_annotated_prometheus_rule() {
    let checks = expressions("PrometheusRule");
    assert_eq!(checks.api_version, "monitoring.coreos.com/v1");
    let rule =
        |annotations: Value| json!({"metadata": {"name": "node", "annotations": annotations}, "spec": {}});
    assert_eq!(checks.status(&json!({"metadata": {"name": "node"}, "spec": {}})), "Current");
    assert_eq!(checks.status(&rule(json!({"a": "b"}))), "Current");
    for sample in samples() {
        // What waits for a decision of somebody else does not hold up a rollout.
        let expected = if sample.health.in_kstatus() == "Failed" { "Failed" } else { "Current" };
        assert_eq!(
            checks.status(&rule(json!({"rulesync.dev/state": sample.state}))),
            expected,
            "{}",
            sample.state
        );
    }
}

/// Returns the status as kstatus has it without expressions: by `Stalled`, `Ready` and the generation.
fn kstatus(object: &Value) -> &'static str {
    let is = |type_: &str, status: &str| {
        let conditions = object["status"]["conditions"].as_array().unwrap().iter();
        conditions.clone().any(|condition| condition["type"] == type_ && condition["status"] == status)
    };
    match () {
        () if is("Reconciling", "True") => "InProgress",
        () if is("Stalled", "True") => "Failed",
        () if is("Ready", "False") || is("Ready", "Unknown") => "InProgress",
        () => "Current",
    }
}

#[test]
fn kstatus_fails_what_waiting_does_not_help() {
    for sample in samples() {
        // An outage of what the rules read looks the same.
        let expected = match sample.state {
            "failing" | "not-loaded" => "InProgress",
            _ => sample.health.in_kstatus(),
        };
        assert_eq!(
            kstatus(&serde_json::to_value(sample.rule_status()).unwrap()),
            expected,
            "{}",
            sample.state
        );
        assert_eq!(
            kstatus(&serde_json::to_value(sample.logging_rule()).unwrap()),
            expected,
            "{}",
            sample.state
        );
    }
}
