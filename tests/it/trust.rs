//! Nothing lost, nothing foreign touched, one writer: with the real Kubernetes client and the real ruler client.

use std::path::Path;
use std::time::Duration;

use rulesync_core::finding::Code;
use rulesync_core::model::DestinationId;
use rulesync_core::status::{DestinationState, ObjectState};
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

#[tokio::test(flavor = "multi_thread")]
async fn owners_that_begin_alike_and_clusters_that_are_called_alike() {
    let (prod, ruler) = servers().await;
    let eu = KubeServer::start().await.unwrap();
    eu.create_namespace("team-a", []).unwrap();
    let twin = KubeServer::start().await.unwrap();
    twin.create_namespace("team-a", []).unwrap();
    (0..5).for_each(|number| drop(prod.apply(object(number, 1, "up")).unwrap()));
    (0..5).for_each(|number| drop(eu.apply(object(number, 1, "eu")).unwrap()));
    (0..5).for_each(|number| drop(twin.apply(object(number, 1, "twin")).unwrap()));
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let of_prod = run(&prod, &ruler, "prod", "", directories[0].path()).await;
    let of_eu = run(&eu, &ruler, "prod-eu", "", directories[1].path()).await;
    of_prod.in_order(5).await.unwrap();
    of_eu.in_order(5).await.unwrap();
    assert_eq!(ruler.rules("prod").len(), 12, "five namespaces and a claim each");
    ruler.journal().clear();

    let of_twin = run(&twin, &ruler, "prod", "", directories[2].path()).await;
    let status = of_twin.until(|s| s.destinations[0].state == DestinationState::Conflict).await.unwrap();
    let why = status.destinations[0].error.clone().unwrap();
    assert!(why.contains(&prod.cluster_uid()) && why.contains(&twin.cluster_uid()), "{why}");
    twin.apply(object(0, 1, "more")).unwrap();
    of_twin.until(|s| s.objects.iter().all(|o| o.state == ObjectState::Pending)).await.unwrap();
    assert_eq!(ruler.journal().requests().iter().filter(is_write).count(), 0, "the second stopped");

    // Each removes what is its own, and nothing else.
    assert!((0..5).all(|number| prod.delete(RULES, "team-a", &format!("o{number}"))));
    let none = |s: &rulesync_core::status::Status| s.objects.is_empty() && s.destinations[0].pending == 0;
    of_prod.until(none).await.unwrap();
    // All at once is held, until somebody has looked.
    of_prod.until(|s| s.destinations[0].held == 5).await.unwrap();
    let prod = DestinationId { ruler: "central".into(), tenant: Some("prod".parse().unwrap()) };
    assert_eq!(of_prod.engine.release_deletes(&prod).await, Some(5));
    of_prod.until(|_| ruler.rules("prod").len() == 7).await.unwrap();
    let requests = ruler.journal().requests();
    assert!(requests.iter().filter(is_write).all(|r| r.path.contains("/prod.team-a.")), "{requests:?}");
    assert!(ruler.rules("prod").keys().all(|name| name == "prod" || name.starts_with("prod-eu")));
    for running in [of_prod, of_eu, of_twin] {
        running.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crd_deleted_under_two_hundred_objects_and_a_namespace_deleted_among_ten() {
    let (kube, ruler) = servers().await;
    let namespaces: Vec<String> = (0..10).map(|n| format!("team-{n}")).collect();
    for namespace in &namespaces {
        kube.create_namespace(namespace, []).unwrap();
    }
    let apply = || {
        for (n, namespace) in namespaces.iter().enumerate() {
            (0..20).for_each(|number| drop(kube.apply(in_namespace(namespace, n * 20 + number)).unwrap()));
        }
    };
    apply();
    let directory = tempfile::tempdir().unwrap();
    let running = run(&kube, &ruler, "prod", "", directory.path()).await;
    running.in_order(200).await.unwrap();
    ruler.journal().clear();
    assert!(kube.drop_crd());
    let status = running.until(|s| s.sources[0].unavailable.is_some() && s.objects.is_empty()).await.unwrap();
    assert!(status.sources[0].unavailable.as_ref().unwrap().contains("is the CRD installed?"));
    running.until(|s| s.destinations[0].held == 200).await.unwrap();
    assert_eq!(ruler.journal().requests().iter().filter(is_write).count(), 0);
    assert_eq!(ruler.rules("prod").len(), 201);

    kube.create_crd();
    apply();
    running.in_order(200).await.unwrap();
    assert_eq!(ruler.journal().requests().iter().filter(is_write).count(), 0, "all is as it was");

    assert!(kube.delete_namespace("team-3"));
    running.until(|_| ruler.rules("prod").len() == 181).await.unwrap();
    running.in_order(180).await.unwrap();
    let requests = ruler.journal().requests();
    let writes: Vec<&Recorded> = requests.iter().filter(is_write).collect();
    assert_eq!(writes.len(), 20);
    assert!(writes.iter().all(|r| r.method == "DELETE" && r.path.contains("/prod.team-3.")));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_blind_us_is_read_around_and_never_sent() {
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
async fn a_inventory_in_a_config_map_cleans_up_a_removed_route() {
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
async fn a_leader_killed_in_the_middle_of_a_sync_is_followed() {
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
