//! Outages heal by themselves: no restart, no storm of requests, no lost or wrong rule.

use std::time::Duration;

use rulesync_core::status::{DestinationState, Status};
use rulesync_testkit::{Fault, Kind, KubeServer, RulerServer};

use crate::road::{RULES, Road, config, object, servers};

#[tokio::test(flavor = "multi_thread")]
async fn ruler_that_is_down_at_the_start_is_written_to_once_it_answers() {
    let (kube, ruler) = servers().await;
    (0..20).for_each(|number| drop(kube.apply(object(number, 2, "up")).unwrap()));
    ruler.faults().outage();
    let road = Road::new(kube, ruler).await;
    let down = road
        .running
        .until(|s| s.ready() && s.destinations[0].state == DestinationState::Failing)
        .await
        .unwrap();
    assert!(down.destinations[0].error.is_some());
    road.ruler.faults().recover();
    road.running.in_order(20).await.unwrap();
    assert_eq!(road.ruler.rules("prod").len(), 20);
    road.stop().await;
}

/// A ruler breaks in this way while twenty objects change; it is not asked without end, and has all of them once it works
/// again.
async fn outage_heals(fault: Fault) {
    let (kube, ruler) = servers().await;
    (0..20).for_each(|number| drop(kube.apply(object(number, 2, "up")).unwrap()));
    // So that answers that never come are not waited for long.
    let config = config(&ruler.url(), "prod").replace("type: mimir,", "type: mimir, request_timeout: 3s,");
    let road = Road::configured(kube, ruler, &config).await;
    road.running.in_order(20).await.unwrap();
    road.requests();
    let id = road.ruler.faults().inject(fault);
    (0..20).for_each(|number| drop(road.kube.apply(object(number, 2, "changed")).unwrap()));
    let is_failing = |status: &Status| {
        status.destinations[0].pending > 0 && status.destinations[0].state == DestinationState::Failing
    };
    road.running.until(is_failing).await.unwrap();
    let requests = road.requests();
    assert!(requests.len() < 60, "a storm: {requests:?}");
    assert!(road.ruler.faults().remove(id));
    let status = road.running.in_order(20).await.unwrap();
    assert_eq!(status.destinations[0].refused, 0);
    for groups in road.ruler.rules("prod").values() {
        let group = serde_json::to_value(&groups["g1"]).unwrap();
        assert_eq!(group["rules"][1]["expr"], "changed == 0");
    }
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_errors_heals() {
    outage_heals(Fault::status(503, "down")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_without_answers_heals() {
    outage_heals(Fault::hang()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_connections_reset_heals() {
    outage_heals(Fault::reset()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_answers_lost_heals() {
    outage_heals(Fault::lose_answer()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_answers_of_somebody_else_heals() {
    outage_heals(Fault::wrong_document()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_with_too_many_requests_heals() {
    outage_heals(Fault::too_many_requests(Some(Duration::from_secs(1)))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_that_is_down_for_a_while_removes_nothing_and_is_followed_again() {
    let road = Road::with(5, 1).await;
    road.requests();
    road.kube.stop().await;
    road.kube.apply(object(1, 1, "changed")).unwrap();
    assert!(road.kube.delete(RULES, "team-a", "o2"));
    road.running.until(|status| status.sources[0].unavailable.is_some()).await.unwrap();
    assert_eq!(road.counts(), (0, 0, 0), "nothing is removed because Kubernetes cannot be seen");
    road.kube.start_again().await.unwrap();
    road.running.in_order(4).await.unwrap();
    road.running.until(|_| road.ruler.rules("prod").len() == 4).await.unwrap();
    let mut requests = road.requests();
    requests.sort();
    assert_eq!(requests, ["DELETE /us.team-a.o2", "POST /us.team-a.o1"]);
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crd_that_is_not_there_yet_removes_nothing_and_is_followed_once_it_is() {
    let kube = KubeServer::builder().without_prometheus_rules().start().await.unwrap();
    kube.create_namespace("team-a", [("team", "a")]).unwrap();
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    ruler.put("prod", "us.team-a.o9", "name: g\nrules: [{record: 'a:b', expr: up}]\n").unwrap();
    let road = Road::new(kube, ruler).await;
    let waiting = road.running.until(|status| status.sources[0].unavailable.is_some()).await.unwrap();
    assert!(waiting.sources[0].unavailable.as_ref().unwrap().contains("prometheusrules"), "{waiting:?}");
    assert!(!waiting.ready());
    assert!(
        road.ruler.rules("prod").contains_key("us.team-a.o9"),
        "nothing is removed before the rules were seen"
    );
    road.kube.create_crd();
    road.kube.apply(object(1, 1, "up")).unwrap();
    road.running.in_order(1).await.unwrap();
    road.running.until(|_| road.ruler.rules("prod").len() == 1).await.unwrap();
    assert!(road.ruler.rules("prod").contains_key("us.team-a.o1"));
    road.stop().await;
}

/// The watches break in this way, and an object changes: its rules are written, and nothing else is.
async fn watch_continues(breaks: impl AsyncFnOnce(&KubeServer)) {
    let road = Road::with(5, 1).await;
    road.requests();
    breaks(&road.kube).await;
    road.kube.apply(object(1, 1, "changed")).unwrap();
    road.ruler.journal().wait_until(|requests| !requests.is_empty()).await;
    road.running.in_order(5).await.unwrap();
    assert_eq!(road.requests(), ["POST /us.team-a.o1"]);
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_that_is_cut_continues() {
    watch_continues(async |kube: &KubeServer| kube.faults().cut_watches()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_that_ends_continues() {
    watch_continues(async |kube: &KubeServer| kube.faults().end_watches()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_whose_revision_has_expired_continues() {
    watch_continues(async |kube: &KubeServer| {
        kube.faults().compact();
        kube.faults().cut_watches();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_of_a_server_that_restarts_continues() {
    watch_continues(async |kube: &KubeServer| kube.restart().await.unwrap()).await;
}
