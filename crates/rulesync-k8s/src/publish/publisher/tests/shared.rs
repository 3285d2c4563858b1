//! Objects that several sources show.

use rulesync_core::{ObjectId, RuleObject, Scope, SourceEvent};

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, object, pass};
use crate::publish::annotation::Annotated;
use crate::publish::publisher::{ObjectSelection, PublishSettings};
use crate::publish::reason::Reason;

fn settings() -> PublishSettings {
    PublishSettings {
        objects: Some(ObjectSelection::All),
        annotations: Some(Annotated::All),
        reports: true,
        ..PublishSettings::default()
    }
}

/// A world with another source, after the first one.
fn two(ruler: &MemoryRuler, cluster: &MemoryCluster, other: &MemoryCluster) -> World {
    let made = Made { settings: settings(), more: vec![("l", other.clone())], ..Made::default() };
    World::start(ruler, cluster, made)
}

fn id_by(source: &str, name: &str) -> ObjectId {
    ObjectId::new(&source.into(), &"PrometheusRule".into(), "ns", name)
}

fn declare(world: &World, source: &str, name: &str, expr: &str) {
    let object = object("PrometheusRule", "ns", name, expr);
    world.send_by(source, SourceEvent::Upsert(RuleObject { id: id_by(source, name), ..object }));
}

fn delete(world: &World, source: &str, name: &str) {
    world.send_by(source, SourceEvent::Delete(id_by(source, name)));
}

fn complete(world: &World) {
    for source in ["k", "l"] {
        world.send_by(source, SourceEvent::SnapshotComplete(Scope::Everything));
    }
}

/// Returns the number of writes and deletes since the last call.
fn writes(cluster: &MemoryCluster) -> usize {
    cluster.counts(["write", "delete"]).iter().sum()
}

#[tokio::test(start_paused = true)]
async fn object_that_two_sources_show_is_published_by_the_first() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = two(&ruler, &cluster, &cluster);
    // To each, another thing is wrong with it.
    declare(&world, "k", "a", "refused");
    declare(&world, "l", "a", "");
    declare(&world, "l", "b", "up");
    complete(&world);
    pass(900).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"]);
    assert_eq!(cluster.told("a"), ["RulerRejected"]);
    let requests = cluster.requests();
    let about_a = requests.iter().filter(|it| it.contains(" ns/a") && !it.starts_with("create")).count();
    assert_eq!(about_a, 4, "a status, a report, an annotation and how it evaluates: {requests:?}");
    declare(&world, "l", "a", "up");
    declare(&world, "l", "a", "");
    pass(7_200).await;
    assert_eq!(writes(&cluster), 0, "they do not write in turns");
    world.end().await;
    let world = two(&ruler, &cluster, &cluster);
    // The second one is faster.
    declare(&world, "l", "a", "");
    declare(&world, "l", "b", "up");
    world.send_by("l", SourceEvent::SnapshotComplete(Scope::Everything));
    pass(5).await;
    declare(&world, "k", "a", "refused");
    complete(&world);
    pass(900).await;
    assert_eq!(writes(&cluster), 0, "a restart costs no write");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_the_first_source_loses_is_published_by_the_next() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = two(&ruler, &cluster, &cluster);
    declare(&world, "k", "a", "refused");
    declare(&world, "k", "b", "up");
    for name in ["a", "b"] {
        declare(&world, "l", name, "up");
    }
    complete(&world);
    pass(900).await;
    assert_eq!(cluster.annotation("a"), Some(Reason::GroupsRefused));
    cluster.requests();
    // The label by which its source selects it is gone.
    delete(&world, "k", "a");
    delete(&world, "k", "b");
    pass(120).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"]);
    assert_eq!(cluster.ready("a.us").as_deref(), Some("True"));
    assert_eq!((cluster.annotation("a"), cluster.reports()), (Some(Reason::Synced), 0));
    let requests = cluster.requests();
    let count = |what: &str| requests.iter().filter(|it| it.starts_with(what)).count();
    assert_eq!(count("delete rule_status"), 0, "{requests:?}");
    assert_eq!(count("write rule_status ns/b"), 0, "it is as good as if it had written that itself");
    assert_eq!(count("list rule_status ns/0") + count("list rule_status /"), 1, "{requests:?}");
    // It is shown again, and the first one has it again.
    declare(&world, "k", "a", "refused");
    pass(120).await;
    assert_eq!(cluster.state("a.us").as_deref(), Some("refused"));
    delete(&world, "l", "a");
    pass(4_000).await;
    assert_eq!(cluster.state("a.us").as_deref(), Some("refused"), "the first one still has it");
    delete(&world, "k", "a");
    pass(60).await;
    assert_eq!(cluster.names(), ["b.us"], "nobody has it");
    delete(&world, "l", "b");
    pass(60).await;
    assert_eq!(cluster.names(), [""; 0]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_both_sources_lose_at_once_is_published_no_more() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    for order in [["k", "l"], ["l", "k"]] {
        let world = two(&ruler, &cluster, &cluster);
        for source in order {
            declare(&world, source, "a", "up");
        }
        complete(&world);
        pass(900).await;
        assert_eq!(cluster.names(), ["a.us"]);
        for source in order {
            delete(&world, source, "a");
        }
        pass(120).await;
        assert_eq!(cluster.names(), [""; 0], "{order:?}");
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn source_that_becomes_the_first_publishes_what_others_have_published() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = two(&ruler, &cluster, &cluster);
    declare(&world, "k", "a", "refused");
    declare(&world, "l", "a", "");
    complete(&world);
    pass(900).await;
    assert_eq!(cluster.told("a"), ["RulerRejected"]);
    cluster.requests();
    world.published.send_replace(vec!["l".to_owned(), "k".to_owned()]);
    pass(900).await;
    assert_eq!(cluster.names(), ["a.us"]);
    let requests = cluster.requests();
    let count = |what: &str| requests.iter().filter(|it| it.starts_with(what)).count();
    assert_eq!((count("write rule_status"), count("delete")), (1, 0), "{requests:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn objects_of_one_name_in_two_clusters_are_two() {
    let ruler = MemoryRuler::default();
    let (cluster, other) = (MemoryCluster::default(), MemoryCluster::default());
    let world = two(&ruler, &cluster, &other);
    let elsewhere = || {
        let object = object("PrometheusRule", "ns", "a", "up");
        RuleObject { id: id_by("l", "a"), uid: Some("uid-other".to_owned()), ..object }
    };
    declare(&world, "k", "a", "refused");
    world.send_by("l", SourceEvent::Upsert(elsewhere()));
    complete(&world);
    pass(900).await;
    assert_eq!((cluster.names(), other.names()), (vec!["a.us".to_owned()], vec!["a.us".to_owned()]));
    cluster.requests();
    // The second one appears again.
    world.send_by("l", SourceEvent::Delete(id_by("l", "a")));
    pass(60).await;
    assert_eq!((cluster.names().len(), other.names().len(), writes(&cluster)), (1, 0, 0));
    world.send_by("l", SourceEvent::Upsert(elsewhere()));
    pass(60).await;
    delete(&world, "k", "a");
    pass(60).await;
    assert_eq!((cluster.names().len(), other.names().len()), (0, 1), "each is deleted for itself");
    world.end().await;
}
