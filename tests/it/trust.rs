//! Nothing lost, nothing foreign touched, one writer: with the real Kubernetes client and the real ruler client.

use std::path::Path;
use std::time::Duration;

use rulesync_core::finding::Code;
use rulesync_core::model::DestinationId;
use rulesync_core::status::{DestinationState, ObjectState, Status};
use rulesync_testkit::{KubeServer, Recorded, RulerServer};
use rulesync_tests::Running;
use serde_json::{Value, json};

use crate::road::{RULES, object, servers};

/// A configuration with everything switched on that keeps two installations apart.
fn config(owner: &str, ruler: &str, more: &str) -> String {
    format!(
        "
owner: {owner}
sources: [{{type: kubernetes, kubeconfig: kubeconfig}}]
rulers: [{{name: central, type: mimir, address: '{ruler}'}}]
routes: [{{name: all, ruler: central, tenant: prod}}]
{more}
"
    )
}

async fn run(kube: &KubeServer, ruler: &RulerServer, owner: &str, more: &str, at: &Path) -> Running {
    std::fs::write(at.join("kubeconfig"), kube.kubeconfig()).unwrap();
    rulesync_tests::run(&config(owner, &ruler.url(), more), at).await.unwrap()
}

fn is_write(request: &&Recorded) -> bool {
    matches!(request.method.as_str(), "POST" | "DELETE")
}

fn in_namespace(namespace: &str, number: usize) -> Value {
    let mut object = object(number, 1, "up");
    object["metadata"]["namespace"] = json!(namespace);
    object
}

/// A cluster of its own with five objects.
async fn five(kube: KubeServer, expr: &str) -> KubeServer {
    (0..5).for_each(|number| drop(kube.apply(object(number, 1, expr)).unwrap()));
    kube
}

async fn another_cluster() -> KubeServer {
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("team-a", []).unwrap();
    kube
}

#[tokio::test(flavor = "multi_thread")]
async fn second_cluster_of_the_same_owner_writes_nothing() {
    let (first, ruler) = servers().await;
    let (first, twin) = (five(first, "up").await, five(another_cluster().await, "twin").await);
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let of_first = run(&first, &ruler, "prod", "", directories[0].path()).await;
    of_first.in_order(5).await.unwrap();
    ruler.journal().clear();

    let of_twin = run(&twin, &ruler, "prod", "", directories[1].path()).await;
    let status = of_twin.until(|s| s.destinations[0].state == DestinationState::Conflict).await.unwrap();
    let why = status.destinations[0].error.clone().unwrap();
    assert!(why.contains(&first.cluster_uid()) && why.contains(&twin.cluster_uid()), "{why}");
    twin.apply(object(0, 1, "more")).unwrap();
    of_twin.until(|s| s.objects.iter().all(|o| o.state == ObjectState::Pending)).await.unwrap();
    assert_eq!(ruler.journal().requests().iter().filter(is_write).count(), 0);
    for running in [of_first, of_twin] {
        running.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_that_begin_alike_remove_only_what_is_their_own() {
    let (prod, ruler) = servers().await;
    let (prod, eu) = (five(prod, "up").await, five(another_cluster().await, "eu").await);
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let of_prod = run(&prod, &ruler, "prod", "", directories[0].path()).await;
    let of_eu = run(&eu, &ruler, "prod-eu", "", directories[1].path()).await;
    of_prod.in_order(5).await.unwrap();
    of_eu.in_order(5).await.unwrap();
    assert_eq!(ruler.rules("prod").len(), 12, "five namespaces and a claim each");
    ruler.journal().clear();

    assert!((0..5).all(|number| prod.delete(RULES, "team-a", &format!("o{number}"))));
    // All at once is held, until somebody has looked.
    of_prod.until(|s| s.objects.is_empty() && s.destinations[0].held == 5).await.unwrap();
    let destination = DestinationId { ruler: "central".into(), tenant: Some("prod".parse().unwrap()) };
    assert_eq!(of_prod.engine.release_deletes(&destination).await, Some(5));
    of_prod.until(|_| ruler.rules("prod").len() == 7).await.unwrap();
    let requests = ruler.journal().requests();
    assert!(requests.iter().filter(is_write).all(|r| r.path.contains("/prod.team-a.")), "{requests:?}");
    assert!(ruler.rules("prod").keys().all(|name| name == "prod" || name.starts_with("prod-eu")));
    for running in [of_prod, of_eu] {
        running.stop().await.unwrap();
    }
}

/// Two hundred objects in ten Kubernetes namespaces, all of them written.
struct TwoHundred {
    kube: KubeServer,
    ruler: RulerServer,
    running: Running,
    _directory: tempfile::TempDir,
}

impl TwoHundred {
    async fn new() -> Self {
        let (kube, ruler) = servers().await;
        (0..10).for_each(|n| kube.create_namespace(&format!("team-{n}"), []).unwrap());
        Self::apply(&kube);
        let directory = tempfile::tempdir().unwrap();
        let running = run(&kube, &ruler, "prod", "", directory.path()).await;
        running.in_order(200).await.unwrap();
        ruler.journal().clear();
        Self { kube, ruler, running, _directory: directory }
    }

    fn apply(kube: &KubeServer) {
        for number in 0..200 {
            kube.apply(in_namespace(&format!("team-{}", number / 20), number)).unwrap();
        }
    }

    fn writes(&self) -> Vec<Recorded> {
        let requests = self.ruler.journal().requests();
        requests.into_iter().filter(|request| is_write(&request)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn crd_that_is_deleted_and_created_again_changes_no_rules() {
    let it = TwoHundred::new().await;
    assert!(it.kube.drop_crd());
    let is_gone = |s: &Status| s.sources[0].unavailable.is_some() && s.objects.is_empty();
    let status = it.running.until(is_gone).await.unwrap();
    assert!(status.sources[0].unavailable.as_ref().unwrap().contains("is the CRD installed?"));
    it.running.until(|s| s.destinations[0].held == 200).await.unwrap();
    assert_eq!(it.writes().len(), 0);
    assert_eq!(it.ruler.rules("prod").len(), 201);

    it.kube.create_crd();
    TwoHundred::apply(&it.kube);
    it.running.in_order(200).await.unwrap();
    assert_eq!(it.writes().len(), 0, "all is as it was");
    it.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_namespace_that_is_deleted_takes_its_own_rules_with_it() {
    let it = TwoHundred::new().await;
    assert!(it.kube.delete_namespace("team-3"));
    it.running.until(|_| it.ruler.rules("prod").len() == 181).await.unwrap();
    it.running.in_order(180).await.unwrap();
    let writes = it.writes();
    assert_eq!(writes.len(), 20);
    assert!(writes.iter().all(|r| r.method == "DELETE" && r.path.contains("/prod.team-3.")));
    it.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_in_a_ruler_is_read_around_and_never_sent() {
    let (kube, ruler) = servers().await;
    // As another tool may leave it: stored, and unreadable as a whole.
    let odd = "name: odd\nrules: [{alert: A, expr: up, annotations: {text: \"\\ttab\\nand lines\"}}]\n";
    ruler.put("prod", "foreign", odd).unwrap();
    (0..3).for_each(|number| drop(kube.apply(object(number, 1, "up")).unwrap()));
    let mut poison = object(3, 1, "up");
    poison["spec"]["groups"][0]["rules"][1]["annotations"] = json!({"text": "\ttab\nand lines"});
    kube.apply(poison).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let running = run(&kube, &ruler, "prod", "", directory.path()).await;
    let status = running
        .until(|s| s.ready() && s.destinations[0].pending == 0 && s.destinations[0].last_success.is_some())
        .await;
    let status = status.unwrap();
    let poisoned = status.objects.iter().find(|object| object.name == "o3").unwrap();
    assert_eq!(poisoned.state, ObjectState::Refused);
    assert!(poisoned.findings.iter().any(|finding| finding.code == Code::Poison));
    assert_eq!(ruler.rules("prod").keys().filter(|name| name.starts_with("prod.")).count(), 3);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn inventory_in_a_config_map_cleans_up_a_removed_route() {
    let (kube, ruler) = servers().await;
    (0..3).for_each(|number| drop(kube.apply(object(number, 1, "up")).unwrap()));
    let directory = tempfile::tempdir().unwrap();
    let inventory = "inventory: {type: config_map, namespace: team-a}\ndelete_guard: {window: 2s}";
    let running = run(&kube, &ruler, "prod", inventory, directory.path()).await;
    running.in_order(3).await.unwrap();
    let remembered = || {
        let map = kube.get("configmaps", "team-a", "rulesync-ledger")?;
        Some(map["data"]["targets"].as_str()?.to_owned())
    };
    running.until(|_| remembered().is_some()).await.unwrap();
    assert_eq!(remembered().unwrap(), "central/prod");
    running.stop().await.unwrap();

    let elsewhere = config("prod", &ruler.url(), inventory).replace("tenant: prod", "tenant: other");
    let running = rulesync_tests::run(&elsewhere, directory.path()).await.unwrap();
    running.until(|_| ruler.rules("prod").is_empty() && ruler.rules("other").len() == 4).await.unwrap();
    running.until(|_| remembered().as_deref() == Some("central/other")).await.unwrap();
    running.stop().await.unwrap();
}

/// Two processes worth of engine with their elections, and the leader ended without a word in the middle of a sync.
#[tokio::test(flavor = "multi_thread")]
async fn leader_killed_in_the_middle_of_a_sync_is_followed() {
    let (kube, ruler) = servers().await;
    (0..300).for_each(|number| drop(kube.apply(object(number, 1, "up")).unwrap()));
    ruler.faults().inject(rulesync_testkit::Fault::latency(Duration::from_millis(20)));
    let election = "leader_election: {enabled: true, lease_namespace: team-a, lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}";
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let first = run(&kube, &ruler, "prod", election, directories[0].path()).await;
    ruler.journal().wait_until(|requests| requests.iter().filter(is_write).count() > 20).await;
    let second = run(&kube, &ruler, "prod", election, directories[1].path()).await;
    second.until(|s| s.ready() && s.destinations[0].state == DestinationState::Standby).await.unwrap();
    ruler.journal().wait_until(|requests| requests.iter().filter(is_write).count() > 60).await;
    first.kill();
    let killed = std::time::Instant::now();
    let written = ruler.journal().requests().len();
    second.until(|s| s.destinations[0].state != DestinationState::Standby).await.unwrap();
    // Not before the dead one's lease is over, and nothing is written in between.
    assert!(killed.elapsed() > Duration::from_secs(1), "{:?}", killed.elapsed());
    second.in_order(300).await.unwrap();
    assert_eq!(ruler.rules("prod").len(), 301);
    let after: Vec<Recorded> =
        ruler.journal().requests().split_off(written.min(ruler.journal().requests().len()));
    let list = after.iter().position(|request| request.method == "GET").unwrap();
    assert!(list <= 9, "what was under way ends, and then the new leader reads first: {list}");
    second.stop().await.unwrap();
}
