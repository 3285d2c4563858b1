//! A new name is written before the legacy one is deleted; a foreign group is deleted only after one list has shown
//! both it and the own group.

use super::*;
use crate::naming::Naming;

/// A successor of the owner `old` that may also adopt the groups of `mimirtool-*`.
fn heir() -> Bench {
    let classifier = NamespaceClassifier {
        legacy: vec![Naming::Owner("old".parse().unwrap())],
        adopt: vec!["mimirtool-*".into()],
        ..NamespaceClassifier::of("us".parse().unwrap())
    };
    destination_with(|shared| shared.classifier = Arc::new(classifier))
}

const FORMER: There<'_> = ("old.ns.o", "g", "1");
const FOREIGN: There<'_> = ("mimirtool-1", "x", "1");

#[tokio::test(start_paused = true)]
async fn legacy_namespace_is_deleted_when_its_successor_is_in_sync() {
    let mut bench = heir().declared("o", &[("g", "1"), ("h", "1")]).listed(&[FORMER]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g", "PUT us.ns.o/h", "DELETE old.ns.o"], "past the guard");
    for trouble in ["g", "h"] {
        let mut bench = heir().declared("o", &[("g", "1"), ("h", "1")]).listed(&[FORMER]);
        bench.failing.insert(trouble);
        let requests = bench.work();
        assert!(!requests.contains(&"DELETE old.ns.o".to_owned()), "{trouble} failed: {requests:?}");
        bench.failing.clear();
        let requests = bench.work_for(MINUTE).await;
        assert_eq!(requests.last().map(String::as_str), Some("DELETE old.ns.o"));
    }
    let mut bench = heir().declared("o", &[("g", "1"), ("h", "1")]).listed(&[FORMER]);
    bench.refused.insert("h");
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us.ns.o/g", "PUT us.ns.o/h"], "it is not in sync");
}

#[tokio::test(start_paused = true)]
async fn legacy_namespace_without_a_successor_is_an_orphan() {
    let mut bench = heir().listed(&[FORMER]);
    bench.allow(true, false);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    bench.allow(true, true);
    assert_eq!(bench.work(), NOTHING, "the guard is asked");
    assert_eq!(bench.work_after_settling().await, ["DELETE old.ns.o"]);
}

#[tokio::test(start_paused = true)]
async fn foreign_group_is_deleted_after_a_list_that_shows_both() {
    let mut bench = heir().declared("o", &[("x", "1")]).listed(&[FOREIGN]);
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us.ns.o/x"], "the own group was not listed yet");
    bench.list(&[FOREIGN]);
    assert_eq!(bench.work(), ["PUT us.ns.o/x"], "it was not");
    bench.list(&[FOREIGN, ("us.ns.o", "x", "1")]);
    assert_eq!(bench.work(), ["DELETE mimirtool-1/x"]);
}

#[tokio::test(start_paused = true)]
async fn foreign_group_stays_unless_it_equals_an_own_group() {
    for (foreign, what) in [
        (("mimirtool-1", "y", "1"), "another name"),
        (("mimirtool-1", "x", "2"), "another expression"),
        (("grizzly", "x", "1"), "not to be taken over"),
    ] {
        let mut bench = heir().declared("o", &[("x", "1")]).listed(&[foreign, ("us.ns.o", "x", "1")]);
        assert_eq!(bench.work_for(MINUTE).await, NOTHING, "{what}");
    }
}
