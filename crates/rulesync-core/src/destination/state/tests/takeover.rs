//! A new leader deletes nothing for two minutes: its watch may lag behind that of the previous leader, which may have
//! written rules that the new one has not seen declared yet.

use super::*;

/// A standby that has just become the leader, and finds groups that no object declares, as far as it has seen.
fn takes_over() -> Bench {
    let mut bench = destination().declared("o", &[("g", "1")]).declared("went", &[("g", "1")]);
    bench.drop("went");
    bench.state.restart();
    bench.state.take_over();
    bench.list(&[("us.ns.orphan", "g", "1"), ("us.ns.went", "g", "1"), ("us.ns.o", "extra", "1")]);
    bench
}

#[tokio::test(start_paused = true)]
async fn takeover_writes_at_once_and_deletes_after_two_minutes() {
    let mut bench = takes_over();
    assert_eq!(bench.work_for(Duration::from_secs(119)).await, ["PUT us.ns.o/g"]);
    let mut late = bench.work_for(Duration::from_secs(2)).await;
    late.extend(bench.work_after_settling().await);
    assert_eq!(late, ["DELETE us.ns.o/extra", "DELETE us.ns.orphan", "DELETE us.ns.went"]);
}

#[tokio::test(start_paused = true)]
async fn takeover_wakes_the_destination_when_it_ends() {
    let mut bench = takes_over();
    let taken_over = Instant::now();
    bench.work();
    assert_eq!(bench.state.judging_due(), Some(taken_over + 2 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn takeover_keeps_groups_that_are_declared_meanwhile() {
    let mut bench = takes_over();
    bench.work_for(MINUTE).await;
    bench.declare("orphan", &[("g", "1")]);
    bench.declare("went", &[("g", "1")]);
    let mut late = bench.work_for(2 * MINUTE).await;
    late.extend(bench.work_after_settling().await);
    assert_eq!(late, ["DELETE us.ns.o/extra"]);
}

#[tokio::test(start_paused = true)]
async fn takeover_starts_again_when_leadership_is_won_again() {
    let mut bench = takes_over();
    bench.work_for(MINUTE).await;
    bench.state.restart();
    bench.state.take_over();
    bench.list(&[("us.ns.orphan", "g", "1"), ("us.ns.o", "g", "1")]);
    assert_eq!(bench.work_for(Duration::from_secs(119)).await, NOTHING);
    let mut late = bench.work_for(Duration::from_secs(2)).await;
    late.extend(bench.work_after_settling().await);
    assert_eq!(late, ["DELETE us.ns.orphan"]);
}

#[tokio::test(start_paused = true)]
async fn takeover_discards_all_earlier_plans() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[("us.ns.orphan", "g", "1")]);
    bench.state.restart();
    assert_eq!(bench.work_for(MINUTE).await, NOTHING, "the ruler has to be listed first");
}
