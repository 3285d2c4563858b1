//! Writes during a list take precedence over it: the list shows the ruler as it was before them, and a group may be
//! read half written.

use super::*;
use crate::model::name::GroupKey;

/// Ends a list that began before the latest changes and showed these groups.
fn end_list(
    bench: &mut Bench,
    (previous, suspects): (Arc<Observed>, HashSet<GroupKey>),
    there: &[There<'_>],
) {
    let classifier = Arc::clone(&bench.state.shared.classifier);
    let classify = move |namespace: &str| classifier.classify(namespace);
    let mut listing = Listing::new(StoredFields::ALL, &classify, &previous).suspecting(&suspects);
    for (namespace, name, expr) in there {
        listing.add(namespace, &group(name, expr));
    }
    bench.state.end_list(listing.into_listed());
}

fn without_rules(name: &str) -> Group {
    Group { name: name.into(), ..Group::default() }
}

const O: There<'_> = ("us.ns.o", "g", "1");

#[tokio::test(start_paused = true)]
async fn list_does_not_repeat_a_write_made_meanwhile() {
    let mut bench = destination().listed(&[]);
    let begun = bench.state.begin_list(false);
    bench.declare("o", &[("g", "1")]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
    end_list(&mut bench, begun, &[]);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn list_does_not_repeat_a_delete_made_meanwhile_and_repairs_drift() {
    let mut bench = destination()
        .declared("o", &[("g", "1")])
        .declared("p", &[("g", "1")])
        .listed(&[O, ("us.ns.p", "g", "1")]);
    let begun = bench.state.begin_list(false);
    bench.drop("o");
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o"]);
    end_list(&mut bench, begun, &[O, ("us.ns.p", "g", "2")]);
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us.ns.p/g"]);
}

#[tokio::test(start_paused = true)]
async fn group_read_without_rules_counts_as_before_for_one_more_list() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[O]);
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.work_for(Duration::from_secs(1)).await, NOTHING);
    let again = bench.state.view.next_list().expect("it is read again");
    assert!(again - Instant::now() <= Duration::from_secs(2));
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.work(), ["PUT us.ns.o/g"], "somebody has emptied it");
    // A list that shows the rules ends this.
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[O]);
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    bench.list(&[O]);
    assert_eq!((bench.work(), bench.state.view.next_list()), (Vec::new(), None));
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.work(), NOTHING, "and it may be read half written again");
}

#[tokio::test(start_paused = true)]
async fn group_read_without_rules_is_empty_if_undeclared_or_new() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[O, ("us.ns.o", "h", "1")]);
    bench.list_with(&[O], |listing| listing.add("us.ns.o", &without_rules("h")));
    assert_eq!(bench.state.view.next_list(), None, "nobody declares `h`");
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[]);
    bench.failing.insert("g");
    bench.work();
    bench.failing.clear();
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.state.view.next_list(), None, "it was not there before");
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us.ns.o/g"]);
}

/// A destination that adopts the groups of `them`, with one object of two groups.
fn adopting() -> Bench {
    let mut policy = NamespaceClassifier::of("us".parse().unwrap());
    policy.adopt = vec!["them*".parse().unwrap()];
    destination_with(|shared| shared.classifier = Arc::new(policy)).declared("o", &[("g", "1"), ("h", "2")])
}

const FOREIGN: [There<'_>; 2] = [("them", "g", "1"), ("them", "h", "2")];
const OWN: [There<'_>; 2] = [("us.ns.o", "g", "1"), ("us.ns.o", "h", "2")];

#[tokio::test(start_paused = true)]
async fn adoption_waits_for_a_list_that_shows_both_groups() {
    let mut bench = adopting().listed(&[]);
    let begun = bench.state.begin_list(false);
    assert_eq!(bench.work(), ["PUT us.ns.o/g", "PUT us.ns.o/h"]);
    end_list(&mut bench, begun, &FOREIGN);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING, "this list has not shown what was written");
    bench.list(&[OWN, FOREIGN].concat());
    assert_eq!(bench.work(), ["DELETE them/g", "DELETE them/h"]);
}

#[tokio::test(start_paused = true)]
async fn adoption_of_each_group_ends_with_its_own_delete() {
    let mut bench = adopting();
    bench.failing.insert("h");
    bench.list(&[OWN, FOREIGN].concat());
    assert_eq!(bench.work(), ["DELETE them/g", "DELETE them/h"]);
    let planned: Vec<String> = bench.state.plan().changes.iter().map(request).collect();
    assert_eq!(planned, ["DELETE them/h"], "`g` is done");
    bench.failing.clear();
    assert_eq!(bench.work_for(MINUTE).await, ["DELETE them/h"]);
    assert_eq!(bench.state.plan().changes, []);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn failed_adoption_during_a_list_deletes_no_other_foreign_group() {
    let mut bench = adopting();
    bench.list(&[OWN, FOREIGN].concat());
    let begun = bench.state.begin_list(false);
    bench.failing.extend(["g", "h"]);
    assert_eq!(bench.work(), ["DELETE them/g", "DELETE them/h"]);
    bench.failing.clear();
    end_list(&mut bench, begun, &[OWN, [("them", "g", "7"), ("them", "other", "9")]].concat());
    assert_eq!(bench.state.plan().changes, []);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING, "they are other foreign groups now");
}
