//! Nothing is deleted before every source has shown all its objects and the destination has been listed completely. An
//! answer that cannot be parsed never counts as empty. While something unreadable may hide objects, no namespace counts
//! as orphaned.

use super::*;

/// A deleted object, one that no longer declares a group, and a namespace of an unknown object.
fn three() -> Bench {
    let there = [
        ("us.ns.went", "g", "1"),
        ("us.ns.less", "g", "1"),
        ("us.ns.less", "h", "1"),
        ("us.ns.orphan", "g", "1"),
    ];
    let mut bench =
        destination().declared("went", &[("g", "1")]).declared("less", &[("g", "1")]).listed(&there);
    bench.drop("went");
    bench
}

#[tokio::test(start_paused = true)]
async fn deletes_wait_until_they_are_safe() {
    for (known, orphans, deletes) in [
        (false, false, &[][..]),
        (true, false, &["DELETE us.ns.less/h", "DELETE us.ns.went"]),
        (true, true, &["DELETE us.ns.less/h", "DELETE us.ns.orphan", "DELETE us.ns.went"]),
    ] {
        let mut bench = three();
        bench.allow(known, orphans);
        let mut done = bench.work_after_settling().await;
        done.sort();
        assert_eq!(done, deletes, "known {known}, orphans {orphans}");
        // Deletes that were not safe are made once they are.
        bench.allow(true, true);
        let rest = bench.work_after_settling().await.len();
        assert_eq!(done.len() + rest, 3, "known {known}, orphans {orphans}");
    }
}

#[tokio::test(start_paused = true)]
async fn deletes_stop_when_they_are_no_longer_safe() {
    let mut bench = three();
    assert_eq!(bench.work(), NOTHING, "deletes wait for others");
    bench.allow(false, false);
    assert_eq!(bench.work_after_settling().await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_the_first_list() {
    let mut bench = destination().declared("o", &[("g", "1")]);
    assert_eq!(bench.work_after_settling().await, NOTHING);
    bench.list(&[]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
}

#[tokio::test(start_paused = true)]
async fn failed_list_shows_no_group_as_missing() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[("us.ns.o", "g", "1")]);
    bench.state.begin_list(false);
    bench.state.list_failed(RulerError::unreadable("it is cut off".to_owned()));
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    let mut bench = destination().declared("o", &[("g", "1")]);
    bench.state.begin_list(false);
    bench.state.list_failed(RulerError::unreadable("it is cut off"));
    assert_eq!(bench.work_for(MINUTE).await, NOTHING, "nothing has been listed yet");
}

#[tokio::test(start_paused = true)]
async fn unreadable_group_exists_and_differs() {
    let mut bench = destination().declared("o", &[("g", "1")]);
    bench.list_with(&[("us.ns.o", "h", "1")], |listing| {
        listing.unreadable("us.ns.o", "g", "odd");
        listing.unreadable("us.ns.orphan", "g", "odd");
        listing.unreadable("them.ns.o", "g", "odd");
    });
    assert_eq!(
        bench.work_after_settling().await,
        ["PUT us.ns.o/g", "DELETE us.ns.o/h", "DELETE us.ns.orphan"]
    );
}

#[tokio::test(start_paused = true)]
async fn rules_of_an_unread_object_stay_until_it_is_read() {
    let mut bench = destination().listed(&[("us.ns.o", "g", "1"), ("us.ns.o", "h", "1")]);
    bench.state.protect(&namespace("o"), &id("o"), Some(HeldReason::Unreadable.into()));
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    bench.declare("o", &[("g", "1")]);
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o/h"]);
    let mut bench = destination();
    bench.state.protect(&namespace("o"), &id("o"), Some(HeldReason::Unreadable.into()));
    bench.list(&[("us.ns.o", "g", "1")]);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    bench.state.protect(&namespace("o"), &id("o"), None);
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o"], "it went");
}

#[tokio::test(start_paused = true)]
async fn orphans_of_a_kind_that_is_not_installed_stay() {
    let there = [("us.ns.o_loggingrule", "g", "1"), ("us.ns.o", "g", "1")];
    for (kinds, deletes) in [
        (&[][..], &["DELETE us.ns.o", "DELETE us.ns.o_loggingrule"][..]),
        (&["LoggingRule"], &["DELETE us.ns.o"]),
        (&["PrometheusRule"], &["DELETE us.ns.o_loggingrule"]),
        (&["AlertingRule"], &["DELETE us.ns.o", "DELETE us.ns.o_loggingrule"]),
        (&["LoggingRule", "PrometheusRule"], &[]),
    ] {
        let mut bench = destination();
        bench.missing_kinds(kinds);
        bench.list(&there);
        assert_eq!(bench.work_after_settling().await, deletes, "{kinds:?}");
        // They are deleted when the kind is installed again without these objects.
        bench.missing_kinds(&[]);
        assert_eq!(bench.work_after_settling().await.len(), 2 - deletes.len(), "{kinds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn orphans_do_not_include_objects_that_were_deleted() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[("us.ns.o", "g", "1")]);
    bench.missing_kinds(&[PROMETHEUS_RULE]);
    bench.drop("o");
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o"]);
    // Nor do they include namespaces that no route leads to: the configuration requires these deletes.
    let mut bench = destination().listed(&[("us.ns.o", "g", "1")]);
    bench.missing_kinds(&[PROMETHEUS_RULE]);
    assert_eq!(bench.work_after_settling().await, NOTHING);
    bench.state.retire(no_route());
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o"]);
}
