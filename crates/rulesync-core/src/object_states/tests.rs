//! States of objects, kept from changes.

use proptest::prelude::*;

use super::*;
use crate::object_change::{DeclaredState, DeclaredVerdict, StateAtDestination};
use crate::status::object_state::{DelayReason, EvaluationState};

fn id(name: &str) -> ObjectId {
    ObjectId::new(&"k".into(), &"PrometheusRule".into(), "shop", name)
}

fn destination(tenant: &str) -> DestinationId {
    DestinationId { ruler: "central".into(), tenant: Some(tenant.parse().unwrap()) }
}

fn declared(name: &str, destinations: usize) -> ObjectChange {
    let state = DeclaredState { verdict: DeclaredVerdict::Accepted, destinations, digest: 0 };
    ObjectChange::Declared { object: id(name), state }
}

fn state(state: ObjectState) -> StateAtDestination {
    StateAtDestination { state, evaluation: None, delay: None, held: false, digest: 0 }
}

fn at(name: &str, tenant: &str, state: impl Into<Option<StateAtDestination>>) -> ObjectChange {
    let namespace = format!("us.shop.{name}").as_str().into();
    ObjectChange::At { object: id(name), destination: destination(tenant), namespace, state: state.into() }
}

impl ObjectStates {
    fn take(&self, at: u64, changes: impl IntoIterator<Item = ObjectChange>) {
        changes.into_iter().for_each(|change| self.lock().change(&change, at));
    }

    fn state(&self, name: &str) -> Option<ObjectState> {
        self.get(&id(name)).map(|summary| summary.state)
    }
}

#[test]
fn object_state_is_the_worst_at_its_destinations_and_pending_before_all_have_it() {
    let states = ObjectStates::default();
    states.take(1, [declared("o", 2)]);
    assert_eq!(states.state("o"), Some(ObjectState::Pending));
    states.take(1, [at("o", "a", state(ObjectState::Synced))]);
    assert_eq!(states.state("o"), Some(ObjectState::Pending), "one of two");
    states.take(2, [at("o", "b", state(ObjectState::Synced))]);
    assert_eq!(states.state("o"), Some(ObjectState::Synced));
    states.take(3, [at("o", "b", state(ObjectState::Refused))]);
    assert_eq!(states.state("o"), Some(ObjectState::Refused));
    let past: Vec<_> =
        states.get(&id("o")).unwrap().past.iter().map(|past| (past.since, past.state)).collect();
    assert_eq!(past, [(2, ObjectState::Synced)], "that it was on its way at first is no news");
    states.take(4, [declared("o", 0), at("o", "a", None), at("o", "b", None)]);
    assert_eq!(states.state("o"), Some(ObjectState::NotSelected));
    states.take(5, [ObjectChange::Gone { object: id("o") }]);
    assert_eq!((states.state("o"), states.counts()), (None, (BTreeMap::new(), 0)));
}

#[test]
fn object_that_was_recreated_stays_at_its_destination_when_its_former_namespace_ends() {
    let states = ObjectStates::default();
    let named = |namespace: &str, state| ObjectChange::At {
        object: id("o"),
        destination: destination("a"),
        namespace: namespace.into(),
        state,
    };
    states.take(1, [declared("o", 1), named("first", Some(state(ObjectState::Synced)))]);
    states.take(1, [named("second", Some(state(ObjectState::Refused))), named("first", None)]);
    assert_eq!(states.state("o"), Some(ObjectState::Refused));
    states.take(1, [ObjectChange::DestinationEnded { destination: destination("a") }]);
    assert_eq!(states.state("o"), Some(ObjectState::Pending), "the next one has not said anything");
    states.take(1, [ObjectChange::Gone { object: id("o") }]);
    assert!(states.lock().objects.is_empty() && states.lock().destinations.is_empty());
}

#[test]
fn problems_are_listed_the_latest_first_and_keep_their_time_while_they_last() {
    let states = ObjectStates::default();
    let synced = state(ObjectState::Synced);
    let failing = StateAtDestination { evaluation: Some(EvaluationState::Failing), ..synced };
    let held = StateAtDestination { held: true, ..synced };
    let delayed = |reason| StateAtDestination { delay: Some(reason), ..state(ObjectState::Pending) };
    for (time, name, here) in [
        (1, "refused", state(ObjectState::Refused)),
        (2, "failing", failing),
        (3, "held", held),
        (4, "fine", synced),
        (5, "down", delayed(DelayReason::RulerUnavailable)),
        (6, "full", delayed(DelayReason::LimitExceeded)),
    ] {
        states.take(time, [declared(name, 1), at(name, "a", here)]);
    }
    // Another problem does not make it newer.
    let worse = StateAtDestination { held: true, ..state(ObjectState::Refused) };
    states.take(9, [at("refused", "a", worse)]);
    let names = |limit| {
        let (problems, total) = states.problems(&ObjectFilter::default(), limit);
        (problems.iter().map(|summary| summary.object.name().to_owned()).collect::<Vec<_>>(), total)
    };
    assert_eq!(names(10).0, ["full", "held", "failing", "refused"]);
    assert_eq!(names(1), (vec!["full".to_owned()], 4));
    states.take(10, [at("full", "a", synced)]);
    assert_eq!(names(10).1, 3);
}

#[test]
fn objects_are_paged_in_order_and_filtered() {
    let states = ObjectStates::default();
    for n in 0..10 {
        let tenant = if n % 2 == 0 { "even" } else { "odd" };
        let here = state(if n < 3 { ObjectState::Refused } else { ObjectState::Synced });
        states.take(1, [declared(&format!("o{n}"), 1), at(&format!("o{n}"), tenant, here)]);
    }
    let names = |page: &ObjectPage| {
        page.objects.iter().map(|summary| summary.object.name().to_owned()).collect::<Vec<_>>()
    };
    let all = ObjectFilter::default();
    let first = states.page(&all, None, 4);
    assert_eq!(
        (names(&first), first.total, first.offset, first.more),
        (vec!["o0".into(), "o1".into(), "o2".into(), "o3".into()], 10, 0, true)
    );
    let next = states.page(&all, Some(&first.objects[3].object), 4);
    assert_eq!((names(&next)[0].as_str(), next.offset, next.more), ("o4", 4, true));
    for (offset, wanted) in [(0, &first), (4, &next)] {
        assert_eq!(&states.page_at(&all, offset, 4), wanted, "{offset}");
    }
    let beyond = states.page_at(&all, 1000, 4);
    assert_eq!((beyond.objects.len(), beyond.total, beyond.more), (0, first.total, false));
    let last = states.page(&all, Some(&id("o7")), 4);
    assert_eq!((names(&last), last.more), (vec!["o8".to_owned(), "o9".into()], false));
    for (filter, wanted) in [
        (ObjectFilter { state: Some(ObjectState::Refused), ..all.clone() }, 3),
        (ObjectFilter { delay: Some(DelayReason::LimitExceeded), ..all.clone() }, 0),
        (ObjectFilter { tenant: Some("odd".into()), ..all.clone() }, 5),
        (ObjectFilter { ruler: Some("other".into()), ..all.clone() }, 0),
        (ObjectFilter { text: Some("SHOP/O1".into()), ..all.clone() }, 1),
        (ObjectFilter { problems: true, tenant: Some("even".into()), ..all.clone() }, 2),
        (ObjectFilter { namespace: Some("pay".into()), ..all.clone() }, 0),
        (ObjectFilter { source: Some("k".into()), ..all.clone() }, 10),
    ] {
        assert_eq!(states.page(&filter, None, 100).total, wanted, "{filter:?}");
    }
    assert_eq!(states.named("shop", "o3"), [id("o3")]);
    assert_eq!(states.ids(Some(&id("o8")), 5), [id("o9")]);
}

#[tokio::test]
async fn subscription_says_up_to_which_change_it_has_told() {
    let states = ObjectStates::default();
    states.take(1, [declared("a", 0)]);
    let mut subscription = states.subscribe();
    assert_eq!((subscription.seen(), states.changes()), (1, 1));
    states.take(1, [declared("b", 0), declared("c", 0)]);
    assert_eq!((subscription.seen(), states.changes()), (1, 3), "not told yet");
    subscription.changed().await;
    assert_eq!(subscription.seen(), 3);
    // Repeating it is no change.
    states.take(2, [declared("c", 0)]);
    assert_eq!(states.changes(), 3);
}

#[tokio::test]
async fn subscription_returns_each_changed_object_once_and_loses_none() {
    let states = ObjectStates::default();
    states.take(1, [declared("before", 0)]);
    let mut subscription = states.subscribe();
    states.take(1, [declared("a", 1), at("a", "t", state(ObjectState::Synced)), declared("b", 0)]);
    assert_eq!(subscription.changed().await, BTreeSet::from([id("a"), id("b")]));
    // Repeating it is no change.
    states.take(2, [at("a", "t", state(ObjectState::Synced))]);
    states.take(2, [ObjectChange::Gone { object: id("b") }]);
    assert_eq!(subscription.changed().await, BTreeSet::from([id("b")]));
    drop(subscription);
    states.take(3, [declared("c", 0)]);
    assert!(states.lock().subscriptions.is_empty());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Declare(usize, bool),
    At(usize, usize, Option<ObjectState>),
    Gone(usize),
    End(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state = prop::sample::select(vec![
        None,
        Some(ObjectState::Synced),
        Some(ObjectState::Pending),
        Some(ObjectState::Refused),
    ]);
    let step = prop_oneof![
        (0..4_usize, any::<bool>()).prop_map(|(object, two)| Step::Declare(object, two)),
        (0..4_usize, 0..2_usize, state).prop_map(|(object, tenant, state)| Step::At(object, tenant, state)),
        (0..4_usize).prop_map(Step::Gone),
        (0..2_usize).prop_map(Step::End),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn counts_are_those_of_the_objects_whatever_happens(steps in steps()) {
        let (names, tenants) = (["a", "b", "c", "d"], ["one", "two"]);
        let states = ObjectStates::default();
        for (now, step) in (1..).zip(steps) {
            let change = match step {
                Step::Declare(object, two) => declared(names[object], 1 + usize::from(two)),
                Step::At(object, tenant, there) => at(names[object], tenants[tenant], there.map(state)),
                Step::Gone(object) => ObjectChange::Gone { object: id(names[object]) },
                Step::End(tenant) => ObjectChange::DestinationEnded { destination: destination(tenants[tenant]) },
            };
            states.take(now, [change]);
            let all = states.page(&ObjectFilter::default(), None, 10).objects;
            let mut expected = BTreeMap::new();
            all.iter().for_each(|summary| *expected.entry(summary.state).or_default() += 1);
            let problems = all.iter().filter(|summary| summary.problem).count();
            prop_assert_eq!(states.counts(), (expected, problems));
            let filter = ObjectFilter { problems: true, ..ObjectFilter::default() };
            for filter in [ObjectFilter::default(), filter] {
                let (first, total) = states.problems(&filter, 1);
                prop_assert_eq!((first.len(), total), (problems.min(1), problems));
            }
        }
    }
}
