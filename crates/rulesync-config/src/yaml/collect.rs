//! Reading on after a mistake. serde stops at the first one, so a value is read again without it, until it can be read.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::decode::{Decoder, Repairs};
use super::fault::Reason;
use super::path::Path;
use super::tree::{Content, Node};

/// A mistake in the structure of a document.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) path: Path,
    pub(crate) kind: MistakeKind,
}

#[derive(Debug)]
pub(crate) enum MistakeKind {
    /// A key that nothing reads, beside those that are read.
    UnknownKey(&'static [&'static str]),
    /// A key that occurs again; its position is that of the `occurrence` of all its mapping's entries.
    RepeatedKey { occurrence: usize },
    /// A required key of the mapping at the path is missing.
    MissingKey(&'static str),
    /// A word that is none of these.
    UnknownValue(String, &'static [&'static str]),
    /// Anything else, as a message.
    Other(String),
}

/// The mistakes that are looked for in one document.
const MAX_MISTAKES: usize = 100;

/// Reads a value as far as possible. `omitted` is not read. Returns the value, in which what was wrong is empty or
/// absent; all mistakes; and the paths of what is not as written. The value is absent where nothing stands for it.
pub(crate) fn collect<T: DeserializeOwned>(
    root: &Node,
    omitted: BTreeSet<Path>,
) -> (Option<T>, Vec<Mistake>, BTreeSet<Path>) {
    let mut repairs = Repairs { omitted, ..Repairs::default() };
    let mut mistakes = Vec::new();
    repeated_keys(root, &Path::default(), &mut mistakes);
    let mut value = None;
    for _ in 0..MAX_MISTAKES {
        let fault = match T::deserialize(Decoder::new(root, &repairs)) {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(fault) => fault,
        };
        let path = fault.path.unwrap_or_default();
        match fault.reason {
            Reason::Missing(key) => {
                let place = path.key(key);
                if !repairs.contain(&place) {
                    mistakes.push(Mistake { path, kind: MistakeKind::MissingKey(key) });
                }
                if !repairs.filled.insert(place) {
                    break;
                }
            }
            // Nothing stands for a value that was left out or filled in: what contains it is left out as well.
            _ if repairs.contain(&path) => {
                let Some(around) = path.parents().find(|parent| !repairs.omitted.contains(parent)) else {
                    break;
                };
                repairs.omitted.insert(around);
            }
            reason => {
                repairs.omitted.insert(path.clone());
                let kind = match reason {
                    Reason::UnknownKey(known) => MistakeKind::UnknownKey(known),
                    Reason::Unknown(word, known) => MistakeKind::UnknownValue(word, known),
                    other => MistakeKind::Other(other.to_string()),
                };
                mistakes.push(Mistake { path, kind });
            }
        }
    }
    for (path, known) in repairs.unknown.take() {
        mistakes.push(Mistake { path, kind: MistakeKind::UnknownKey(known) });
    }
    let mut damaged = repairs.omitted;
    damaged.extend(repairs.filled);
    (value, mistakes, damaged)
}

impl Repairs {
    /// Returns whether a value, or something that contains it, was left out or filled in.
    fn contain(&self, path: &Path) -> bool {
        self.filled.iter().chain(&self.omitted).any(|known| known.contains(path))
    }
}

fn repeated_keys(node: &Node, path: &Path, mistakes: &mut Vec<Mistake>) {
    match &node.content {
        Content::Scalar(_) => {}
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                repeated_keys(item, &path.item(index), mistakes);
            }
        }
        Content::Mapping(entries) => {
            let mut seen = BTreeSet::new();
            for (occurrence, entry) in entries.iter().enumerate() {
                let path = path.key(&entry.key);
                if seen.insert(&entry.key) {
                    repeated_keys(&entry.value, &path, mistakes);
                } else {
                    mistakes.push(Mistake { path, kind: MistakeKind::RepeatedKey { occurrence } });
                }
            }
        }
    }
}

/// Returns the keys of a structure, as serde reads them.
#[cfg(test)]
pub(crate) fn fields_of<T: DeserializeOwned>() -> Vec<&'static str> {
    use super::tree::{Entry, Meaning, Position, Scalar};

    let position = Position { line: 1, column: 1 };
    let scalar = Content::Scalar(Scalar { text: String::new(), meaning: Meaning::Null });
    let value = Node { position, content: scalar };
    let entries = vec![Entry { key: "\0".to_owned(), position, value }];
    let root = Node { position, content: Content::Mapping(entries) };
    let repairs = Repairs::default();
    let _ = T::deserialize(Decoder::new(&root, &repairs));
    repairs.unknown.take().first().map(|(_, known)| known.to_vec()).unwrap_or_default()
}
