//! The definition of PrometheusRule, which a server has unless a test wants it without.

use serde_json::{Value, json};

/// The definition of PrometheusRule with the constraints of the one in prometheus-operator 0.93.
pub(crate) fn prometheus_rule_definition() -> Value {
    let duration =
        "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$";
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let rule = json!({
        "type": "object",
        "required": ["expr"],
        "properties": {
            "alert": text,
            "record": text,
            "expr": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true},
            "for": {"type": "string", "pattern": duration},
            "keep_firing_for": {"type": "string", "minLength": 1, "pattern": duration},
            "labels": texts,
            "annotations": texts,
        },
    });
    let group = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "interval": {"type": "string", "pattern": duration},
            "query_offset": {"type": "string", "pattern": duration},
            "limit": {"type": "integer"},
            "labels": texts,
            "partial_response_strategy": {"type": "string", "pattern": "^(?i)(abort|warn)?$"},
            "rules": {"type": "array", "items": rule},
        },
    });
    let schema = json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {
                    "groups": {
                        "type": "array", "items": group,
                        "x-kubernetes-list-map-keys": ["name"], "x-kubernetes-list-type": "map",
                    },
                },
            },
            "status": binding_status_schema(),
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "prometheusrules.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {
                "kind": "PrometheusRule", "listKind": "PrometheusRuleList",
                "plural": "prometheusrules", "singular": "prometheusrule",
                "shortNames": ["promrule"], "categories": ["prometheus-operator"],
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}},
            }],
        },
    })
}

/// The status that the operator maintains: which of its workloads selected the object.
fn binding_status_schema() -> Value {
    let filled = json!({"type": "string", "minLength": 1});
    let condition = json!({
        "type": "object",
        "required": ["lastTransitionTime", "status", "type"],
        "properties": {
            "type": {"type": "string", "minLength": 1, "enum": ["Accepted"]},
            "status": filled,
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "observedGeneration": {"type": "integer", "format": "int64"},
        },
    });
    let binding = json!({
        "type": "object",
        "required": ["group", "name", "namespace", "resource"],
        "properties": {
            "group": {"type": "string", "enum": ["monitoring.coreos.com"]},
            "resource": {
                "type": "string",
                "enum": ["prometheuses", "prometheusagents", "thanosrulers", "alertmanagers"],
            },
            "name": filled,
            "namespace": filled,
            "conditions": {
                "type": "array", "items": condition,
                "x-kubernetes-list-map-keys": ["type"], "x-kubernetes-list-type": "map",
            },
        },
    });
    json!({
        "type": "object",
        "properties": {
            "bindings": {
                "type": "array", "items": binding,
                "x-kubernetes-list-map-keys": ["group", "resource", "name", "namespace"],
                "x-kubernetes-list-type": "map",
            },
        },
    })
}
