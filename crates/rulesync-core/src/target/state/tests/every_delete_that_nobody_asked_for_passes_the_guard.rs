//! Every delete that an author did not ask for by name passes `guard.rs`. Not guarded are those the configuration asks
//! for.

use super::*;

/// Thirty objects of one group each, all written.
fn thirty() -> Bench {
    let mut bench = target();
    let namespaces: Vec<Arc<str>> = (0..30).map(|n| namespace(&format!("o{n}"))).collect();
    (0..30).for_each(|n| bench.declare(&format!("o{n}"), &[("g", "1")]));
    bench.list(&namespaces.iter().map(|namespace| (&**namespace, "g", "1")).collect::<Vec<_>>());
    assert_eq!(bench.work(), NOTHING);
    bench
}

impl Bench {
    fn drop_many(mut self, many: usize) -> Self {
        (0..many).for_each(|n| self.drop(&format!("o{n}")));
        self
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_are_held_until_they_are_released() {
    let mut bench = thirty().drop_many(15);
    assert_eq!(bench.work_for_a_breath().await.len(), 15, "half");
    let mut bench = thirty().drop_many(16);
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((16, HeldReason::Share)));
    assert_eq!(bench.state.release(), 16);
    assert_eq!(bench.work().len(), 16);
    assert_eq!(bench.state.safety.guard.total_held(), None);
}

#[tokio::test(start_paused = true)]
async fn orphans_count_as_well() {
    let mut bench = target();
    let namespaces: Vec<Arc<str>> = (0..30).map(|n| namespace(&format!("o{n}"))).collect();
    bench.list(&namespaces.iter().map(|namespace| (&**namespace, "g", "1")).collect::<Vec<_>>());
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((30, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn groups_that_objects_no_longer_declare_count_as_well() {
    let mut bench = thirty();
    (0..16).for_each(|n| bench.declare(&format!("o{n}"), &[]));
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((16, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_is_held_no_longer() {
    let mut bench = thirty().drop_many(16);
    bench.work_for_a_breath().await;
    (1..16).for_each(|n| bench.declare(&format!("o{n}"), &[("g", "1")]));
    assert_eq!(bench.work(), NOTHING, "it is all there");
    assert_eq!(bench.state.safety.guard.total_held(), Some((1, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_may_not_know_what_it_says_is_not_believed() {
    let mut bench = thirty();
    bench.state.doubt_source("s".into(), true);
    let mut bench = bench.drop_many(2);
    assert_eq!(bench.work_for(10 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((2, HeldReason::Source)));
    bench.state.doubt_source("s".into(), false);
    assert_eq!(bench.work_for_a_breath().await.len(), 2);
    // Another's objects are not concerned, and what is nobody's may be anybody's.
    let mut bench = target().declared("o", &[("g", "1")]);
    bench.list(&[("us.ns.o", "g", "1"), ("us.ns.orphan", "g", "1")]);
    bench.state.doubt_source("other".into(), true);
    bench.drop("o");
    assert_eq!(bench.work_for_a_breath().await, ["DELETE us.ns.o"]);
    assert_eq!(bench.state.safety.guard.total_held(), Some((1, HeldReason::Source)));
}

#[tokio::test(start_paused = true)]
async fn a_kubernetes_namespace_that_is_gone_explains_what_was_in_it() {
    for (name, explained) in [("ns", true), ("n", false), ("ns2", false), ("us", false)] {
        let mut bench = thirty();
        bench.state.kubernetes_namespace(name, true);
        let mut bench = bench.drop_many(30);
        let deletes = bench.work_for_a_breath().await.len();
        assert_eq!(deletes, if explained { 30 } else { 0 }, "{name}");
        // Word of it may come after the deletes, too.
        let mut bench = thirty().drop_many(30);
        bench.work_for_a_breath().await;
        bench.state.kubernetes_namespace(name, true);
        let deletes = bench.work_for_a_breath().await.len();
        assert_eq!(deletes, if explained { 30 } else { 0 }, "{name}, afterwards");
    }
    let mut bench = thirty();
    bench.state.kubernetes_namespace("ns", true);
    bench.state.kubernetes_namespace("ns", false);
    let mut bench = bench.drop_many(30);
    assert_eq!(bench.work_for_a_breath().await, NOTHING, "it is there again");
}

#[tokio::test(start_paused = true)]
async fn what_the_configuration_asks_for_goes_after_its_window_whatever_its_share() {
    let mut bench = thirty().drop_many(30);
    let window = Duration::from_secs(300);
    bench.state.retire(Retirement::NoRoute { until: Instant::now() + window });
    assert_eq!(bench.work_for_a_breath().await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((30, HeldReason::Route)));
    assert_eq!(bench.work_for(window).await.len(), 30);
    assert!(bench.state.progress().retired);
}
