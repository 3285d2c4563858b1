//! Applies writes to files: combines the changes of each namespace, and changes its file once. Blocks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rulesync_core::{Group, RulerError};

use crate::directory::{Directory, FileState};
use crate::rule_file::{Change, encode, parse};

/// A change and its namespace.
pub(crate) type Wanted = Arc<(String, Change)>;

/// The names of groups with those of their rules. Groups without rules are omitted: not every server shows them.
pub(crate) type Contents = BTreeMap<String, Vec<String>>;

/// Staged changes in the directory, to be kept or reverted.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// The expected contents of each changed namespace.
    pub(crate) namespaces: BTreeMap<String, Contents>,
    /// Writes that could not be staged, by their index.
    pub(crate) failed: Vec<(usize, RulerError)>,
}

/// Stages writes. Unchanged namespaces are omitted; a namespace that cannot be changed fails only its own writes.
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
        tracing::warn!(%error, "The directory cannot be synced: a power failure may undo the last changes");
    }
    staged
}

fn stage_namespace<'a>(
    directory: &Directory,
    namespace: &str,
    mut changes: impl Iterator<Item = &'a Change> + Clone,
) -> Result<Option<Contents>, RulerError> {
    let (previous, mut groups) = match directory.read(namespace)? {
        FileState::Missing => (None, Vec::new()),
        FileState::Owned(text) => {
            let groups = parse(&text).unwrap_or_else(|error| {
                tracing::warn!(namespace, %error, "An owned rule file was damaged and is rewritten");
                Vec::new()
            });
            (Some(text), groups)
        }
        // A foreign file contains no owned groups to delete.
        FileState::Foreign if !changes.any(|change| matches!(change, Change::Put(_))) => return Ok(None),
        FileState::Foreign => return Err(directory.protected(namespace)),
    };
    changes.for_each(|change| change.apply(&mut groups));
    let text = if groups.is_empty() {
        None
    } else {
        let rejected = |error: rulesync_http::DocumentError| RulerError::rejected(error.to_string());
        Some(encode(&groups).map_err(rejected)?)
    };
    if text.as_deref().map(str::as_bytes) == previous.as_deref() {
        return Ok(None);
    }
    if let Err(error) = directory.stage(namespace, text.as_deref()) {
        directory.restore(namespace)?;
        return Err(error);
    }
    Ok(Some(contents(&groups)))
}

/// Ends staged changes: some namespaces are kept, the others reverted.
pub(crate) fn end<'a>(
    directory: &Directory,
    namespaces: impl Iterator<Item = &'a String>,
    keep: impl Fn(&str) -> bool,
) -> Result<(), RulerError> {
    let mut result = Ok(());
    for namespace in namespaces {
        let ended = if keep(namespace) { directory.keep(namespace) } else { directory.restore(namespace) };
        // An error of one namespace must not affect the others.
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

/// Returns the namespaces whose loaded groups differ from the staged ones.
pub(crate) fn not_loaded(staged: &Staged, loaded: &HashMap<String, Contents>) -> Vec<String> {
    let (namespaces, nothing) = (staged.namespaces.iter(), Contents::new());
    let differing = |(namespace, contents): (&String, &Contents)| {
        let found = loaded.get(namespace).unwrap_or(&nothing);
        (found != contents).then(|| namespace.clone())
    };
    namespaces.filter_map(differing).collect()
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
    fn stage_changes_each_namespace_once() {
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
        assert_eq!(directory.read("a").unwrap(), FileState::Missing);
        end(&directory, staged.namespaces.keys(), |namespace| namespace == "b").unwrap();
        assert!(matches!(directory.read("a").unwrap(), FileState::Owned(_)), "reverted");
        let loaded = HashMap::from([("b".to_owned(), staged.namespaces["b"].clone())]);
        assert_eq!(not_loaded(&staged, &loaded), [""; 0], "nothing of `a` should be loaded");
        assert_eq!(not_loaded(&staged, &HashMap::new()), ["b"]);
    }

    #[test]
    fn stage_protects_foreign_files_and_replaces_damaged_ones() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::new(temporary.path().to_owned());
        std::fs::write(temporary.path().join("foreign.yaml"), "groups: []\n").unwrap();
        std::fs::write(temporary.path().join("damaged.yaml"), format!("{MARK}groups: [")).unwrap();
        let staged =
            stage(&directory, &all(vec![put("foreign", "g"), put("owned", "g"), delete("foreign", "g")]));
        let failed: Vec<_> =
            staged.failed.iter().map(|(index, error)| (*index, error.kind().as_str())).collect();
        assert_eq!(failed, [(0, "protected"), (2, "protected")]);
        assert!(staged.namespaces.contains_key("owned"));
        assert!(stage(&directory, &all(vec![delete("foreign", "g")])).failed.is_empty());
        let staged = stage(&directory, &all(vec![delete("damaged", "?")]));
        assert!(staged.namespaces["damaged"].is_empty());
        assert_eq!(directory.read("damaged").unwrap(), FileState::Missing);
    }
}
