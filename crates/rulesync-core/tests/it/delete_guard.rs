//! Deletes that look like an accident are held, and intended ones pass at once.

use std::time::Duration;

use rulesync_core::SourceEvent;
use rulesync_core::model::DestinationId;
use rulesync_core::route::Selector;
use rulesync_core::status::DestinationState;

use crate::world::{MemoryRuler, World, central, id, object, resync, route, selector};

/// Twenty objects of one group in the ruler.
async fn twenty(ruler: &MemoryRuler) -> World {
    let world = World::start(ruler);
    let labels = || [("team", "a")].into_iter().collect();
    world.source.send(SourceEvent::Namespace { name: "ns".into(), labels: labels(), annotations: labels() });
    say_all(&world);
    world.source.complete();
    world.settle().await;
    ruler.requests();
    world
}

fn say_all(world: &World) {
    (0..20).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("g", "1")])));
}

fn delete_all(world: &World) {
    (0..20).for_each(|n| world.source.delete(&format!("o{n}")));
}

async fn held(world: &World) {
    let status = world.until(|status| status.destinations[0].state == DestinationState::Holding).await;
    assert_eq!(status.destinations[0].held, 20);
}

#[tokio::test(start_paused = true)]
async fn delete_guard_holds_deletes_of_a_source_that_is_suddenly_empty() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    delete_all(&world);
    held(&world).await;
    resync().await;
    resync().await;
    assert_eq!(ruler.counts(), (2, 0, 0));
    say_all(&world);
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 0), "nothing has changed");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn released_deletes_are_made() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    delete_all(&world);
    held(&world).await;
    let named_like_it = DestinationId { ruler: "central/prod".into(), tenant: None };
    assert_eq!(world.handle.release_deletes(&named_like_it).await, None);
    assert_eq!(world.handle.release_deletes(&central("nobody")).await, None);
    assert_eq!(world.handle.release_deletes(&central("prod")).await, Some(20));
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 20));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn delete_guard_holds_orphans_after_a_restart() {
    let ruler = MemoryRuler::default();
    twenty(&ruler).await.stop().await;
    let world = World::start(&ruler);
    world.source.complete();
    held(&world).await;
    assert_eq!(ruler.counts(), (1, 0, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deleted_kubernetes_namespace_deletes_its_rules() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    delete_all(&world);
    held(&world).await;
    world.source.send(SourceEvent::NamespaceGone { name: "ns".into() });
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 20), "the deletes are explained");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn single_object_is_deleted_at_once_whatever_its_share() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let names: Vec<String> = (0..30).map(|n| format!("g{n}")).collect();
    let groups: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    world.source.upsert(object("big", &groups));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    world.source.delete("big");
    world.settle().await;
    assert_eq!(ruler.requests(), ["DELETE prod us.ns.big"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tenth_of_all_objects_is_deleted_at_once() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    (0..2).for_each(|n| world.source.delete(&format!("o{n}")));
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 2));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn missing_kind_deletes_nothing() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    (0..2).for_each(|n| world.source.delete(&format!("o{n}")));
    let reason = "the CRD is gone".to_owned();
    world.source.send(SourceEvent::KindGone { reason });
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0));
    world.source.send(SourceEvent::Available);
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 0), "its objects may take a while to come back");
    world.source.upsert(object("o0", &[("g", "1")]));
    tokio::time::sleep(Duration::from_secs(3 * 60)).await;
    world.settle().await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 1), "objects that did not come back are deleted");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn destination_is_not_in_sync_before_its_sources_are_complete() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.send(SourceEvent::Unavailable { reason: "not allowed to list (403)".to_owned() });
    world
        .until(|status| status.destinations.first().is_some_and(|destination| destination.pending == 0))
        .await;
    resync().await;
    let destination = world.status().await.destinations.remove(0);
    assert_eq!((destination.state, destination.last_success), (DestinationState::Starting, None));
    world.source.send(SourceEvent::Available);
    world.source.complete();
    let status = world.until(|status| status.destinations[0].state == DestinationState::InSync).await;
    assert!(status.destinations[0].last_success.is_some());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn source_that_cannot_see_its_objects_deletes_nothing() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    world.source.delete("o0");
    let reason = "not allowed to watch (403)".to_owned();
    world.source.send(SourceEvent::Unavailable { reason });
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0));
    world.source.send(SourceEvent::Available);
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 1));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn selector_with_a_typo_deletes_nothing_until_it_is_fixed() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    let mut typo = world.setup.clone();
    typo.routes[0].rule_selector = selector(r#"{"match_labels":{"tenant":"prdo"}}"#);
    world.handle.reconfigure(typo).await.unwrap();
    held(&world).await;
    world.handle.reconfigure(world.setup.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn delete_guard_can_be_configured_and_switched_off() {
    let ruler = MemoryRuler::default();
    let world = twenty(&ruler).await;
    delete_all(&world);
    held(&world).await;
    let mut setup = world.setup.clone();
    setup.policy.delete_guard.max_share = 1.0;
    world.handle.reconfigure(setup).await.unwrap();
    world.settle().await;
    assert_eq!(ruler.counts(), (0, 0, 20));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn move_to_another_tenant_is_no_accident() {
    let ruler = MemoryRuler::default();
    let routes = vec![
        route("prod"),
        rulesync_core::Route {
            rule_selector: Selector::default(),
            namespace_selector: selector(r#"{"match_labels":{"team":"b"}}"#),
            ..route("stage")
        },
    ];
    let world = World::with_routes(&ruler, routes);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 1);
    let mut moved = object("o", &[("g", "1")]);
    moved.id = id("o");
    moved.labels = [("tenant", "none")].into_iter().collect();
    world.source.upsert(moved);
    world.settle().await;
    assert!(ruler.groups("prod").is_empty());
    world.stop().await;
}
