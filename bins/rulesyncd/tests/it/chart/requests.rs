//! What the daemon is granted is what it does: it runs with the rendered configuration of every preset, in a cluster that
//! enforces the rendered roles. A permission that is missing, or is never used, fails the test.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use rulesync_testkit::{Access, Fault, Grant, Grants, Kind, KubeServer, Recorded, RulerServer};
use serde_json::{Value, json};

use super::helm::{HELM_4, Helm, find};
use super::permissions::granted;
use super::{presets, root};
use crate::process::{Daemon, command, crypto};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rulers that refuse what is called `bad`.
struct Rulers {
    mimir: RulerServer,
    loki: RulerServer,
}

impl Rulers {
    async fn start() -> Self {
        let mimir = RulerServer::builder(Kind::Mimir).start().await.unwrap();
        let loki = RulerServer::builder(Kind::Loki).start().await.unwrap();
        for ruler in [&mimir, &loki] {
            let refused = Fault::status(400, "this one is refused".to_owned());
            ruler.faults().inject(refused.on_method(Method::POST).on_path("bad"));
        }
        Self { mimir, loki }
    }

    /// Puts the addresses of these into a configuration, and leaves out how others are authenticated to.
    fn put(&self, config: &mut Value) {
        for ruler in config["rulers"].as_array_mut().unwrap() {
            let address = if ruler["type"] == "loki" { self.loki.url() } else { self.mimir.url() };
            let ruler = ruler.as_object_mut().unwrap();
            ruler.retain(|key, _| matches!(key.as_str(), "name" | "type"));
            ruler.insert("address".to_owned(), address.into());
        }
    }
}

/// The configuration that the preset for one's own stands for.
fn own_configuration() -> Value {
    json!({
        "owner": "prod-eu",
        "sources": [{"type": "kubernetes"}],
        "rulers": [{"name": "logs", "type": "loki"}],
        "routes": [{"name": "all", "ruler": "logs", "tenant": "prod", "kinds": ["PrometheusRule", "LoggingRule"]}],
        "status": {"annotate": "problems"},
        "inventory": {"type": "config_map", "name": "rulesync-inventory"},
        "leader_election": {"enabled": true},
    })
}

/// The kinds of objects, and their expressions.
const KINDS: [(&str, &str, &str); 4] = [
    ("monitoring.coreos.com/v1", "PrometheusRule", "up == 0"),
    ("rulesync.dev/v1alpha1", "LoggingRule", r#"sum(rate({a="b"}[5m])) > 0"#),
    ("loki.grafana.com/v1", "AlertingRule", r#"sum(rate({a="b"}[5m])) > 0"#),
    ("loki.grafana.com/v1", "RecordingRule", r#"sum(rate({a="b"}[5m]))"#),
];

/// An object of each kind, which all presets take and no ruler does.
fn bad(namespace: &str) -> Vec<Value> {
    let of = |(version, kind, expression): &(&str, &str, &str)| {
        let name = if *kind == "RecordingRule" { "record" } else { "alert" };
        json!({
            "apiVersion": version, "kind": kind,
            "metadata": {
                "namespace": namespace, "name": format!("bad-{}", kind.to_lowercase()),
                "labels": {"tenant": "prod", "alloy": "yes"},
                "annotations": {"example.com/tenant": "payments"},
            },
            "spec": {"groups": [{"name": "g", "rules": [{name: "a", "expr": expression}]}]},
        })
    };
    KINDS.iter().map(of).collect()
}

/// A cluster that enforces roles.
async fn cluster(grants: &Grants, owner: &str, namespaces: &[&str]) -> KubeServer {
    let user = "system:serviceaccount:monitoring:rulesync";
    let kube =
        KubeServer::builder().token("of-the-pod", user, Access::granted(grants)).start().await.unwrap();
    kube.define_kind("openreports.io", "v1alpha1", "Report").unwrap();
    for kind in ["AlertingRule", "RecordingRule"] {
        kube.define_kind("loki.grafana.com", "v1", kind).unwrap();
    }
    for entry in std::fs::read_dir(root().join("deploy/crds")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        kube.apply(serde_saphyr::from_str(&text).unwrap()).unwrap();
    }
    for namespace in ["monitoring", "rulesync-state"].iter().chain(namespaces) {
        kube.create_namespace(namespace, [("team", "payments")]).unwrap();
    }
    for object in namespaces.iter().flat_map(|namespace| bad(namespace)) {
        kube.apply(object).unwrap();
    }
    for namespace in namespaces {
        kube.apply(left(namespace, owner)).unwrap();
    }
    kube
}

/// What was published of an object that does not exist any more.
fn left(namespace: &str, owner: &str) -> Value {
    json!({
        "apiVersion": "rulesync.dev/v1alpha1", "kind": "RuleStatus",
        "metadata": {"namespace": namespace, "name": "left", "labels": {"rulesync.dev/owner": owner}},
    })
}

/// The requests that were refused for lack of a permission.
fn refused(kube: &KubeServer) -> Vec<String> {
    let requests = kube.journal().requests();
    requests
        .iter()
        .filter(|request| request.status.is_some_and(|status| status == 403))
        .map(Recorded::to_string)
        .collect()
}

/// Runs the daemon until it has used all that it is granted, or has had enough time.
async fn check(name: &str, objects: &[Value], directory: &Path) {
    let grants = granted(objects);
    let rulers = Rulers::start().await;
    let rendered =
        find(objects, "ConfigMap", "rulesync").and_then(|map| map["data"]["rulesync.yaml"].as_str());
    let mut config = rendered.map_or_else(own_configuration, |text| serde_saphyr::from_str(text).unwrap());
    rulers.put(&mut config);
    let sources = config["sources"].as_array_mut().unwrap();
    sources
        .iter_mut()
        .filter(|source| source["type"] == "files")
        .for_each(|source| source["path"] = ".".into());
    let watched = config["sources"][0]["namespaces"].as_array().cloned().unwrap_or_default();
    let watched: Vec<&str> = watched.iter().filter_map(Value::as_str).collect();
    let is_namespaced = !watched.is_empty();
    let namespaces = if is_namespaced { watched } else { vec!["team-a"] };
    let kube = cluster(&grants, config["owner"].as_str().unwrap(), &namespaces).await;
    let path = directory.join("config").join("rulesync.yaml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, config.to_string()).unwrap();
    let kubeconfig = directory.join("kubeconfig");
    let text =
        kube.kubeconfig_with_token("of-the-pod").replace("user: test}", "user: test, namespace: monitoring}");
    std::fs::write(&kubeconfig, text).unwrap();
    let mut command = command(&path);
    command.env("KUBECONFIG", &kubeconfig).env("POD_NAMESPACE", "monitoring").env("POD_NAME", "rulesync-0");
    let daemon = Daemon::run(command.env("RULESYNC_RELEASE", "rulesync"));
    let unused =
        || -> Vec<String> { grants.granted().difference(&grants.used()).map(Grant::to_string).collect() };
    let are_deletes = || unused().iter().all(|grant| grant.starts_with("delete "));
    let _ = tokio::time::timeout(PATIENCE, kube.journal().wait_until(|_| are_deletes())).await;
    for object in namespaces.iter().flat_map(|namespace| bad(namespace)) {
        let (kind, metadata) = (object["kind"].as_str().unwrap(), &object["metadata"]);
        let (group, _) = object["apiVersion"].as_str().unwrap().split_once('/').unwrap();
        let resource = format!("{}s.{group}", kind.to_lowercase());
        assert!(kube.delete(
            &resource,
            metadata["namespace"].as_str().unwrap(),
            metadata["name"].as_str().unwrap()
        ));
    }
    let _ = tokio::time::timeout(PATIENCE, kube.journal().wait_until(|_| unused().is_empty())).await;
    let story = || daemon.log().join("\n");
    assert!(unused().is_empty(), "{name}: never used: {:#?}\n{}", unused(), story());
    // Nobody may ask for the identity of the cluster then, and the daemon says so once.
    let identity = |request: &&String| is_namespaced && request.contains("/api/v1/namespaces/kube-system");
    let refused: BTreeSet<String> =
        refused(&kube).iter().filter(|request| !identity(request)).cloned().collect();
    assert!(refused.is_empty(), "{name}: not permitted: {refused:#?}\n{}", story());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
async fn chart_grants_what_the_daemon_does_and_no_more() {
    crypto();
    let helm = Helm::of(HELM_4);
    for (name, values) in presets() {
        // What users add is none of the chart's.
        let text = helm.template(Some(&values), &["--set-json", "rbac.extraRules=[]"]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        check(&name, &super::helm::objects(&text), directory.path()).await;
    }
}
