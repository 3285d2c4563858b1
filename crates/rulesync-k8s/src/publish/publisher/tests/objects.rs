//! What is published of objects, and when.

use std::time::Duration;

use rulesync_core::finding::Code;
use rulesync_core::model::ObjectVersion;
use rulesync_core::{Finding, SourceEvent};
use tokio::time::Instant;

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, id, pass};
use crate::publish::annotation::Annotated;
use crate::publish::publisher::{EventSelection, ObjectSelection, PublishSettings};
use crate::publish::reason::Reason;

fn all() -> PublishSettings {
    PublishSettings { objects: Some(ObjectSelection::All), ..PublishSettings::default() }
}

fn with(settings: PublishSettings) -> Made<'static> {
    Made { settings, ..Made::default() }
}

#[tokio::test(start_paused = true)]
async fn refused_rule_is_published_within_two_seconds_and_mended_with_one_write_each() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, Made::default(), [("disk", "up"), ("other", "up")]);
    pass(60).await;
    assert_eq!(cluster.counts(["list rule_status", "write", "create"]), [1, 0, 0], "nothing is wrong");
    world.declare("disk", "refused");
    pass(2).await;
    assert_eq!(cluster.state("disk.us").as_deref(), Some("refused"));
    assert_eq!(cluster.ready("disk.us").as_deref(), Some("False"));
    assert_eq!(cluster.told("disk"), ["RulerRejected"]);
    assert_eq!(cluster.counts(["write", "create"]), [1, 1]);
    world.declare("disk", "up{mended='yes'}");
    pass(2).await;
    assert_eq!(cluster.ready("disk.us").as_deref(), Some("True"));
    assert_eq!(cluster.told("disk"), ["RulerRejected", "Recovered"]);
    assert_eq!(cluster.counts(["write", "create"]), [1, 1]);
    pass(600).await;
    assert_eq!(cluster.names(), ["disk.us"], "those without a problem have none");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn local_refusal_is_published_like_one_of_a_ruler() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, Made::default(), [("disk", "up")]);
    pass(60).await;
    cluster.requests();
    world.declare("disk", "");
    pass(2).await;
    assert_eq!(cluster.state("disk.us").as_deref(), Some("refused"));
    assert_eq!(cluster.told("disk"), ["RuleRefused"]);
    assert_eq!(cluster.counts(["write", "create"]), [1, 1]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn restart_costs_one_list_and_no_write() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let objects = [("a", "up"), ("b", "refused"), ("c", ""), ("d", "up > 1")];
    let settings = PublishSettings { annotations: Some(Annotated::Problems), reports: true, ..all() };
    let world = World::with(&ruler, &cluster, with(settings.clone()), objects);
    pass(900).await;
    assert_eq!(cluster.names(), ["a.us", "b.us", "c.us", "d.us"]);
    assert_eq!(cluster.state("a.us").as_deref(), Some("synced"));
    assert_eq!(cluster.reports(), 2);
    world.end().await;
    cluster.requests();
    for slow in [false, true] {
        // The ruler may not answer at first, and it takes time until it is known how rules evaluate.
        ruler.go_down(slow);
        let world = World::with(&ruler, &cluster, with(settings.clone()), objects);
        pass(8).await;
        ruler.go_down(false);
        pass(900).await;
        assert_eq!(cluster.counts(["write", "delete", "create"]), [0, 0, 0], "slow: {slow}");
        world.end().await;
    }
    let world = World::with(&ruler, &cluster, with(settings), objects);
    pass(900).await;
    // Two kinds, reports and two kinds of annotated objects; statuses are on two pages.
    assert_eq!(cluster.counts(["list rule_status ", "list "]), [2, 6]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn restart_publishes_what_has_changed_meanwhile() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world =
        World::with(&ruler, &cluster, Made::default(), [("a", "refused"), ("b", "refused"), ("c", "up")]);
    pass(60).await;
    world.end().await;
    cluster.requests();
    let world =
        World::with(&ruler, &cluster, Made::default(), [("a", "up"), ("b", "refused"), ("c", "refused")]);
    pass(60).await;
    assert_eq!(cluster.ready("a.us").as_deref(), Some("True"));
    assert_eq!(cluster.told("a"), ["RulerRejected", "Recovered"]);
    assert_eq!(cluster.told("b"), ["RulerRejected"]);
    assert_eq!(cluster.counts(["write", "create"]), [2, 2], "nothing about what is as it was");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn evaluation_is_published_at_most_once_in_five_minutes() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, with(all()), [("disk", "up")]);
    pass(1_000).await;
    cluster.requests();
    let start = Instant::now();
    // It fails in another way each time that it is evaluated.
    for number in 0..12 {
        ruler.fail_rules(Some(&format!("failure {number}")));
        pass(300).await;
    }
    let times: Vec<Instant> =
        cluster.times().into_iter().filter(|(_, r)| r.starts_with("write")).map(|(at, _)| at).collect();
    assert!((8..=13).contains(&times.len()), "{}", times.len());
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.min().unwrap() >= Duration::from_secs(300), "{:?}", times.iter().map(|at| *at - start));
    assert_eq!(cluster.state("disk.us").as_deref(), Some("failing"));
    world.declare("disk", "refused");
    pass(2).await;
    assert_eq!(cluster.state("disk.us").as_deref(), Some("refused"), "other changes do not wait");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn object_on_its_way_is_not_published_before_it_arrives_unless_that_lasts() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, with(all()), [("disk", "up")]);
    pass(60).await;
    assert_eq!(cluster.state("disk.us").as_deref(), Some("synced"));
    ruler.go_down(true);
    world.declare("disk", "up > 1");
    cluster.requests();
    pass(50).await;
    assert_eq!(cluster.counts(["write"]), [0]);
    pass(60).await;
    assert_eq!(cluster.state("disk.us").as_deref(), Some("unavailable"));
    ruler.go_down(false);
    pass(400).await;
    assert_eq!(cluster.state("disk.us").as_deref(), Some("synced"));
    assert_eq!(cluster.counts(["write"]), [3], "that it waits, that it is there, and how it evaluates");
    assert_eq!(cluster.told("disk"), [""; 0], "that a ruler is down is not the author's concern");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_goes_takes_with_it_what_was_published() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let settings = PublishSettings { reports: true, ..PublishSettings::default() };
    let world = World::with(&ruler, &cluster, with(settings.clone()), [("a", "refused"), ("b", "refused")]);
    pass(60).await;
    assert_eq!((cluster.names().len(), cluster.reports()), (2, 2));
    world.send(SourceEvent::Unavailable { reason: "not allowed".to_owned() });
    world.delete("a");
    pass(120).await;
    assert_eq!(cluster.names().len(), 2, "the source does not see everything");
    world.send(SourceEvent::Available);
    pass(120).await;
    assert_eq!(cluster.names(), ["b.us"]);
    world.end().await;
    // What goes while no process runs is swept once the source has shown its objects.
    cluster.requests();
    let world = World::start(&ruler, &cluster, with(settings));
    world.declare("c", "up");
    pass(600).await;
    assert_eq!(cluster.names(), ["b.us"]);
    world.complete();
    pass(600).await;
    assert_eq!((cluster.names().len(), cluster.reports()), (0, 0));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_is_made_again_is_published_again() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, with(all()), [("disk", "up")]);
    pass(60).await;
    world.delete("disk");
    pass(10).await;
    assert_eq!(cluster.names(), [""; 0]);
    world.declare("disk", "up");
    pass(10).await;
    assert_eq!(cluster.names(), ["disk.us"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn logging_rule_has_its_status_itself_also_without_problems() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let start = || {
        let world = World::start(&ruler, &cluster, Made::default());
        world.upsert("LoggingRule", "ns", "errors", "up");
        world.complete();
        world
    };
    let world = start();
    pass(900).await;
    assert_eq!((cluster.logging_rules(), cluster.names().len()), (1, 0));
    world.end().await;
    cluster.requests();
    let world = start();
    pass(900).await;
    assert_eq!(cluster.counts(["write"]), [0], "a restart costs no write");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn annotation_is_written_with_transitions_and_costs_the_daemon_nothing() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let annotated = PublishSettings { annotations: Some(Annotated::All), ..PublishSettings::default() };
    let world = World::with(&ruler, &cluster, with(annotated), [("disk", "up")]);
    pass(600).await;
    assert_eq!(cluster.annotation("disk"), Some(Reason::Synced));
    assert_eq!(cluster.counts(["write annotation", "write"]), [1, 1]);
    let before = ruler.writes();
    // The watch shows the object again, as the source reads it: without what rulesync has written.
    world.declare("disk", "up");
    pass(600).await;
    assert_eq!((cluster.counts(["write"]), ruler.writes()), ([0], before));
    world.declare("disk", "refused");
    pass(2).await;
    assert_eq!(cluster.annotation("disk"), Some(Reason::GroupsRefused));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn settings_change_without_a_restart() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, Made::default(), [("a", "up"), ("b", "refused")]);
    pass(60).await;
    assert_eq!(cluster.names(), ["b.us"]);
    world.settings.send_replace(all());
    pass(60).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"]);
    world.settings.send_replace(PublishSettings::default());
    pass(60).await;
    assert_eq!(cluster.names(), ["b.us"], "it never had a problem");
    world.declare("b", "up");
    pass(60).await;
    assert_eq!(cluster.ready("b.us").as_deref(), Some("True"), "it had one, and says that it has it no more");
    world.settings.send_replace(PublishSettings { objects: None, events: None, ..all() });
    pass(60).await;
    assert_eq!(cluster.names(), [""; 0]);
    cluster.requests();
    world.declare("b", "refused");
    pass(7_200).await;
    assert_eq!(cluster.requests(), [""; 0]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn everyday_events_are_made_on_request() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let settings = PublishSettings { events: Some(EventSelection::All), ..PublishSettings::default() };
    let world = World::with(&ruler, &cluster, with(settings), [("old", "up"), ("goes", "up")]);
    pass(60).await;
    assert_eq!(cluster.told("old"), [""; 0], "that was before");
    world.declare("new", "up");
    world.delete("goes");
    pass(60).await;
    assert_eq!(cluster.told("new"), ["Synced"]);
    assert_eq!(cluster.told("goes"), ["Removed"]);
    world.declare("new", "up > 1");
    pass(60).await;
    assert_eq!(cluster.told("new"), ["Synced", "Synced"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_was_never_readable_is_told_by_its_uid_and_leaves_nothing() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, Made::default(), []);
    let malformed = |generation| SourceEvent::Malformed {
        id: id("PrometheusRule", "ns", "odd"),
        version: ObjectVersion { uid: Some("uid-odd".to_owned()), generation: Some(generation) },
        finding: Finding::error(Code::Spec, "groups: a list is expected"),
        hides: false,
    };
    world.send(malformed(1));
    pass(2).await;
    let status = cluster.rule_status("odd.us").unwrap();
    assert_eq!(status.metadata.owner_references.unwrap()[0].uid, "uid-odd");
    let source = status.spec.source.unwrap();
    assert_eq!((source.uid.as_deref(), source.generation), (Some("uid-odd"), Some(1)));
    assert_eq!(cluster.state("odd.us").as_deref(), Some("malformed"));
    assert_eq!(cluster.told("odd"), ["RuleRefused"]);
    assert_eq!(cluster.regarding("odd"), ["uid-odd"]);
    world.send(malformed(2));
    pass(60).await;
    assert_eq!(cluster.rule_status("odd.us").unwrap().spec.source.unwrap().generation, Some(2));
    assert_eq!(cluster.told("odd"), ["RuleRefused"], "nothing else is wrong");
    world.delete("odd");
    pass(60).await;
    assert_eq!(cluster.names(), [""; 0]);
    world.end().await;
}
