//! A watch may lag behind that of the leader before: what that one has written, this one may not have seen yet.

use super::*;

/// A standby that comes to lead now, and finds what nobody declares, as far as it has seen.
fn takes_over() -> Bench {
    let mut bench = destination().declared("o", &[("g", "1")]).declared("went", &[("g", "1")]);
    bench.drop("went");
    bench.state.restart();
    bench.state.take_over();
    bench.list(&[("us.ns.orphan", "g", "1"), ("us.ns.went", "g", "1"), ("us.ns.o", "extra", "1")]);
    bench
}

#[tokio::test(start_paused = true)]
async fn it_writes_at_once_and_deletes_after_two_minutes() {
    let mut bench = takes_over();
    assert_eq!(bench.work_for(Duration::from_secs(119)).await, ["PUT us.ns.o/g"]);
    let mut late = bench.work_for(Duration::from_secs(2)).await;
    late.extend(bench.work_for_a_breath().await);
    assert_eq!(late, ["DELETE us.ns.o/extra", "DELETE us.ns.orphan", "DELETE us.ns.went"]);
}

#[tokio::test(start_paused = true)]
async fn it_wakes_up_when_they_are_over() {
    let mut bench = takes_over();
    let taken_over = Instant::now();
    bench.work();
    assert_eq!(bench.state.judging_due(), Some(taken_over + 2 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn what_its_watch_shows_meanwhile_stays() {
    let mut bench = takes_over();
    bench.work_for(MINUTE).await;
    bench.declare("orphan", &[("g", "1")]);
    bench.declare("went", &[("g", "1")]);
    let mut late = bench.work_for(2 * MINUTE).await;
    late.extend(bench.work_for_a_breath().await);
    assert_eq!(late, ["DELETE us.ns.o/extra"]);
}

#[tokio::test(start_paused = true)]
async fn taking_over_again_begins_them_anew() {
    let mut bench = takes_over();
    bench.work_for(MINUTE).await;
    bench.state.restart();
    bench.state.take_over();
    bench.list(&[("us.ns.orphan", "g", "1"), ("us.ns.o", "g", "1")]);
    assert_eq!(bench.work_for(Duration::from_secs(119)).await, NOTHING);
    let mut late = bench.work_for(Duration::from_secs(2)).await;
    late.extend(bench.work_for_a_breath().await);
    assert_eq!(late, ["DELETE us.ns.orphan"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_planned_before_outlives_the_standby() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[("us.ns.orphan", "g", "1")]);
    bench.state.restart();
    assert_eq!(bench.work_for(MINUTE).await, NOTHING, "what is there has to be listed first");
}
