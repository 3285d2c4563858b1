//! Inherited rules: those under legacy names, and groups that other tools wrote.

use std::collections::BTreeMap;

use rulesync_core::engine::Setup;
use rulesync_core::finding::Code;
use rulesync_core::model::ObjectVersion;
use rulesync_core::naming::{AlloyNaming, Naming};
use rulesync_core::{Finding, Group, Rule, RuleObject, SourceEvent};

use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, id, object, resync};

fn equal_group(expr: &str) -> Group {
    let rule = Rule { record: "r".to_owned(), expr: expr.to_owned(), ..Rule::default() };
    Group { name: "g".to_owned(), rules: vec![rule], ..Group::default() }
}

/// Writes a group as another tool or another owner.
pub(crate) fn put(ruler: &MemoryRuler, namespace: &str, expr: &str) {
    let groups = BTreeMap::from([("g".to_owned(), equal_group(expr))]);
    ruler.edit("prod", |all| drop(all.insert(namespace.to_owned(), groups)));
}

fn former(owner: &str) -> impl FnOnce(&mut Setup) {
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
async fn legacy_names_of_an_object_that_cannot_be_read_stay() {
    let alloy = Naming::Alloy(AlloyNaming::new("alloy", "/").unwrap());
    let of_alloy = format!("alloy/ns/o/{UID}");
    for (legacy, namespace) in [
        (Naming::Owner("old".parse().unwrap()), "old.ns.o"),
        (alloy, &*of_alloy),
        (Naming::Verbatim, "rules"),
    ] {
        let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
        put(&ruler, namespace, "1");
        inventory.0.lock().unwrap().namespaces.insert("central/prod".to_owned(), ["rules".to_owned()].into());
        let world = World::with(
            &ruler,
            |setup| setup.namespace_policy.legacy = vec![legacy],
            |engine| engine.inventory(inventory).identity("a"),
        );
        let finding = Finding::error(Code::Spec, "odd");
        world.source.send(SourceEvent::Malformed {
            id: id("o"),
            version: ObjectVersion::default(),
            finding,
            hides: false,
        });
        world.declare([object("p", &[("g", "1")])]).await;
        resync().await;
        let left: Vec<String> = ruler.groups("prod").into_keys().collect();
        assert!(left.contains(&namespace.to_owned()), "{namespace}: {left:?}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn legacy_namespace_is_deleted_soon_after_an_object_whose_successor_was_refused() {
    let ruler = MemoryRuler::default();
    put(&ruler, "old.ns.o", "1");
    ruler.refuse("bad");
    let world = World::with(&ruler, former("old"), |engine| engine);
    world.declare([object("o", &[("g", "bad")]), object("p", &[("g", "1")])]).await;
    assert!(ruler.groups("prod").contains_key("old.ns.o"));
    world.source.delete("o");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert!(!ruler.groups("prod").contains_key("old.ns.o"), "not at the next resync only");
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

const UID: &str = "1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";

/// An object as its UID says, which is part of the names that Alloy writes.
fn with_uid(expr: &str, uid: &str) -> RuleObject {
    RuleObject { uid: Some(uid.to_owned()), ..object("o", &[("g", expr)]) }
}

/// Rules that one Alloy wrote, which is followed by an engine that declares the same, and those of another.
async fn after_alloy(ruler: &MemoryRuler) -> World {
    put(ruler, &format!("alloy/ns/o/{UID}"), "1");
    put(ruler, &format!("alloy2/ns/o/{UID}"), "1");
    let naming = Naming::Alloy(AlloyNaming::new("alloy", "/").unwrap());
    let world = World::with(ruler, |setup| setup.namespace_policy.naming = naming, |engine| engine);
    world.declare([with_uid("1", UID)]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn alloy_installation_is_taken_over_in_place() {
    let ruler = MemoryRuler::default();
    let world = after_alloy(&ruler).await;
    assert_eq!(ruler.requests(), ["GET prod"], "it is in sync");
    world.source.upsert(with_uid("2", UID));
    world.settle().await;
    assert_eq!(ruler.requests(), [format!("POST prod alloy/ns/o/{UID}/g")]);
    assert!(ruler.groups("prod").contains_key(&format!("alloy2/ns/o/{UID}")));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn alloy_namespace_of_an_object_that_is_created_again_is_replaced() {
    let ruler = MemoryRuler::default();
    let world = after_alloy(&ruler).await;
    ruler.requests();
    let new = UID.replace('1', "7");
    world.source.upsert(with_uid("1", &new));
    world.settle().await;
    let requests = [format!("POST prod alloy/ns/o/{new}/g"), format!("DELETE prod alloy/ns/o/{UID}")];
    assert_eq!(ruler.requests(), requests);
    assert!(ruler.groups("prod").contains_key(&format!("alloy2/ns/o/{UID}")));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn adoption_takes_only_groups_that_are_configured_and_equal_once_the_own_was_read_back() {
    let ruler = MemoryRuler::default();
    put(&ruler, "by-hand", "1");
    put(&ruler, "by-hand-2", "other");
    put(&ruler, "untold", "1");
    let adopt = |setup: &mut Setup| setup.namespace_policy.adopt = vec!["by-hand*".into()];
    let world = World::with(&ruler, adopt, |engine| engine);
    world.declare([object("o", &[("g", "1")])]).await;
    assert!(ruler.groups("prod").contains_key("by-hand"), "not before the own group was read back");
    resync().await;
    let requests = ruler.requests();
    assert_eq!(requests[..4], ["GET prod", "POST prod us.ns.o/g", "GET prod", "DELETE prod by-hand/g"]);
    let left: Vec<String> = ruler.groups("prod").into_keys().collect();
    assert_eq!(left, ["by-hand-2", "untold", "us.ns.o"]);
    world.stop().await;
}
