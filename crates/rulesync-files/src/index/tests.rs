//! Claims against a model that knows everything.

use std::collections::HashMap;

use proptest::prelude::*;
use rulesync_core::DeclaredGroup;

use super::*;
use crate::identity::shown;

fn index() -> Index {
    Index::new(Identities::new(&"files".into()))
}

fn id(name: &str) -> ObjectId {
    Identities::new(&"files".into()).object("PrometheusRule", Some("ns"), name)
}

fn object(name: &str, version: u8) -> RuleObject {
    let group = DeclaredGroup { name: version.to_string(), ..DeclaredGroup::default() };
    RuleObject::new(id(name), vec![group])
}

fn holds(objects: &[(&str, u8)]) -> Contents {
    let read = |(line, (name, version)): (usize, &(&str, u8))| Read {
        object: object(name, *version),
        position: Position { line: line + 1, column: 1 },
    };
    Contents { objects: objects.iter().enumerate().map(read).collect(), broken: Vec::new() }
}

fn broken(mut contents: Contents, id: Option<ObjectId>, message: &str) -> Contents {
    contents.broken.push(Broken { id, is_rule_like: true, finding: Finding::error("yaml", message) });
    contents
}

fn show(events: &[SourceEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            SourceEvent::Upsert(object) => {
                let findings: Vec<String> = object.findings.iter().map(ToString::to_string).collect();
                format!("{} = {} {}", object.id.name(), object.groups[0].name, findings.join("; "))
                    .trim_end()
                    .to_owned()
            }
            SourceEvent::Malformed { id, finding, .. } => format!("{} ! {finding}", id.name()),
            SourceEvent::Delete(id) => format!("{} gone", id.name()),
            other => format!("{other:?}"),
        })
        .collect()
}

/// Sets files and tells what follows, with all contents at hand.
fn set(index: &mut Index, files: Vec<(&str, Contents)>) -> Vec<String> {
    let mut bodies = Bodies::new();
    for (path, contents) in files {
        index.set(Path::new(path), contents, &mut bodies);
    }
    assert_eq!(index.wanted(&bodies), BTreeSet::new());
    show(&index.events(bodies))
}

#[test]
fn only_what_changed_is_said() {
    let mut index = index();
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 1), ("y", 1)]))]), ["x = 1", "y = 1"]);
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 2), ("y", 1)]))]), ["x = 2"]);
    assert_eq!(set(&mut index, vec![("a", holds(&[("y", 1), ("x", 2)]))]), Vec::<String>::new());
}

#[test]
fn what_vanishes_is_deleted_at_the_second_look() {
    let mut index = index();
    set(&mut index, vec![("a", holds(&[("x", 1)]))]);
    index.remove(Path::new("a"));
    assert_eq!(set(&mut index, vec![]), Vec::<String>::new());
    assert!(index.is_unsure());
    // It came back: nothing happened.
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 1)]))]), Vec::<String>::new());
    assert!(!index.is_unsure());
    // For good this time.
    assert_eq!(set(&mut index, vec![("a", holds(&[]))]), Vec::<String>::new());
    assert_eq!(set(&mut index, vec![]), ["x gone"]);
    assert!(!index.is_unsure());
    assert_eq!(set(&mut index, vec![("b", holds(&[("x", 1)]))]), ["x = 1"]);
}

#[test]
fn the_first_file_counts_and_the_object_tells_of_the_others() {
    let mut index = index();
    let both = "b:1:1: the object is declared once more here, which is ignored (the first file by name counts: remove \
                or rename one of them)";
    assert_eq!(
        set(&mut index, vec![("b", holds(&[("x", 2)])), ("a", holds(&[("x", 1)]))]),
        [format!("x = 1 {both}")]
    );
    // The other changes: no news.
    assert_eq!(set(&mut index, vec![("b", holds(&[("x", 3)]))]), Vec::<String>::new());
    // The first goes: the other's content is wanted, and then said.
    index.remove(Path::new("a"));
    assert_eq!(index.wanted(&Bodies::new()), [PathBuf::from("b")].into());
    assert_eq!(set(&mut index, vec![("b", holds(&[("x", 3)]))]), ["x = 3"]);
    // Twice in one file.
    let twice = set(&mut index, vec![("b", holds(&[("x", 3), ("x", 4)]))]);
    assert_eq!(twice, [format!("x = 3 {}", both.replace("1:1", "2:1"))]);
}

#[test]
fn a_move_is_no_deletion() {
    let mut index = index();
    set(&mut index, vec![("a", holds(&[("x", 1)]))]);
    index.remove(Path::new("a"));
    assert_eq!(set(&mut index, vec![("b", holds(&[("x", 1)]))]), Vec::<String>::new());
    assert!(!index.is_unsure());
}

#[test]
fn what_cannot_be_read_keeps_what_it_had() {
    let mut index = index();
    set(&mut index, vec![("a", holds(&[("x", 1), ("y", 1)]))]);
    // Nothing can be read: both are told.
    let all = set(&mut index, vec![("a", broken(holds(&[]), None, "oops"))]);
    assert_eq!(all, ["x ! oops", "y ! oops"]);
    // One of them can: the other must be the broken one.
    let one = set(&mut index, vec![("a", broken(holds(&[("x", 2)]), None, "oops"))]);
    assert_eq!(one, ["x = 2"]);
    // Repaired, without a change of content.
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 2), ("y", 1)]))]), ["y = 1"]);
    // A broken document beside all that is known is something new; it stands at the file until it is repaired.
    let new = set(&mut index, vec![("a", broken(holds(&[("x", 2), ("y", 1)]), None, "oops"))]);
    assert_eq!(new, ["a ! oops"]);
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 2), ("y", 1), ("z", 1)]))]), ["z = 1"]);
    assert_eq!(set(&mut index, vec![]), ["a gone"]);
}

#[test]
fn a_file_with_a_broken_object_is_not_believed_when_it_declares_less() {
    let mut index = index();
    set(&mut index, vec![("a", holds(&[("x", 1), ("y", 1)]))]);
    let both = set(&mut index, vec![("a", broken(holds(&[]), Some(id("x")), "oops"))]);
    assert_eq!(both, ["x ! oops", "y ! oops"]);
    // A copy in a later file does not take over while the first is broken.
    assert_eq!(set(&mut index, vec![("b", holds(&[("x", 0)]))]), Vec::<String>::new());
    // Once all of it is understood, what is missing is meant to be.
    let repaired = set(&mut index, vec![("a", holds(&[("x", 2)]))]);
    let duplicate = "b:1:1: the object is declared once more here, which is ignored (the first file by name counts: remove \
                     or rename one of them)";
    assert_eq!(repaired, [format!("x = 2 {duplicate}")]);
    assert_eq!(set(&mut index, vec![]), ["y gone"]);
}

/// A document that is none of what is known.
fn strange(mut contents: Contents, is_rule_like: bool) -> Contents {
    let finding = Finding::error(NOT_UNDERSTOOD, "what is it");
    contents.broken.push(Broken { id: None, is_rule_like, finding });
    contents
}

/// What is remembered of files.
fn remembered(text: &str) -> Option<Declared> {
    Some(serde_json::from_str(text).unwrap())
}

fn hides(index: &mut Index, path: &str, contents: Contents) -> Vec<(String, bool)> {
    let mut bodies = Bodies::new();
    index.set(Path::new(path), contents, &mut bodies);
    let hides = |event: &SourceEvent| match event {
        SourceEvent::Malformed { id, hides, .. } => Some((id.name().to_owned(), *hides)),
        _ => None,
    };
    index.events(bodies).iter().filter_map(hides).collect()
}

#[test]
fn what_is_remembered_of_a_file_protects_after_a_restart() {
    let after_restart = || {
        let mut index = index();
        index.recall(remembered(r#"{"a": ["PrometheusRule ns/x", "PrometheusRule ns/y"], "b": ["?"]}"#));
        index
    };
    // What it declared stays, and nothing else is held.
    for is_rule_like in [true, false] {
        let held = hides(&mut after_restart(), "a", strange(holds(&[]), is_rule_like));
        assert_eq!(held, [("x".to_owned(), false), ("y".to_owned(), false)]);
    }
    let part = set(&mut after_restart(), vec![("a", strange(holds(&[("x", 2)]), true))]);
    assert_eq!(part, ["x = 2", "y ! what is it"]);
    // Nobody knew before what is in this one.
    assert_eq!(hides(&mut after_restart(), "b", strange(holds(&[]), true)), [("b".to_owned(), true)]);
    // Nor all that was in this one.
    let mut index = Index::new(Identities::new(&"files".into()));
    index.recall(remembered(r#"{"d": ["?", "PrometheusRule ns/x"]}"#));
    let both = hides(&mut index, "d", strange(holds(&[]), true));
    assert_eq!(both, [("d".to_owned(), true), ("x".to_owned(), false)]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"d":["?","PrometheusRule ns/x"]}"#);
    // Others are known never to have declared anything: a warning, once.
    let mut index = after_restart();
    let mut bodies = Bodies::new();
    index.set(Path::new("c"), strange(holds(&[]), true), &mut bodies);
    let events = index.events(bodies);
    let [SourceEvent::Upsert(notice)] = events.as_slice() else { panic!("{events:?}") };
    assert!(notice.groups.is_empty() && notice.findings.len() == 1 && !notice.findings[0].is_error());
    assert_eq!(set(&mut index, vec![("c", strange(holds(&[]), true))]), Vec::<String>::new());
    // And a warning is no declaration.
    assert_eq!(index.declared(), Declared::default());
    // A file that was deleted is another when it comes again.
    let mut index = after_restart();
    set(&mut index, vec![("a", holds(&[("x", 2), ("y", 1)]))]);
    index.remove(Path::new("a"));
    set(&mut index, vec![]);
    assert_eq!(set(&mut index, vec![]), ["x gone", "y gone"]);
    assert_eq!(hides(&mut index, "a", strange(holds(&[]), true)), []);
    // What is understood is believed at once.
    let mut index = after_restart();
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 2)]))]), ["x = 2"]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["PrometheusRule ns/x"]}"#);
}

#[test]
fn without_memory_what_may_be_rules_hides_them_until_it_is_understood_once() {
    let mut index = index();
    assert_eq!(hides(&mut index, "a", strange(holds(&[]), true)), [("a".to_owned(), true)]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["?"]}"#);
    assert_eq!(hides(&mut index, "b", strange(holds(&[]), false)), []);
    index.complete();
    assert_eq!(hides(&mut index, "c", strange(holds(&[]), true)), [], "it was not there before");
    assert_eq!(set(&mut index, vec![("a", holds(&[("x", 1)]))]), ["x = 1"]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["PrometheusRule ns/x"]}"#);
    assert_eq!(set(&mut index, vec![]), ["a gone"]);
    assert_eq!(hides(&mut index, "a", strange(holds(&[]), true)), [("x".to_owned(), false)]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["PrometheusRule ns/x"]}"#);
}

#[test]
fn an_object_that_moves_out_of_a_file_that_breaks_is_taken_from_where_it_is() {
    let mut index = index();
    index.recall(remembered(r#"{"a": ["PrometheusRule ns/x", "PrometheusRule ns/y"]}"#));
    let moved = set(&mut index, vec![("a", strange(holds(&[]), true)), ("b", holds(&[("x", 2)]))]);
    assert_eq!(moved, ["x = 2", "y ! what is it"]);
}

/// A part of the rule file of a name, with one group.
fn part(name: &str, group: &str) -> Contents {
    let id = Identities::new(&"files".into()).rule_file(name);
    let group = DeclaredGroup { name: group.to_owned(), ..DeclaredGroup::default() };
    let object = RuleObject::new(id, vec![group]);
    Contents { objects: vec![Read { object, position: Position { line: 1, column: 1 } }], broken: Vec::new() }
}

fn groups_of(events: &[SourceEvent]) -> Vec<(String, Vec<String>)> {
    let of = |event: &SourceEvent| match event {
        SourceEvent::Upsert(object) => {
            let groups = object.groups.iter().map(|group| group.name.clone());
            (object.id.name().to_owned(), groups.collect())
        }
        SourceEvent::Renamed { id, to } => {
            (format!("{} is now", id.name()), to.iter().map(|to| to.name().to_owned()).collect())
        }
        other => (format!("{other:?}"), Vec::new()),
    };
    events.iter().map(of).collect()
}

fn look(index: &mut Index, files: Vec<(&str, Contents)>) -> Vec<(String, Vec<String>)> {
    let mut bodies = Bodies::new();
    for (path, contents) in files {
        index.set(Path::new(path), contents, &mut bodies);
    }
    groups_of(&index.events(bodies))
}

fn said(name: &str, groups: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), groups.iter().map(|group| (*group).to_owned()).collect())
}

#[test]
fn rule_files_of_one_name_are_one_object() {
    let mut index = index();
    let both = look(&mut index, vec![("b", part("one", "h")), ("a", part("one", "g"))]);
    assert_eq!(both, [said("one", &["g", "h"])]);
    // One of them changes: the other is wanted, too.
    let mut bodies = Bodies::new();
    index.set(Path::new("b"), part("one", "i"), &mut bodies);
    assert_eq!(index.wanted(&bodies), [PathBuf::from("a")].into());
    index.set(Path::new("a"), part("one", "g"), &mut bodies);
    assert_eq!(groups_of(&index.events(bodies)), [said("one", &["g", "i"])]);
    // Where one is broken, nobody knows which groups are meant to be there.
    assert_eq!(hides(&mut index, "b", strange(holds(&[]), true)), [("one".to_owned(), false)]);
}

#[test]
fn another_name_is_no_vanishing() {
    let mut index = index();
    look(&mut index, vec![("a", part("a", "g")), ("p", part("p", "h"))]);
    assert_eq!(look(&mut index, vec![("a", part("one", "g"))]), [said("one", &["g"])]);
    assert_eq!(look(&mut index, vec![]), [said("a is now", &["one"])]);
    // The same for a file's own name.
    index.remove(Path::new("p"));
    assert_eq!(look(&mut index, vec![("q", part("q", "h"))]), [said("q", &["h"])]);
    assert_eq!(look(&mut index, vec![]), [said("p is now", &["q"])]);
}

proptest! {
    /// Whatever happens to the files, once it is quiet the engine knows exactly what they hold, and each object
    /// comes from the first of them.
    #[test]
    fn ends_with_what_the_files_hold(
        steps in proptest::collection::vec((0usize..3, proptest::option::of(proptest::collection::vec((0usize..4, 0u8..3), 0..4)), any::<bool>()), 0..25)
    ) {
        const FILES: [&str; 3] = ["a", "b", "c"];
        const NAMES: [&str; 4] = ["w", "x", "y", "z"];
        let mut index = index();
        let mut disk: BTreeMap<&str, Vec<(&str, u8)>> = BTreeMap::new();
        let mut engine: HashMap<String, String> = HashMap::new();
        let mut look = |index: &mut Index, disk: &BTreeMap<&str, Vec<(&str, u8)>>, changed: Option<&str>| {
            let mut bodies = Bodies::new();
            let mut pending: Vec<String> = changed.into_iter().map(str::to_owned).collect();
            for _ in 0..3 {
                for path in pending.drain(..) {
                    match disk.get(path.as_str()) {
                        Some(objects) => index.set(Path::new(&path), holds(objects), &mut bodies),
                        None => index.remove(Path::new(&path)),
                    }
                }
                pending = index.wanted(&bodies).iter().map(|path| shown(path)).collect();
            }
            for event in index.events(bodies) {
                match event {
                    SourceEvent::Upsert(object) => drop(engine.insert(object.id.name().into(), object.groups[0].name.clone())),
                    SourceEvent::Delete(id) => assert!(engine.remove(id.name()).is_some(), "deleted what was never said"),
                    SourceEvent::Renamed { id, to } => {
                        assert!(engine.remove(id.name()).is_some(), "renamed what was never said");
                        assert!(!to.is_empty() && to.iter().all(|to| engine.contains_key(to.name())), "to what is not there");
                    }
                    other => panic!("{other:?}"),
                }
            }
            engine.clone()
        };
        for (file, objects, at_once) in steps {
            let file = FILES[file];
            match objects {
                Some(objects) => drop(disk.insert(file, objects.iter().map(|(name, version)| (NAMES[*name], *version)).collect())),
                None => drop(disk.remove(file)),
            }
            look(&mut index, &disk, Some(file));
            if !at_once {
                look(&mut index, &disk, None);
            }
        }
        look(&mut index, &disk, None);
        let known = look(&mut index, &disk, None);
        prop_assert!(!index.is_unsure());
        let mut expected = HashMap::new();
        for (name, version) in disk.values().flatten() {
            expected.entry((*name).to_owned()).or_insert(version.to_string());
        }
        prop_assert_eq!(known, expected);
    }
}
