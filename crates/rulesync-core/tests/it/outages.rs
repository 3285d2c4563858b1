//! Outages end by themselves, without a storm of requests and without a lost change.

use std::time::Duration;

use rulesync_core::RulerError;
use rulesync_core::status::DestinationState;

use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, object, unavailable};

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

#[tokio::test(start_paused = true)]
async fn outage_at_the_start_is_waited_for() {
    let ruler = MemoryRuler::default();
    ruler.fail(Some(unavailable()));
    let world = World::start(&ruler);
    (0..200).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("a", "1")])));
    world.source.complete();
    tokio::time::sleep(HALF_AN_HOUR).await;
    let status = world.status().await;
    assert_eq!(status.destinations[0].state, DestinationState::Failing);
    assert!(status.destinations[0].error.as_ref().unwrap().contains("connection refused"));
    let (lists, writes, deletes) = ruler.counts();
    assert!((30..200).contains(&lists), "{lists} lists in half an hour");
    assert_eq!((writes, deletes), (0, 0));
    ruler.fail(None);
    world.settle().await;
    assert_eq!(ruler.counts(), (1, 200, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn outage_of_half_an_hour_costs_few_requests_and_loses_nothing() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    (0..200).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("a", "1")])));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    ruler.fail(Some(unavailable()));
    (0..200).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("a", "2")])));
    tokio::time::sleep(HALF_AN_HOUR).await;
    let (lists, writes, deletes) = ruler.counts();
    assert!(lists + writes < 200, "{lists} lists and {writes} writes in half an hour for 200 changes");
    assert_eq!(deletes, 0);
    ruler.fail(None);
    world.settle().await;
    let (lists, writes, deletes) = ruler.counts();
    assert_eq!((writes, deletes), (200, 0));
    assert!(lists <= 1);
    assert!(ruler.groups("prod").values().all(|groups| groups["a"].rules[0].expr == "2"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn superseded_changes_are_never_written_after_an_outage() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.fail(Some(unavailable()));
    for version in 2..50 {
        world.source.upsert(object("o", &[("a", &version.to_string())]));
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
    ruler.requests();
    ruler.fail(None);
    world.settle().await;
    assert_eq!(ruler.counts().1, 1);
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "49");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hanging_ruler_recovers() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.complete();
    world.settle().await;
    ruler.hang(true);
    (0..50).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("a", "1")])));
    tokio::time::sleep(HALF_AN_HOUR).await;
    let (lists, writes, _) = ruler.counts();
    assert!(lists + writes < 150, "{lists} lists, {writes} writes");
    ruler.hang(false);
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 50);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_the_ruler_is_respected() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.complete();
    world.settle().await;
    ruler.requests();
    let retry_after = Some(Duration::from_secs(600));
    ruler.fail(Some(RulerError::unavailable("slow down").with_retry_after(retry_after)));
    world.source.upsert(object("o", &[("a", "1")]));
    tokio::time::sleep(Duration::from_secs(250)).await;
    assert_eq!(ruler.counts(), (0, 1, 0));
    ruler.fail(None);
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_a_year_is_waited_for_five_minutes_at_most() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.declare([object("o", &[("a", "1")])]).await;
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    ruler.fail(Some(RulerError::unavailable("too many requests").with_retry_after(year)));
    world.source.upsert(object("o", &[("a", "2")]));
    world.until(|status| status.destinations[0].retry_at.is_some()).await;
    ruler.fail(None);
    tokio::time::sleep(Duration::from_secs(6 * 60)).await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "2");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn change_that_always_fails_does_not_delay_others() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.complete();
    world.settle().await;
    // At the limit, replacing a group fails for good; deletes and everything else go on.
    world.source.upsert(object("kept", &[("a", "1")]));
    world.source.upsert(object("room", &[("a", "1")]));
    world.settle().await;
    ruler.limit_groups(Some(2));
    world.source.upsert(object("kept", &[("a", "2")]));
    world.until(|status| status.destinations[0].state == DestinationState::Failing).await;
    assert_eq!(ruler.groups("prod")["us.ns.kept"]["a"].rules[0].expr, "1");
    ruler.requests();
    world.source.delete("room");
    world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.kept"]["a"].rules[0].expr, "2");
    assert_eq!(ruler.groups("prod").len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn write_without_an_answer_may_have_been_made() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.break_group("g", Some(unavailable()));
    world.source.upsert(object("o", &[("g", "2")]));
    while !ruler.requests().contains(&"POST prod us.ns.o/g".to_owned()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    // It has arrived after all, and its author reverts the change.
    ruler.edit("prod", |groups| {
        groups.get_mut("us.ns.o").unwrap().get_mut("g").unwrap().rules[0].expr = "2".to_owned();
    });
    ruler.break_group("g", None);
    world.source.upsert(object("o", &[("g", "1")]));
    ruler.requests();
    world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr, "1");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn write_under_way_at_a_shutdown_is_finished() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("a", "1")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!world.status().await.ready(), "there may be more to come");
    world.source.complete();
    assert!(world.settle().await.ready());
    ruler.delay(Duration::from_secs(3));
    world.source.upsert(object("o", &[("a", "2")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.stop().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "2");
}

#[tokio::test(start_paused = true)]
async fn shutdown_of_an_idle_engine_with_an_inventory_takes_no_time() {
    let ruler = MemoryRuler::default();
    let world = World::with(&ruler, |_| {}, |engine| engine.inventory(MemoryInventory::default()));
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    let begun = tokio::time::Instant::now();
    world.stop().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
