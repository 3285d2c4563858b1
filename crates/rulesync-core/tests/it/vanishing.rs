//! Objects that vanish from a source together: their deletes are held in all tenants, however few there are in each.

use std::time::Duration;

use rulesync_core::engine::EngineBuilder;
use rulesync_core::plan::HeldReason;
use rulesync_core::route::{Permission, Tenancy, ValueSource};
use rulesync_core::status::Status;
use rulesync_core::{Route, RuleObject, Scope, SourceEvent};

use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, object, resync, route, selector};

const MINUTE: Duration = Duration::from_secs(60);

/// A route that sends every object to the tenant of its label.
fn by_label() -> Route {
    Route {
        tenant: Tenancy::Requested { from: ValueSource::Label("tenant".into()), pattern: Default::default() },
        allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
        ..Route::all("by-label", "central", None)
    }
}

fn of(number: usize) -> RuleObject {
    let tenant = format!("t{number}");
    RuleObject {
        labels: [("tenant", tenant.as_str())].into_iter().collect(),
        ..object(&format!("o{number}"), &[("g", "1")])
    }
}

/// An engine with this number of objects in the ruler, all in one tenant or each in its own.
async fn start(ruler: &MemoryRuler, objects: usize, tenants: bool) -> World {
    let world = match tenants {
        true => World::with_routes(ruler, vec![by_label()]),
        false => World::start(ruler),
    };
    upsert_all(&world, 0..objects, tenants);
    world.source.complete();
    world.settle().await;
    ruler.requests();
    world
}

fn upsert_all(world: &World, numbers: std::ops::Range<usize>, tenants: bool) {
    for n in numbers {
        world.source.upsert(if tenants { of(n) } else { object(&format!("o{n}"), &[("g", "1")]) });
    }
}

fn vanish(world: &World, numbers: std::ops::Range<usize>) {
    numbers.for_each(|n| world.source.delete(&format!("o{n}")));
}

fn held(status: &Status, reason: HeldReason) -> usize {
    let holds = status.destinations.iter().flat_map(|destination| &destination.holds);
    holds.filter(|held| held.reason == reason).map(|held| held.groups).sum()
}

#[tokio::test(start_paused = true)]
async fn emptied_source_is_held_in_all_tenants_until_released() {
    for (objects, tenants) in [(2, false), (9, false), (200, true)] {
        let ruler = MemoryRuler::default();
        let world = start(&ruler, objects, tenants).await;
        vanish(&world, 0..objects);
        world.until(|status| held(status, HeldReason::SourceEmpty) == objects).await;
        for _ in 0..3 {
            resync().await;
        }
        let (_, posts, deletes) = ruler.counts();
        assert_eq!((posts, deletes), (0, 0), "{objects} objects");
        assert_eq!(world.handle.release_all_deletes().await, Some(objects));
        tokio::time::sleep(MINUTE).await;
        assert_eq!(ruler.requests().iter().filter(|r| r.contains("us.ns.")).count(), objects);
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn vanishing_of_most_objects_is_held_for_a_window() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, 30, true).await;
    vanish(&world, 0..20);
    world.until(|status| held(status, HeldReason::Vanished) == 20).await;
    tokio::time::sleep(4 * MINUTE).await;
    let (_, _, deletes) = ruler.counts();
    assert_eq!(deletes, 0);
    // A source that cannot see its objects is not trusted, however long that takes.
    world.source.send(SourceEvent::Unavailable { reason: "not allowed to list (403)".to_owned() });
    tokio::time::sleep(20 * MINUTE).await;
    let (_, _, deletes) = ruler.counts();
    assert_eq!(deletes, 0);
    world.source.send(SourceEvent::Available);
    tokio::time::sleep(MINUTE).await;
    let gone: Vec<String> = ruler.requests().into_iter().filter(|r| r.starts_with("DELETE")).collect();
    assert_eq!(gone.iter().filter(|r| r.contains("us.ns.o")).count(), 20);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn vanished_objects_that_return_are_not_deleted() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, 9, true).await;
    vanish(&world, 0..9);
    world.until(|status| held(status, HeldReason::SourceEmpty) == 9).await;
    upsert_all(&world, 0..8, true);
    tokio::time::sleep(MINUTE).await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 1), "one object");
    world.stop().await;
}

/// An engine that is restarted after nine objects were written, all in one tenant or each in its own, and of which the
/// source has only so many then.
async fn restarted(ruler: &MemoryRuler, left: usize, tenants: bool) -> World {
    let inventory = MemoryInventory::default();
    let routes = if tenants { vec![by_label()] } else { vec![route("prod")] };
    let start = || {
        let remember = |engine: EngineBuilder| engine.inventory(inventory.clone());
        World::with(ruler, |setup| setup.routes = routes.clone(), remember)
    };
    let world = start();
    upsert_all(&world, 0..9, tenants);
    world.source.complete();
    world.settle().await;
    resync().await;
    world.stop().await;
    ruler.requests();
    let world = start();
    upsert_all(&world, 0..left, tenants);
    world.source.complete();
    world
}

#[tokio::test(start_paused = true)]
async fn orphans_after_a_restart_count_as_vanished_and_go_after_a_window() {
    for tenants in [false, true] {
        let ruler = MemoryRuler::default();
        let world = restarted(&ruler, 3, tenants).await;
        world.until(|status| held(status, HeldReason::Vanished) == 6).await;
        tokio::time::sleep(4 * MINUTE).await;
        let (_, _, deletes) = ruler.counts();
        assert_eq!(deletes, 0, "tenants: {tenants}");
        tokio::time::sleep(2 * MINUTE).await;
        let gone = ruler.requests().into_iter().filter(|r| r.starts_with("DELETE") && r.contains("us.ns."));
        assert_eq!(gone.count(), 6, "the source is healthy and has shown all it has");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn orphans_of_a_source_that_is_empty_after_a_restart_stay() {
    for tenants in [false, true] {
        let ruler = MemoryRuler::default();
        let world = restarted(&ruler, 0, tenants).await;
        world.until(|status| held(status, HeldReason::SourceEmpty) == 9).await;
        tokio::time::sleep(60 * MINUTE).await;
        let (_, _, deletes) = ruler.counts();
        assert_eq!(deletes, 0, "tenants: {tenants}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn vanishing_of_one_object_or_one_kubernetes_namespace_is_not_held() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, 1, true).await;
    vanish(&world, 0..1);
    world.until(|_| ruler.groups("t0").is_empty()).await;
    upsert_all(&world, 0..9, true);
    let labels = || [("team", "a")].into_iter().collect();
    world.source.send(SourceEvent::Namespace { name: "ns".into(), labels: labels(), annotations: labels() });
    world.settle().await;
    vanish(&world, 0..9);
    world.source.send(SourceEvent::NamespaceGone { name: "ns".into() });
    tokio::time::sleep(MINUTE).await;
    assert!((0..9).all(|n| ruler.groups(&format!("t{n}")).is_empty()));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn delete_guard_that_is_switched_off_holds_nothing() {
    let ruler = MemoryRuler::default();
    let world = World::with(&ruler, |setup| setup.policy.delete_guard.max_share = 1.0, |engine| engine);
    upsert_all(&world, 0..9, false);
    world.source.complete();
    world.settle().await;
    vanish(&world, 0..9);
    world.settle().await;
    assert!(ruler.groups("prod").keys().all(|namespace| namespace == "us"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_requests_nothing_any_more_is_deselected_by_its_author() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, 20, true).await;
    for n in 0..20 {
        world.source.upsert(RuleObject { labels: Default::default(), ..of(n) });
    }
    tokio::time::sleep(MINUTE).await;
    assert!((0..20).all(|n| ruler.groups(&format!("t{n}")).is_empty()));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn orphans_are_judged_when_every_destination_has_been_listed() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let routes = vec![
        crate::world::route("prod"),
        Route { name: "there".into(), ruler: "there".into(), ..crate::world::route("prod") },
    ];
    let start = || {
        let second = rulesync_core::engine::NamedRuler::new("there", std::sync::Arc::new(there.clone()));
        let change = |setup: &mut rulesync_core::engine::Setup| {
            setup.rulers.push(second);
            setup.routes = routes.clone();
        };
        World::with(&here, change, |engine| engine)
    };
    let world = start();
    upsert_all(&world, 0..5, false);
    world.source.complete();
    world.settle().await;
    world.stop().await;
    // Two of five are missing in each of two rulers: no accident in one, but one in both together.
    there.hang(true);
    let world = start();
    upsert_all(&world, 0..3, false);
    world.source.complete();
    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(here.groups("prod").len(), 5, "the total is unknown");
    there.hang(false);
    world.until(|status| held(status, HeldReason::Vanished) == 4).await;
    tokio::time::sleep(6 * MINUTE).await;
    assert_eq!((here.groups("prod").len(), there.groups("prod").len()), (3, 3));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn missing_kind_of_one_source_protects_whatever_other_sources_have() {
    for goes in ["script", "other", "third"] {
        let (ruler, other, third) =
            (MemoryRuler::default(), crate::world::scripted_source(), crate::world::scripted_source());
        let named = |name: &str, source| rulesync_core::engine::NamedSource {
            name: name.into(),
            source: std::sync::Arc::new(source),
        };
        let more = [named("other", other.0), named("third", third.0)];
        let world = start(&ruler, 3, false).await;
        world.stop().await;
        let world = World::with(&ruler, |setup| setup.sources.extend(more), |engine| engine);
        let kind = rulesync_core::model::PROMETHEUS_RULE.into();
        world.source.send(SourceEvent::Kind { kind, installed: false });
        world.source.complete();
        other.1.complete();
        third.1.complete();
        tokio::time::sleep(MINUTE).await;
        let mut setup = world.setup.clone();
        setup.sources.retain(|source| &*source.name != goes);
        world.handle.reconfigure(setup).await.unwrap();
        tokio::time::sleep(MINUTE).await;
        world.handle.release_all_deletes().await;
        tokio::time::sleep(10 * MINUTE).await;
        let left = if goes == "script" { 0 } else { 3 };
        assert_eq!(ruler.groups("prod").len(), left, "without {goes}: protected rules cannot be released");
        world.stop().await;
    }
}

/// A source that polls only every ten minutes.
#[derive(Debug)]
struct Seldom(crate::world::ScriptedSource);

#[async_trait::async_trait]
impl rulesync_core::Source for Seldom {
    async fn run(&self, sink: rulesync_core::Sink) {
        self.0.run(sink).await;
    }

    fn poll_interval(&self) -> Duration {
        10 * MINUTE
    }
}

#[tokio::test(start_paused = true)]
async fn vanished_objects_of_a_source_that_polls_seldom_are_deleted_after_another_poll() {
    let (ruler, (source, control)) = (MemoryRuler::default(), crate::world::scripted_source());
    let seldom = rulesync_core::engine::NamedSource {
        name: "script".into(),
        source: std::sync::Arc::new(Seldom(source)),
    };
    let world = World::with(&ruler, |setup| setup.sources = vec![seldom], |engine| engine);
    (0..9).for_each(|n| control.upsert(object(&format!("o{n}"), &[("g", "1")])));
    control.complete();
    world.settle().await;
    (0..6).for_each(|n| control.delete(&format!("o{n}")));
    tokio::time::sleep(19 * MINUTE).await;
    assert_eq!(ruler.groups("prod").len(), 9);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(ruler.groups("prod").len(), 3);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn kubernetes_namespace_that_another_snapshot_lacks_takes_its_objects_along() {
    let ruler = MemoryRuler::default();
    let selected =
        Route { namespace_selector: selector(r#"{"match_labels": {"team": "a"}}"#), ..route("prod") };
    let world = World::with_routes(&ruler, vec![selected]);
    let labels = || [("team", "a")].into_iter().collect();
    world.source.send(SourceEvent::Namespace { name: "ns".into(), labels: labels(), annotations: labels() });
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 1);
    world.source.send(SourceEvent::SnapshotStarted(Scope::Namespaces));
    world.source.send(SourceEvent::SnapshotComplete(Scope::Namespaces));
    world.settle().await;
    resync().await;
    assert!(ruler.groups("prod").is_empty(), "its labels are gone with it");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn source_that_shows_all_its_objects_again_is_available_again() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    world.source.send(SourceEvent::Unavailable { reason: "the API server is down".to_owned() });
    let unavailable = |status: &Status| status.sources[0].unavailable.is_some();
    world.until(unavailable).await;
    for scope in [Scope::Namespaces, Scope::Everything] {
        assert!(unavailable(&world.status().await), "not before {scope} was listed");
        world.source.send(SourceEvent::SnapshotStarted(scope.clone()));
        if scope == Scope::Everything {
            world.source.upsert(object("o", &[("g", "1")]));
        }
        world.source.send(SourceEvent::SnapshotComplete(scope));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!unavailable(&world.status().await));
    world.stop().await;
}
