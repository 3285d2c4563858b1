//! Rulers under pressure: limits, outages, thousands of changes, and groups that always fail.

use std::time::Duration;

use rulesync_core::RulerError;
use rulesync_core::status::DestinationState;

use crate::world::{MemoryRuler, World, object, resync, route, unavailable};

pub(crate) fn upsert_all(world: &World, objects: std::ops::Range<usize>, expr: &str) {
    objects.for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("g", expr)])));
}

/// A ruler that is full, and an engine that has 200 groups more.
async fn full(ruler: &MemoryRuler) -> World {
    ruler.limit_groups(Some(100));
    let world = World::start(ruler);
    upsert_all(&world, 0..300, "1");
    world.source.complete();
    world.until(|status| status.destinations[0].state == DestinationState::Failing).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    ruler.requests();
    world
}

#[tokio::test(start_paused = true)]
async fn limit_of_groups_is_tried_seldom() {
    let ruler = MemoryRuler::default();
    let world = full(&ruler).await;
    resync().await;
    let (_, posts, _) = ruler.counts();
    assert!(posts < 120, "{posts} writes that could not succeed, in five minutes, for 200 groups");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn limit_of_groups_lets_deletes_pass_first_and_what_waits_take_their_room() {
    let ruler = MemoryRuler::default();
    let world = full(&ruler).await;
    (0..30).for_each(|n| world.source.delete(&format!("o{n}")));
    world.until(|_| !ruler.groups("prod").contains_key("us.ns.o0")).await;
    resync().await;
    assert_eq!(ruler.groups("prod").len(), 100);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn limit_of_groups_that_is_lifted_lets_everything_be_written() {
    let ruler = MemoryRuler::default();
    let world = full(&ruler).await;
    ruler.limit_groups(None);
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 300);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn outage_ends_in_one_write_for_each_change() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    upsert_all(&world, 0..500, "1");
    world.source.complete();
    world.settle().await;
    ruler.fail(Some(unavailable()));
    for round in 0..30 {
        upsert_all(&world, 0..500, &round.to_string());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let (gets, posts, _) = ruler.counts();
    assert!(gets + posts < 600 + 200, "{gets} lists and {posts} writes in half an hour, after the first 500");
    ruler.fail(None);
    world.settle().await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (500, 0), "each once, in its last form");
    assert!(ruler.most_at_once() <= 9, "eight writes and a list: {}", ruler.most_at_once());
    assert!(ruler.groups("prod").values().all(|groups| groups["g"].rules[0].expr == "29"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tenant_with_thousands_of_changes_delays_no_other() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod"), route("stage")]);
    world.source.complete();
    world.settle().await;
    upsert_all(&world, 0..5000, "1");
    world.until(|status| status.destinations[0].pending > 4000).await;
    ruler.requests();
    let labels = [("tenant", "stage")].into_iter().collect();
    world.source.upsert(rulesync_core::RuleObject { labels, ..object("single", &[("g", "1")]) });
    world.until(|_| ruler.groups("stage").len() == 1).await;
    let before: Vec<String> = ruler.requests();
    let single = before.iter().position(|request| request.starts_with("POST stage")).unwrap();
    // Up to a hundred milliseconds pass between two polls; the request itself comes within a few of the others.
    assert!(single < 8 * 101 + 16, "{single} requests of the other tenant came first");
    assert!(
        world.status().await.destinations.iter().any(|destination| destination.pending > 1000),
        "the other is not done"
    );
    world.stop().await;
}

/// A ruler that never takes the group `b`, and an engine with an object of three groups, of which two are written.
async fn one_of_three_fails(ruler: &MemoryRuler) -> World {
    let world = World::start(ruler);
    world.declare([object("o", &[("a", "1")])]).await;
    ruler.break_group("b", Some(RulerError::denied("a gateway dislikes it")));
    world.source.upsert(object("o", &[("a", "2"), ("b", "2"), ("c", "2")]));
    world.until(|_| ruler.groups("prod")["us.ns.o"].contains_key("c")).await;
    world
}

#[tokio::test(start_paused = true)]
async fn group_that_always_fails_delays_no_other_and_is_no_outage() {
    let ruler = MemoryRuler::default();
    let world = one_of_three_fails(&ruler).await;
    world.source.upsert(object("other", &[("a", "1")]));
    world.until(|_| ruler.groups("prod").contains_key("us.ns.other")).await;
    let status = world.status().await;
    assert_eq!(status.destinations[0].state, DestinationState::Failing);
    assert_eq!(status.destinations[0].error, None, "the ruler is not down");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn group_that_fails_is_written_once_the_ruler_takes_it() {
    let ruler = MemoryRuler::default();
    let world = one_of_three_fails(&ruler).await;
    ruler.break_group("b", None);
    world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"].len(), 3);
    world.stop().await;
}
