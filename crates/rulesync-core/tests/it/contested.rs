//! Groups that do not stay as they were written: repaired each time, never learned, and reported.

use std::time::Duration;

use rulesync_core::status::{DestinationState, ObjectState, Status};

use crate::world::{MemoryRuler, World, object, resync};

async fn one(ruler: &MemoryRuler) -> World {
    let world = World::start(ruler);
    world.source.upsert(object("o", &[("g", "declared"), ("h", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    world
}

fn expr(ruler: &MemoryRuler) -> String {
    ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr.clone()
}

fn insist(ruler: &MemoryRuler) {
    ruler.edit("prod", |groups| {
        let group = groups.get_mut("us.ns.o").unwrap().get_mut("g").unwrap();
        group.rules[0].expr = "theirs".to_owned();
    });
}

fn codes(status: &Status) -> Vec<&str> {
    status.objects[0].destinations[0].findings.iter().map(|finding| finding.code.name()).collect()
}

#[tokio::test(start_paused = true)]
async fn repeated_edit_is_repaired_each_time_and_reported() {
    for respells in [false, true] {
        let ruler = MemoryRuler::default();
        if respells {
            ruler.normalise(|_| {});
        }
        let world = one(&ruler).await;
        // Somebody writes the same other version within half a minute of each repair.
        let mut repaired = 0;
        for _ in 0..2 * 45 {
            if expr(&ruler) == "declared" {
                insist(&ruler);
                repaired += 1;
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        assert!((8..=12).contains(&repaired), "repaired {repaired} times in three quarters of an hour");
        let status = world.status().await;
        assert_eq!(status.destinations[0].state, DestinationState::Contested);
        assert_eq!((status.destinations[0].contested, status.destinations[0].normalized), (1, 0));
        assert_eq!(status.objects[0].state, ObjectState::Contested);
        assert_eq!(codes(&status), ["contested"]);
        let finding = &status.objects[0].destinations[0].findings[0];
        assert!(finding.message.contains("rules[0].expr differs"), "{finding}");
        resync().await;
        // The group stays as it was written from now on.
        resync().await;
        let status = world.status().await;
        assert_eq!((status.destinations[0].state, codes(&status)), (DestinationState::InSync, vec![]));
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn contested_group_is_repaired_once_per_resync_and_written_at_once_when_declared_again() {
    let ruler = MemoryRuler::default();
    let world = one(&ruler).await;
    for _ in 0..40 {
        insist(&ruler);
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(world.status().await.destinations[0].state, DestinationState::Contested);
    ruler.requests();
    for _ in 0..10 {
        insist(&ruler);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let (_, posts, _) = ruler.counts();
    assert!(posts <= 3, "{posts} writes in ten minutes");
    insist(&ruler);
    world.source.upsert(object("o", &[("g", "declared again"), ("h", "1")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(expr(&ruler), "declared again", "its author does not wait");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn accepted_writes_that_are_not_stored_are_no_success() {
    let ruler = MemoryRuler::default();
    let world = one(&ruler).await;
    ruler.swallow_writes(true);
    world.source.upsert(object("o", &[("g", "new"), ("h", "1")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    resync().await;
    // In virtual time the last success moves into the past.
    let success = world.status().await.destinations[0].last_success;
    for _ in 0..3 {
        resync().await;
    }
    let status = world.status().await;
    assert_eq!(
        (status.destinations[0].state, codes(&status)),
        (DestinationState::Contested, vec!["contested"])
    );
    let since = success.unwrap() - status.destinations[0].last_success.unwrap();
    assert!(since > 15 * 60, "the write is missing, but there was success {since} s ago");
    ruler.swallow_writes(false);
    resync().await;
    resync().await;
    assert_eq!(expr(&ruler), "new");
    let status = world.status().await;
    assert_eq!(status.destinations[0].state, DestinationState::InSync);
    assert!(status.destinations[0].last_success >= success);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn half_written_group_is_read_again_before_it_is_judged() {
    let ruler = MemoryRuler::default();
    let world = one(&ruler).await;
    resync().await;
    ruler.requests();
    ruler.half_write("us.ns.o", "g");
    resync().await;
    assert_eq!(ruler.counts(), (2, 0, 0), "listed again, and not written");
    // But a group without rules that stays was changed by somebody.
    ruler.edit("prod", |groups| groups.get_mut("us.ns.o").unwrap().get_mut("g").unwrap().rules.clear());
    resync().await;
    assert_eq!(expr(&ruler), "declared");
    assert_eq!(ruler.counts(), (2, 1, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn normalization_is_learned_reported_and_tested_again() {
    let ruler = MemoryRuler::default();
    ruler.normalise(|group| group.limit = 0);
    let world = World::start(&ruler);
    for name in ["o", "p"] {
        let mut limited = object(name, &[("g", "1")]);
        limited.groups[0].limit = Some(7);
        world.source.upsert(limited);
    }
    world.source.complete();
    for _ in 0..3 {
        resync().await;
    }
    let status = world.status().await;
    assert_eq!(
        (status.destinations[0].state, status.destinations[0].normalized),
        (DestinationState::InSync, 2)
    );
    assert_eq!(codes(&status), ["normalized"]);
    assert!(status.objects[0].destinations[0].findings[0].message.ends_with("limit"));
    ruler.requests();
    for _ in 0..12 {
        resync().await;
    }
    let (_, posts, _) = ruler.counts();
    assert_eq!(posts, 1, "one group an hour");
    // The server is upgraded and stores the field.
    ruler.normalise(|_| {});
    for _ in 0..14 {
        resync().await;
    }
    assert!(ruler.groups("prod").values().all(|groups| groups["g"].limit == 7));
    assert_eq!(world.status().await.destinations[0].normalized, 0);
    world.stop().await;
}
