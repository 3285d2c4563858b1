//! What has happened: objects, each in a tenant of its own in which something is wrong, and what does not show there.

use rulesync_testkit::{Fault, Kind, KubeServer, Limits, RulerServer};
use serde_json::{Value, json};

/// The owner of the installation.
pub(super) const OWNER: &str = "prod-eu";

/// What is the case when the commands of a runbook are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The daemon leads. In the tenants, everything is wrong that can be.
    Running,
    /// It may not renew its Lease any more.
    LeaseDenied,
    /// A key of the configuration was misspelt.
    ReloadFailed,
    /// It may not publish any more.
    StatusDenied,
    /// Most objects of a tenant are gone.
    Held,
    /// A daemon has started that may not list PrometheusRules.
    NotReady,
}

/// How many objects go at once.
pub(super) const HELD: usize = 20;

/// The configuration, with rulers at these addresses.
pub(super) fn config(central: &str, logs: &str, denied: &str) -> Value {
    let of = |name: &str| json!({"name": name, "ruler": name, "tenant": "prod", "rule_selector": {"match_labels": {"ruler": name}}});
    json!({
        "rulers": [
            {"name": "central", "type": "mimir", "address": central},
            {"name": "logs", "type": "loki", "address": logs},
            {"name": "denied", "type": "mimir", "address": denied},
            // Nobody listens there.
            {"name": "far", "type": "mimir", "address": "http://127.0.0.1:1"},
        ],
        "routes": [
            {
                "name": "teams", "ruler": "central", "tenant": {"from": "label", "key": "tenant"},
                "allow": [{"namespaces": ["team-a"], "tenants": ["*"]}],
                "rule_selector": {"match_expressions": [{"key": "tenant", "operator": "Exists"}]},
            },
            {"name": "logs", "ruler": "logs", "tenant": "prod", "kinds": ["LoggingRule"]},
            of("denied"),
            of("far"),
        ],
        "status": {"objects": "all"},
        "resync_interval": "1s",
        "evaluation_interval": "1s",
    })
}

/// A Mimir whose tenants have what the objects of the same name show.
pub(super) async fn central() -> RulerServer {
    let limits = Limits { groups: 3, ..Limits::default() };
    let builder =
        RulerServer::builder(Kind::Mimir).with(|it| it.evaluates().tenant_limits("limited", limits));
    let mimir = builder.start().await.unwrap();
    let claim = "name: rulesync\nrules: [{record: rulesync_claim, expr: vector(1), labels: {owner: prod-eu, cluster_id: other, installation: monitoring/rulesync}}]";
    mimir.put("foreign", OWNER, claim).unwrap();
    mimir.set_rule_error(
        "failing",
        "prod-eu.team-a.failing",
        "g",
        0,
        Some("many-to-many matching not allowed"),
    );
    mimir.set_rule_error("claimless", OWNER, "rulesync", 0, Some("the remote storage is full"));
    let answers = |body: Value, path: &str| {
        let fault = Fault::status(200, body.to_string()).with_header("content-type", "application/json");
        fault.on_path(path)
    };
    let none = json!({"status": "success", "data": {"groups": []}});
    mimir.faults().inject(answers(none, "/prometheus/api/v1/rules").on_tenant("idle"));
    let empty = json!({"status": "success", "data": {"resultType": "vector", "result": []}});
    mimir.faults().inject(answers(empty, "/prometheus/api/v1/query"));
    mimir
}

/// Declares the objects.
pub(super) fn declare(kube: &KubeServer) {
    let tenants = ["fine", "failing", "idle", "contested", "foreign", "claimless"];
    for name in tenants {
        kube.apply(object(name, &[("tenant", name)], "up == 0")).unwrap();
    }
    kube.apply(object("refused", &[("tenant", "refused")], "sum(up")).unwrap();
    for name in ["limited-a", "limited-b", "limited-c"] {
        kube.apply(object(name, &[("tenant", "limited")], "up == 0")).unwrap();
    }
    for ruler in ["denied", "far"] {
        kube.apply(object(ruler, &[("ruler", ruler)], "up == 0")).unwrap();
    }
    for name in held() {
        kube.apply(object(&name, &[("tenant", "held")], "up == 0")).unwrap();
    }
    kube.apply(object("kept", &[("tenant", "held")], "up == 0")).unwrap();
}

/// The names of the objects that go at once.
pub(super) fn held() -> impl Iterator<Item = String> {
    (0..HELD).map(|number| format!("held-{number}"))
}

/// A PrometheusRule in `team-a` with the group `g`.
pub(super) fn object(name: &str, labels: &[(&str, &str)], expr: &str) -> Value {
    let labels: serde_json::Map<String, Value> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"namespace": "team-a", "name": name, "labels": labels},
        "spec": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr}]}]},
    })
}
