//! Several processes with the same rules, of which the leader writes.

use std::time::Duration;

use rulesync_core::engine::{LeaderTerm, Leadership, LeadershipHandle};
use rulesync_core::status::DestinationState;
use tokio::time::Instant;

use crate::pressure::upsert_all;
use crate::world::{MemoryRuler, World, resync};

/// A process with ten objects that takes part in elections.
fn candidate(ruler: &MemoryRuler) -> (LeadershipHandle, World) {
    let (lease, leadership) = Leadership::elected();
    let world = World::with(ruler, |_| {}, |engine| engine.leadership(leadership));
    upsert_all(&world, 0..10, "1");
    world.source.complete();
    (lease, world)
}

/// A term of so many seconds from now: until when writes may start, and by when they must end.
fn term(start: u64, finish: u64) -> LeaderTerm {
    let after = |seconds| Instant::now() + Duration::from_secs(seconds);
    LeaderTerm { start_before: after(start), finish_by: after(finish) }
}

/// Longer than any test.
fn for_good() -> LeaderTerm {
    term(1_000_000, 1_000_000)
}

#[tokio::test(start_paused = true)]
async fn standby_makes_no_requests() {
    let ruler = MemoryRuler::default();
    let [(lease, leader), (_, standby)] = [candidate(&ruler), candidate(&ruler)];
    lease.renew(for_good());
    leader.settle().await;
    assert_eq!(ruler.counts(), (1, 10, 0));
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0), "of the leader");
    let status = standby.status().await;
    assert!(status.ready() && status.destinations[0].state == DestinationState::Standby);
    leader.stop().await;
    standby.stop().await;
}

#[tokio::test(start_paused = true)]
async fn leader_that_is_new_lists_before_it_writes_what_is_missing() {
    let ruler = MemoryRuler::default();
    let [(first_lease, first), (second_lease, second)] = [candidate(&ruler), candidate(&ruler)];
    first_lease.renew(for_good());
    first.settle().await;
    // The first leader dies in the middle of writes whose end the second has not seen.
    upsert_all(&first, 0..5, "2");
    upsert_all(&second, 0..10, "2");
    first.until(|_| ruler.groups("prod")["us.ns.o4"]["g"].rules[0].expr == "2").await;
    ruler.requests();
    first_lease.step_down();
    second_lease.renew(for_good());
    second.settle().await;
    let requests = ruler.requests();
    assert_eq!(requests[0], "GET prod");
    assert_eq!(requests.len(), 6, "only missing groups: {requests:?}");
    assert_eq!(first.status().await.destinations[0].state, DestinationState::Standby);
    first.stop().await;
    second.stop().await;
}

/// A leader whose term has ended while its writes got no answer.
async fn expired(ruler: &MemoryRuler) -> (LeadershipHandle, World) {
    let (lease, world) = candidate(ruler);
    lease.renew(term(10, 15));
    world.settle().await;
    ruler.hang(true);
    upsert_all(&world, 0..10, "2");
    tokio::time::sleep(Duration::from_secs(11)).await;
    ruler.hang(false);
    ruler.requests();
    (lease, world)
}

fn all_have(ruler: &MemoryRuler, expr: &str) -> bool {
    ruler.groups("prod").values().all(|groups| groups["g"].rules[0].expr == expr)
}

#[tokio::test(start_paused = true)]
async fn leader_whose_term_expires_gives_up_requests_under_way() {
    let ruler = MemoryRuler::default();
    let (_lease, world) = expired(&ruler).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(ruler.requests(), Vec::<String>::new(), "nothing begins any more");
    assert!(all_have(&ruler, "1"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn leader_whose_term_is_renewed_late_writes_what_it_gave_up() {
    let ruler = MemoryRuler::default();
    let (lease, world) = expired(&ruler).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    lease.renew(term(1000, 1000));
    world.settle().await;
    assert!(all_have(&ruler, "2"));
    world.stop().await;
}
