//! How much is written, and in which order.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, pass};
use crate::publish::publisher::{ObjectSelection, PublishSettings};

fn all(max_writes_per_second: u32) -> Made<'static> {
    let settings = PublishSettings {
        objects: Some(ObjectSelection::All),
        max_writes_per_second,
        ..PublishSettings::default()
    };
    Made { settings, ..Made::default() }
}

/// Asserts that no window of a second has more requests than the rate and its burst.
pub(super) fn within(times: &[Instant], per_second: usize) {
    for (index, from) in times.iter().enumerate() {
        if let Some(to) = times.get(index + per_second + per_second.div_ceil(4)) {
            assert!(*to - *from >= Duration::from_secs(1));
        }
    }
}

fn writes(cluster: &MemoryCluster) -> Vec<(Instant, String)> {
    let mut requests = cluster.times();
    requests.retain(|(_, request)| request.starts_with("write"));
    requests
}

#[tokio::test(start_paused = true)]
async fn first_publication_keeps_to_the_limit_and_loses_nothing() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let names: Vec<String> = (0..1_000).map(|number| format!("o{number}")).collect();
    let objects = names.iter().map(|name| (&**name, "up"));
    let world = World::with(&ruler, &cluster, all(20), objects);
    let start = Instant::now();
    while cluster.names().len() < 1_000 {
        pass(1).await;
    }
    let elapsed = start.elapsed().as_secs();
    assert!((48..=70).contains(&elapsed), "{elapsed} s for a thousand at twenty a second");
    let mut times: Vec<Instant> = writes(&cluster).into_iter().map(|(at, _)| at).collect();
    within(&times, 20);
    // How they evaluate follows.
    pass(900).await;
    times = writes(&cluster).into_iter().map(|(at, _)| at).collect();
    within(&times, 20);
    assert!(times.len() <= 1_000);
    pass(600).await;
    assert_eq!(writes(&cluster).len(), 0);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn problem_overtakes_the_first_publication() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let names: Vec<String> = (0..400).map(|number| format!("o{number}")).collect();
    let objects = names.iter().map(|name| (&**name, "up"));
    let world = World::with(&ruler, &cluster, all(20), objects);
    pass(5).await;
    assert!(cluster.names().len() < 200);
    world.declare("o399", "refused");
    pass(2).await;
    assert_eq!(cluster.state("o399.us").as_deref(), Some("refused"));
    assert!(cluster.names().len() < 200);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn deletes_of_what_belongs_to_nothing_keep_no_object_waiting() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let names: Vec<String> = (0..1_000).map(|number| format!("o{number:03}")).collect();
    let world = World::with(&ruler, &cluster, all(100), names.iter().map(|name| (&**name, "up")));
    pass(60).await;
    assert_eq!(cluster.names().len(), 1_000);
    world.end().await;
    cluster.requests();
    // All are deleted while no process runs.
    let world = World::with(&ruler, &cluster, all(20), [("kept", "up")]);
    while cluster.names().len() > 900 {
        pass(1).await;
    }
    world.declare("new", "refused");
    let again: Vec<&String> =
        names.iter().filter(|name| cluster.names().contains(&format!("{name}.us"))).collect();
    again[again.len() - 300..].iter().for_each(|name| world.declare(name, "up"));
    pass(2).await;
    assert_eq!(cluster.state("new.us").as_deref(), Some("refused"));
    let left = cluster.names().len();
    assert!(left > 800, "{left}");
    pass(900).await;
    assert_eq!(cluster.names().len(), 302, "what is declared again is not deleted");
    let deletes = cluster.times().into_iter().filter(|(_, request)| request.starts_with("delete"));
    assert_eq!(deletes.count(), 700, "nor deleted and made again");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn flapping_objects_stay_within_the_limits_and_their_last_state_wins() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let names: Vec<String> = (0..1_000).map(|number| format!("o{number}")).collect();
    let objects = names.iter().map(|name| (&**name, "up"));
    let world = World::with(&ruler, &cluster, Made::default(), objects);
    pass(60).await;
    cluster.requests();
    for round in 0..16 {
        for name in &names {
            let expr = if round % 2 == 0 { "refused" } else { "up" };
            // Each time in another way.
            world.declare(name, &format!("{expr} > {round}"));
        }
        pass(5).await;
    }
    pass(300).await;
    let requests = cluster.times();
    let mut by_kind: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for (at, request) in requests {
        let kind = request.split_whitespace().next().unwrap();
        by_kind.entry(kind.to_owned()).or_default().push(at);
    }
    within(&by_kind["write"], 20);
    for (index, from) in by_kind["create"].iter().enumerate() {
        if let Some(to) = by_kind["create"].get(index + 11) {
            assert!(*to - *from >= Duration::from_secs(1), "ten Events a second");
        }
    }
    assert!(cluster.names().len() > 300);
    for name in cluster.names() {
        assert_eq!(
            cluster.ready(&name).as_deref(),
            Some("True"),
            "the last state of {name} is that all is well"
        );
    }
    world.end().await;
}
