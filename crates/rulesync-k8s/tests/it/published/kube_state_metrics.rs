//! Metrics of kube-state-metrics: the configuration over what is rendered.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::integrations;
use super::objects::samples;

/// The configuration, as kube-state-metrics reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    kind: String,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Resource {
    group_version_kind: BTreeMap<String, String>,
    metric_name_prefix: String,
    #[serde(default)]
    error_log_v: u8,
    labels_from_path: BTreeMap<String, Vec<String>>,
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    name: String,
    help: String,
    each: Each,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "type", rename_all_fields = "camelCase")]
enum Each {
    Info { info: Values },
    Gauge { gauge: Values },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Values {
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    labels_from_path: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    value_from: Vec<String>,
}

fn at<'a>(object: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(object, |value, name| &value[name])
}

/// Returns a value as a number, as kube-state-metrics converts it.
fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap(),
        Value::String(text) => match &*text.to_lowercase() {
            "true" => 1.0,
            "false" | "unknown" => 0.0,
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

/// Returns the metrics of an object.
fn metrics(resource: &Resource, object: &Value) -> String {
    let mut lines = Vec::new();
    for Metric { name, help, each } in &resource.metrics {
        assert!(help.ends_with('.'), "{name}");
        let (Each::Info { info: values } | Each::Gauge { gauge: values }) = each;
        let found = at(object, &values.path);
        if found.is_null() {
            // Told of in the log of kube-state-metrics, if it is asked for that much.
            assert!(resource.error_log_v > 0, "{name}: {object}");
            continue;
        }
        for item in found.as_array().map_or_else(|| std::slice::from_ref(found), Vec::as_slice) {
            let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{name}: {value}")).to_owned();
            let mut labels = BTreeMap::new();
            labels.extend(
                resource.labels_from_path.iter().map(|(label, path)| (label.clone(), text(at(object, path)))),
            );
            labels.extend(
                values.labels_from_path.iter().map(|(label, path)| (label.clone(), text(at(item, path)))),
            );
            let labels: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
            let value =
                if matches!(each, Each::Info { .. }) { 1.0 } else { number(at(item, &values.value_from)) };
            lines.push(format!("{}_{name}{{{}}} {value}", resource.metric_name_prefix, labels.join(",")));
        }
    }
    lines.join("\n")
}

#[test]
fn kube_state_metrics_finds_everything_in_what_is_rendered() {
    let text = std::fs::read_to_string(integrations().join("kube-state-metrics/rulesync.yaml")).unwrap();
    let config: Config = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(config.kind, "CustomResourceStateMetrics");
    let of_kind = |kind: &str| {
        config.spec.resources.iter().find(|resource| resource.group_version_kind["kind"] == kind)
    };
    let (of_status, of_rule) = (of_kind("RuleStatus").unwrap(), of_kind("LoggingRule").unwrap());
    for sample in samples() {
        metrics(of_status, &serde_json::to_value(sample.rule_status()).unwrap());
        metrics(of_rule, &serde_json::to_value(sample.logging_rule()).unwrap());
    }
    let failing = samples().into_iter().find(|sample| sample.state == "failing").unwrap();
    insta::assert_snapshot!(metrics(of_status, &serde_json::to_value(failing.rule_status()).unwrap()), @r#"
    kube_rulestatus_info{kind="PrometheusRule",name="node",namespace="team-a",owner="prod",state="failing"} 1
    kube_rulestatus_condition{condition="Accepted",kind="PrometheusRule",name="node",namespace="team-a",owner="prod",reason="Accepted"} 1
    kube_rulestatus_condition{condition="Synced",kind="PrometheusRule",name="node",namespace="team-a",owner="prod",reason="Synced"} 1
    kube_rulestatus_condition{condition="Evaluating",kind="PrometheusRule",name="node",namespace="team-a",owner="prod",reason="Failing"} 0
    kube_rulestatus_condition{condition="Ready",kind="PrometheusRule",name="node",namespace="team-a",owner="prod",reason="Failing"} 0
    kube_rulestatus_refused_groups{kind="PrometheusRule",name="node",namespace="team-a",owner="prod"} 0
    kube_rulestatus_failing_rules{kind="PrometheusRule",name="node",namespace="team-a",owner="prod"} 1
    "#);
}
