//! What ten thousand objects cost.

use std::time::Duration;

use tokio::time::Instant;

use super::cluster::MemoryCluster;
use super::limits::within;
use super::world::{Made, MemoryRuler, World, pass};
use crate::publish::publisher::{ObjectSelection, PublishSettings};

const OBJECTS: usize = 10_000;

/// The writes in a second.
const RATE: u32 = 100;

/// The number of items on a page of a real list.
const PAGE: usize = 250;

fn publishing(objects: Option<ObjectSelection>) -> PublishSettings {
    PublishSettings { objects, max_writes_per_second: RATE, ..PublishSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_objects_cost_one_write_each_and_a_restart_one_list() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    cluster.set_page(PAGE);
    let names: Vec<String> = (0..OBJECTS).map(|number| format!("o{number}")).collect();
    let start = |objects| {
        let made = Made { settings: publishing(objects), ..Made::default() };
        World::with(&ruler, &cluster, made, names.iter().map(|name| (&**name, "up")))
    };
    let world = start(None);
    // Until it is known how they evaluate.
    pass(150).await;
    assert_eq!(ruler.writes(), OBJECTS);
    cluster.requests();
    world.asked();

    world.settings.send_replace(publishing(Some(ObjectSelection::All)));
    let began = Instant::now();
    pass(95).await;
    assert!(cluster.names().len() < OBJECTS);
    pass(15).await;
    assert_eq!(cluster.names().len(), OBJECTS, "a hundred a second");
    pass(120).await;
    let requests = cluster.times();
    let lists = requests.iter().filter(|(_, request)| request.starts_with("list")).count();
    let writes: Vec<Instant> = requests
        .iter()
        .filter(|(_, request)| request.starts_with("write rule_status"))
        .map(|(at, _)| *at)
        .collect();
    assert_eq!((lists, writes.len(), requests.len()), (2, OBJECTS, OBJECTS + 2), "two kinds");
    within(&writes, RATE as usize);
    assert!(writes.iter().all(|at| *at < began + Duration::from_secs(110)));
    let asked = world.asked();
    assert!(asked.iter().all(|objects| *objects <= 16), "{:?}", asked.iter().max());
    assert_eq!(asked.iter().sum::<usize>(), OBJECTS, "each object once");
    world.end().await;

    let world = start(Some(ObjectSelection::All));
    pass(180).await;
    let requests = cluster.requests();
    let pages = requests.iter().filter(|request| request.starts_with("list rule_status")).count();
    assert_eq!((pages, requests.len()), (OBJECTS / PAGE, OBJECTS / PAGE + 1), "and no LoggingRule");
    let asked = world.asked();
    assert!(asked.iter().all(|objects| *objects <= 16));
    assert_eq!(ruler.writes(), OBJECTS);
    world.end().await;
}
