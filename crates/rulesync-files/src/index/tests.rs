//! Claims against a model that knows everything.

use std::collections::HashMap;

use proptest::prelude::*;
use rulesync_core::{DeclaredGroup, Labels};

use super::*;

fn index() -> Index {
    Index::new(Identities::new(&"files".into()))
}

fn id(name: &str) -> ObjectId {
    Identities::new(&"files".into()).object("PrometheusRule", Some("ns"), name)
}

fn object(name: &str, version: u8) -> RuleObject {
    RuleObject {
        tenant: None,
        uid: None,
        id: id(name),
        created: None,
        labels: Labels::default(),
        annotations: BTreeMap::new(),
        groups: vec![DeclaredGroup { name: version.to_string(), ..DeclaredGroup::default() }],
        findings: Vec::new(),
    }
}

fn holds(objects: &[(&str, u8)]) -> Contents {
    let read = |(line, (name, version)): (usize, &(&str, u8))| Read {
        object: object(name, *version),
        position: Position { line: line + 1, column: 1 },
    };
    Contents { objects: objects.iter().enumerate().map(read).collect(), broken: Vec::new() }
}

fn broken(mut contents: Contents, id: Option<ObjectId>, message: &str) -> Contents {
    contents.broken.push(Broken { id, finding: Finding::error("yaml", message) });
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
    let both = "b, 1:1: the object is declared once more here, which is ignored (the first file by name counts: remove \
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
fn a_broken_object_of_known_name_stands_for_itself() {
    let mut index = index();
    set(&mut index, vec![("a", holds(&[("x", 1), ("y", 1)]))]);
    // The rest could be read, so `y` is really gone.
    assert_eq!(set(&mut index, vec![("a", broken(holds(&[]), Some(id("x")), "oops"))]), ["x ! oops"]);
    assert_eq!(set(&mut index, vec![]), ["y gone"]);
    // A copy in a later file does not take over while the first is broken.
    assert_eq!(set(&mut index, vec![("b", holds(&[("x", 0)]))]), Vec::<String>::new());
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
