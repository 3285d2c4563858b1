//! Inherited rules: those under legacy names, groups that other tools wrote, and destinations that no route leads to.

use rulesync_core::finding::Code;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rulesync_core::engine::{Inventory, InventoryError, InventoryRecord};
use rulesync_core::naming::{AlloyNaming, NamespacePolicy, Naming};
use rulesync_core::{Group, Rule, SourceEvent};

use crate::world::{MemoryRuler, World, object, resync, route, unavailable};

fn equal_group(expr: &str) -> Group {
    let rule = Rule { record: "r".to_owned(), expr: expr.to_owned(), ..Rule::default() };
    Group { name: "g".to_owned(), rules: vec![rule], ..Group::default() }
}

fn put(ruler: &MemoryRuler, namespace: &str, expr: &str) {
    let groups = BTreeMap::from([("g".to_owned(), equal_group(expr))]);
    ruler.edit("prod", |all| drop(all.insert(namespace.to_owned(), groups)));
}

fn former(owner: &str) -> impl FnOnce(&mut rulesync_core::engine::Setup) {
    let former = vec![Naming::Owner(owner.parse().unwrap())];
    move |setup| setup.namespace_policy.legacy = former
}

#[tokio::test(start_paused = true)]
async fn legacy_owners_rules_are_deleted_once_they_exist_under_the_new_name() {
    let ruler = MemoryRuler::default();
    put(&ruler, "old.ns.o", "1");
    put(&ruler, "old.ns.refused", "bad");
    put(&ruler, "older.ns.o", "1");
    ruler.refuse("bad");
    let world = World::with(&ruler, former("old"), |engine| engine);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.upsert(object("refused", &[("g", "bad")]));
    world.source.complete();
    world.settle().await;
    let mut requests = ruler.requests();
    assert_eq!(requests.pop().as_deref(), Some("DELETE prod old.ns.o"), "deleted last");
    assert_eq!(requests.len(), 3);
    let left: Vec<String> = ruler.groups("prod").into_keys().collect();
    assert_eq!(left, ["old.ns.refused", "older.ns.o", "us.ns.o"], "a refused object stays where it was");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn legacy_owner_that_is_not_configured_is_foreign() {
    let ruler = MemoryRuler::default();
    put(&ruler, "old.ns.o", "1");
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    resync().await;
    assert!(ruler.groups("prod").contains_key("old.ns.o"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn alloy_installation_is_taken_over_in_place() {
    let uid = "1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";
    let own = format!("alloy/ns/o/{uid}");
    let foreign = format!("alloy2/ns/o/{uid}");
    let ruler = MemoryRuler::default();
    put(&ruler, &own, "1");
    put(&ruler, &foreign, "1");
    let naming = Naming::Alloy(AlloyNaming::new("alloy", "/").unwrap());
    let world = World::with(&ruler, |setup| setup.namespace_policy.naming = naming, |engine| engine);
    let with_uid = |expr: &str, uid: &str| {
        let uid = Some(uid.to_owned());
        rulesync_core::RuleObject { uid, ..object("o", &[("g", expr)]) }
    };
    world.source.upsert(with_uid("1", uid));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET prod"], "it is in sync");
    world.source.upsert(with_uid("2", uid));
    world.settle().await;
    assert_eq!(ruler.requests(), [format!("POST prod {own}/g")]);
    // Re-created, the object has another UID and so another namespace.
    let new = uid.replace('1', "7");
    world.source.upsert(with_uid("2", &new));
    world.settle().await;
    assert_eq!(ruler.requests(), [format!("POST prod alloy/ns/o/{new}/g"), format!("DELETE prod {own}")]);
    assert!(ruler.groups("prod").contains_key(&foreign));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn adoption_takes_only_groups_that_are_configured_and_equal() {
    let ruler = MemoryRuler::default();
    put(&ruler, "by-hand", "1");
    put(&ruler, "by-hand-2", "other");
    put(&ruler, "untold", "1");
    let adopt =
        |setup: &mut rulesync_core::engine::Setup| setup.namespace_policy.adopt = vec!["by-hand*".into()];
    let world = World::with(&ruler, adopt, |engine| engine);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert!(ruler.groups("prod").contains_key("by-hand"), "not before the own group was read back");
    resync().await;
    let requests = ruler.requests();
    assert_eq!(requests[..3], ["GET prod", "POST prod us.ns.o/g", "GET prod"]);
    assert_eq!(requests[3], "DELETE prod by-hand/g");
    let left: Vec<String> = ruler.groups("prod").into_keys().collect();
    assert_eq!(left, ["by-hand-2", "untold", "us.ns.o"]);
    world.stop().await;
}

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

/// An inventory that answers only after a permit.
#[derive(Debug, Clone)]
struct LateInventory(MemoryInventory, Arc<tokio::sync::Semaphore>);

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
    let (ruler, answers) = (MemoryRuler::default(), Arc::new(tokio::sync::Semaphore::new(0)));
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

impl MemoryInventory {
    fn destinations(&self) -> Vec<String> {
        self.0.lock().unwrap().destinations.iter().cloned().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn inventory_cleans_up_a_route_that_was_removed_while_no_process_ran() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let remember =
        |engine: rulesync_core::engine::EngineBuilder| engine.inventory(inventory.clone()).identity("a");
    let both = vec![route("prod"), route("stage")];
    let world = World::with(&ruler, |setup| setup.routes = both, remember);
    for (name, tenant) in [("p", "prod"), ("s", "stage")] {
        let labels = [("tenant", tenant)].into_iter().collect();
        world.source.upsert(rulesync_core::RuleObject { labels, ..object(name, &[("g", "1")]) });
    }
    world.source.complete();
    world.settle().await;
    resync().await;
    assert_eq!(inventory.destinations(), ["central/prod", "central/stage"]);
    world.kill();
    put(&ruler, "foreign", "1");
    let world = World::with(&ruler, |_| {}, remember);
    world.source.upsert(object("p", &[("g", "1")]));
    resync().await;
    assert_eq!(ruler.groups("stage").len(), 2, "not before the source has shown all it has");
    // The ruler is unavailable when the window ends: it is cleaned up later.
    ruler.fail(Some(unavailable()));
    world.source.complete();
    resync().await;
    ruler.fail(None);
    resync().await;
    assert!(ruler.groups("stage").is_empty(), "rules and claim: {:?}", ruler.groups("stage"));
    assert_eq!(ruler.groups("prod").len(), 3);
    resync().await;
    assert_eq!(inventory.destinations(), ["central/prod"]);
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
async fn removed_route_is_cleaned_up_when_its_ruler_is_available_again() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod"), route("stage")]);
    let labels = [("tenant", "stage")].into_iter().collect();
    world.source.upsert(rulesync_core::RuleObject { labels, ..object("s", &[("g", "1")]) });
    world.source.upsert(object("p", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.fail(Some(unavailable()));
    let mut setup = world.setup.clone();
    setup.routes.pop();
    world.handle.reconfigure(setup).await.unwrap();
    resync().await;
    let status = world.status().await;
    assert!(
        status.destinations.iter().any(|destination| destination.retiring),
        "the status shows that rules remain"
    );
    ruler.fail(None);
    resync().await;
    assert!(ruler.groups("stage").is_empty());
    assert_eq!(ruler.groups("prod").len(), 1);
    assert!(world.status().await.destinations.iter().all(|destination| !destination.retiring));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn malformed_object_hides_only_itself() {
    let ruler = MemoryRuler::default();
    put(&ruler, "us.ns.orphan", "1");
    put(&ruler, "us.ns.odd", "1");
    let world = World::start(&ruler);
    let finding = rulesync_core::Finding::error(Code::Spec, "odd");
    world.source.send(SourceEvent::Malformed { id: crate::world::id("odd"), finding, hides: false });
    world.source.complete();
    resync().await;
    let left: Vec<String> = ruler.groups("prod").into_keys().collect();
    assert_eq!(left, ["us.ns.odd"]);
    world.stop().await;
    let _ = NamespacePolicy::of("us".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn note_in_the_inventory_releases_only_the_destination_that_it_names() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let routes = vec![route("prod"), route("stage")];
    let world =
        World::with(&ruler, |setup| setup.routes = routes, |engine| engine.inventory(inventory.clone()));
    let of = |n: usize, tenant: &str| {
        let labels = [("tenant", tenant)].into_iter().collect();
        rulesync_core::RuleObject { labels, ..object(&format!("{tenant}-{n}"), &[("g", "1")]) }
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
    let labels = [("tenant", "stage")].into_iter().collect();
    world.source.upsert(rulesync_core::RuleObject { labels, ..object("s", &[("g", "1")]) });
    world.source.complete();
    world.settle().await;
    resync().await;
    world.stop().await;
    let (source, control) = crate::world::scripted_source();
    control.upsert(object("p", &[("g", "1")]));
    control.complete();
    let engine = rulesync_core::Engine::builder("us".parse().unwrap())
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

#[tokio::test(start_paused = true)]
async fn destination_without_a_route_stays_until_it_is_empty() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod"), route("stage")]);
    let labels = [("tenant", "stage")].into_iter().collect();
    world.source.upsert(rulesync_core::RuleObject { labels, ..object("s", &[("g", "1")]) });
    world.source.complete();
    world.settle().await;
    let mut setup = world.setup.clone();
    setup.routes.pop();
    world.handle.reconfigure(setup).await.unwrap();
    for minute in 1..5 {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        world.source.upsert(object(&format!("p{minute}"), &[("g", "1")]));
        let status = world.status().await;
        assert!(status.destinations.iter().any(|destination| destination.retiring), "minute {minute}");
        assert_eq!(ruler.groups("stage").len(), 1);
    }
    resync().await;
    assert!(ruler.groups("stage").is_empty());
    world.stop().await;
}
