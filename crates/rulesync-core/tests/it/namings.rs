//! Namings of their own for rulers and routes: names that prove nothing by their form, those of removed routes, and the
//! way from one naming to another.

use std::time::Duration;

use rulesync_core::engine::{NamedRuler, SetupError};
use rulesync_core::naming::{AlloyNaming, Naming};
use rulesync_core::{Route, RuleObject};

use crate::inheritance::put;
use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, object, resync, route};

fn alloy(prefix: &str, separator: &str) -> Naming {
    Naming::Alloy(AlloyNaming::new(prefix, separator).unwrap())
}

fn uid(number: u8) -> String {
    format!("1c2ab3f4-0a1b-4c2d-8e3f-0123456789{number:02x}")
}

/// An object of one group for a tenant, with the UID of this number.
fn created(name: &str, tenant: &str, expr: &str, number: u8) -> RuleObject {
    RuleObject {
        uid: Some(uid(number)),
        labels: [("tenant", tenant)].into_iter().collect(),
        ..object(name, &[("g", expr)])
    }
}

fn named(tenant: &str, naming: Naming) -> Route {
    Route { naming: Some(naming), ..route(tenant) }
}

fn namespaces(ruler: &MemoryRuler) -> Vec<String> {
    ruler.groups("prod").into_keys().collect()
}

/// Routes of objects labelled `tenant: a` and `tenant: b`, both to the tenant `prod` and each with a naming of its own.
fn two_prefixes() -> Vec<Route> {
    let to_prod = |label: &str| Route {
        tenant: route("prod").tenant,
        ..named(label, alloy(&format!("alloy-{label}"), "/"))
    };
    vec![to_prod("a"), to_prod("b")]
}

#[tokio::test(start_paused = true)]
async fn routes_with_prefixes_of_their_own_take_over_one_tenant_in_place() {
    let ruler = MemoryRuler::default();
    put(&ruler, &format!("alloy-a/ns/o/{}", uid(1)), "1");
    put(&ruler, &format!("alloy-b/ns/p/{}", uid(2)), "1");
    put(&ruler, &format!("alloy-b/ns/gone/{}", uid(3)), "1");
    put(&ruler, &format!("alloy-c/ns/o/{}", uid(1)), "1");
    let world = World::with(&ruler, |setup| setup.routes = two_prefixes(), |engine| engine);
    world.declare([created("o", "a", "1", 1), created("p", "b", "1", 2)]).await;
    let orphan = format!("alloy-b/ns/gone/{}", uid(3));
    assert_eq!(ruler.requests(), ["GET prod".to_owned(), format!("DELETE prod {orphan}")]);
    world.source.upsert(created("p", "b", "2", 2));
    world.settle().await;
    assert_eq!(ruler.requests(), [format!("POST prod alloy-b/ns/p/{}/g", uid(2))]);
    assert!(namespaces(&ruler).contains(&format!("alloy-c/ns/o/{}", uid(1))), "another prefix");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ruler_with_a_naming_of_its_own_uses_it_for_routes_without_one() {
    let (ruler, loki) = (MemoryRuler::default(), MemoryRuler::default());
    put(&loki, &format!("loki-ns-o-{}", uid(1)), "1");
    let setup = |setup: &mut rulesync_core::engine::Setup| {
        let own = NamedRuler::new("loki", std::sync::Arc::new(loki.clone()));
        setup.rulers.push(NamedRuler { naming: Some(alloy("loki", "-")), ..own });
        setup.routes.push(Route { name: "logs".into(), ruler: "loki".into(), ..route("prod") });
    };
    let world = World::with(&ruler, setup, |engine| engine);
    world.declare([created("o", "prod", "1", 1)]).await;
    assert_eq!(
        (loki.requests(), namespaces(&ruler)),
        (vec!["GET prod".to_owned()], vec!["us.ns.o".to_owned()])
    );
    world.stop().await;
}

/// Names of the prefix `alloy` and the separator `-`: of the object `o`, of one that is no longer declared, and two that
/// Alloys with the prefixes `alloy-team` and `alloy-ns` have written.
fn uncertain() -> [String; 4] {
    [
        format!("alloy-ns-o-{}", uid(1)),
        format!("alloy-ns-gone-{}", uid(2)),
        format!("alloy-team-ns-o-{}", uid(3)),
        format!("alloy-ns-ns-o-{}", uid(4)),
    ]
}

#[tokio::test(start_paused = true)]
async fn names_that_prove_nothing_are_deleted_only_if_their_object_was_seen() {
    let ruler = MemoryRuler::default();
    let [own, gone, team, other] = uncertain();
    for namespace in [&own, &gone, &team, &other] {
        put(&ruler, namespace, "1");
    }
    let routes = vec![named("prod", alloy("alloy", "-"))];
    let world = World::with(&ruler, |setup| setup.routes = routes, |engine| engine);
    let stays = format!("alloy-ns-p-{}", uid(5));
    world.declare([created("o", "prod", "1", 1), created("p", "prod", "1", 5)]).await;
    resync().await;
    let changes: Vec<String> =
        ruler.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    assert_eq!(changes, [format!("POST prod {stays}/g")]);
    world.source.delete("o");
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.settle().await;
    let mut left = [gone, team, other, stays];
    left.sort();
    assert_eq!(namespaces(&ruler), left, "nobody knows whose these are");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn names_that_prove_nothing_are_recognized_by_objects_that_go_elsewhere_or_nowhere() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let [own, gone, team, _] = uncertain();
    let nowhere = format!("alloy-ns-p-{}", uid(5));
    for namespace in [&own, &gone, &team, &nowhere] {
        put(&ruler, namespace, "1");
    }
    inventory.0.lock().unwrap().destinations.insert("central/prod".to_owned());
    let naming = alloy("alloy", "-");
    let routes = vec![named("prod", naming.clone()), named("stage", naming)];
    let engine = inventory.clone();
    let world =
        World::with(&ruler, |setup| setup.routes = routes, |builder| builder.inventory(engine).identity("a"));
    // While no process ran, one object moved to another tenant, and one lost its label.
    world.declare([created("o", "stage", "1", 1), created("p", "none", "1", 5)]).await;
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(namespaces(&ruler), [gone, team, "us".to_owned()]);
    assert!(ruler.groups("stage").contains_key(&own));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn foreign_names_of_the_same_form_do_not_keep_a_destination_from_retiring() {
    let ruler = MemoryRuler::default();
    let [own, _, team, _] = uncertain();
    put(&ruler, &own, "1");
    put(&ruler, &team, "1");
    let inventory = MemoryInventory::default();
    let routes = vec![named("prod", alloy("alloy", "-")), route("stage")];
    let remember = inventory.clone();
    let mut world =
        World::with(&ruler, |setup| setup.routes = routes, |engine| engine.inventory(remember).identity("a"));
    world.declare([created("o", "prod", "1", 1)]).await;
    world.reload(|setup| drop(setup.routes.remove(0))).await;
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(namespaces(&ruler), [team]);
    assert!(!inventory.0.lock().unwrap().destinations.contains("central/prod"), "it is forgotten");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn names_of_a_route_that_was_removed_while_no_process_ran_are_cleaned_up_and_then_foreign() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let start = |routes: Vec<Route>| {
        let inventory = inventory.clone();
        World::with(&ruler, |setup| setup.routes = routes, |engine| engine.inventory(inventory).identity("a"))
    };
    let world = start(two_prefixes());
    world.declare([created("o", "a", "1", 1), created("p", "b", "1", 2)]).await;
    resync().await;
    assert_eq!(
        inventory.0.lock().unwrap().namings["central/prod"],
        [alloy("alloy-a", "/"), alloy("alloy-b", "/")]
    );
    world.stop().await;
    let world = start(vec![two_prefixes().remove(0)]);
    world.declare([created("o", "a", "1", 1), created("p", "b", "1", 2)]).await;
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    let own = format!("alloy-a/ns/o/{}", uid(1));
    assert_eq!(namespaces(&ruler), [own.clone(), "us".to_owned()]);
    assert_eq!(inventory.0.lock().unwrap().namings["central/prod"], [alloy("alloy-a", "/")]);
    let foreign = format!("alloy-b/ns/p/{}", uid(2));
    put(&ruler, &foreign, "1");
    resync().await;
    assert_eq!(namespaces(&ruler), [own, foreign, "us".to_owned()]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn names_of_a_removed_route_are_cleaned_up_by_the_running_engine() {
    let ruler = MemoryRuler::default();
    let mut world = World::with(&ruler, |setup| setup.routes = two_prefixes(), |engine| engine);
    world.declare([created("o", "a", "1", 1), created("p", "b", "1", 2)]).await;
    world.reload(|setup| drop(setup.routes.remove(1))).await;
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert_eq!(namespaces(&ruler), [format!("alloy-a/ns/o/{}", uid(1))]);
    world.stop().await;
}

/// The former naming of Alloy's Loki component, on the way to names of the owner.
fn on_the_way(ruler: &MemoryRuler) -> World {
    let routes = vec![Route { legacy: vec![alloy("alloy", "-")], ..route("prod") }];
    World::with(ruler, |setup| setup.routes = routes, |engine| engine)
}

#[tokio::test(start_paused = true)]
async fn names_that_prove_nothing_are_followed_by_those_of_their_objects_alone() {
    let ruler = MemoryRuler::default();
    let [own, gone, team, other] = uncertain();
    let refused = format!("alloy-ns-refused-{}", uid(6));
    for namespace in [&own, &gone, &team, &other, &refused] {
        put(&ruler, namespace, "1");
    }
    ruler.refuse("bad");
    let world = on_the_way(&ruler);
    world.declare([created("o", "prod", "1", 1), created("refused", "prod", "bad", 6)]).await;
    let changes: Vec<String> =
        ruler.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    let own_at = |request: &str| changes.iter().position(|other| other == request);
    let (written, deleted) = (own_at("POST prod us.ns.o/g"), own_at(&format!("DELETE prod {own}")));
    assert!(written.is_some() && written < deleted, "{changes:?}");
    let mut left = vec![gone.clone(), team.clone(), other.clone(), refused.clone(), "us.ns.o".to_owned()];
    left.sort();
    assert_eq!(namespaces(&ruler), left, "a refused object stays where it was");
    world.source.delete("refused");
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.settle().await;
    left.retain(|namespace| *namespace != refused);
    assert_eq!(namespaces(&ruler), left, "it was deleted by its author");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn routes_of_different_namings_must_exclude_each_other_at_one_destination() {
    let world = World::start(&MemoryRuler::default());
    let all =
        |name: &str, naming| Route { naming, ..Route::all(name, "central", Some("prod".parse().unwrap())) };
    let mut setup = world.setup.clone();
    setup.routes = vec![all("one", None), all("other", Some(alloy("alloy", "/")))];
    let refused = world.handle.reconfigure(setup.clone()).await;
    assert!(matches!(refused, Err(SetupError::Contradiction { .. })), "{refused:?}");
    // The same naming, written at the route.
    setup.routes[1].naming = Some(setup.namespace_policy.naming.clone());
    world.handle.reconfigure(setup).await.unwrap();
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_the_naming_of_a_route_or_a_ruler_is_refused() {
    let world = World::with(&MemoryRuler::default(), |setup| setup.routes = two_prefixes(), |engine| engine);
    let mut of_route = world.setup.clone();
    of_route.routes[0].naming = Some(alloy("other", "/"));
    let mut removed = world.setup.clone();
    removed.routes[0].naming = None;
    for setup in [of_route, removed] {
        let refused = world.handle.reconfigure(setup).await;
        assert!(matches!(refused, Err(SetupError::OwnerChanged { .. })), "{refused:?}");
    }
    world.stop().await;
}
