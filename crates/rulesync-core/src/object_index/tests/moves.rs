//! Moves: a destination deletes an object that leaves it only when the next destination has it, so that the object is
//! in one place at least.

use super::*;
use crate::handover::HandoverState;

/// Ends the first share, as if its holder had written the object.
fn write(moved: &mut Effects) {
    let asked =
        moved.commands.iter().position(|(_, command)| matches!(command, Command::HandOver { .. })).unwrap();
    if let (_, Command::HandOver { share, .. }) = moved.commands.remove(asked) {
        share.written();
    }
}

#[test]
fn move_waits_for_the_share_of_the_receiving_destination() {
    let mut bench = index(&[to_the_labelled()]).with(&[object("o", "1", &[("tenant", "a")])]);
    let mut moved = bench.upsert(object("o", "1", &[("tenant", "b")]));
    assert_eq!(
        effects(&moved),
        [
            "central/b gets us.ns.o (1 groups)",
            "central/b reports when it has written us.ns.o",
            "central/a drops us.ns.o later"
        ]
    );
    let handover = moved.handovers.remove(0);
    assert_eq!(handover.progress.state(), HandoverState::Waiting);
    write(&mut moved);
    assert_eq!(handover.progress.state(), HandoverState::Written);
}

#[test]
fn move_to_two_destinations_waits_for_both() {
    let both = |routes: &[&str]| table(&routes.iter().map(|tenant| to(tenant)).collect::<Vec<_>>());
    let mut bench = index(&[to("a")]).with(&[object("o", "1", &[])]);
    let mut moved = bench.reroute(both(&["b", "c"]), &["b", "c"]);
    assert_eq!(
        effects(&moved),
        [
            "central/b gets us.ns.o (1 groups)",
            "central/b reports when it has written us.ns.o",
            "central/c gets us.ns.o (1 groups)",
            "central/c reports when it has written us.ns.o",
            "central/a drops us.ns.o later"
        ]
    );
    write(&mut moved);
    assert_eq!(moved.handovers[0].progress.state(), HandoverState::Waiting);
    write(&mut moved);
    assert_eq!(moved.handovers[0].progress.state(), HandoverState::Written);
}

#[test]
fn move_away_from_a_new_destination_waits_like_any_other() {
    let mut bench = index(&[to("a")]).with(&[object("o", "1", &[])]);
    let moved = bench.reroute(table(&[to("b")]), &["a", "b"]);
    assert_eq!(
        effects(&moved),
        [
            "central/b gets us.ns.o (1 groups)",
            "central/b reports when it has written us.ns.o",
            "central/a drops us.ns.o later"
        ],
        "its ruler was replaced, and what is there was written by way of another"
    );
    let none = bench.reroute(table(&[]), &["b"]);
    assert_eq!(effects(&none), ["central/b drops us.ns.o"]);
    assert!(!bench.index.uses(&destination("b")));
}

#[test]
fn object_that_goes_nowhere_is_removed_at_once() {
    let labelled = || object("o", "1", &[("tenant", "a")]);
    let mut bench = index(&[to_the_labelled()]).with(&[labelled()]);
    let deselected = effects(&bench.upsert(object("o", "1", &[])));
    assert_eq!(deselected, ["central/a drops us.ns.o"]);
    assert!(!bench.index.uses(&destination("a")));
    let mut bench = index(&[to_the_labelled()]).with(&[labelled()]);
    assert_eq!(effects(&bench.delete("k", "o")), ["central/a drops us.ns.o"]);
    assert_eq!(effects(&bench.delete("k", "o")), NOTHING, "it is deleted already");
}

#[test]
fn destination_that_stays_takes_no_part_in_a_move() {
    let mut bench = index(&[to("all"), to_the_labelled()]);
    bench = bench.with(&[object("o", "1", &[("tenant", "a")])]);
    let moved = bench.upsert(object("o", "1", &[("tenant", "b")]));
    assert_eq!(
        effects(&moved),
        [
            "central/all gets us.ns.o (1 groups)",
            "central/b gets us.ns.o (1 groups)",
            "central/b reports when it has written us.ns.o",
            "central/a drops us.ns.o later"
        ]
    );
}

#[test]
fn destination_is_used_while_an_object_is_there() {
    let of = |name: &str, tenant: &str| object(name, "1", &[("tenant", tenant)]);
    let mut bench = index(&[to_the_labelled()]).with(&[of("o", "a"), of("p", "a")]);
    let a = destination("a");
    bench.upsert(of("o", "b"));
    assert!(bench.index.uses(&a), "one is left");
    bench.delete("k", "p");
    assert!(!bench.index.uses(&a));
    assert_eq!(bench.index.destinations().collect::<Vec<_>>(), [&destination("b")]);
}

#[test]
fn recreated_object_with_another_name_leaves_the_legacy_one() {
    let alloy =
        RoutingTable { naming: Naming::Alloy(AlloyNaming::new("alloy", "/").unwrap()), ..table(&[to("t")]) };
    let of = |uid: &str| RuleObject { uid: Some(uid.to_owned()), ..object("o", "1", &[]) };
    let (first, second) = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002");
    let mut bench = Bench { index: ObjectIndex::new(alloy), run: 1 };
    bench.upsert(of(first));
    let recreated = effects(&bench.upsert(of(second)));
    assert_eq!(
        recreated,
        [
            format!("central/t gets alloy/ns/o/{second} (1 groups)"),
            format!("central/t drops alloy/ns/o/{first}")
        ]
    );
}

#[test]
fn renamed_object_leaves_when_its_successor_is_written() {
    let mut bench = index(&[to("t")]).with(&[object("o", "1", &[])]);
    bench.upsert(object("p", "1", &[]));
    let renamed = bench.index.rename(&id("k", "o"), &[id("k", "p")]);
    assert_eq!(
        effects(&renamed),
        ["central/t reports when it has written us.ns.p", "central/t drops us.ns.o later"]
    );
    assert_eq!(bench.index.count("k"), 1);
    // An object that goes nowhere will not be written.
    let mut bench = index(&[to_the_labelled()]).with(&[object("o", "1", &[("tenant", "t")])]);
    bench.upsert(object("p", "1", &[]));
    assert_eq!(effects(&bench.index.rename(&id("k", "o"), &[id("k", "p")])), ["central/t drops us.ns.o"]);
}
