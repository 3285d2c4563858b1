//! From writes to files: the changes of each namespace put together, and its file changed once. It blocks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rulesync_core::{Group, RulerError};

use crate::directory::{Directory, Held};
use crate::rule_file::{Change, encode, parse};

/// A change and the namespace it is in.
pub(crate) type Wanted = Arc<(String, Change)>;

/// The names of groups with those of their rules. Groups without rules are left out: not every server shows them.
pub(crate) type Contents = BTreeMap<String, Vec<String>>;

/// What is in the directory for the time being, to be kept or taken back.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// What each changed namespace should hold now.
    pub(crate) namespaces: BTreeMap<String, Contents>,
    /// Writes that could not be staged, by their index.
    pub(crate) failed: Vec<(usize, RulerError)>,
}

/// Stages writes. Namespaces that would not change are left out; one that cannot be changed fails its own writes only.
pub(crate) fn stage(directory: &Directory, writes: &[(usize, Wanted)]) -> Staged {
    let mut by_namespace: BTreeMap<&str, Vec<&(usize, Wanted)>> = BTreeMap::new();
    for write in writes {
        by_namespace.entry(&write.1.0).or_default().push(write);
    }
    let mut staged = Staged::default();
    for (namespace, writes) in by_namespace {
        let changes = writes.iter().map(|(_, wanted)| &wanted.1);
        match stage_namespace(directory, namespace, changes) {
            Ok(Some(contents)) => {
                staged.namespaces.insert(namespace.to_owned(), contents);
            }
            Ok(None) => {}
            Err(error) => staged.failed.extend(writes.iter().map(|(index, _)| (*index, error.clone()))),
        }
    }
    if !staged.namespaces.is_empty()
        && let Err(error) = directory.sync()
    {
        tracing::warn!(%error, "the directory cannot be synced: a power cut may undo the last changes");
    }
    staged
}

fn stage_namespace<'a>(
    directory: &Directory,
    namespace: &str,
    mut changes: impl Iterator<Item = &'a Change> + Clone,
) -> Result<Option<Contents>, RulerError> {
    let (former, mut groups) = match directory.read(namespace)? {
        Held::Nothing => (None, Vec::new()),
        Held::Ours(text) => {
            let groups = parse(&text).unwrap_or_else(|error| {
                tracing::warn!(namespace, %error, "a rule file of ours was damaged, and is written anew");
                Vec::new()
            });
            (Some(text), groups)
        }
        // Nothing of ours is in there to be deleted.
        Held::Foreign if !changes.any(|change| matches!(change, Change::Put(_))) => return Ok(None),
        Held::Foreign => return Err(directory.protected(namespace)),
    };
    changes.for_each(|change| change.apply(&mut groups));
    let text = if groups.is_empty() {
        None
    } else {
        let rejected = |error: rulesync_http::DocumentError| RulerError::Rejected {
            message: error.to_string(),
            rule: None,
        };
        Some(encode(&groups).map_err(rejected)?)
    };
    if text.as_deref().map(str::as_bytes) == former.as_deref() {
        return Ok(None);
    }
    if let Err(error) = directory.stage(namespace, text.as_deref()) {
        directory.restore(namespace)?;
        return Err(error);
    }
    Ok(Some(contents(&groups)))
}

/// Ends what was staged: some namespaces are kept, the others taken back.
pub(crate) fn end<'a>(
    directory: &Directory,
    namespaces: impl Iterator<Item = &'a String>,
    keep: impl Fn(&str) -> bool,
) -> Result<(), RulerError> {
    let mut result = Ok(());
    for namespace in namespaces {
        let ended = if keep(namespace) { directory.keep(namespace) } else { directory.restore(namespace) };
        // The others must not stay as they are because of one.
        result = result.and(ended);
    }
    result.and_then(|()| directory.sync())
}

fn contents(groups: &[Group]) -> Contents {
    let named = |group: &Group| {
        let rules = group.rules.iter().map(|rule| rule.name().to_owned()).collect();
        (group.name.clone(), rules)
    };
    groups.iter().filter(|group| !group.rules.is_empty()).map(named).collect()
}

/// The namespaces whose loaded groups are not what was staged.
pub(crate) fn not_loaded(staged: &Staged, loaded: &HashMap<String, Contents>) -> Vec<String> {
    let (namespaces, nothing) = (staged.namespaces.iter(), Contents::new());
    let differ = |(namespace, contents): (&String, &Contents)| {
        let there = loaded.get(namespace).unwrap_or(&nothing);
        (there != contents).then(|| namespace.clone())
    };
    namespaces.filter_map(differ).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule_file::MARK;

    fn put(namespace: &str, name: &str) -> Wanted {
        let group: Group =
            serde_json::from_str(&format!(r#"{{"name":"{name}","rules":[{{"record":"r","expr":"1"}}]}}"#))
                .unwrap();
        Arc::new((namespace.to_owned(), Change::Put(Box::new(group))))
    }

    fn delete(namespace: &str, name: &str) -> Wanted {
        Arc::new((namespace.to_owned(), Change::Delete(name.to_owned())))
    }

    fn all(writes: Vec<Wanted>) -> Vec<(usize, Wanted)> {
        writes.into_iter().enumerate().collect()
    }

    #[test]
    fn a_namespace_is_changed_once_and_only_if_it_changes() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::new(temporary.path().to_owned());
        let writes = all(vec![put("a", "g"), put("b", "g"), put("a", "h"), delete("c", "g")]);
        let staged = stage(&directory, &writes);
        assert!(staged.failed.is_empty());
        let names: Vec<_> = staged.namespaces["a"].keys().map(String::as_str).collect();
        assert_eq!((staged.namespaces.len(), names), (2, vec!["g", "h"]));
        end(&directory, staged.namespaces.keys(), |_| true).unwrap();
        assert!(stage(&directory, &writes).namespaces.is_empty(), "nothing is left to change");
        let staged = stage(&directory, &all(vec![delete("a", "g"), delete("a", "h"), put("b", "h")]));
        assert_eq!(directory.read("a").unwrap(), Held::Nothing);
        end(&directory, staged.namespaces.keys(), |namespace| namespace == "b").unwrap();
        assert!(matches!(directory.read("a").unwrap(), Held::Ours(_)), "taken back");
        let loaded = HashMap::from([("b".to_owned(), staged.namespaces["b"].clone())]);
        assert_eq!(not_loaded(&staged, &loaded), [""; 0], "nothing of `a` should be loaded");
        assert_eq!(not_loaded(&staged, &HashMap::new()), ["b"]);
    }

    #[test]
    fn foreign_and_damaged_files() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::new(temporary.path().to_owned());
        std::fs::write(temporary.path().join("theirs.yaml"), "groups: []\n").unwrap();
        std::fs::write(temporary.path().join("damaged.yaml"), format!("{MARK}groups: [")).unwrap();
        let staged =
            stage(&directory, &all(vec![put("theirs", "g"), put("ours", "g"), delete("theirs", "g")]));
        let failed: Vec<_> = staged.failed.iter().map(|(index, error)| (*index, error.class())).collect();
        assert_eq!(failed, [(0, "protected"), (2, "protected")]);
        assert!(staged.namespaces.contains_key("ours"));
        assert!(stage(&directory, &all(vec![delete("theirs", "g")])).failed.is_empty());
        let staged = stage(&directory, &all(vec![delete("damaged", "?")]));
        assert!(staged.namespaces["damaged"].is_empty());
        assert_eq!(directory.read("damaged").unwrap(), Held::Nothing);
    }
}
