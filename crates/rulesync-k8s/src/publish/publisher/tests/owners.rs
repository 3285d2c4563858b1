//! Several installations in one cluster.

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, pass};
use crate::publish::publisher::{ObjectSelection, PublishSettings};

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
