//! An object that cannot be read never counts as missing or empty.

use super::*;

#[test]
fn unreadable_object_hides_others_until_it_is_read_or_deleted() {
    // The object, its next event, and whether objects are hidden before and after.
    type Event = fn(&mut Bench);
    let read: Event = |bench| drop(bench.upsert(object("file", "1", &[])));
    let goes: Event = |bench| drop(bench.delete("k", "file"));
    let still: Event = |bench| drop(bench.malformed("k", "file", true));
    let other: Event = |bench| drop(bench.upsert(object("other", "1", &[])));
    for (event, hides_after, what) in [
        (read, false, "it can be read"),
        (goes, false, "it goes"),
        (still, true, "it is unreadable still"),
        (other, true, "another object is read"),
    ] {
        let mut bench = index(&[to("t")]);
        assert!(!bench.index.hides_objects());
        bench.malformed("k", "file", true);
        assert!(bench.index.hides_objects() && bench.index.source_hides_objects("k"));
        assert!(!bench.index.source_hides_objects("other"), "each source for itself");
        event(&mut bench);
        assert_eq!(bench.index.hides_objects(), hides_after, "{what}");
        assert_eq!(bench.index.source_hides_objects("k"), hides_after, "{what}");
    }
}

#[test]
fn unreadable_object_of_one_of_two_sources_hides_others() {
    let mut bench = index(&[to("t")]).with(&[object("o", "1", &[])]);
    bench.malformed("files", "a", true);
    bench.malformed("files", "b", true);
    bench.upsert(object("a", "1", &[]));
    assert!(bench.index.hides_objects(), "the other source's object of that name is not this one");
    bench.delete("files", "a");
    assert!(bench.index.hides_objects(), "one is left");
    bench.delete("files", "b");
    assert!(!bench.index.hides_objects());
}

#[test]
fn unreadable_object_of_a_known_name_hides_no_others() {
    let mut bench = index(&[to("t")]);
    assert_eq!(effects(&bench.malformed("k", "o", false)), ["protection of o may have changed"]);
    assert!(!bench.index.hides_objects());
    // With some namings its ruler namespace is unknown without its UID: then it hides what exists.
    let alloy = Naming::Alloy(AlloyNaming::new("alloy", "/").unwrap());
    let mut bench = index(&[to("t")]);
    bench.index.table.naming = alloy;
    bench.malformed("k", "o", false);
    assert!(bench.index.hides_objects());
}

#[test]
fn unreadable_object_keeps_its_last_readable_version() {
    let mut bench = index(&[to("t")]).with(&[object("o", "1", &[])]);
    assert_eq!(effects(&bench.malformed("k", "o", true)), NOTHING);
    assert!(!bench.index.hides_objects(), "its last version is known");
    assert!(bench.index.uses(&destination("t")));
    assert_eq!(effects(&bench.upsert(object("o", "1", &[]))), NOTHING, "it is unchanged");
    assert_eq!(effects(&bench.upsert(object("o", "2", &[]))), ["central/t gets us.ns.o (1 groups)"]);
}

#[test]
fn object_that_was_never_read_is_protected_until_it_is_read_or_deleted() {
    let mut bench = index(&[to("t")]);
    assert_eq!(effects(&bench.malformed("k", "o", true)), ["protection of o may have changed"]);
    assert_eq!(bench.index.protected().collect::<Vec<_>>(), [&id("k", "o")]);
    let read = bench.upsert(object("o", "1", &[]));
    assert_eq!(effects(&read), ["protection of o may have changed", "central/t gets us.ns.o (1 groups)"]);
    assert_eq!(bench.index.protected().count(), 0);
    let mut bench = index(&[to("t")]);
    bench.malformed("k", "o", true);
    assert_eq!(effects(&bench.delete("k", "o")), ["protection of o may have changed"]);
    assert_eq!(bench.index.protected().count(), 0);
}

#[test]
fn new_destinations_protect_objects_that_were_never_read() {
    let mut bench = index(&[to("t")]);
    bench.malformed("k", "o", true);
    assert_eq!(
        effects(&bench.reroute(table(&[to("t"), to("u")]), &["u"])),
        ["protection of o may have changed"]
    );
    assert!(bench.index.hides_objects(), "another routing table cannot read it either");
}

#[test]
fn counts_follow_every_event() {
    let mut bench = index(&[to_the_labelled()]);
    let counts = |bench: &Bench| bench.index.counts("k").map(|(_, count)| count);
    assert_eq!(bench.index.count("k"), 0);
    bench.upsert(object("o", "1", &[("tenant", "t")]));
    bench.upsert(object("p", "1", &[]));
    assert_eq!((bench.index.count("k"), counts(&bench)), (2, [1, 1, 0]));
    bench.malformed("k", "o", false);
    assert_eq!(counts(&bench), [1, 1, 1]);
    bench.upsert(object("o", "1", &[]));
    assert_eq!(counts(&bench), [0, 2, 0]);
    bench.delete("k", "o");
    bench.delete("k", "o");
    assert_eq!((bench.index.count("k"), counts(&bench)), (1, [0, 1, 0]));
}
