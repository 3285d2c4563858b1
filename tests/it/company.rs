//! One daemon for a whole company: many tenants by the word of objects, metrics and logs.

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

pub(crate) struct Company {
    pub(crate) kube: KubeServer,
    pub(crate) mimir: RulerServer,
    loki: RulerServer,
    directory: tempfile::TempDir,
}

impl Company {
    pub(crate) async fn new() -> Self {
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

    pub(crate) async fn run(&self, routes: &str) -> Running {
        rulesync_tests::run(&self.config(routes), self.path()).await.unwrap()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        let mut requests = self.mimir.journal().requests();
        requests.extend(self.loki.journal().requests());
        requests
    }
}

pub(crate) fn object(namespace: &str, name: &str, labels: Value, expr: &str) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr}]}]},
    })
}

pub(crate) const LOGQL: &str = r#"sum(rate({job="nginx"} |= "error" [5m])) > 10"#;

#[tokio::test(flavor = "multi_thread")]
async fn configuration_of_the_readme_serves_metrics_and_logs() {
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

/// A company with `a` and `c` for stage and for nobody in two Kubernetes namespaces, and `b` for prod: a route takes what
/// is labelled for its tenant in one of them.
async fn staged() -> (Company, Running) {
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
    (company, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_of_stage_and_prod_take_what_is_labelled_for_them() {
    let (company, running) = staged().await;
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
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_that_moves_from_stage_to_prod_arrives_before_it_leaves() {
    let (company, running) = staged().await;
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
async fn tenant_that_hangs_delays_none_of_two_hundred() {
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
