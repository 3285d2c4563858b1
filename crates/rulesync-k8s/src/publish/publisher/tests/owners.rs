//! Several installations in one cluster.

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, pass};
use crate::publish::annotation::Annotated;
use crate::publish::publisher::{ObjectSelection, PublishSettings};
use crate::publish::reason::Reason;

fn of(owner: &str) -> Made<'_> {
    let objects = Some(ObjectSelection::All);
    Made { owner, settings: PublishSettings { objects, ..PublishSettings::default() }, ..Made::default() }
}

#[tokio::test(start_paused = true)]
async fn owners_neither_overwrite_nor_sweep_what_others_publish() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let us = World::with(&ruler, &cluster, of("us"), [("a", "up"), ("b", "up")]);
    let them = World::with(&ruler, &cluster, of("them"), [("a", "up")]);
    pass(900).await;
    assert_eq!(cluster.names(), ["a.them", "a.us", "b.us"]);
    them.delete("a");
    pass(4_000).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"], "each sweeps its own");
    us.end().await;
    them.end().await;
    let them = World::with(&ruler, &cluster, of("them"), []);
    pass(4_000).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"]);
    them.end().await;
}

fn annotating(owner: &str) -> Made<'_> {
    let annotations = Some(Annotated::Problems);
    Made { owner, settings: PublishSettings { annotations, ..PublishSettings::default() }, ..Made::default() }
}

#[tokio::test(start_paused = true)]
async fn owners_do_not_fight_over_the_annotation_of_one_object() {
    let cluster = MemoryCluster::default();
    let (ruler, failing) = (MemoryRuler::default(), MemoryRuler::default());
    failing.fail_rules(Some("too many samples"));
    let us = World::with(&ruler, &cluster, annotating("us"), [("a", "refused"), ("c", "up")]);
    pass(60).await;
    assert_eq!(cluster.annotation("a"), Some(Reason::GroupsRefused));
    // To them, everything fails.
    let objects = [("a", "up"), ("b", "up"), ("c", "up")];
    let them = World::with(&failing, &cluster, annotating("them"), objects);
    pass(600).await;
    assert_eq!(cluster.annotation("a"), Some(Reason::GroupsRefused), "it is ours");
    assert_eq!(cluster.annotation("b"), Some(Reason::Failing));
    let requests = cluster.requests();
    let about =
        |name: &str| requests.iter().filter(|it| **it == format!("write annotation ns/{name}")).count();
    assert_eq!((about("a"), about("b")), (1, 1), "what the list shows as ours is not tried");
    // They have it before we know.
    us.declare("c", "refused");
    pass(900).await;
    assert_eq!(cluster.annotation("c"), Some(Reason::Failing));
    assert_eq!(cluster.counts(["write annotation ns/c"]), [1], "once");
    us.declare("a", "up");
    pass(60).await;
    assert_eq!(cluster.annotation("a"), None);
    pass(3_600).await;
    assert_eq!(cluster.annotation("a"), Some(Reason::Failing), "nobody else has it any more");
    us.end().await;
    them.end().await;
}

#[tokio::test(start_paused = true)]
async fn owners_that_have_written_the_same_word_do_not_keep_each_other_from_changing_it() {
    let cluster = MemoryCluster::default();
    let (ruler, other) = (MemoryRuler::default(), MemoryRuler::default());
    let us = World::with(&ruler, &cluster, annotating("us"), [("a", "up")]);
    let them = World::with(&other, &cluster, annotating("them"), [("a", "up")]);
    pass(60).await;
    // At the same moment.
    us.declare("a", "refused");
    them.declare("a", "refused");
    pass(60).await;
    assert_eq!(cluster.counts(["write annotation"]), [2], "both have it");
    ruler.fail_rules(Some("too many samples"));
    us.declare("a", "up");
    pass(900).await;
    assert_eq!(cluster.annotation("a"), Some(Reason::GroupsRefused), "to them it is still refused");
    them.declare("a", "up");
    pass(60).await;
    assert_eq!(cluster.annotation("a"), None, "theirs alone, and removed");
    assert_eq!(cluster.counts(["write annotation"]), [3], "we try, give up our share, and they remove it");
    us.end().await;
    them.end().await;
}
