//! The keys of a mapping as go-yaml decodes them into a struct or a map of strings: keys are strings, merge keys are
//! resolved, and no key is declared twice.

use std::collections::{HashMap, HashSet};

use super::problem::Problem;
use super::scalar::{Scalar, Text};
use super::tree::{Node, Shape};

/// The maximum depth of merged mappings that merge others.
const MAX_MERGE_DEPTH: usize = 100;

/// A mapping with strings as keys.
#[derive(Debug, Default)]
pub(crate) struct Mapping<'t> {
    /// Its own keys in the order of the text, followed by the merged ones.
    pub(crate) pairs: Vec<Pair<'t>>,
    /// The errors of go-yaml: keys that are declared twice or are not strings, and merges of values that are not
    /// mappings.
    pub(crate) problems: Vec<Problem>,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Pair<'t> {
    pub(crate) key: Text<'t>,
    /// The node of the key.
    pub(crate) at: Node<'t>,
    pub(crate) value: Node<'t>,
}

impl<'t> Mapping<'t> {
    /// Reads the keys of a node; `None` if it is not a mapping.
    pub(crate) fn of(node: Node<'t>) -> Option<Self> {
        (node.shape() == Shape::Mapping).then(|| {
            let mut mapping = Self::default();
            let mut seen = HashSet::new();
            mapping.fill(node, &mut seen, 0);
            mapping
        })
    }

    /// Returns a key with its value.
    pub(crate) fn get(&self, key: &str) -> Option<&Pair<'t>> {
        self.pairs.iter().find(|pair| pair.key == key)
    }

    /// Returns the value of a key, if it is present and not null.
    pub(crate) fn value(&self, key: &str) -> Option<Node<'t>> {
        self.get(key).map(|pair| pair.value).filter(|value| !value.is_null())
    }

    /// Adds the keys of a node that are not in `seen`, which contains all keys so far.
    fn fill(&mut self, node: Node<'t>, seen: &mut HashSet<Text<'t>>, depth: usize) {
        let mut merges = Vec::new();
        let mut own = HashMap::new();
        for (key, value) in node.pairs() {
            if key.is_merge() {
                merges.push((key, value));
                continue;
            }
            let text = match key.text() {
                Scalar::Value(text) => text,
                Scalar::Null => continue,
                Scalar::Other(what) => {
                    self.problem(key, format!("a key is {what}, and must be a string"));
                    continue;
                }
            };
            if let Some(line) = own.insert(text.clone(), key.position().line) {
                self.problem(key, format!("the key `{text}` is declared twice, first on line {line}"));
                continue;
            }
            if seen.insert(text.clone()) {
                self.pairs.push(Pair { key: text, at: key, value });
            }
        }
        if merges.len() > 1
            && let Some((key, _)) = merges.get(1)
        {
            self.problem(*key, "the key `<<` is declared twice".to_owned());
        }
        for (key, value) in merges.into_iter().take(1) {
            match value.shape() {
                _ if depth >= MAX_MERGE_DEPTH => {
                    self.problem(key, "merged mappings are nested too deeply".to_owned());
                }
                Shape::Mapping => self.fill(value, seen, depth + 1),
                Shape::Sequence if value.children().all(|item| item.shape() == Shape::Mapping) => {
                    value.children().for_each(|item| self.fill(item, seen, depth + 1));
                }
                _ => self.problem(key, "`<<` must be a mapping, or a list of mappings".to_owned()),
            }
        }
    }

    fn problem(&mut self, at: Node<'_>, message: String) {
        self.problems.push(Problem { message, position: at.position() });
    }
}
