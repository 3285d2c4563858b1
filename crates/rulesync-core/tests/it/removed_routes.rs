//! Removed routes: their rules are announced, stay for a window of the guard, and are deleted then.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rulesync_core::RuleObject;
use rulesync_core::engine::SetupError;
use rulesync_core::plan::HeldReason;

use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, central, object, resync, route, unavailable};

const MINUTE: Duration = Duration::from_secs(60);

fn in_stage(name: &str) -> RuleObject {
    RuleObject { labels: [("tenant", "stage")].into_iter().collect(), ..object(name, &[("g", "1")]) }
}

/// Two routes with twelve objects each.
async fn two(ruler: &MemoryRuler, inventory: &MemoryInventory) -> World {
    let routes = vec![route("prod"), route("stage")];
    let remember = |engine: rulesync_core::engine::EngineBuilder| engine.inventory(inventory.clone());
    let world = World::with(ruler, |setup| setup.routes = routes, remember);
    for n in 0..12 {
        world.source.upsert(object(&format!("p{n}"), &[("g", "1")]));
        world.source.upsert(in_stage(&format!("s{n}")));
    }
    world.source.complete();
    world.settle().await;
    resync().await;
    ruler.requests();
    world
}

async fn without_stage(world: &World) {
    let mut setup = world.setup.clone();
    setup.routes.pop();
    world.handle.reconfigure(setup).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn removed_route_is_emptied_after_a_window_unless_it_comes_back() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = two(&ruler, &inventory).await;
    without_stage(&world).await;
    let status =
        world.until(|status| status.destinations.iter().any(|destination| destination.held == 12)).await;
    let stage = status.destinations.iter().find(|destination| destination.retiring).unwrap();
    assert_eq!((stage.holds[0].reason, stage.holds[0].groups), (HeldReason::Route, 12));
    assert!(stage.holds[0].until.is_some());
    tokio::time::sleep(4 * MINUTE).await;
    world.handle.reconfigure(world.setup.clone()).await.unwrap();
    tokio::time::sleep(10 * MINUTE).await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 0));
    without_stage(&world).await;
    tokio::time::sleep(4 * MINUTE).await;
    assert_eq!(ruler.groups("stage").len(), 12, "the window has been restarted");
    tokio::time::sleep(2 * MINUTE).await;
    assert!(ruler.groups("stage").is_empty(), "whatever its share");
    assert_eq!(ruler.groups("prod").len(), 12);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_routes_rules_can_be_released() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = two(&ruler, &inventory).await;
    without_stage(&world).await;
    world.until(|status| status.destinations.iter().any(|destination| destination.held == 12)).await;
    assert_eq!(world.handle.release_deletes(&central("stage")).await, Some(12));
    tokio::time::sleep(MINUTE).await;
    assert!(ruler.groups("stage").is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_routes_window_is_not_restarted_by_a_restart() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = two(&ruler, &inventory).await;
    without_stage(&world).await;
    tokio::time::sleep(MINUTE).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let since = inventory.0.lock().unwrap().retiring["central/stage"];
    assert!(now.abs_diff(since) < 600, "{since}");
    world.stop().await;
    let restart = || {
        let remember = |engine: rulesync_core::engine::EngineBuilder| engine.inventory(inventory.clone());
        World::with(&ruler, |_| {}, remember)
    };
    // Four minutes of the window are over, by the wall clock.
    inventory.0.lock().unwrap().retiring.insert("central/stage".to_owned(), now - 4 * 60);
    let world = restart();
    (0..12).for_each(|n| world.source.upsert(object(&format!("p{n}"), &[("g", "1")])));
    world.source.complete();
    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(ruler.groups("stage").len(), 12);
    tokio::time::sleep(2 * MINUTE).await;
    assert!(ruler.groups("stage").is_empty());
    assert_eq!(inventory.0.lock().unwrap().retiring.len(), 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_routes_objects_that_are_written_elsewhere_are_deleted_at_once() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = two(&ruler, &inventory).await;
    let mut setup = world.setup.clone();
    setup.routes[1].tenant = Some("staging".parse().unwrap()).into();
    world.handle.reconfigure(setup).await.unwrap();
    tokio::time::sleep(MINUTE / 2).await;
    assert_eq!(ruler.groups("staging").len(), 12);
    assert!(ruler.groups("stage").is_empty(), "{:?}", ruler.groups("stage").keys());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn changed_owner_deletes_nothing() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    two(&ruler, &inventory).await.stop().await;
    let remember = |engine: rulesync_core::engine::EngineBuilder| engine.inventory(inventory.clone());
    let world = World::with(
        &ruler,
        |setup| setup.namespace_policy = rulesync_core::naming::NamespacePolicy::of("su".parse().unwrap()),
        remember,
    );
    world.source.upsert(object("p0", &[("g", "1")]));
    world.source.complete();
    resync().await;
    resync().await;
    let own = |tenant: &str| ruler.groups(tenant).keys().filter(|ns| ns.starts_with("us.")).count();
    assert_eq!((own("prod"), own("stage")), (12, 12));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn setup_without_routes_is_refused() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let mut setup = world.setup.clone();
    setup.routes.clear();
    assert_eq!(world.handle.reconfigure(setup).await, Err(SetupError::NoRoutes));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_route_is_cleaned_up_when_its_ruler_is_available_again() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod"), route("stage")]);
    world.source.upsert(in_stage("s"));
    world.source.upsert(object("p", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.fail(Some(unavailable()));
    without_stage(&world).await;
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
async fn destination_without_a_route_stays_until_it_is_empty() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod"), route("stage")]);
    world.source.upsert(in_stage("s"));
    world.source.complete();
    world.settle().await;
    without_stage(&world).await;
    for minute in 1..5 {
        tokio::time::sleep(MINUTE).await;
        world.source.upsert(object(&format!("p{minute}"), &[("g", "1")]));
        let status = world.status().await;
        assert!(status.destinations.iter().any(|destination| destination.retiring), "minute {minute}");
        assert_eq!(ruler.groups("stage").len(), 1);
    }
    resync().await;
    assert!(ruler.groups("stage").is_empty());
    world.stop().await;
}
