//! Tenants that objects request: only what a route's permissions cover, whichever way it is asked for.

use rulesync_core::status::{ObjectState, Status};
use rulesync_testkit::Recorded;
use serde_json::{Value, json};

use crate::company::{Company, LOGQL, object};

/// A route for each way to request a tenant.
const ROUTES: &str = "routes:
  - {name: label, ruler: central, tenant: {from: label, key: tenant}, tenant_pattern: 'team-{value}', allow: [{namespaces: [guests], tenants: [guests, 'guests-*']}]}
  - {name: annotation, ruler: central, tenant: {from: annotation, key: tenant}, allow: [{namespaces: [guests], tenants: [guests]}]}
  - {name: namespace, ruler: central, tenant: {from: namespace_label, key: owner-tenant}, allow: [{tenants: ['guests*']}]}
  - {name: fixed, ruler: loki, tenant: ops, kinds: [LoggingRule], rule_selector: {match_labels: {logs: 'yes'}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn requested_tenant_without_a_permission_is_refused_and_nothing_is_sent() {
    let company = Company::new().await;
    company.kube.apply(serde_json::to_value(rulesync_k8s::logging_rule_crd()).unwrap()).unwrap();
    company.kube.create_namespace("stolen", [("owner-tenant", "payments")]).unwrap();
    let mut expected = Vec::new();
    let mut attempt = |mut manifest: Value, reason: &'static str| {
        let name = format!("attempt-{}", expected.len());
        manifest["metadata"]["name"] = json!(name);
        company.kube.apply(manifest).unwrap();
        expected.push((name, reason));
    };
    for (claim, reason) in [
        ("payments", "does not allow the Kubernetes namespace `guests` to request the tenant \"payments\""),
        ("Guests", "to request the tenant \"Guests\""),
        ("guests.payments", "does not allow"),
        ("xguests", "does not allow"),
        ("", "does not allow"),
    ] {
        attempt(object("guests", "", json!({"tenant": claim}), "up"), reason);
    }
    attempt(object("payments", "", json!({"tenant": "guests"}), "up"), "`payments` to request");
    // Labels hold no odd characters, annotations do.
    for (claim, reason) in [
        ("guests|payments", "does not allow"),
        ("payments", "does not allow"),
        ("guests ", "does not allow"),
        ("guests:payments", "does not allow"),
        ("../guests", "does not allow"),
    ] {
        let mut manifest = object("guests", "", json!({}), "up");
        manifest["metadata"]["annotations"] = json!({"tenant": claim});
        attempt(manifest, reason);
    }
    attempt(object("stolen", "", json!({}), "up"), "`stolen` to request the tenant \"payments\"");
    let logging = |tenant: &str| {
        json!({
            "apiVersion": "rulesync.dev/v1alpha1", "kind": "LoggingRule",
            "metadata": {"namespace": "guests", "labels": {"logs": "yes"}},
            "spec": {"tenant": tenant, "groups": [{"name": "g", "rules": [{"alert": "L", "expr": LOGQL}]}]},
        })
    };
    attempt(logging("payments"), "to request the tenant \"payments\"");
    attempt(logging("OPS"), "to request the tenant \"OPS\"");
    let running = company.run(ROUTES).await;
    let status = running.until(|s| s.ready() && s.objects.len() == expected.len()).await.unwrap();
    for (name, reason) in &expected {
        let object = status.objects.iter().find(|object| object.name == *name).unwrap();
        assert_eq!(object.state, ObjectState::Refused, "{object:?}");
        assert!(object.destinations.is_empty(), "{object:?}");
        assert!(object.findings.iter().any(|f| f.to_string().contains(reason)), "{name}: {object:?}");
    }
    let writes: Vec<Recorded> = company.requests().into_iter().filter(|r| r.method != "GET").collect();
    assert!(writes.is_empty(), "{writes:?}");
    assert!(company.mimir.journal().is_empty(), "not even a question about another's tenant");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn group_that_reads_from_another_tenant_is_refused() {
    let company = Company::new().await;
    let mut reading = object("guests", "reading", json!({"tenant": "guests"}), "up");
    reading["metadata"]["annotations"] =
        json!({"monitoring.grafana.com/source_tenants": "team-guests, payments"});
    company.kube.apply(reading).unwrap();
    let running = company.run(ROUTES).await;
    let is_judged = |s: &Status| s.ready() && s.objects.iter().any(|o| o.state == ObjectState::Refused);
    let status = running.until(is_judged).await.unwrap();
    let finding = &status.objects[0].destinations[0].findings[0];
    assert!(finding.message.contains("to read from the tenant \"payments\""), "{finding}");
    assert!(company.mimir.rules("team-guests").is_empty());
    running.stop().await.unwrap();
}
