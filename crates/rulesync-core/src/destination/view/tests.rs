use super::*;
use crate::desired::Desired;
use crate::desired::tests::{group, object};
use crate::model::capabilities::{Normalization, StoredFields};
use crate::model::fingerprint::Fingerprint;
use crate::model::language::QueryLanguage;
use crate::overlay::Overlay;

const NAMESPACE: &str = "us.ns.o";

/// A view in which the group `g` was written since the last list.
fn written() -> (RulerView, Desired, Overlay) {
    let server = Server {
        fields: StoredFields::ALL,
        normalization: Normalization::Exact,
        language: QueryLanguage::PromQl,
    };
    let mut desired = Desired::default();
    desired.upsert(&NAMESPACE.into(), object("o", None, vec![group("g", "1")]));
    let mut view = RulerView::new(server);
    list(&mut view, &desired, "1");
    view.update(|observed| observed.set(&NAMESPACE.into(), "g", Some(group("g", "1").fingerprint)));
    (view, desired, Overlay::default())
}

fn found(expr: &str) -> Listed {
    let mut observed = Observed::default();
    observed.set(&NAMESPACE.into(), "g", Some(group("g", expr).fingerprint));
    Listed { observed, ..Listed::default() }
}

fn list(view: &mut RulerView, desired: &Desired, expr: &str) -> Vec<Comparison> {
    view.begin_list(false, HashSet::new());
    view.end_list(found(expr), Offered { desired, overlay: &Overlay::default() }).0
}

fn stored(view: &RulerView) -> Option<Fingerprint> {
    view.observed()?.group(NAMESPACE, "g")?
}

#[tokio::test(start_paused = true)]
async fn writes_during_a_list_take_precedence_over_it() {
    let (mut view, desired, overlay) = written();
    view.begin_list(false, HashSet::new());
    view.writing(&NAMESPACE.into());
    let offered = Offered { desired: &desired, overlay: &overlay };
    let (comparisons, during) = view.end_list(found("old"), offered);
    assert_eq!((comparisons, during.len()), (vec![], 1));
    assert_eq!(stored(&view), Some(group("g", "1").fingerprint));
    list(&mut view, &desired, "old");
    assert_eq!(stored(&view), Some(group("g", "old").fingerprint), "nothing was written during this one");
}

#[tokio::test(start_paused = true)]
async fn group_that_three_lists_find_changed_is_contested_until_one_finds_it_in_sync() {
    let (mut view, desired, _) = written();
    let write = |view: &mut RulerView| {
        view.update(|observed| observed.set(&NAMESPACE.into(), "g", Some(group("g", "1").fingerprint)));
    };
    for _ in 0..2 {
        assert_eq!(list(&mut view, &desired, "2"), []);
        write(&mut view);
    }
    let contested = list(&mut view, &desired, "2");
    assert!(matches!(&contested[..], [Comparison::Contested((_, g), _)] if &**g == "g"), "{contested:?}");
    write(&mut view);
    assert!(matches!(list(&mut view, &desired, "1")[..], [Comparison::ContestOver(_)]));
}

#[tokio::test(start_paused = true)]
async fn group_that_changes_without_a_write_of_our_own_counts_as_changed_too() {
    let (mut view, desired, _) = written();
    assert_eq!(list(&mut view, &desired, "1"), [], "the write is confirmed");
    for _ in 0..2 {
        assert_eq!(list(&mut view, &desired, "2"), []);
        view.update(|observed| observed.set(&NAMESPACE.into(), "g", Some(group("g", "1").fingerprint)));
    }
    assert!(matches!(list(&mut view, &desired, "2")[..], [Comparison::Contested(..)]));
}

#[tokio::test(start_paused = true)]
async fn group_that_is_read_without_rules_is_read_once_more() {
    let (mut view, desired, overlay) = written();
    let offered = Offered { desired: &desired, overlay: &overlay };
    let empty = || Listed { empty: HashSet::from([(NAMESPACE.into(), "g".into())]), ..found("none") };
    view.begin_list(false, HashSet::new());
    view.end_list(empty(), offered);
    assert_eq!(stored(&view), Some(group("g", "1").fingerprint), "it may have been half written");
    assert_eq!(view.next_list(), Some(Instant::now() + REREAD_DELAY));
    view.begin_list(true, HashSet::new());
    view.end_list(empty(), offered);
    assert_eq!(stored(&view), Some(group("g", "none").fingerprint), "it has no rules");
}

#[tokio::test(start_paused = true)]
async fn next_list_is_the_earliest_that_was_asked_for() {
    let (mut view, ..) = written();
    assert_eq!(view.next_list(), None);
    view.list_in(Duration::from_secs(5));
    view.list_in(Duration::from_secs(9));
    assert_eq!(view.next_list(), Some(Instant::now() + Duration::from_secs(5)));
    view.list_in(Duration::ZERO);
    assert_eq!(view.next_list(), Some(Instant::now()));
    view.begin_list(true, HashSet::new());
    assert!(view.next_list().is_none() && view.is_listing(), "this is that list");
    view.list_failed();
    assert!(!view.is_listing() && view.is_listed());
    assert!(!view.is_stale());
    tokio::time::advance(MAX_CLAIM_LIST_AGE + Duration::from_secs(1)).await;
    assert!(view.is_stale());
    view.restart();
    assert!(!view.is_listed());
}
