//! The stored versions of refused groups, and the rules of refused objects, stay only if they satisfy what is enforced
//! now.

use super::*;
use crate::desired::{DesiredObject, Protection};
use crate::intake::Transform;
use crate::model::labels::Labels;
use crate::route::input::RoutingInput;
use crate::route::{ExternalLabel, Route, Value};

/// A transform that sets the label `cluster` to `a`.
fn enforced() -> Arc<Transform> {
    let value = Value::Constant("a".to_owned());
    let label = ExternalLabel { name: "cluster".to_owned(), value, add_if_absent: false };
    let route = Route { external_labels: vec![label], ..Route::all("r", "central", None) };
    let (id, nothing) = (id("o"), Labels::default());
    Arc::new(Transform::of(&route, &RoutingInput::bare(&id, &nothing)).unwrap())
}

impl Bench {
    /// Lists groups of the object `o`, with or without the label.
    fn list_labelled(&mut self, groups: &[(&str, bool)]) {
        let groups = groups.to_vec();
        self.list_with(&[], |listing| {
            for (name, labelled) in groups {
                let mut group = group(name, "1");
                if labelled {
                    group.rules[0].labels.insert("cluster".to_owned(), "a".to_owned());
                }
                listing.add("us.ns.o", &group);
            }
        });
    }

    /// Lists until no further list is requested; returns the requests within a window, and those after it.
    async fn list_until_quiet(&mut self, groups: &[(&str, bool)]) -> [Vec<String>; 2] {
        self.list_labelled(groups);
        let lists = (0..5).take_while(|_| {
            let again = self.state.view.next_list().is_some_and(|at| at <= Instant::now());
            if again {
                self.list_labelled(groups);
            }
            again
        });
        assert!(lists.count() <= 1, "one more list is enough");
        let within = self.work_for(4 * MINUTE).await;
        [within, self.work_for(2 * MINUTE).await]
    }

    fn refuse_before_it_is_offered(&mut self, groups: &[&str], enforced: Arc<Transform>) {
        let claim = DesiredObject {
            id: id("o"),
            created: None,
            groups: Box::default(),
            refused: groups.iter().map(|group| Box::from(*group)).collect(),
            enforced,
            findings: Box::default(),
            advice: Box::default(),
            legacy_names: Box::default(),
            seen: Instant::now(),
        };
        self.state.upsert(&namespace("o"), claim, true);
    }

    fn protect(&mut self, enforced: Option<Arc<Transform>>) {
        let protection = Protection { because: HeldReason::TenantRefused, enforced };
        self.state.protect(&namespace("o"), &id("o"), Some(protection));
    }
}

#[tokio::test(start_paused = true)]
async fn stored_version_of_a_group_refused_before_it_was_offered_must_satisfy_the_route() {
    for listed_before in [false, true] {
        let mut bench = destination();
        if listed_before {
            bench.list_labelled(&[("has", true), ("lacks", false)]);
        }
        bench.refuse_before_it_is_offered(&["has", "lacks"], enforced());
        let done = bench.list_until_quiet(&[("has", true), ("lacks", false)]).await;
        assert_eq!(done, [vec![], vec!["DELETE us.ns.o/lacks".to_owned()]], "{listed_before}");
    }
    let mut bench = destination();
    bench.refuse_before_it_is_offered(&["has", "lacks"], Arc::default());
    assert_eq!(
        bench.list_until_quiet(&[("lacks", false)]).await,
        [vec![], Vec::<String>::new()],
        "nothing is enforced"
    );
}

#[tokio::test(start_paused = true)]
async fn stored_version_of_a_group_refused_by_the_ruler_must_satisfy_the_route() {
    let claim = |groups| DesiredObject {
        id: id("o"),
        created: None,
        groups,
        refused: Box::default(),
        enforced: enforced(),
        findings: Box::default(),
        advice: Box::default(),
        legacy_names: Box::default(),
        seen: Instant::now(),
    };
    for (labelled, then) in [(true, vec![]), (false, vec!["DELETE us.ns.o/g".to_owned()])] {
        let mut bench = destination();
        bench.list_labelled(&[("g", labelled)]);
        bench.refused.insert("g");
        bench.state.upsert(&namespace("o"), claim([crate::desired::tests::group("g", "2")].into()), true);
        assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
        assert_eq!(bench.list_until_quiet(&[("g", labelled)]).await, [vec![], then], "{labelled}");
    }
}

#[tokio::test(start_paused = true)]
async fn stored_rules_of_an_object_with_a_refused_tenant_must_satisfy_the_route() {
    for listed_before in [false, true] {
        let mut bench = destination();
        if listed_before {
            bench.list_labelled(&[("has", true), ("lacks", false)]);
        }
        bench.protect(Some(enforced()));
        let done = bench.list_until_quiet(&[("has", true), ("lacks", false)]).await;
        assert_eq!(done, [vec![], vec!["DELETE us.ns.o/lacks".to_owned()]], "{listed_before}");
    }
    let mut bench = destination();
    bench.protect(None);
    assert_eq!(
        bench.list_until_quiet(&[("lacks", false)]).await,
        [vec![], Vec::<String>::new()],
        "nothing is known"
    );
}

#[tokio::test(start_paused = true)]
async fn window_of_a_stored_version_ends_when_nothing_is_enforced() {
    let mut bench = destination();
    bench.protect(Some(enforced()));
    bench.list_labelled(&[("g", false)]);
    bench.list_labelled(&[("g", false)]);
    assert_eq!(bench.work_for(4 * MINUTE).await, NOTHING);
    // Nothing is enforced for a while, and then it is again.
    bench.protect(None);
    assert_eq!(bench.work_for(2 * MINUTE).await, NOTHING);
    bench.protect(Some(enforced()));
    let done = bench.list_until_quiet(&[("g", false)]).await;
    assert_eq!(done, [vec![], vec!["DELETE us.ns.o/g".to_owned()]], "a window of its own");
}

#[tokio::test(start_paused = true)]
async fn stored_version_is_no_longer_expelled_when_its_object_or_its_protection_changes() {
    for protected in [false, true] {
        let mut bench = destination();
        bench.list_labelled(&[("g", false)]);
        match protected {
            true => bench.protect(Some(enforced())),
            false => bench.refuse_before_it_is_offered(&["g"], enforced()),
        }
        bench.list_labelled(&[("g", false)]);
        let reasons = |bench: &Bench| -> Vec<Reason> {
            bench.state.plan().changes.iter().map(|change| change.reason).collect()
        };
        assert_eq!(reasons(&bench), [Reason::NotAllowed], "{protected}");
        match protected {
            true => bench.protect(None),
            false => bench.refuse_before_it_is_offered(&["g"], Arc::default()),
        }
        assert!(!reasons(&bench).contains(&Reason::NotAllowed), "{protected}");
    }
}

#[tokio::test(start_paused = true)]
async fn stored_version_of_a_group_that_was_accepted_meanwhile_is_not_judged() {
    let mut bench = destination();
    bench.list_labelled(&[("g", false)]);
    bench.refuse_before_it_is_offered(&["g"], enforced());
    let (previous, whole) = bench.state.begin_list(true);
    let declared = crate::desired::tests::object("o", None, vec![crate::desired::tests::group("g", "2")]);
    bench.state.upsert(
        &namespace("o"),
        DesiredObject { id: id("o"), enforced: enforced(), ..declared },
        true,
    );
    // The list shows the version from before.
    let classifier = bench.state.classifier();
    let classify = move |namespace: &str| classifier.classify(namespace);
    let mut listing = Listing::new(StoredFields::ALL, &classify, &previous).suspecting(&whole);
    listing.add("us.ns.o", &group("g", "1"));
    bench.state.end_list(listing.into_listed());
    assert_eq!(bench.work_for(10 * MINUTE).await, ["PUT us.ns.o/g"]);
}
