//! What authors see in Kubernetes of what became of their rules.

use std::time::Duration;

use rulesync_testkit::{Kind, KubeServer, RulerServer};
use serde_json::Value;

use crate::road::{RULES, config, object};

const STATUSES: &str = "rulestatuses.rulesync.dev";
const EVENTS: &str = "events.events.k8s.io";

/// How long a condition may take to hold before a test gives up. Nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster with the CRDs and the Kubernetes namespace `team-a`.
async fn cluster() -> KubeServer {
    let kube = KubeServer::start().await.unwrap();
    for crd in [rulesync_k8s::rule_status_crd(), rulesync_k8s::logging_rule_crd()] {
        kube.apply(serde_json::to_value(crd).unwrap()).unwrap();
    }
    kube.create_namespace("team-a", [("team", "a")]).unwrap();
    kube
}

/// Waits until a condition holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        while !holds() {
            pause.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Returns the condition `Ready` of a `RuleStatus` in `team-a`.
fn ready(kube: &KubeServer, name: &str) -> Option<Value> {
    let status = kube.get(STATUSES, "team-a", name)?;
    let conditions = status["status"]["conditions"].as_array()?.clone();
    conditions.into_iter().find(|condition| condition["type"] == "Ready")
}

fn is_ready(kube: &KubeServer, name: &str, status: &str) -> bool {
    ready(kube, name).is_some_and(|ready| ready["status"] == status)
}

async fn run(
    kube: &KubeServer,
    ruler: &RulerServer,
    status: &str,
) -> (rulesync_tests::Running, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
    let config = format!("{}{status}\n", config(&ruler.url(), "prod"));
    (rulesync_tests::run(&config, directory.path()).await.unwrap(), directory)
}

#[tokio::test]
async fn author_learns_from_the_cluster_that_a_rule_is_refused_and_mended() {
    let (kube, ruler) = (cluster().await, RulerServer::builder(Kind::Mimir).start().await.unwrap());
    kube.apply(object(1, 1, "up")).unwrap();
    kube.apply(object(2, 1, "up")).unwrap();
    let (running, _directory) = run(&kube, &ruler, "").await;
    running.in_order(2).await.unwrap();
    kube.apply(object(1, 1, "sum(")).unwrap();
    until("refused", || is_ready(&kube, "o1.us", "False")).await;
    until("an Event", || kube.count(EVENTS) == 1).await;
    let status = kube.get(STATUSES, "team-a", "o1.us").unwrap();
    assert_eq!(status["metadata"]["labels"]["rulesync.dev/state"], "refused");
    assert_eq!(status["metadata"]["ownerReferences"][0]["name"], "o1");
    let source = kube.get(RULES, "team-a", "o1").unwrap();
    assert_eq!(status["source"]["uid"], source["metadata"]["uid"]);
    kube.apply(object(1, 1, "sum(up)")).unwrap();
    until("mended", || is_ready(&kube, "o1.us", "True")).await;
    until("its end", || kube.count(EVENTS) == 2).await;
    assert_eq!(kube.requests_for("patch", "rulestatuses"), 2, "one write each");
    assert_eq!(kube.requests_for("create", "events"), 2);
    assert_eq!(kube.count(STATUSES), 1, "nothing was wrong with the other one");
    running.stop().await.unwrap();

    // A restart writes nothing of what is there: only the next change.
    let (running, _directory) = run(&kube, &ruler, "").await;
    running.in_order(2).await.unwrap();
    kube.apply(object(2, 1, "sum(")).unwrap();
    until("the other", || is_ready(&kube, "o2.us", "False")).await;
    assert_eq!(kube.requests_for("patch", "rulestatuses"), 3);
    assert_eq!(kube.requests_for("list", "rulestatuses"), 2);
    kube.delete(RULES, "team-a", "o2");
    until("gone", || kube.count(STATUSES) == 1).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn annotation_of_rulesync_is_no_change_for_the_ruler() {
    let (kube, ruler) = (cluster().await, RulerServer::builder(Kind::Mimir).start().await.unwrap());
    kube.apply(object(1, 1, "up")).unwrap();
    let (running, _directory) =
        run(&kube, &ruler, "status: {annotate: all, objects: off, events: off}").await;
    let word = |number: usize| {
        let stored = kube.get(RULES, "team-a", &format!("o{number}")).unwrap();
        stored["metadata"]["annotations"]["rulesync.dev/state"].clone()
    };
    until("annotated", || word(1) == "synced").await;
    // What the watch shows next comes after the annotation.
    kube.apply(object(2, 1, "up")).unwrap();
    running.in_order(2).await.unwrap();
    until("annotated, too", || word(2) == "synced").await;
    let writes = ruler.journal().count_where(|request| request.method == "POST");
    assert_eq!((writes, kube.requests_for("patch", "prometheusrules")), (2, 2));
    // What an earlier process has left is looked for once.
    assert_eq!((kube.count(STATUSES), kube.requests_for("list", "rulestatuses")), (0, 1));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn objects_are_published_in_the_cluster_that_they_are_in() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let clusters = [cluster().await, cluster().await];
    let directory = tempfile::tempdir().unwrap();
    let mut sources = String::new();
    for (cluster, name) in clusters.iter().zip(["east", "west"]) {
        std::fs::write(directory.path().join(name), cluster.kubeconfig()).unwrap();
        sources.push_str(&format!("  - {{type: kubernetes, name: {name}, kubeconfig: {name}}}\n"));
    }
    clusters[0].apply(object(1, 1, "up")).unwrap();
    clusters[1].apply(object(2, 1, "up")).unwrap();
    let config =
        config(&ruler.url(), "prod").replace("  - {type: kubernetes, kubeconfig: kubeconfig}\n", &sources);
    let config = format!("{config}status: {{objects: all}}\n");
    let running = rulesync_tests::run(&config, directory.path()).await.unwrap();
    until("both", || clusters.iter().all(|cluster| cluster.count(STATUSES) == 1)).await;
    assert!(clusters[0].get(STATUSES, "team-a", "o1.us").is_some());
    assert!(clusters[1].get(STATUSES, "team-a", "o2.us").is_some());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn status_settings_are_taken_over_without_a_restart() {
    use rulesync_config::{Config, Lifetime, Options};

    let _ = rustls::crypto::ring::default_provider().install_default();
    let (kube, ruler) = (cluster().await, RulerServer::builder(Kind::Mimir).start().await.unwrap());
    kube.apply(object(1, 1, "up")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
    let file = directory.path().join("rulesync.yaml");
    let write = |status: &str| {
        std::fs::write(&file, format!("{}{status}\n", config(&ruler.url(), "prod"))).unwrap();
    };
    write("status: {objects: off}");
    let options = Options::new(Lifetime::Daemon);
    let app = Config::read(&file).await.unwrap().validate().unwrap().build(options).await.unwrap();
    let metrics = app.metrics().clone();
    let encoded = || {
        let mut text = String::new();
        metrics.encode(&mut text).unwrap();
        text
    };
    let reload = std::sync::Arc::new(tokio::sync::Notify::new());
    let shutdown = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(app.run(reload.clone(), shutdown.clone().cancelled_owned()));
    write("status: {objects: all}");
    reload.notify_one();
    until("published", || kube.count(STATUSES) == 1).await;
    let written = r#"rulesync_status_writes_total{kind="rule_status",result="ok"} 1"#;
    until("counted", || encoded().contains(written)).await;
    assert!(encoded().contains("\nrulesync_problem_objects 0\n"), "{}", encoded());
    write("status: {objects: problems}");
    reload.notify_one();
    kube.apply(object(2, 1, "sum(")).unwrap();
    until("the problem", || is_ready(&kube, "o2.us", "False")).await;
    until("what is published no more to go", || kube.get(STATUSES, "team-a", "o1.us").is_none()).await;
    assert_eq!(kube.count(STATUSES), 1, "the problem stays");
    shutdown.cancel();
    running.await.unwrap();
}
