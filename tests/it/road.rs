//! The main road in tests: the testkit's Kubernetes on one end, its Mimir on the other.

use rulesync_testkit::{Kind, KubeServer, RulerServer};
use rulesync_tests::Running;
use serde_json::{Value, json};

pub(crate) const RULES: &str = "prometheusrules.monitoring.coreos.com";

pub(crate) struct Road {
    pub(crate) kube: KubeServer,
    pub(crate) ruler: RulerServer,
    pub(crate) running: Running,
    _directory: tempfile::TempDir,
}

/// The namespace `team-a` with label `team: a`, and a route of all that is labelled `tenant: prod` in such namespaces.
pub(crate) async fn servers() -> (KubeServer, RulerServer) {
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("team-a", [("team", "a")]).unwrap();
    (kube, RulerServer::builder(Kind::Mimir).start().await.unwrap())
}

impl Road {
    pub(crate) async fn new(kube: KubeServer, ruler: RulerServer) -> Self {
        let config = config(&ruler.url(), "prod");
        Self::configured(kube, ruler, &config).await
    }

    pub(crate) async fn configured(kube: KubeServer, ruler: RulerServer, config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
        let running = rulesync_tests::run(config, directory.path()).await.unwrap();
        Self { kube, ruler, running, _directory: directory }
    }

    /// With so many objects of so many groups, in order, the first sync's requests still in the journal.
    pub(crate) async fn with(objects: usize, groups: usize) -> Self {
        let (kube, ruler) = servers().await;
        (0..objects).for_each(|number| drop(kube.apply(object(number, groups, "up")).unwrap()));
        let road = Self::new(kube, ruler).await;
        road.running.in_order(objects).await.unwrap();
        road
    }

    /// The requests the ruler saw since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.ruler.journal().requests();
        self.ruler.journal().clear();
        requests
            .iter()
            .map(|r| format!("{} {}", r.method, r.path.trim_start_matches("/prometheus/config/v1/rules")))
            .collect()
    }

    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let requests = self.requests();
        let count = |method: &str| requests.iter().filter(|request| request.starts_with(method)).count();
        (count("GET"), count("POST"), count("DELETE"))
    }

    pub(crate) async fn stop(self) -> (KubeServer, RulerServer) {
        self.running.stop().await.unwrap();
        (self.kube, self.ruler)
    }
}

pub(crate) fn config(ruler: &str, tenant: &str) -> String {
    format!(
        "
owner: us
claim: off
sources:
  - {{type: kubernetes, kubeconfig: kubeconfig}}
rulers:
  - {{name: central, type: mimir, address: '{ruler}'}}
routes:
  - name: prod
    ruler: central
    tenant: {tenant}
    rule_selector: {{match_labels: {{tenant: prod}}}}
    namespace_selector: {{match_labels: {{team: a}}}}
"
    )
}

/// Object number `number` in `team-a`: each group records one metric and alerts on it.
pub(crate) fn object(number: usize, groups: usize, expr: &str) -> Value {
    let group = |group: usize| {
        json!({"name": format!("g{group}"), "rules": [
            {"record": "job:up:sum", "expr": format!("sum by (job) ({expr})")},
            {"alert": "Down", "expr": format!("{expr} == 0"), "for": "5m", "labels": {"severity": "page"}},
        ]})
    };
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": format!("o{number}"), "namespace": "team-a", "labels": {"tenant": "prod"}},
        "spec": {"groups": (0..groups).map(group).collect::<Vec<_>>()},
    })
}
