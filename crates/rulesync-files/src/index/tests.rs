//! Tests of the index, including a comparison with a model.

use std::collections::HashMap;

use proptest::prelude::*;
use rulesync_core::finding::Code;
use rulesync_core::model::DeclaredGroup;

use super::*;
use crate::identity::display_path;

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

fn contents(objects: &[(&str, u8)]) -> Contents {
    let read = |(line, (name, version)): (usize, &(&str, u8))| ParsedObject {
        object: object(name, *version),
        position: Position { line: line + 1, column: 1 },
        template: None,
    };
    Contents { objects: objects.iter().enumerate().map(read).collect(), ..Contents::default() }
}

fn with_broken_document(mut contents: Contents, id: Option<ObjectId>, message: &str) -> Contents {
    contents.broken.push(BrokenDocument {
        id,
        is_rule_like: true,
        finding: Finding::error(Code::Yaml, message),
        is_doubtful: false,
        template: None,
    });
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

/// Sets files and renders the events, with the contents of all objects available.
fn set(index: &mut Index, files: Vec<(&str, Contents)>) -> Vec<String> {
    let mut bodies = Bodies::new();
    for (path, contents) in files {
        index.set(Path::new(path), contents, &mut bodies);
    }
    assert_eq!(index.files_to_read(&bodies), BTreeSet::new());
    show(&index.events(bodies))
}

#[test]
fn index_reports_only_changed_objects() {
    let mut index = index();
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 1), ("y", 1)]))]), ["x = 1", "y = 1"]);
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 2), ("y", 1)]))]), ["x = 2"]);
    assert_eq!(set(&mut index, vec![("a", contents(&[("y", 1), ("x", 2)]))]), Vec::<String>::new());
}

#[test]
fn index_deletes_missing_object_at_second_poll() {
    let mut index = index();
    set(&mut index, vec![("a", contents(&[("x", 1)]))]);
    index.remove(Path::new("a"));
    assert_eq!(set(&mut index, vec![]), Vec::<String>::new());
    assert!(index.needs_confirmation());
    // Back before the second poll: no event.
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 1)]))]), Vec::<String>::new());
    assert!(!index.needs_confirmation());
    // Removed permanently.
    assert_eq!(set(&mut index, vec![("a", contents(&[]))]), Vec::<String>::new());
    assert_eq!(set(&mut index, vec![]), ["x gone"]);
    assert!(!index.needs_confirmation());
    assert_eq!(set(&mut index, vec![("b", contents(&[("x", 1)]))]), ["x = 1"]);
}

#[test]
fn index_uses_first_file_and_warns_of_duplicates() {
    let mut index = index();
    let both = "b:1:1: the object is declared again here, and this declaration is ignored (the first file by name is \
                used: remove or rename one of them)";
    assert_eq!(
        set(&mut index, vec![("b", contents(&[("x", 2)])), ("a", contents(&[("x", 1)]))]),
        [format!("x = 1 {both}")]
    );
    // The other file changes: no event.
    assert_eq!(set(&mut index, vec![("b", contents(&[("x", 3)]))]), Vec::<String>::new());
    // The first file is removed: the other one is read.
    index.remove(Path::new("a"));
    assert_eq!(index.files_to_read(&Bodies::new()), [PathBuf::from("b")].into());
    assert_eq!(set(&mut index, vec![("b", contents(&[("x", 3)]))]), ["x = 3"]);
    // Declared twice in one file.
    let twice = set(&mut index, vec![("b", contents(&[("x", 3), ("x", 4)]))]);
    assert_eq!(twice, [format!("x = 3 {}", both.replace("1:1", "2:1"))]);
}

#[test]
fn index_does_not_delete_moved_object() {
    let mut index = index();
    set(&mut index, vec![("a", contents(&[("x", 1)]))]);
    index.remove(Path::new("a"));
    assert_eq!(set(&mut index, vec![("b", contents(&[("x", 1)]))]), Vec::<String>::new());
    assert!(!index.needs_confirmation());
}

#[test]
fn index_keeps_objects_of_unreadable_documents() {
    let mut index = index();
    set(&mut index, vec![("a", contents(&[("x", 1), ("y", 1)]))]);
    // Nothing can be read: both are malformed.
    let all = set(&mut index, vec![("a", with_broken_document(contents(&[]), None, "oops"))]);
    assert_eq!(all, ["x ! oops", "y ! oops"]);
    // One of them can be read: the other must be the broken one.
    let one = set(&mut index, vec![("a", with_broken_document(contents(&[("x", 2)]), None, "oops"))]);
    assert_eq!(one, ["x = 2"]);
    // Repaired, with the same content.
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 2), ("y", 1)]))]), ["y = 1"]);
    // A broken document besides all known objects is new; it is reported for the file until it is repaired.
    let new =
        set(&mut index, vec![("a", with_broken_document(contents(&[("x", 2), ("y", 1)]), None, "oops"))]);
    assert_eq!(new, ["a ! oops"]);
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 2), ("y", 1), ("z", 1)]))]), ["z = 1"]);
    assert_eq!(set(&mut index, vec![]), ["a gone"]);
}

#[test]
fn index_keeps_missing_objects_of_file_with_broken_object() {
    let mut index = index();
    set(&mut index, vec![("a", contents(&[("x", 1), ("y", 1)]))]);
    let both = set(&mut index, vec![("a", with_broken_document(contents(&[]), Some(id("x")), "oops"))]);
    assert_eq!(both, ["x ! oops", "y ! oops"]);
    // A copy in a later file does not take over while the first is broken.
    assert_eq!(set(&mut index, vec![("b", contents(&[("x", 0)]))]), Vec::<String>::new());
    // Once the whole file is understood, a missing object is intentional.
    let repaired = set(&mut index, vec![("a", contents(&[("x", 2)]))]);
    let duplicate = "b:1:1: the object is declared again here, and this declaration is ignored (the first file by name is \
                     used: remove or rename one of them)";
    assert_eq!(repaired, [format!("x = 2 {duplicate}")]);
    assert_eq!(set(&mut index, vec![]), ["y gone"]);
}

/// Adds a document that is not understood.
fn with_unknown_document(mut contents: Contents, is_rule_like: bool) -> Contents {
    let finding = Finding::error(Code::NotUnderstood, "what is it");
    contents.broken.push(BrokenDocument {
        id: None,
        is_rule_like,
        finding,
        is_doubtful: false,
        template: None,
    });
    contents
}

/// Parses stored declarations.
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
fn index_keeps_remembered_objects_after_restart() {
    let after_restart = || {
        let mut index = index();
        index.recall(remembered(r#"{"a": ["PrometheusRule ns/x", "PrometheusRule ns/y"], "b": ["?"]}"#));
        index
    };
    // Objects that it declared are kept, and no other deletes are held.
    for is_rule_like in [true, false] {
        let held = hides(&mut after_restart(), "a", with_unknown_document(contents(&[]), is_rule_like));
        assert_eq!(held, [("x".to_owned(), false), ("y".to_owned(), false)]);
    }
    let part = set(&mut after_restart(), vec![("a", with_unknown_document(contents(&[("x", 2)]), true))]);
    assert_eq!(part, ["x = 2", "y ! what is it"]);
    // The objects of this file were unknown before.
    assert_eq!(
        hides(&mut after_restart(), "b", with_unknown_document(contents(&[]), true)),
        [("b".to_owned(), true)]
    );
    // Only a part of the objects of this file was known.
    let mut index = Index::new(Identities::new(&"files".into()));
    index.recall(remembered(r#"{"d": ["?", "PrometheusRule ns/x"]}"#));
    let both = hides(&mut index, "d", with_unknown_document(contents(&[]), true));
    assert_eq!(both, [("d".to_owned(), true), ("x".to_owned(), false)]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"d":["?","PrometheusRule ns/x"]}"#);
    // Other files are known never to have declared anything: a warning, once.
    let mut index = after_restart();
    let mut bodies = Bodies::new();
    index.set(Path::new("c"), with_unknown_document(contents(&[]), true), &mut bodies);
    let events = index.events(bodies);
    let [SourceEvent::Upsert(notice)] = events.as_slice() else { panic!("{events:?}") };
    assert!(notice.groups.is_empty() && notice.findings.len() == 1 && !notice.findings[0].is_error());
    assert_eq!(
        set(&mut index, vec![("c", with_unknown_document(contents(&[]), true))]),
        Vec::<String>::new()
    );
    // A warning is not a declaration.
    assert_eq!(index.declared(), Declared::default());
    // A file that is deleted and created again starts without declarations.
    let mut index = after_restart();
    set(&mut index, vec![("a", contents(&[("x", 2), ("y", 1)]))]);
    index.remove(Path::new("a"));
    set(&mut index, vec![]);
    assert_eq!(set(&mut index, vec![]), ["x gone", "y gone"]);
    assert_eq!(hides(&mut index, "a", with_unknown_document(contents(&[]), true)), []);
    // A file that is understood is trusted at once.
    let mut index = after_restart();
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 2)]))]), ["x = 2"]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["PrometheusRule ns/x"]}"#);
}

#[test]
fn index_without_memory_holds_deletes_until_file_is_understood() {
    let mut index = index();
    assert_eq!(hides(&mut index, "a", with_unknown_document(contents(&[]), true)), [("a".to_owned(), true)]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["?"]}"#);
    assert_eq!(hides(&mut index, "b", with_unknown_document(contents(&[]), false)), []);
    index.mark_complete();
    assert_eq!(hides(&mut index, "c", with_unknown_document(contents(&[]), true)), [], "the file is new");
    assert_eq!(set(&mut index, vec![("a", contents(&[("x", 1)]))]), ["x = 1"]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["PrometheusRule ns/x"]}"#);
    assert_eq!(set(&mut index, vec![]), ["a gone"]);
    assert_eq!(hides(&mut index, "a", with_unknown_document(contents(&[]), true)), [("x".to_owned(), false)]);
    assert_eq!(serde_json::to_string(&index.declared()).unwrap(), r#"{"a":["PrometheusRule ns/x"]}"#);
}

#[test]
fn index_reads_object_moved_out_of_broken_file_from_new_file() {
    let mut index = index();
    index.recall(remembered(r#"{"a": ["PrometheusRule ns/x", "PrometheusRule ns/y"]}"#));
    let moved = set(
        &mut index,
        vec![("a", with_unknown_document(contents(&[]), true)), ("b", contents(&[("x", 2)]))],
    );
    assert_eq!(moved, ["x = 2", "y ! what is it"]);
}

/// A part of the rule file with this name, with one group.
fn rule_file_part(name: &str, group: &str) -> Contents {
    let id = Identities::new(&"files".into()).rule_file(name);
    let group = DeclaredGroup { name: group.to_owned(), ..DeclaredGroup::default() };
    let object = RuleObject::new(id, vec![group]);
    Contents {
        objects: vec![ParsedObject { object, position: Position { line: 1, column: 1 }, template: None }],
        ..Contents::default()
    }
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

fn poll(index: &mut Index, files: Vec<(&str, Contents)>) -> Vec<(String, Vec<String>)> {
    let mut bodies = Bodies::new();
    for (path, contents) in files {
        index.set(Path::new(path), contents, &mut bodies);
    }
    groups_of(&index.events(bodies))
}

fn expected(name: &str, groups: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), groups.iter().map(|group| (*group).to_owned()).collect())
}

#[test]
fn index_joins_rule_files_of_one_name() {
    let mut index = index();
    let both = poll(&mut index, vec![("b", rule_file_part("one", "h")), ("a", rule_file_part("one", "g"))]);
    assert_eq!(both, [expected("one", &["g", "h"])]);
    // One of them changes: the other must be read, too.
    let mut bodies = Bodies::new();
    index.set(Path::new("b"), rule_file_part("one", "i"), &mut bodies);
    assert_eq!(index.files_to_read(&bodies), [PathBuf::from("a")].into());
    index.set(Path::new("a"), rule_file_part("one", "g"), &mut bodies);
    assert_eq!(groups_of(&index.events(bodies)), [expected("one", &["g", "i"])]);
    // If one is broken, the intended groups are unknown.
    assert_eq!(
        hides(&mut index, "b", with_unknown_document(contents(&[]), true)),
        [("one".to_owned(), false)]
    );
}

#[test]
fn index_reports_renames() {
    let mut index = index();
    poll(&mut index, vec![("a", rule_file_part("a", "g")), ("p", rule_file_part("p", "h"))]);
    assert_eq!(poll(&mut index, vec![("a", rule_file_part("one", "g"))]), [expected("one", &["g"])]);
    assert_eq!(poll(&mut index, vec![]), [expected("a is now", &["one"])]);
    // The same for a renamed file.
    index.remove(Path::new("p"));
    assert_eq!(poll(&mut index, vec![("q", rule_file_part("q", "h"))]), [expected("q", &["h"])]);
    assert_eq!(poll(&mut index, vec![]), [expected("p is now", &["q"])]);
}

proptest! {
    /// After any sequence of file changes, the engine finally knows exactly the objects of the files, and each object
    /// is read from the first file.
    #[test]
    fn index_converges_to_file_contents(
        steps in proptest::collection::vec((0usize..3, proptest::option::of(proptest::collection::vec((0usize..4, 0u8..3), 0..4)), any::<bool>()), 0..25)
    ) {
        const FILES: [&str; 3] = ["a", "b", "c"];
        const NAMES: [&str; 4] = ["w", "x", "y", "z"];
        let mut index = index();
        let mut disk: BTreeMap<&str, Vec<(&str, u8)>> = BTreeMap::new();
        let mut engine: HashMap<String, String> = HashMap::new();
        let mut poll = |index: &mut Index, disk: &BTreeMap<&str, Vec<(&str, u8)>>, changed: Option<&str>| {
            let mut bodies = Bodies::new();
            let mut pending: Vec<String> = changed.into_iter().map(str::to_owned).collect();
            for _ in 0..3 {
                for path in pending.drain(..) {
                    match disk.get(path.as_str()) {
                        Some(objects) => index.set(Path::new(&path), contents(objects), &mut bodies),
                        None => index.remove(Path::new(&path)),
                    }
                }
                pending = index.files_to_read(&bodies).iter().map(|path| display_path(path)).collect();
            }
            for event in index.events(bodies) {
                match event {
                    SourceEvent::Upsert(object) => drop(engine.insert(object.id.name().into(), object.groups[0].name.clone())),
                    SourceEvent::Delete(id) => assert!(engine.remove(id.name()).is_some(), "deleted an unknown object"),
                    SourceEvent::Renamed { id, to } => {
                        assert!(engine.remove(id.name()).is_some(), "renamed an unknown object");
                        assert!(!to.is_empty() && to.iter().all(|to| engine.contains_key(to.name())), "renamed to an unknown object");
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
            poll(&mut index, &disk, Some(file));
            if !at_once {
                poll(&mut index, &disk, None);
            }
        }
        poll(&mut index, &disk, None);
        let known = poll(&mut index, &disk, None);
        prop_assert!(!index.needs_confirmation());
        let mut expected = HashMap::new();
        for (name, version) in disk.values().flatten() {
            expected.entry((*name).to_owned()).or_insert(version.to_string());
        }
        prop_assert_eq!(known, expected);
    }
}
