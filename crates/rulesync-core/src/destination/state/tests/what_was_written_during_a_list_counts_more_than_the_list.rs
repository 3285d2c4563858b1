//! A list shows the ruler as it was before the writes that end while it is under way, and a group may be read half
//! written.

use super::*;

/// Ends a list that began before what was done meanwhile, and showed this.
fn end_list(bench: &mut Bench, (previous, suspects): (Arc<Observed>, HashSet<Key>), there: &[There<'_>]) {
    let namespace_policy = Arc::clone(&bench.state.shared.namespace_policy);
    let classify = move |namespace: &str| namespace_policy.classify(namespace);
    let mut listing = Listing::new(Keeps::ALL, &classify, &previous).suspecting(&suspects);
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
async fn write_during_a_list_is_not_repeated() {
    let mut bench = destination().listed(&[]);
    let begun = bench.state.begin_list(false);
    bench.declare("o", &[("g", "1")]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
    end_list(&mut bench, begun, &[]);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn delete_during_a_list_is_not_repeated_and_drift_elsewhere_is_repaired() {
    let mut bench = destination()
        .declared("o", &[("g", "1")])
        .declared("p", &[("g", "1")])
        .listed(&[O, ("us.ns.p", "g", "1")]);
    let begun = bench.state.begin_list(false);
    bench.drop("o");
    assert_eq!(bench.work_for_a_breath().await, ["DELETE us.ns.o"]);
    end_list(&mut bench, begun, &[O, ("us.ns.p", "g", "2")]);
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us.ns.p/g"]);
}

#[tokio::test(start_paused = true)]
async fn group_read_without_rules_counts_as_it_was_for_one_more_look() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[O]);
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.work_for(Duration::from_secs(1)).await, NOTHING);
    let again = bench.state.list_early().expect("it is read again");
    assert!(again - Instant::now() <= Duration::from_secs(2));
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.work(), ["PUT us.ns.o/g"], "somebody has emptied it");
    // A look that shows the rules ends the matter.
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[O]);
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    bench.list(&[O]);
    assert_eq!((bench.work(), bench.state.list_early()), (Vec::new(), None));
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.work(), NOTHING, "and it may happen once more");
}

#[tokio::test(start_paused = true)]
async fn group_without_rules_that_nobody_declares_or_that_was_never_there_is_what_it_is() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[O, ("us.ns.o", "h", "1")]);
    bench.list_with(&[O], |listing| listing.add("us.ns.o", &without_rules("h")));
    assert_eq!(bench.state.list_early(), None, "nobody declares `h`");
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[]);
    bench.failing.insert("g");
    bench.work();
    bench.failing.clear();
    bench.list_with(&[], |listing| listing.add("us.ns.o", &without_rules("g")));
    assert_eq!(bench.state.list_early(), None, "it was not there before");
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us.ns.o/g"]);
}
