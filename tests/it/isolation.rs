//! What authors write into annotations and fields cannot reach past what the administrator wrote.

use rulesync_core::status::{ObjectState, ObjectStatus, Status};
use rulesync_testkit::{Kind, KubeServer, NameScheme, RulerServer};
use rulesync_tests::Running;
use serde_json::{Value, json};

struct Location {
    kube: KubeServer,
    mimir: RulerServer,
    loki: RulerServer,
    directory: tempfile::TempDir,
}

impl Location {
    async fn new() -> Self {
        let kube = KubeServer::start().await.unwrap();
        kube.create_namespace("apps", [("team", "apps")]).unwrap();
        kube.create_namespace("victim", [("team", "victim")]).unwrap();
        kube.apply(serde_json::to_value(rulesync_k8s::logging_rule_crd()).unwrap()).unwrap();
        let mimir = RulerServer::builder(Kind::Mimir)
            .with(|ruler| ruler.name_scheme(NameScheme::Utf8))
            .start()
            .await
            .unwrap();
        let loki = RulerServer::builder(Kind::Loki).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
        Self { kube, mimir, loki, directory }
    }

    async fn run(&self, routes: &str) -> Running {
        let (mimir, loki) = (self.mimir.url(), self.loki.url());
        let config = format!(
            "owner: us\nclaim: off\nsources: [{{type: kubernetes, kubeconfig: kubeconfig}}]\nrulers:\n  - {{name: central, type: mimir, address: '{mimir}'}}\n  - {{name: loki, type: loki, address: '{loki}'}}\nroutes:\n{routes}"
        );
        rulesync_tests::run(&config, self.directory.path()).await.unwrap()
    }

    fn writes(&self) -> Vec<String> {
        let servers = [&self.mimir, &self.loki].map(|server| server.journal().requests());
        let writes = servers.into_iter().flatten().filter(|request| request.method != "GET");
        writes.map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn rule(name: &str, annotations: Value, rule: Value) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": "apps", "annotations": annotations},
        "spec": {"groups": [{"name": "g", "rules": [rule]}]},
    })
}

fn alert() -> Value {
    json!({"alert": "A", "expr": "up == 0"})
}

fn object<'a>(status: &'a Status, name: &str) -> &'a ObjectStatus {
    status.objects.iter().find(|object| object.name == name).unwrap()
}

/// A route that makes a label of an annotation, and enforces a matcher.
const LABELLING: &str = "  - name: shared
    ruler: central
    tenant: shared
    external_labels: [{label: team, from: annotation, key: team}]
    query_matchers: [{label: namespace, from: namespace_name}]
";

#[tokio::test(flavor = "multi_thread")]
async fn annotation_that_becomes_a_label_may_not_be_a_template() {
    let location = Location::new().await;
    let template = "{{ query \"secret_metric{namespace='victim'}\" | first | value }}";
    location.kube.apply(rule("reads-another", json!({"team": template}), alert())).unwrap();
    let running = location.run(LABELLING).await;
    let status = running.until(|status| status.ready() && status.objects.len() == 1).await.unwrap();
    let refused = object(&status, "reads-another");
    assert_eq!(refused.state, ObjectState::Refused);
    let said = refused.destinations[0].findings[0].to_string();
    assert!(
        said.contains("route `shared` cannot set the label `team`: annotation `team` is \"{{ query"),
        "{said}"
    );
    assert_eq!(location.writes(), [""; 0]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn annotation_that_freezes_rulers_is_refused() {
    let location = Location::new().await;
    let merges = json!({"alert": "A", "expr": "up", "annotations": {"<<": "x"}});
    location.kube.apply(rule("merges", json!({"team": "a"}), merges)).unwrap();
    let running = location.run(LABELLING).await;
    let status = running.until(|status| status.ready() && status.objects.len() == 1).await.unwrap();
    let refused = object(&status, "merges");
    assert_eq!(refused.state, ObjectState::Refused);
    let said = refused.findings[0].to_string();
    assert!(said.contains("annotations.<<: the name is `<<`, which freezes rulers"), "{said}");
    assert_eq!(location.writes(), [""; 0]);
    assert!(!location.mimir.frozen("shared"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn template_of_a_label_of_the_authors_own_is_written_as_it_is() {
    let location = Location::new().await;
    let own = json!({"alert": "A", "expr": "up == 0", "labels": {"job": "{{ $labels.job }}"}});
    location.kube.apply(rule("own", json!({"team": "apps"}), own)).unwrap();
    let running = location.run(LABELLING).await;
    running.in_order(1).await.unwrap();
    let group = serde_json::to_value(&location.mimir.rules("shared")["us.apps.own"]["g"]).unwrap();
    assert_eq!(group["rules"][0]["labels"], json!({"job": "{{ $labels.job }}", "team": "apps"}));
    assert_eq!(group["rules"][0]["expr"], "up{namespace=\"apps\"} == 0");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn field_of_an_object_does_not_replace_the_word_of_its_kubernetes_namespace() {
    let location = Location::new().await;
    let routes = "  - name: logs
    ruler: loki
    tenant: {from: namespace_label, key: team}
    allow: [{tenants: ['*']}]
    kinds: [LoggingRule]
";
    let logging = |name: &str, tenant: &str| {
        json!({
            "apiVersion": "rulesync.dev/v1alpha1", "kind": "LoggingRule",
            "metadata": {"name": name, "namespace": "apps"},
            "spec": {"tenant": tenant, "groups": [{"name": "g", "rules": [
                {"alert": "L", "expr": "sum(rate({job=\"nginx\"} |= \"error\" [5m])) > 10"}]}]},
        })
    };
    location.kube.apply(logging("takes", "victim")).unwrap();
    location.kube.apply(logging("agrees", "apps")).unwrap();
    let running = location.run(routes).await;
    let status = running.in_order(2).await.unwrap();
    assert_eq!(location.loki.rules("apps").keys().collect::<Vec<_>>(), ["us.apps.agrees_loggingrule"]);
    assert!(location.loki.rules("victim").is_empty());
    let refused = object(&status, "takes");
    assert_eq!(refused.state, ObjectState::Refused);
    let said = refused.findings[0].to_string();
    assert!(said.contains("requests the tenant \"victim\", but route `logs` goes by label `team`"), "{said}");
    running.stop().await.unwrap();
}
