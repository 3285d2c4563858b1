//! A configuration of Grafana Alloy, run as it is, where Alloy has written the rules before.

use std::path::PathBuf;
use std::process::Command;

use rulesync_alloy::{File, NamingMode, Options, import};
use rulesync_testkit::{Kind, KubeServer, Recorded, RulerServer};
use serde_json::{Value, json};

use crate::fixture::mimir;
use crate::process::{Daemon, command, crypto};

/// Two components that write the rules of two tenants to one Mimir.
const ALLOY: &str = include_str!("../../../../crates/rulesync-alloy/tests/data/seed.alloy");

const ADDRESS: &str = "http://mimir.monitoring.svc.cluster.local:9009";

/// A cluster with objects of two tenants, and a Mimir that has what Alloy made of them.
struct TakeOver {
    kube: KubeServer,
    ruler: RulerServer,
    directory: tempfile::TempDir,
}

impl TakeOver {
    async fn new() -> Self {
        crypto();
        let (kube, ruler) = (KubeServer::start().await.unwrap(), mimir().await);
        for namespace in ["monitoring", "elsewhere"] {
            kube.create_namespace(namespace, [("kubernetes.io/metadata.name", namespace)]).unwrap();
        }
        let it = Self { kube, ruler, directory: tempfile::tempdir().unwrap() };
        for tenant in ["stage", "prod"] {
            let applied = it.apply("monitoring", &format!("{tenant}-rules"), tenant, "up == 0");
            let (name, uid) = (&applied["metadata"]["name"], &applied["metadata"]["uid"]);
            let namespace = format!("alloy/monitoring/{}/{}", name.as_str().unwrap(), uid.as_str().unwrap());
            let group = "name: availability\ninterval: 1m\nrules:\n    - alert: Down\n      expr: up == 0\n      for: 5m\n      labels:\n        severity: critical\n";
            it.ruler.put(tenant, &namespace, group).unwrap();
        }
        // Of a Kubernetes namespace that no component selects.
        it.apply("elsewhere", "other-rules", "prod", "up == 1");
        it.write("alerts.alloy", &ALLOY.replace(ADDRESS, &it.ruler.url()));
        it.write("kubeconfig", &it.kube.kubeconfig());
        it
    }

    fn apply(&self, namespace: &str, name: &str, tenant: &str, expr: &str) -> Value {
        let rule = json!({"alert": "Down", "expr": expr, "for": "5m", "labels": {"severity": "critical"}});
        let object = json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": name, "namespace": namespace, "labels": {"tenant": tenant}},
            "spec": {"groups": [{"name": "availability", "interval": "1m", "rules": [rule]}]},
        });
        self.kube.apply(object).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The daemon with Alloy's configuration, named as the chart names it.
    fn command(&self) -> Command {
        let mut command = command(&self.path("alerts.alloy"));
        command.env("KUBECONFIG", self.path("kubeconfig"));
        command.envs([("POD_NAMESPACE", "monitoring"), ("RULESYNC_RELEASE", "rulesync")]);
        command
    }

    fn start(&self) -> Daemon {
        Daemon::run(self.command().args(["--owner", "prod-eu"]))
    }

    /// The ruler namespaces of a tenant.
    fn namespaces(&self, tenant: &str) -> Vec<String> {
        self.ruler.rules(tenant).into_keys().collect()
    }

    /// The changes that were requested, as method, tenant and path.
    fn writes(&self) -> Vec<String> {
        let changes = self.ruler.journal().requests().into_iter().filter(|request| request.method != "GET");
        let line =
            |Recorded { method, path, .. }: &Recorded, tenant: &str| format!("{method} {tenant} {path}");
        let mut lines: Vec<String> =
            changes.map(|request| line(&request, request.tenant().unwrap_or_default())).collect();
        lines.sort_unstable();
        lines
    }
}

/// The requests that claim both tenants.
const CLAIMS: [&str; 2] =
    ["POST prod /prometheus/config/v1/rules/prod-eu", "POST stage /prometheus/config/v1/rules/prod-eu"];

#[tokio::test(flavor = "multi_thread")]
async fn alloy_is_taken_over_without_a_write_and_one_change_is_one_write() {
    let it = TakeOver::new().await;
    let daemon = it.start();
    daemon.in_order(3).await;
    it.ruler
        .journal()
        .wait_until(|requests| requests.iter().filter(|r| r.method == "POST").count() >= 2)
        .await;
    assert_eq!(it.writes(), CLAIMS);

    let changed = it.apply("monitoring", "stage-rules", "stage", "up == 2");
    let uid = changed["metadata"]["uid"].as_str().unwrap();
    daemon.logs(&["Rule group updated", "PrometheusRule monitoring/stage-rules"]).await;
    daemon.in_order(3).await;
    let change = format!("POST stage /prometheus/config/v1/rules/alloy%2Fmonitoring%2Fstage-rules%2F{uid}");
    let mut expected: Vec<&str> = CLAIMS.to_vec();
    expected.insert(1, &change);
    assert_eq!(it.writes(), expected);
    assert_eq!(it.ruler.rules("prod").len(), 2, "a claim, and what Alloy wrote");
}

#[tokio::test(flavor = "multi_thread")]
async fn alloy_configuration_is_reloaded_when_it_changes() {
    let it = TakeOver::new().await;
    let daemon = it.start();
    daemon.in_order(3).await;
    let text = std::fs::read_to_string(it.path("alerts.alloy")).unwrap();
    it.write("alerts.alloy", &format!("{text}loki.rules.kubernetes \"a\" {{\n  adress = 1\n}}\n"));
    daemon.logs(&["Configuration reload failed", "line=15 column=3", "did you mean `address`?"]).await;
    let matchers = "  extra_query_matchers {\n    matcher {\n      name = \"cluster\"\n      match_type = \"=~\"\n      value = \"eu.*\"\n    }\n  }\n}";
    let (first, second) = text.split_once("}\n\n").unwrap();
    it.write("alerts.alloy", &format!("{first}{matchers}\n\n{second}"));
    daemon.logs(&["Configuration reloaded"]).await;
    daemon.logs(&["Rule group updated", "PrometheusRule monitoring/stage-rules"]).await;
    let stored = it.ruler.rules("stage");
    assert!(format!("{stored:?}").contains("cluster=~"), "{stored:?}");
    assert!(it.ruler.rules("prod").iter().all(|group| !format!("{group:?}").contains("cluster=~")));
}

#[tokio::test(flavor = "multi_thread")]
async fn alloy_configuration_needs_an_owner_and_is_checked_like_any_other() {
    let it = TakeOver::new().await;
    let output = |flags: &[&str]| it.command().args(flags).output().unwrap();
    let refused = output(&["--check-config"]);
    assert_eq!(refused.status.code(), Some(1));
    let printed = String::from_utf8(refused.stdout).unwrap();
    assert!(
        printed.contains("alerts.alloy: the owner is missing") && printed.contains("--owner NAME"),
        "{printed}"
    );
    let valid = output(&["--check-config", "--owner", "prod-eu"]);
    assert!(valid.status.success(), "{valid:?}");
    let plan = output(&["--dry-run", "--owner", "prod-eu"]);
    assert!(plan.status.success(), "{plan:?}");
    assert!(it.writes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn alloy_with_mimir_and_loki_is_taken_over_by_one_process() {
    let it = TakeOver::new().await;
    let loki = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let applied = it.apply("monitoring", "log-rules", "logs", "sum(rate({app=\"a\"} |= \"x\" [5m])) > 0");
    let uid = applied["metadata"]["uid"].as_str().unwrap();
    let namespace = format!("alloy-monitoring-log-rules-{uid}");
    let group = "name: availability\ninterval: 1m\nrules:\n    - alert: Down\n      expr: sum(rate({app=\"a\"} |= \"x\" [5m])) > 0\n      for: 5m\n      labels:\n        severity: critical\n";
    loki.put("prod", &namespace, group).unwrap();
    let component = format!(
        "loki.rules.kubernetes \"logs\" {{\n  address = \"{}\"\n  tenant_id = \"prod\"\n  rule_selector {{\n    match_labels = {{ tenant = \"logs\" }}\n  }}\n}}\n",
        loki.url()
    );
    let text = std::fs::read_to_string(it.path("alerts.alloy")).unwrap();
    it.write("alerts.alloy", &format!("{text}{component}"));
    let daemon = it.start();
    daemon.in_order(4).await;
    it.ruler
        .journal()
        .wait_until(|requests| requests.iter().filter(|r| r.method == "POST").count() >= 2)
        .await;
    assert_eq!(it.writes(), CLAIMS);
    loki.journal().wait_until(|requests| requests.iter().any(|request| request.method == "POST")).await;
    let writes: Vec<String> = loki
        .journal()
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET")
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    assert_eq!(writes, ["POST /loki/api/v1/rules/prod-eu"], "the claim");
}

#[tokio::test(flavor = "multi_thread")]
async fn alloy_names_become_those_of_the_owner() {
    let it = TakeOver::new().await;
    let text = std::fs::read_to_string(it.path("alerts.alloy")).unwrap();
    let file = File { name: "alerts.alloy".to_owned(), text };
    let options = Options { owner: "prod-eu".to_owned(), naming: NamingMode::Owner, ..Options::default() };
    it.write("rulesync.yaml", &import(&[file], &options).configuration.unwrap().yaml);
    let mut command = command(&it.path("rulesync.yaml"));
    command.env("KUBECONFIG", it.path("kubeconfig"));
    command.envs([("POD_NAMESPACE", "monitoring"), ("RULESYNC_RELEASE", "rulesync")]);
    let daemon = Daemon::run(&mut command);
    for tenant in ["stage", "prod"] {
        daemon
            .logs(&["Rule group deleted", &format!("tenant={tenant}"), "namespace=alloy/monitoring/"])
            .await;
    }
    daemon.in_order(3).await;
    for tenant in ["stage", "prod"] {
        assert_eq!(
            it.namespaces(tenant),
            ["prod-eu".to_owned(), format!("prod-eu.monitoring.{tenant}-rules")]
        );
    }
    let requests = it.ruler.journal().requests();
    let first = |method: &str, part: &str| {
        requests.iter().position(|request| request.method == method && request.path.contains(part)).unwrap()
    };
    assert!(first("POST", "prod-eu.monitoring.stage-rules") < first("DELETE", "stage-rules"));
}
