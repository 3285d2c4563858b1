//! Outages heal by themselves: no restart, no storm of requests, no lost or wrong rule.

use std::time::Duration;

use rulesync_core::status::DestinationState;
use rulesync_testkit::{Fault, Kind, KubeServer, RulerServer};

use crate::road::{RULES, Road, object, servers};

#[tokio::test(flavor = "multi_thread")]
async fn a_ruler_that_is_down_at_the_start() {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_ruler_that_goes_away_in_the_middle() {
    let road = Road::with(20, 2).await;
    for fault in [
        Fault::status(503, "down"),
        Fault::hang(),
        Fault::reset(),
        Fault::lose_answer(),
        Fault::wrong_document(),
        Fault::too_many_requests(Some(Duration::from_secs(1))),
    ] {
        let name = format!("{fault:?}");
        let hangs = name.contains("Hang");
        let id = road.ruler.faults().inject(fault);
        road.requests();
        (0..20).for_each(|number| {
            drop(road.kube.apply(object(number, 2, &format!("up{{fault=\"{}\"}}", name.len()))).unwrap())
        });
        if hangs {
            road.ruler.journal().wait_until(|requests| !requests.is_empty()).await;
        } else {
            road.running
                .until(|s| {
                    s.destinations[0].pending > 0 && s.destinations[0].state == DestinationState::Failing
                })
                .await
                .unwrap();
        }
        assert!(road.requests().len() < 60, "a storm during {name}");
        assert!(road.ruler.faults().remove(id));
        let status = road.running.in_order(20).await.unwrap();
        assert_eq!(status.destinations[0].refused, 0, "{name}");
        for groups in road.ruler.rules("prod").values() {
            let group = serde_json::to_value(&groups["g1"]).unwrap();
            let expected = format!("up{{fault=\"{}\"}} == 0", name.len());
            assert_eq!(group["rules"][1]["expr"], expected.as_str(), "{name}");
        }
    }
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_that_is_down_for_a_while() {
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
async fn a_crd_that_is_not_there_yet() {
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

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_break_and_revisions_that_expire() {
    let road = Road::with(5, 1).await;
    for round in 0..4 {
        match round {
            0 => road.kube.faults().cut_watches(),
            1 => road.kube.faults().end_watches(),
            2 => {
                road.kube.faults().compact();
                road.kube.faults().cut_watches();
            }
            _ => road.kube.restart().await.unwrap(),
        }
        road.requests();
        road.kube.apply(object(1, 1, &format!("up{{round=\"{round}\"}}"))).unwrap();
        road.ruler.journal().wait_until(|requests| !requests.is_empty()).await;
        road.running.in_order(5).await.unwrap();
        assert_eq!(road.requests(), ["POST /us.team-a.o1"], "round {round}");
    }
    road.stop().await;
}
