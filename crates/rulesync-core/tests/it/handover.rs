//! Handovers that are interrupted: by a reload, a restart, or an object that cannot be read.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::{NamedRuler, Setup};
use rulesync_core::finding::Code;
use rulesync_core::model::ObjectVersion;
use rulesync_core::route::{ExternalLabel, Permission, Tenancy, Value, ValueSource};
use rulesync_core::{Finding, Route, RuleObject, SourceEvent};

use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, id, object, route, unavailable};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// An object that its label selects for a tenant.
fn of(tenant: &str, expr: &str) -> RuleObject {
    RuleObject { labels: [("tenant", tenant)].into_iter().collect(), ..object("o", &[("g", expr)]) }
}

/// A route by which objects request any tenant that begins with `own`.
fn requested() -> Route {
    Route {
        tenant: Tenancy::Requested { from: ValueSource::Label("tenant".into()), pattern: Default::default() },
        allow: vec![Permission { values: vec!["own*".into()], ..Permission::default() }],
        ..Route::all("claimed", "central", None)
    }
}

fn expr(ruler: &MemoryRuler, tenant: &str) -> Option<String> {
    Some(ruler.groups(tenant).get("us.ns.o")?["g"].rules[0].expr.clone())
}

/// A process that stores its destinations in an inventory.
fn remembering(ruler: &MemoryRuler, inventory: &MemoryInventory, routes: Vec<Route>) -> World {
    World::with(ruler, |setup| setup.routes = routes, |engine| engine.inventory(inventory.clone()))
}

/// Waits until an object has been written to a tenant.
async fn settled(world: World, tenant: &str) -> World {
    world.source.upsert(of(tenant, "1"));
    world.source.complete();
    world.settle().await;
    world
}

/// The same setup, with other connections to the same ruler.
fn with_other_connections(world: &World, ruler: &MemoryRuler) -> Setup {
    let mut setup = world.setup.clone();
    setup.rulers = vec![NamedRuler::new("central", Arc::new(ruler.clone()))];
    setup
}

#[tokio::test(start_paused = true)]
async fn handover_ends_at_a_replacement_of_its_ruler() {
    for routes in [vec![route("own-a"), route("own-b")], vec![requested()]] {
        let ruler = MemoryRuler::default();
        let world = settled(World::with_routes(&ruler, routes), "own-a").await;
        ruler.break_group("g", Some(unavailable()));
        world.source.upsert(of("own-b", "1"));
        tokio::time::sleep(HALF_AN_HOUR).await;
        world.handle.reconfigure(with_other_connections(&world, &ruler)).await.unwrap();
        tokio::time::sleep(HALF_AN_HOUR).await;
        assert_eq!(expr(&ruler, "own-a").as_deref(), Some("1"), "it is always evaluated somewhere");
        ruler.break_group("g", None);
        world.until(|_| expr(&ruler, "own-a").is_none()).await;
        assert_eq!(expr(&ruler, "own-b").as_deref(), Some("1"));
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn handover_survives_a_reload_that_replaces_the_ruler() {
    let ruler = MemoryRuler::default();
    let world = settled(World::with_routes(&ruler, vec![route("a")]), "a").await;
    ruler.break_group("g", Some(unavailable()));
    let all = |tenant: &str| Route::all(tenant, "central", Some(tenant.parse().unwrap()));
    let setup = Setup { routes: vec![all("b")], ..with_other_connections(&world, &ruler) };
    world.handle.reconfigure(setup).await.unwrap();
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(expr(&ruler, "a").as_deref(), Some("1"));
    ruler.break_group("g", None);
    world.until(|_| expr(&ruler, "a").is_none()).await;
    assert_eq!(expr(&ruler, "b").as_deref(), Some("1"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn handover_of_an_object_that_moves_on_ends_for_every_place() {
    let ruler = MemoryRuler::default();
    let world = settled(World::with_routes(&ruler, vec![requested()]), "own-a").await;
    ruler.break_group("g", Some(unavailable()));
    for tenant in ["own-b", "own-c"] {
        world.source.upsert(of(tenant, "1"));
        tokio::time::sleep(HALF_AN_HOUR).await;
        assert_eq!(expr(&ruler, "own-a").as_deref(), Some("1"));
    }
    ruler.break_group("g", None);
    let is = |tenant: &str| expr(&ruler, tenant).is_some();
    world
        .until(|_| {
            assert!(is("own-a") || is("own-b") || is("own-c"), "it is always evaluated somewhere");
            is("own-c") && !is("own-a") && !is("own-b")
        })
        .await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn handover_follows_a_refused_tenant_after_a_restart() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let start = || remembering(&ruler, &inventory, vec![requested()]);
    let world = settled(start(), "own").await;
    world.source.upsert(of("onw", "1"));
    tokio::time::sleep(HALF_AN_HOUR).await;
    world.stop().await;
    let world = start();
    world.source.upsert(of("onw", "1"));
    world.source.complete();
    tokio::time::sleep(HALF_AN_HOUR).await;
    ruler.break_group("g", Some(unavailable()));
    world.source.upsert(of("own-2", "1"));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(expr(&ruler, "own").as_deref(), Some("1"), "it is always evaluated somewhere");
    ruler.break_group("g", None);
    world.until(|_| expr(&ruler, "own").is_none()).await;
    assert_eq!(expr(&ruler, "own-2").as_deref(), Some("1"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_is_unreadable_at_the_start_is_not_deleted() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let start = || remembering(&ruler, &inventory, vec![requested()]);
    let world = settled(start(), "own").await;
    world.stop().await;
    let world = start();
    let finding = Finding::error(Code::Yaml, "line 3 makes no sense");
    world.source.send(SourceEvent::Malformed {
        id: id("o"),
        version: ObjectVersion::default(),
        finding,
        hides: false,
    });
    world.source.complete();
    tokio::time::sleep(HALF_AN_HOUR).await;
    ruler.requests();
    world.source.upsert(of("own", "1"));
    tokio::time::sleep(HALF_AN_HOUR).await;
    let writes: Vec<String> = ruler.requests().into_iter().filter(|r| !r.starts_with("GET")).collect();
    assert_eq!(writes, [""; 0], "the ruler has it as declared");
    assert_eq!(expr(&ruler, "own").as_deref(), Some("1"));
    world.stop().await;
}

/// The route that sets a label.
fn enforcing() -> Vec<Route> {
    let value = Value::Constant("a".to_owned());
    let label = ExternalLabel { name: "team".to_owned(), value, add_if_absent: false };
    vec![Route { external_labels: vec![label], ..requested() }]
}

/// An engine whose object asks for a tenant that it may not have since half an hour. Its rules lack the label that the
/// route sets from now on: while the process runs, or after a restart that does not know where the object was.
async fn refused_before_a_label_is_set(ruler: &MemoryRuler, restarts: bool) -> World {
    let inventory = MemoryInventory::default();
    let start = |routes| remembering(ruler, &inventory, routes);
    let mut world = settled(start(vec![requested()]), "own").await;
    world.source.upsert(of("onw", "1"));
    tokio::time::sleep(HALF_AN_HOUR).await;
    if restarts {
        world.stop().await;
        world = start(enforcing());
        world.source.upsert(of("onw", "1"));
        world.source.complete();
    } else {
        world.reload(|setup| setup.routes = enforcing()).await;
    }
    world
}

/// Whether the process restarts in between.
const RESTARTS: [bool; 2] = [false, true];

#[tokio::test(start_paused = true)]
async fn refused_tenant_leaves_rules_that_do_not_satisfy_the_route_for_a_window() {
    for restarts in RESTARTS {
        let ruler = MemoryRuler::default();
        let world = refused_before_a_label_is_set(&ruler, restarts).await;
        tokio::time::sleep(Duration::from_secs(4 * 60)).await;
        assert!(expr(&ruler, "own").is_some(), "it waits a window: {restarts}");
        tokio::time::sleep(Duration::from_secs(2 * 60)).await;
        assert_eq!(expr(&ruler, "own"), None, "it lacks the label: {restarts}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn refused_tenant_that_is_mended_brings_the_rules_back_as_the_route_has_them() {
    for restarts in RESTARTS {
        let ruler = MemoryRuler::default();
        let world = refused_before_a_label_is_set(&ruler, restarts).await;
        tokio::time::sleep(Duration::from_secs(6 * 60)).await;
        world.source.upsert(of("own", "1"));
        tokio::time::sleep(HALF_AN_HOUR).await;
        assert_eq!(ruler.groups("own")["us.ns.o"]["g"].rules[0].labels["team"], "a", "{restarts}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn refused_tenant_leaves_rules_that_satisfy_the_route() {
    let ruler = MemoryRuler::default();
    let world = settled(World::with_routes(&ruler, enforcing()), "own").await;
    world.source.upsert(of("onw", "2"));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(expr(&ruler, "own").as_deref(), Some("1"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deletes_during_a_handover_are_guarded() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("a"), route("b")]);
    let all = |tenant: &str| {
        for n in 0..12 {
            let labels = [("tenant", tenant)].into_iter().collect();
            world.source.upsert(RuleObject { labels, ..object(&format!("o{n}"), &[("g", "1")]) });
        }
    };
    all("a");
    world.source.complete();
    world.settle().await;
    ruler.break_group("g", Some(unavailable()));
    all("b");
    tokio::time::sleep(HALF_AN_HOUR).await;
    // They have not moved yet, so that nothing declares the rules that remain.
    (0..12).for_each(|n| world.source.delete(&format!("o{n}")));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(ruler.groups("a").len(), 12, "all deletes of a source at once are held");
    world.stop().await;
}
