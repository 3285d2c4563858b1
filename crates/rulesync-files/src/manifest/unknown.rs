//! Keys that no rule has: most likely misspelt, so that what they say is not heard. Kubernetes tells who applies such an
//! object; for a file nobody else does.

use std::path::Path;

use rulesync_core::{DeclaredGroup, Finding, Place};
use serde::de::DeserializeOwned;

use crate::document::Document;
use crate::identity::shown;
use crate::yaml::{self, Problem};

/// A key that was not read: the keys and indices that lead to it, itself last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key(Vec<String>);

/// So many of an object's unknown keys are told; the author mends one and sees the next.
const MOST: usize = 20;

/// Reads a document, and which of its keys were of no use for that.
pub(super) fn read<T: DeserializeOwned>(document: Document<'_>) -> Result<(T, Vec<Key>), Problem> {
    let mut unknown = Vec::new();
    serde_saphyr::with_deserializer_from_str_with_options(
        document.text,
        yaml::options(document.text),
        |deserializer| serde_ignored::deserialize(deserializer, |path| unknown.push(Key(steps(&path)))),
    )
    .map(|value| (value, unknown))
    .map_err(|error| yaml::problem(document, &error))
}

fn steps(path: &serde_ignored::Path<'_>) -> Vec<String> {
    use serde_ignored::Path;
    let (parent, step) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(index.to_string())),
        Path::Map { parent, key } => (parent, Some(key.clone())),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            (parent, None)
        }
    };
    let mut steps = steps(parent);
    steps.extend(step);
    steps
}

impl Key {
    /// The way to it from below these keys; none if it is elsewhere.
    pub(super) fn below(&self, keys: &[&str]) -> Option<&[String]> {
        let (start, rest) = self.0.split_at_checked(keys.len())?;
        (start == keys).then_some(rest)
    }
}

/// Warnings of unknown keys among these groups and beside them.
pub(super) fn findings<'k>(
    unknown: impl Iterator<Item = &'k [String]>,
    groups: &[DeclaredGroup],
    file: &Path,
) -> Vec<Finding> {
    unknown.take(MOST).map(|way| finding(way, groups, file)).collect()
}

fn finding(way: &[String], groups: &[DeclaredGroup], file: &Path) -> Finding {
    let mut place = Place { file: Some(shown(file)), ..Place::default() };
    let (key, of) = match way {
        [list, group, way @ ..] if list == "groups" => {
            let group = group.parse().ok().and_then(|index: usize| groups.get(index));
            place.group = group.map(|group| group.name.clone());
            match way {
                [list, rule, way @ ..] if list == "rules" => {
                    place.rule = rule.parse().ok();
                    let rule =
                        group.zip(place.rule).and_then(|(group, rule)| group.rules.as_ref()?.get(rule));
                    place.rule_name =
                        rule.and_then(|rule| rule.alert.clone().or_else(|| rule.record.clone()));
                    (way.join("."), "of a rule")
                }
                way => (way.join("."), "of a group"),
            }
        }
        way => (way.join("."), "beside `groups`"),
    };
    Finding::warning("unknown-key", format!("`{key}` is not a key {of}, and has no effect"))
        .at(place)
        .hint("is it misspelt?")
}
