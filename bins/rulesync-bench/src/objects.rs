//! The PrometheusRules of the benchmark: as long as real ones are, and each different.

use rulesync_core::Group;
use serde_json::{Value, json};

/// The owner whose namespaces the daemon writes.
pub(crate) const OWNER: &str = "bench";

/// The label by which objects claim a tenant.
pub(crate) const TENANT: &str = "bench-tenant";

/// The Kubernetes namespace of all objects.
pub(crate) const NAMESPACE: &str = "rulesync-bench";

/// Object number `number`. `version` is part of its first rule, for changing just that.
pub(crate) fn manifest(number: usize, groups: usize, rules: usize, version: usize, tenants: usize) -> Value {
    let groups: Vec<Value> = (0..groups).map(|group| self::group(number, group, rules, version)).collect();
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name(number), "namespace": NAMESPACE, "labels": {"team": format!("team-{}", number % 40), "bench": "true", TENANT: (number % tenants.max(1)).to_string()}},
        "spec": {"groups": groups},
    })
}

/// Object number `number` with one more group, whose expression ends too early.
pub(crate) fn refused(number: usize, groups: usize, rules: usize, tenants: usize) -> Value {
    let mut manifest = manifest(number, groups, rules, 1, tenants);
    let group = json!({"name": "refused", "rules": [{"alert": "Refused", "expr": format!("sum(rate(refused_{number}[5m]) > 3")}]});
    if let Some(groups) = manifest.pointer_mut("/spec/groups").and_then(Value::as_array_mut) {
        groups.push(group);
    }
    manifest
}

/// The name of object `number`.
pub(crate) fn name(number: usize) -> String {
    format!("service-{number:05}-rules")
}

/// The ruler namespace of object `number`.
pub(crate) fn namespace(number: usize) -> String {
    format!("{OWNER}.{NAMESPACE}.{}", name(number))
}

fn group(number: usize, group: usize, rules: usize, version: usize) -> Value {
    let rule = |rule: usize| {
        let threshold = if group == 0 && rule == 0 { version } else { rule + 1 };
        json!({
            "alert": format!("Service{number}HighErrorRate{group}x{rule}"),
            "expr": format!(
                "sum by (job, instance) (rate(http_requests_total{{job=\"service-{number}\",code=~\"5..\"}}[5m])) / sum by (job, instance) (rate(http_requests_total{{job=\"service-{number}\"}}[5m])) > 0.{threshold:03}"
            ),
            "for": "10m",
            "labels": {"severity": "warning"},
            "annotations": {
                "summary": format!("Service {number} answers too many requests with errors"),
                "description": "{{ $labels.instance }} has an error rate of {{ $value | humanizePercentage }}",
            },
        })
    };
    json!({"name": format!("service-{number}-{group}"), "interval": "1m", "rules": (0..rules).map(rule).collect::<Vec<_>>()})
}

/// The groups of object `number` as the daemon would write them, for the bare loop.
pub(crate) fn converted(number: usize, groups: usize, rules: usize) -> Vec<Group> {
    let manifest = manifest(number, groups, rules, 1, 1);
    serde_json::from_value(manifest["spec"]["groups"].clone()).unwrap_or_default()
}
