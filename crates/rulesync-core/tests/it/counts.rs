//! Work is proportional to what changed: every request is counted.

use std::collections::BTreeMap;

use rulesync_core::finding::Code;
use rulesync_core::model::{Labels, ObjectVersion};
use rulesync_core::{RuleObject, SourceEvent};

use crate::world::{MemoryRuler, World, id, object, resync, route, selector};

fn hundred() -> Vec<RuleObject> {
    (0..100).map(|n| object(&format!("o{n}"), &[("a", "1"), ("b", "2"), ("c", "3")])).collect()
}

async fn synced(ruler: &MemoryRuler) -> World {
    let world = World::start(ruler);
    hundred().into_iter().for_each(|object| world.source.upsert(object));
    world.source.complete();
    world.settle().await;
    world
}

#[tokio::test(start_paused = true)]
async fn first_sync_lists_once_and_writes_each_group_once() {
    let ruler = MemoryRuler::default();
    let world = synced(&ruler).await;
    assert_eq!(ruler.counts(), (1, 300, 0));
    assert_eq!(ruler.groups("prod").len(), 100);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn restart_without_changes_lists_once() {
    let ruler = MemoryRuler::default();
    synced(&ruler).await.stop().await;
    ruler.requests();
    let world = synced(&ruler).await;
    assert_eq!(ruler.counts(), (1, 0, 0));
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn changed_group_is_one_write() {
    let ruler = MemoryRuler::default();
    let world = synced(&ruler).await;
    ruler.requests();
    world.source.upsert(object("o7", &[("a", "1"), ("b", "changed"), ("c", "3")]));
    world.settle().await;
    assert_eq!(ruler.requests(), ["POST prod us.ns.o7/b"]);
    assert_eq!(ruler.groups("prod")["us.ns.o7"]["b"].rules[0].expr, "changed");
    world.source.upsert(object("o7", &[("a", "1"), ("b", "changed")]));
    world.settle().await;
    assert_eq!(ruler.requests(), ["DELETE prod us.ns.o7/c"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deleted_object_is_one_delete() {
    let ruler = MemoryRuler::default();
    let world = synced(&ruler).await;
    ruler.requests();
    world.source.delete("o7");
    world.settle().await;
    assert_eq!(ruler.requests(), ["DELETE prod us.ns.o7"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn unchanged_groups_cost_no_requests() {
    let ruler = MemoryRuler::default();
    let world = synced(&ruler).await;
    ruler.requests();
    let unchanged = object("o1", &[("a", "1"), ("b", "2"), ("c", "3")]);
    let labelled = RuleObject {
        labels: [("tenant", "prod"), ("unselected", "x")].into_iter().collect::<Labels>(),
        ..unchanged.clone()
    };
    let annotated = RuleObject {
        annotations: BTreeMap::from([("rulesync.dev/x".to_owned(), "y".to_owned())]),
        ..unchanged.clone()
    };
    let spaced = object("o1", &[("a", " 1\n"), ("b", "2"), ("c", "3")]);
    for update in [unchanged, labelled, annotated, spaced] {
        world.source.upsert(update);
        world.settle().await;
        assert_eq!(ruler.requests(), Vec::<String>::new());
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_leaves_the_selector_is_deleted_from_the_ruler() {
    let ruler = MemoryRuler::default();
    let mut by_team = route("prod");
    by_team.namespace_selector = selector(r#"{"match_labels":{"team":"a"}}"#);
    let world = World::with_routes(&ruler, vec![by_team]);
    let namespace = |team: &str| SourceEvent::Namespace {
        name: "ns".into(),
        labels: [("team", team)].into_iter().collect(),
        annotations: Labels::default(),
    };
    world.source.send(namespace("a"));
    world.source.upsert(object("o1", &[("a", "1"), ("b", "1")]));
    world.source.upsert(object("o2", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.counts(), (1, 3, 0));
    world.source.send(namespace("b"));
    world.settle().await;
    let mut requests = ruler.requests();
    requests.sort();
    assert_eq!(requests, ["DELETE prod us.ns.o1", "DELETE prod us.ns.o2"]);
    world.source.send(namespace("a"));
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 3, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_namespaces_stay_and_orphans_are_deleted() {
    let ruler = MemoryRuler::default();
    synced(&ruler).await.stop().await;
    let foreign = ["us", "us2.ns.o", "usage", "other.ns.o1"];
    ruler.edit("prod", |groups| {
        let some = groups["us.ns.o1"].clone();
        for namespace in foreign.into_iter().chain(["us.ns.orphan"]) {
            groups.insert(namespace.to_owned(), some.clone());
        }
    });
    ruler.requests();
    let world = synced(&ruler).await;
    assert_eq!(ruler.requests(), ["GET prod", "DELETE prod us.ns.orphan"]);
    for namespace in foreign {
        assert!(ruler.groups("prod").contains_key(namespace));
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_before_every_source_is_complete() {
    let ruler = MemoryRuler::default();
    synced(&ruler).await.stop().await;
    ruler.requests();
    let world = World::start(&ruler);
    world.source.upsert(object("o0", &[("a", "new")]));
    world.until(|_| ruler.groups("prod")["us.ns.o0"]["a"].rules[0].expr == "new").await;
    resync().await;
    assert_eq!(ruler.counts(), (2, 1, 0));
    hundred().into_iter().take(99).for_each(|object| world.source.upsert(object));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 99);
    assert!(!ruler.groups("prod").contains_key("us.ns.o99"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn unreadable_object_protects_its_rules_and_those_that_it_may_hide() {
    for (hides, orphaned) in [(true, &[][..]), (false, &["DELETE prod us.ns.unknown"])] {
        let ruler = MemoryRuler::default();
        synced(&ruler).await.stop().await;
        ruler.edit("prod", |groups| {
            let some = groups["us.ns.o0"].clone();
            groups.insert("us.ns.unknown".to_owned(), some);
        });
        ruler.requests();
        let world = World::start(&ruler);
        hundred().into_iter().skip(1).for_each(|object| world.source.upsert(object));
        let finding = rulesync_core::Finding::error(Code::Yaml, "line 3 makes no sense");
        world.source.send(SourceEvent::Malformed {
            id: id("o0"),
            version: ObjectVersion::default(),
            finding,
            hides,
        });
        world.source.complete();
        world.settle().await;
        resync().await;
        let mut requests = ruler.requests();
        requests.retain(|request| request != "GET prod");
        assert_eq!(requests, orphaned, "hides: {hides}");
        // The object was unreadable and is deleted: nothing is hidden any more.
        world.source.delete("o0");
        world.settle().await;
        let mut requests = ruler.requests();
        requests.extend(orphaned.iter().map(ToString::to_string));
        requests.sort();
        assert_eq!(requests, ["DELETE prod us.ns.o0", "DELETE prod us.ns.unknown"], "hides: {hides}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn drift_is_repaired_at_the_next_resync() {
    let ruler = MemoryRuler::default();
    let world = synced(&ruler).await;
    ruler.edit("prod", |groups| {
        groups.get_mut("us.ns.o1").unwrap().remove("a");
        groups.get_mut("us.ns.o2").unwrap().get_mut("a").unwrap().rules[0].expr = "edited".to_owned();
        let stray = groups["us.ns.o3"]["a"].clone();
        groups.insert("us.ns.stray".to_owned(), BTreeMap::from([("a".to_owned(), stray)]));
    });
    ruler.requests();
    resync().await;
    let mut requests = ruler.requests();
    requests.sort();
    assert_eq!(
        requests,
        ["DELETE prod us.ns.stray", "GET prod", "POST prod us.ns.o1/a", "POST prod us.ns.o2/a"]
    );
    world.stop().await;
}
