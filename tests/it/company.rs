//! One daemon for a whole company: many tenants by the word of objects, metrics and logs, isolation that authors cannot
//! step around.

use std::collections::BTreeSet;
use std::path::Path;

use rulesync_core::status::ObjectState;
use rulesync_testkit::{Fault, Kind, KubeServer, Recorded, RulerBuilder, RulerServer};
use rulesync_tests::Running;
use serde_json::{Value, json};

/// Routes as the README has them.
const ROUTES: &str = r#"
routes:
  - name: by-team
    ruler: central
    tenant: {from: label, key: tenant}            # label | annotation | namespace_label | namespace_annotation | namespace_name
    tenant_pattern: "team-{value}"                # optional
    allow:
      - {namespaces: [monitoring], tenants: ["*"]}
      - {namespace_selector: {match_labels: {team: payments}}, tenants: [payments, "payments-*"]}
    source_tenants: {allow: [shared]}
  - name: logs
    ruler: loki
    tenant: ops
    kinds: [PrometheusRule, AlertingRule, RecordingRule, LoggingRule]
    rule_selector: {match_labels: {dialect: logql}}
"#;

struct Company {
    kube: KubeServer,
    mimir: RulerServer,
    loki: RulerServer,
    directory: tempfile::TempDir,
}

impl Company {
    async fn new() -> Self {
        let kube = KubeServer::start().await.unwrap();
        kube.create_namespace("monitoring", []).unwrap();
        kube.create_namespace("payments", [("team", "payments")]).unwrap();
        kube.create_namespace("guests", [("team", "guests")]).unwrap();
        let mimir = RulerServer::builder(Kind::Mimir).with(RulerBuilder::federation).start().await.unwrap();
        let loki = RulerServer::builder(Kind::Loki).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
        Self { kube, mimir, loki, directory }
    }

    fn config(&self, routes: &str) -> String {
        let (mimir, loki) = (self.mimir.url(), self.loki.url());
        format!(
            "owner: us\nclaim: off\nsources: [{{type: kubernetes, kubeconfig: kubeconfig}}]\nrulers:\n  - {{name: central, type: mimir, address: '{mimir}', request_timeout: 3s}}\n  - {{name: loki, type: loki, address: '{loki}'}}\n{routes}"
        )
    }

    async fn run(&self, routes: &str) -> Running {
        rulesync_tests::run(&self.config(routes), self.path()).await.unwrap()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn requests(&self) -> Vec<Recorded> {
        let mut requests = self.mimir.journal().requests();
        requests.extend(self.loki.journal().requests());
        requests
    }
}

fn object(namespace: &str, name: &str, labels: Value, expr: &str) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr}]}]},
    })
}

const LOGQL: &str = r#"sum(rate({job="nginx"} |= "error" [5m])) > 10"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_of_the_readme_serves_metrics_and_logs() {
    let company = Company::new().await;
    let kube = &company.kube;
    kube.apply(serde_json::to_value(rulesync_k8s::logging_rule_crd()).unwrap()).unwrap();
    kube.apply(object("monitoring", "a", json!({"tenant": "stage"}), "up")).unwrap();
    kube.apply(object("payments", "b", json!({"tenant": "payments-eu"}), "up")).unwrap();
    kube.apply(object("guests", "c", json!({"tenant": "payments"}), "up")).unwrap();
    kube.apply(object("guests", "logs", json!({"dialect": "logql"}), LOGQL)).unwrap();
    kube.apply(object("guests", "confused", json!({"dialect": "logql"}), "up == 0")).unwrap();
    let logging = json!({
        "apiVersion": "rulesync.dev/v1alpha1",
        "kind": "LoggingRule",
        "metadata": {"name": "logs", "namespace": "guests", "labels": {"dialect": "logql"}},
        "spec": {"groups": [{"name": "g", "rules": [{"alert": "L", "expr": LOGQL, "for": "5m"}]}]},
    });
    kube.apply(logging).unwrap();
    let running = company.run(ROUTES).await;
    let status = running.in_order(6).await.unwrap();

    assert!(company.mimir.rules("team-stage").contains_key("us.monitoring.a"));
    assert!(company.mimir.rules("team-payments-eu").contains_key("us.payments.b"));
    let logs: Vec<String> = company.loki.rules("ops").keys().cloned().collect();
    assert_eq!(logs, ["us.guests.logs", "us.guests.logs_loggingrule"]);
    let object = |name: &str| status.objects.iter().find(|object| object.name == name).unwrap();
    let refused = object("c");
    assert_eq!(refused.state, ObjectState::Refused);
    assert!(refused.destinations.is_empty());
    let reason = refused.findings[0].to_string();
    assert!(reason.contains("route `by-team` does not allow the Kubernetes namespace `guests`"), "{reason}");
    let confused = &object("confused").destinations[0].findings[0];
    assert!(confused.message.contains("this is PromQL"), "{confused}");
    let tenants: BTreeSet<String> =
        company.requests().iter().map(|r| r.tenant().unwrap_or("none").to_owned()).collect();
    assert_eq!(tenants, ["ops", "team-payments-eu", "team-stage"].map(str::to_owned).into());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stage_and_prod_by_a_route_each() {
    let company = Company::new().await;
    let route = |tenant: &str| {
        format!(
            "  - name: {tenant}\n    ruler: central\n    tenant: {tenant}\n    rule_selector: {{match_labels: {{tenant: {tenant}}}}}\n    namespace_selector: {{match_labels: {{kubernetes.io/metadata.name: monitoring}}}}\n"
        )
    };
    for (name, tenant) in [("a", "stage"), ("b", "prod"), ("c", "dev")] {
        company.kube.apply(object("monitoring", name, json!({"tenant": tenant}), "up")).unwrap();
        company.kube.apply(object("guests", name, json!({"tenant": tenant}), "up")).unwrap();
    }
    let running = company.run(&format!("routes:\n{}{}", route("stage"), route("prod"))).await;
    running.in_order(6).await.unwrap();
    for request in company.mimir.journal().requests() {
        let namespace = request.path.rsplit('/').next().unwrap().to_owned();
        match (request.method.as_str(), request.tenant()) {
            ("POST", Some("stage")) => assert_eq!(namespace, "us.monitoring.a"),
            ("POST", Some("prod")) => assert_eq!(namespace, "us.monitoring.b"),
            ("GET", Some("stage" | "prod")) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(company.mimir.journal().len(), 4);
    // The author moves a rule from one stage to the other: the new one has it before the old one loses it.
    company.mimir.journal().clear();
    company.kube.apply(object("monitoring", "a", json!({"tenant": "prod"}), "up")).unwrap();
    running.until(|_| company.mimir.rules("stage").is_empty()).await.unwrap();
    let requests = company.mimir.journal().requests();
    let moves: Vec<String> =
        requests.iter().map(|r| format!("{} {}", r.method, r.tenant().unwrap_or_default())).collect();
    assert_eq!(moves, ["POST prod", "DELETE stage"]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_to_reach_another_tenant_is_refused_and_nothing_is_sent() {
    let company = Company::new().await;
    let routes = "routes:
  - {name: label, ruler: central, tenant: {from: label, key: tenant}, tenant_pattern: 'team-{value}', allow: [{namespaces: [guests], tenants: [guests, 'guests-*']}]}
  - {name: annotation, ruler: central, tenant: {from: annotation, key: tenant}, allow: [{namespaces: [guests], tenants: [guests]}]}
  - {name: namespace, ruler: central, tenant: {from: namespace_label, key: owner-tenant}, allow: [{tenants: ['guests*']}]}
  - {name: fixed, ruler: loki, tenant: ops, kinds: [LoggingRule], rule_selector: {match_labels: {logs: 'yes'}}}
";
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
    let running = company.run(routes).await;
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
    // Reading from another tenant is a matter of each group.
    let mut reading = object("guests", "reading", json!({"tenant": "guests"}), "up");
    reading["metadata"]["annotations"] =
        json!({"monitoring.grafana.com/source_tenants": "team-guests, payments"});
    company.kube.apply(reading).unwrap();
    let status = running.until(|s| s.objects.len() == expected.len() + 1).await.unwrap();
    let object = status.objects.iter().find(|object| object.name == "reading").unwrap();
    assert_eq!(object.state, ObjectState::Refused);
    assert!(object.destinations[0].findings[0].message.contains("to read from the tenant \"payments\""));
    assert!(company.mimir.rules("team-guests").is_empty());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tenants_and_one_that_hangs() {
    let company = Company::new().await;
    let objects: usize = 200 * 5;
    for number in 0..objects {
        let tenant = format!("t{}", number % 200);
        company
            .kube
            .apply(object("monitoring", &format!("o{number}"), json!({"tenant": tenant}), "up"))
            .unwrap();
    }
    company.mimir.faults().inject(Fault::hang().on_tenant("team-t7"));
    let running = company.run(ROUTES).await;
    running
        .until(|s| {
            let done = |o: &rulesync_core::status::ObjectStatus| o.state == ObjectState::Synced;
            s.objects.iter().filter(|o| done(o)).count() == objects - 5
        })
        .await
        .unwrap();
    let requests = company.mimir.journal().requests();
    for tenant in (0..200).filter(|n| *n != 7) {
        let tenant = format!("team-t{tenant}");
        let of = |method: &str| {
            requests.iter().filter(|r| r.tenant() == Some(&tenant) && r.method == method).count()
        };
        assert_eq!((of("GET"), of("POST")), (1, 5), "{tenant}");
    }
    assert_eq!(company.kube.requests_for("watch", "prometheusrules"), 1, "one watch for all");
    company.mimir.faults().clear();
    running.in_order(objects).await.unwrap();
    assert_eq!(company.mimir.rules("team-t7").len(), 5);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_route_enforces_is_in_every_selector() {
    let company = Company::new().await;
    let routes = "routes:
  - name: all
    ruler: central
    tenant: prod
    external_labels:
      - {label: cluster, value: eu-1}
      - {label: team, from: namespace_label, key: team, mode: add_if_absent}
    query_matchers:
      - {label: namespace, from: namespace_name}
";
    let expr = "sum(rate(http_requests_total{namespace=~\".*\"}[5m])) # all of them\n  / on () up";
    company.kube.apply(object("guests", "a", json!({}), expr)).unwrap();
    company.kube.apply(object("guests", "b", json!({}), "info(up)")).unwrap();
    let mut asking = object("guests", "c", json!({}), "up");
    asking["spec"]["groups"][0]["rules"][0]["annotations"] =
        json!({"x": "{{ with query \"secret\" }}{{ end }}"});
    company.kube.apply(asking).unwrap();
    let running = company.run(routes).await;
    let status = running.in_order(3).await.unwrap();
    let asking = status.objects.iter().find(|object| object.name == "c").unwrap();
    assert!(
        asking.destinations[0].findings[0].to_string().contains("annotations.x: the template calls `query`")
    );
    assert!(company.kube.delete(crate::road::RULES, "guests", "c"));
    running.in_order(2).await.unwrap();
    let rules = company.mimir.rules("prod");
    assert_eq!(rules.len(), 1, "what cannot carry the matcher is not sent");
    let group = serde_json::to_value(&rules["us.guests.a"]["g"]).unwrap();
    assert_eq!(
        group["rules"][0]["expr"],
        "sum(rate(http_requests_total{namespace=\"guests\"}[5m])) # all of them\n  / on () up{namespace=\"guests\"}"
    );
    assert_eq!(group["rules"][0]["labels"], json!({"cluster": "eu-1", "team": "guests"}));
    // What cannot be read cannot carry the matcher; its last version does, and stays.
    company.kube.apply(object("guests", "a", json!({}), "sum(up")).unwrap();
    running.until(|s| s.objects.iter().all(|o| o.state == ObjectState::Refused)).await.unwrap();
    running.stop().await.unwrap();
    assert_eq!(company.mimir.rules("prod"), rules);
    let before = "routes: [{name: all, ruler: central, tenant: prod}]\n";
    company.kube.apply(object("guests", "a", json!({}), expr)).unwrap();
    let running = company.run(before).await;
    running.in_order(2).await.unwrap();
    assert_eq!(company.mimir.rules("prod").len(), 2, "nothing is enforced here");
    running.stop().await.unwrap();
    // From before it was enforced, and refused now: it goes, also where nobody remembers.
    let running = company.run(&format!("{routes}delete_guard: {{window: 2s}}\n")).await;
    running.until(|_| company.mimir.rules("prod").len() == 1).await.unwrap();
    assert!(company.mimir.rules("prod").contains_key("us.guests.a"));
    running.stop().await.unwrap();
}
