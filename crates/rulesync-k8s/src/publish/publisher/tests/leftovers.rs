//! What was published and is not to be published any more.

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, pass};
use crate::publish::annotation::Annotated;
use crate::publish::publisher::sink::FailureKind;
use crate::publish::publisher::{ObjectSelection, PublishSettings};
use crate::publish::reason::Reason;

fn everything() -> PublishSettings {
    PublishSettings {
        objects: Some(ObjectSelection::All),
        annotations: Some(Annotated::All),
        reports: true,
        ..PublishSettings::default()
    }
}

fn nothing() -> PublishSettings {
    PublishSettings { objects: None, events: None, ..PublishSettings::default() }
}

fn start(ruler: &MemoryRuler, cluster: &MemoryCluster, settings: PublishSettings) -> World {
    let world = World::start(ruler, cluster, Made { settings, ..Made::default() });
    world.declare("a", "refused");
    world.declare("b", "up");
    world.upsert("LoggingRule", "ns", "errors", "up");
    world.complete();
    world
}

#[tokio::test(start_paused = true)]
async fn leftovers_are_removed_when_less_is_published() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = start(&ruler, &cluster, everything());
    pass(900).await;
    assert_eq!((cluster.names().len(), cluster.reports(), cluster.logging_rules()), (2, 2, 1));
    let settings = PublishSettings { reports: false, ..everything() };
    world.settings.send_replace(settings.clone());
    pass(60).await;
    assert_eq!((cluster.names().len(), cluster.reports(), cluster.logging_rules()), (2, 0, 1));
    assert_eq!(cluster.annotation("b"), Some(Reason::Synced));
    let settings = PublishSettings { annotations: Some(Annotated::Problems), ..settings };
    world.settings.send_replace(settings.clone());
    pass(60).await;
    assert_eq!((cluster.annotation("a"), cluster.annotation("b")), (Some(Reason::GroupsRefused), None));
    world.settings.send_replace(PublishSettings { annotations: None, ..settings });
    pass(60).await;
    assert_eq!((cluster.annotation("a"), cluster.names().len()), (None, 2));
    world.settings.send_replace(nothing());
    pass(60).await;
    assert_eq!((cluster.names().len(), cluster.logging_rules()), (0, 0));
    cluster.requests();
    pass(7_200).await;
    assert_eq!(cluster.requests(), [""; 0], "then nothing more");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_an_earlier_process_are_removed_by_one_list() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let settings = PublishSettings { objects: Some(ObjectSelection::All), ..PublishSettings::default() };
    let world = start(&ruler, &cluster, settings.clone());
    world.declare("gone", "up");
    pass(900).await;
    world.end().await;
    cluster.requests();
    let world = start(&ruler, &cluster, nothing());
    pass(7_200).await;
    assert_eq!(cluster.names(), [""; 0]);
    let requests = cluster.requests();
    let count = |what: &str| requests.iter().filter(|request| request.starts_with(what)).count();
    // Three are on two pages.
    assert_eq!((count("list rule_status"), count("delete"), requests.len()), (2, 3, 5), "{requests:?}");
    world.end().await;
    // Nothing is left, or may be looked for.
    for denied in [false, true] {
        if denied {
            cluster.fail(|kind, _| (kind == "rule_status").then_some(FailureKind::Denied));
        }
        let world = start(&ruler, &cluster, nothing());
        pass(7_200).await;
        assert_eq!(cluster.requests(), ["list rule_status /"], "denied: {denied}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn leftovers_that_may_not_be_removed_stay() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = start(&ruler, &cluster, everything());
    pass(900).await;
    cluster.fail(|kind, _| (kind == "rule_status").then_some(FailureKind::Denied));
    world.settings.send_replace(PublishSettings { objects: None, ..everything() });
    pass(7_200).await;
    assert_eq!((cluster.names().len(), cluster.reports()), (2, 2));
    assert_eq!(cluster.counts(["delete rule_status"]), [2], "each is tried once");
    world.end().await;
}
