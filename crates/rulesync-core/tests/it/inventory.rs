//! The inventory: destinations that were ever written to are remembered when no process runs, and deletes released by a
//! note in it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{
    EngineBuilder, Inventory, InventoryError, InventoryRecord, LeaderTerm, Leadership,
};
use rulesync_core::{Engine, RuleObject};
use tokio::sync::Semaphore;

use crate::inheritance::put;
use crate::world::{MemoryRuler, World, object, resync, route, scripted_source, unavailable};

#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryInventory(pub(crate) Arc<Mutex<InventoryRecord>>);

#[async_trait]
impl Inventory for MemoryInventory {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError> {
        *self.0.lock().unwrap() = record.clone();
        Ok(())
    }
}

impl MemoryInventory {
    fn destinations(&self) -> Vec<String> {
        self.0.lock().unwrap().destinations.iter().cloned().collect()
    }
}

/// An inventory that answers only after a permit.
#[derive(Debug, Clone)]
struct LateInventory(MemoryInventory, Arc<Semaphore>);

#[async_trait]
impl Inventory for LateInventory {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        let _permit = self.1.acquire().await.unwrap();
        self.0.read().await
    }

    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError> {
        self.0.write(record).await
    }
}

#[tokio::test(start_paused = true)]
async fn orphans_wait_until_the_inventory_has_been_read() {
    let (ruler, answers) = (MemoryRuler::default(), Arc::new(Semaphore::new(0)));
    put(&ruler, "us.ns.gone", "1");
    let inventory = LateInventory(MemoryInventory::default(), Arc::clone(&answers));
    let world = World::with(&ruler, |_| {}, |engine| engine.inventory(inventory));
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    let namespaces = || ruler.groups("prod").into_keys().collect::<Vec<_>>();
    assert_eq!(namespaces(), ["us.ns.gone", "us.ns.o"]);
    answers.add_permits(1);
    world.settle().await;
    assert_eq!(namespaces(), ["us.ns.o"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn inventory_that_another_leader_has_written_is_read_before_it_is_written() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let (lead, leadership) = Leadership::elected();
    let far = tokio::time::Instant::now() + Duration::from_secs(1_000_000);
    let term = LeaderTerm { start_before: far, finish_by: far };
    lead.renew(term);
    let routes = vec![route("prod"), route("stage")];
    let stored = inventory.clone();
    let mut world = World::with(
        &ruler,
        |setup| setup.routes = routes,
        |engine| engine.inventory(stored).identity("a").leadership(leadership),
    );
    world.declare([object("p", &[("g", "1")])]).await;
    // In the last seconds of a term nothing new is begun.
    let now = tokio::time::Instant::now();
    lead.renew(LeaderTerm { start_before: now, finish_by: now + Duration::from_secs(5) });
    world.reload(|setup| setup.routes.push(route("later"))).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    lead.step_down();
    tokio::time::sleep(Duration::from_secs(60)).await;
    put(&ruler, "us.ns.x", "1");
    let written = ruler.groups("prod")["us.ns.x"].clone();
    ruler.edit("of-the-other", |groups| drop(groups.insert("us.ns.x".to_owned(), written)));
    inventory.0.lock().unwrap().destinations.insert("central/of-the-other".to_owned());
    lead.renew(term);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let destinations = inventory.destinations();
    assert!(destinations.contains(&"central/of-the-other".to_owned()), "{destinations:?}");
    assert!(destinations.contains(&"central/later".to_owned()), "{destinations:?}");
    world.stop().await;
}

/// An object for the tenant `stage`.
fn in_stage(name: &str) -> RuleObject {
    RuleObject { labels: [("tenant", "stage")].into_iter().collect(), ..object(name, &[("g", "1")]) }
}

/// Two routes, with an object each.
async fn both_routes(ruler: &MemoryRuler, inventory: &MemoryInventory) -> World {
    let both = vec![route("prod"), route("stage")];
    let world = World::with(ruler, |setup| setup.routes = both, remember(inventory));
    world.declare([object("p", &[("g", "1")]), in_stage("s")]).await;
    resync().await;
    assert_eq!(inventory.destinations(), ["central/prod", "central/stage"]);
    world
}

fn remember(inventory: &MemoryInventory) -> impl FnOnce(EngineBuilder) -> EngineBuilder {
    let inventory = inventory.clone();
    move |engine| engine.inventory(inventory).identity("a")
}

#[tokio::test(start_paused = true)]
async fn inventory_cleans_up_a_route_that_was_removed_while_no_process_ran() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    both_routes(&ruler, &inventory).await.kill();
    put(&ruler, "foreign", "1");
    let world = World::with(&ruler, |_| {}, remember(&inventory));
    world.source.upsert(object("p", &[("g", "1")]));
    resync().await;
    assert_eq!(ruler.groups("stage").len(), 2, "not before the source has shown all it has");
    world.source.complete();
    resync().await;
    assert!(ruler.groups("stage").is_empty(), "rules and claim: {:?}", ruler.groups("stage"));
    assert_eq!(ruler.groups("prod").len(), 3);
    resync().await;
    assert_eq!(inventory.destinations(), ["central/prod"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn inventory_cleans_up_a_removed_route_later_if_the_ruler_is_down_when_its_window_ends() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    both_routes(&ruler, &inventory).await.kill();
    let world = World::with(&ruler, |_| {}, remember(&inventory));
    world.source.upsert(object("p", &[("g", "1")]));
    world.source.complete();
    ruler.fail(Some(unavailable()));
    resync().await;
    assert_eq!(ruler.groups("stage").len(), 2);
    ruler.fail(None);
    resync().await;
    assert!(ruler.groups("stage").is_empty(), "rules and claim: {:?}", ruler.groups("stage"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn note_in_the_inventory_releases_held_deletes() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = World::with(&ruler, |_| {}, |engine| engine.inventory(inventory.clone()));
    (0..20).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("g", "1")])));
    world.source.complete();
    world.settle().await;
    (0..20).for_each(|n| world.source.delete(&format!("o{n}")));
    world.until(|status| status.destinations[0].held == 20).await;
    inventory.0.lock().unwrap().released.insert("central/prod".to_owned());
    world.settle().await;
    resync().await;
    assert!(ruler.groups("prod").is_empty());
    assert!(inventory.0.lock().unwrap().released.is_empty(), "the note is removed");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn note_in_the_inventory_releases_only_the_destination_that_it_names() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let routes = vec![route("prod"), route("stage")];
    let world =
        World::with(&ruler, |setup| setup.routes = routes, |engine| engine.inventory(inventory.clone()));
    let of = |n: usize, tenant: &str| {
        let labels = [("tenant", tenant)].into_iter().collect();
        RuleObject { labels, ..object(&format!("{tenant}-{n}"), &[("g", "1")]) }
    };
    (0..20).for_each(|n| ["prod", "stage"].iter().for_each(|tenant| world.source.upsert(of(n, tenant))));
    world.source.complete();
    world.settle().await;
    for n in 0..20 {
        ["prod", "stage"].iter().for_each(|tenant| world.source.delete(&format!("{tenant}-{n}")));
    }
    world.until(|status| status.destinations.iter().all(|destination| destination.held == 20)).await;
    inventory.0.lock().unwrap().released.insert("central/prod".to_owned());
    resync().await;
    assert_eq!((ruler.groups("prod").len(), ruler.groups("stage").len()), (0, 20));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_leaves_destinations_without_a_route_to_the_daemon() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let both = vec![route("prod"), route("stage")];
    let world =
        World::with(&ruler, |setup| setup.routes = both, |engine| engine.inventory(inventory.clone()));
    world.declare([in_stage("s")]).await;
    resync().await;
    world.stop().await;
    let (source, control) = scripted_source();
    control.upsert(object("p", &[("g", "1")]));
    control.complete();
    let engine = Engine::builder("us".parse().unwrap())
        .source("script", source)
        .ruler("central", ruler.clone())
        .route(route("prod"))
        .inventory(inventory.clone())
        .release_deletes(true)
        .build()
        .unwrap();
    let summary = engine.sync_once(std::future::pending()).await.unwrap();
    assert_eq!(summary.unrouted, ["central/stage"]);
    assert_eq!((ruler.groups("prod").len(), ruler.groups("stage").len()), (1, 1));
    assert!(inventory.destinations().contains(&"central/stage".to_owned()), "nor does it forget them");
}
