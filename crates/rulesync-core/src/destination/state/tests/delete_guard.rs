//! Every delete that an author did not request by name passes the delete guard (`guard.rs`), except those that the
//! configuration requires.

use super::*;

/// Thirty objects of one group each, all written.
fn thirty() -> Bench {
    let mut bench = destination();
    let namespaces: Vec<RulerNamespace> = (0..30).map(|n| namespace(&format!("o{n}"))).collect();
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
async fn delete_guard_holds_many_deletes_until_they_are_released() {
    let mut bench = thirty().drop_many(15);
    assert_eq!(bench.work_after_settling().await.len(), 15, "half");
    let mut bench = thirty().drop_many(16);
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((16, HeldReason::Share)));
    assert_eq!(bench.state.release(), 16);
    assert_eq!(bench.work().len(), 16);
    assert_eq!(bench.state.safety.guard.total_held(), None);
}

#[tokio::test(start_paused = true)]
async fn delete_guard_counts_orphans() {
    let mut bench = destination();
    let namespaces: Vec<RulerNamespace> = (0..30).map(|n| namespace(&format!("o{n}"))).collect();
    bench.list(&namespaces.iter().map(|namespace| (&**namespace, "g", "1")).collect::<Vec<_>>());
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((30, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn delete_guard_counts_groups_that_objects_no_longer_declare() {
    let mut bench = thirty();
    (0..16).for_each(|n| bench.declare(&format!("o{n}"), &[]));
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((16, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn delete_guard_forgets_deletes_of_objects_that_return() {
    let mut bench = thirty().drop_many(16);
    bench.work_after_settling().await;
    (1..16).for_each(|n| bench.declare(&format!("o{n}"), &[("g", "1")]));
    assert_eq!(bench.work(), NOTHING, "everything exists");
    assert_eq!(bench.state.safety.guard.total_held(), Some((1, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn suspect_source_holds_deletes() {
    let mut bench = thirty();
    bench.suspect("s", true);
    let mut bench = bench.drop_many(2);
    assert_eq!(bench.work_for(10 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((2, HeldReason::Source)));
    bench.suspect("s", false);
    assert_eq!(bench.work_after_settling().await.len(), 2);
    // Objects of another source are not affected, and an orphan may belong to any source.
    let mut bench = destination().declared("o", &[("g", "1")]);
    bench.list(&[("us.ns.o", "g", "1"), ("us.ns.orphan", "g", "1")]);
    bench.suspect("other", true);
    bench.drop("o");
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o"]);
    assert_eq!(bench.state.safety.guard.total_held(), Some((1, HeldReason::Source)));
}

#[tokio::test(start_paused = true)]
async fn deleted_kubernetes_namespace_explains_deletes_of_its_objects_only() {
    for (name, explained) in [("ns", true), ("n", false), ("ns2", false), ("us", false)] {
        let mut bench = thirty();
        bench.kubernetes_namespace(name, true);
        let mut bench = bench.drop_many(30);
        let deletes = bench.work_after_settling().await.len();
        assert_eq!(deletes, if explained { 30 } else { 0 }, "{name}");
        // The deletion of the Kubernetes namespace may also be reported after the deletes.
        let mut bench = thirty().drop_many(30);
        bench.work_after_settling().await;
        bench.kubernetes_namespace(name, true);
        let deletes = bench.work_after_settling().await.len();
        assert_eq!(deletes, if explained { 30 } else { 0 }, "{name}, afterwards");
    }
    let mut bench = thirty();
    bench.kubernetes_namespace("ns", true);
    bench.kubernetes_namespace("ns", false);
    let mut bench = bench.drop_many(30);
    assert_eq!(bench.work_after_settling().await, NOTHING, "it exists again");
}

#[tokio::test(start_paused = true)]
async fn configuration_deletes_pass_after_the_window_whatever_their_share() {
    let mut bench = thirty().drop_many(30);
    let window = Duration::from_secs(300);
    bench.state.retire(Retirement::NoRoute { until: Instant::now() + window });
    assert_eq!(bench.work_after_settling().await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((30, HeldReason::Route)));
    assert_eq!(bench.work_for(window).await.len(), 30);
    assert!(bench.state.progress().retired);
}

#[tokio::test(start_paused = true)]
async fn delete_guard_judges_again_after_a_change_of_leader() {
    let mut bench = thirty().drop_many(1);
    bench.failing_deletes = true;
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o0"], "it passes, and fails");
    bench.failing_deletes = false;
    bench.state.restart();
    bench.list(&[("us.ns.o0", "g", "1")]);
    assert!(!bench.work().contains(&"DELETE us.ns.o0".to_owned()), "they wait for others again");
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o0"]);
}

#[tokio::test(start_paused = true)]
async fn delete_guard_passes_a_single_object_of_any_size() {
    let groups: Vec<String> = (0..20).map(|n| format!("g{n}")).collect();
    let of = |from: usize| -> Vec<(&str, &str)> { groups[from..].iter().map(|g| (&**g, "1")).collect() };
    let there: Vec<There<'_>> = groups.iter().map(|g| ("us.ns.o", &**g, "1")).collect();
    let mut bench = destination().declared("o", &of(0)).listed(&there);
    bench.declare("o", &of(12));
    assert_eq!(bench.work_after_settling().await.len(), 12);
    bench.declare("o", &of(19));
    assert_eq!(bench.work_after_settling().await.len(), 7, "the recent deletes were its own");
    // With an object of another owner it is no single object any more.
    let mut there = there;
    there.push(("us.ns.p", "g", "1"));
    let mut bench = destination().declared("o", &of(0)).declared("p", &[("g", "1")]).listed(&there);
    bench.declare("o", &of(12));
    assert_eq!(bench.work_after_settling().await.len(), 12);
    bench.drop("p");
    assert_eq!(bench.work_after_settling().await, NOTHING, "13 of 21");
    assert_eq!(bench.work_for(6 * MINUTE).await, ["DELETE us.ns.p"], "1 of 9, when that is long ago");
}

#[tokio::test(start_paused = true)]
async fn delete_guard_counts_groups_and_not_namespaces() {
    let groups: Vec<String> = (0..10).map(|n| format!("g{n}")).collect();
    let all: Vec<(&str, &str)> = groups.iter().map(|g| (&**g, "1")).collect();
    let names = ["o", "p", "q"];
    let namespaces = names.map(namespace);
    let there: Vec<There<'_>> =
        namespaces.iter().flat_map(|ns| all.iter().map(|(g, e)| (&**ns, *g, *e))).collect();
    let mut bench = destination();
    names.iter().for_each(|name| bench.declare(name, &all));
    bench.list(&there);
    bench.drop("o");
    bench.drop("p");
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((20, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn explanation_of_a_delete_outlasts_later_requests() {
    let mut bench = thirty();
    bench.kubernetes_namespace("ns", true);
    let mut bench = bench.drop_many(30);
    assert_eq!(bench.work(), NOTHING, "deletes wait for others");
    // Long after the namespace was deleted, a list shows all its groups once more.
    bench.kubernetes_namespace("ns", false);
    let namespaces: Vec<RulerNamespace> = (0..30).map(|n| namespace(&format!("o{n}"))).collect();
    bench.list(&namespaces.iter().map(|namespace| (&**namespace, "g", "1")).collect::<Vec<_>>());
    assert_eq!(bench.work_after_settling().await.len(), 30);
}

#[tokio::test(start_paused = true)]
async fn delete_guard_judges_the_rest_again_when_most_objects_return() {
    let mut bench = thirty().drop_many(16);
    assert_eq!(bench.work_after_settling().await, NOTHING);
    // As they return, the rest is not taken for a few single deletes.
    for n in 1..16 {
        bench.declare(&format!("o{n}"), &[("g", "1")]);
        assert_eq!(bench.work_for(Duration::from_millis(900)).await, NOTHING);
    }
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o0"], "a single one is no accident");
    assert_eq!(bench.state.safety.guard.total_held(), None);
}

#[tokio::test(start_paused = true)]
async fn delete_guard_applies_again_where_a_route_leads_again() {
    let mut bench = thirty();
    bench.state.retire(no_route());
    bench.state.return_to_service();
    assert!(!bench.state.progress().retired);
    let mut bench = bench.drop_many(16);
    assert_eq!(bench.work_after_settling().await, NOTHING);
    assert_eq!(bench.state.safety.guard.total_held(), Some((16, HeldReason::Share)));
}
