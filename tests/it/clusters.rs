//! Several clusters feed one ruler through one process.

use std::path::Path;

use rulesync_core::status::ObjectState;
use rulesync_testkit::{Kind, KubeServer, RulerServer};

use crate::road::{RULES, config, object};

/// Starts two clusters, and returns them with the sources that read them, as they stand in a configuration.
async fn two_clusters(directory: &Path) -> ([KubeServer; 2], String) {
    let clusters = [KubeServer::start().await.unwrap(), KubeServer::start().await.unwrap()];
    let mut sources = String::new();
    for (cluster, name) in clusters.iter().zip(["east", "west"]) {
        cluster.create_namespace("team-a", [("team", "a")]).unwrap();
        std::fs::write(directory.join(name), cluster.kubeconfig()).unwrap();
        sources.push_str(&format!("  - {{type: kubernetes, name: {name}, kubeconfig: {name}}}\n"));
    }
    (clusters, sources)
}

#[tokio::test]
async fn two_clusters_share_a_tenant_and_one_of_two_namesakes_waits_for_the_other() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (clusters, sources) = two_clusters(directory.path()).await;
    clusters[0].apply(object(1, 1, "up")).unwrap();
    clusters[1].apply(object(2, 1, "up")).unwrap();
    let config =
        config(&ruler.url(), "prod").replace("  - {type: kubernetes, kubeconfig: kubeconfig}\n", &sources);
    let running = rulesync_tests::run(&config, directory.path()).await.unwrap();
    running.in_order(2).await.unwrap();
    let namespaces = || ruler.rules("prod").into_keys().collect::<Vec<_>>();
    assert_eq!(namespaces(), ["us.team-a.o1", "us.team-a.o2"]);

    // A namesake of what the other cluster has: both are told apart, and what was there first stays as it is.
    clusters[1].apply(object(1, 1, "other")).unwrap();
    let status = running.in_order(3).await.unwrap();
    let namesakes: Vec<_> = status.objects.iter().filter(|object| object.name == "o1").collect();
    let state = |source: &str| {
        let object = namesakes.iter().find(|object| object.source == source).unwrap();
        (object.destinations[0].state, object.destinations[0].findings.first().map(ToString::to_string))
    };
    let (winner, loser) =
        if state("east").0 == ObjectState::Synced { ("east", "west") } else { ("west", "east") };
    assert_eq!(state(winner), (ObjectState::Synced, None));
    let (refused, why) = state(loser);
    let why = why.unwrap();
    assert_eq!(refused, ObjectState::Refused);
    assert!(why.contains(&format!("PrometheusRule team-a/o1 of {winner}")), "{why}");
    assert!(why.contains(&format!("this one is of {loser}")), "{why}");

    // It gets the place once the other is gone.
    let number = usize::from(winner == "west");
    assert!(clusters[number].delete(RULES, "team-a", "o1"));
    let status = running.in_order(2).await.unwrap();
    assert!(status.objects.iter().all(|object| object.destinations[0].state == ObjectState::Synced));
    assert_eq!(namespaces(), ["us.team-a.o1", "us.team-a.o2"]);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn each_cluster_has_a_tenant_of_its_own_by_the_source_of_a_route() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (clusters, sources) = two_clusters(directory.path()).await;
    // The same name everywhere, as what is installed in every cluster has.
    clusters.iter().for_each(|cluster| drop(cluster.apply(object(1, 1, "up")).unwrap()));
    let route = |name: &str| {
        format!(
            "  - {{name: {name}, ruler: central, tenant: {name}, sources: [{name}], external_labels: [{{label: cluster, value: {name}}}]}}\n"
        )
    };
    let config =
        config(&ruler.url(), "prod").replace("  - {type: kubernetes, kubeconfig: kubeconfig}\n", &sources);
    let (head, _) = config.split_once("routes:\n").unwrap();
    let config = format!("{head}routes:\n{}{}", route("east"), route("west"));
    let running = rulesync_tests::run(&config, directory.path()).await.unwrap();
    running.in_order(2).await.unwrap();
    for tenant in ["east", "west"] {
        let rules = ruler.rules(tenant);
        assert_eq!(rules.keys().collect::<Vec<_>>(), ["us.team-a.o1"]);
        assert_eq!(rules["us.team-a.o1"].values().next().unwrap().rules[0].labels["cluster"], tenant);
    }
    assert!(clusters[0].delete(RULES, "team-a", "o1"));
    running.in_order(1).await.unwrap();
    assert!(ruler.rules("east").is_empty() && !ruler.rules("west").is_empty());
    running.stop().await.unwrap();
}
