//! YAML of the configuration API: groups to bodies, and pieces of lists to groups.

use std::collections::BTreeMap;

use rulesync_core::Group;
use serde::Deserialize;
use serde_saphyr::Options;

/// A document that is not what the API should answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DocumentError(String);

/// A group as a ruler takes it: YAML that Go's reader reads the same way.
///
/// # Errors
///
/// None is known: it would be a defect of rulesync.
pub fn encode_group(group: &Group) -> Result<String, DocumentError> {
    // Folding long lines would cost time and make the server's positions useless to the author.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(group, options).map_err(|error| DocumentError(error.to_string()))
}

/// A list of namespaces, or a piece of one.
pub(crate) fn parse_namespaces(text: &[u8]) -> Result<BTreeMap<String, Vec<Group>>, DocumentError> {
    let namespaces: Option<BTreeMap<String, Option<Vec<Group>>>> = parse(text)?;
    Ok(namespaces
        .unwrap_or_default()
        .into_iter()
        .map(|(name, groups)| (name, groups.unwrap_or_default()))
        .collect())
}

/// A single group.
pub(crate) fn parse_group(text: &[u8]) -> Result<Group, DocumentError> {
    parse(text)
}

/// The namespace a piece of a list is about, read without the groups below it.
pub(crate) fn namespace_of(piece: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(piece).ok()?;
    // Plain keys are nearly all there are; parsing the first line alone serves the quoted ones.
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    let key = first.strip_suffix(':').or_else(|| first.split_once(": ").map(|(key, _)| key))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    if key.bytes().all(plain)
        && key.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && key.contains('.')
    {
        return Some(key.to_owned());
    }
    let map: BTreeMap<String, Option<String>> = parse(format!("{key}:\n").as_bytes()).ok()?;
    map.into_keys().next()
}

/// The names of the groups of a namespace, for a document that cannot be parsed whole.
pub(crate) fn group_names(piece: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let text = String::from_utf8_lossy(piece);
    let named = |line: &str| {
        let item = line.strip_prefix("    - ")?;
        item.starts_with("name:").then(|| parse::<Named>(item.as_bytes()).ok())?
    };
    text.lines().filter_map(named).map(|group| group.name).collect()
}

fn parse<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, DocumentError> {
    let text = std::str::from_utf8(text).map_err(|error| DocumentError(error.to_string()))?;
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| DocumentError(first_line(&error)))
}

/// As Go reads it, with room for the largest groups.
fn options() -> Options {
    let budget = serde_saphyr::budget! {
        max_nodes: 5_000_000,
        max_events: 20_000_000,
        max_total_scalar_bytes: 256 << 20,
    };
    serde_saphyr::options! {
        budget: budget,
        strict_booleans: true,
        legacy_octal_numbers: true,
        emit_comments: false,
    }
}

fn first_line(error: &serde_saphyr::Error) -> String {
    error.without_snippet().to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use rulesync_core::{PromDuration, Rule};

    use super::*;

    #[test]
    fn a_body_reads_back() {
        let rule = Rule {
            alert: "A".into(),
            expr: "up == 0\n  # comment\n  or yes: no".into(),
            hold: PromDuration::from_millis(90_000),
            labels: [("n", "1"), ("y", "yes"), ("z", ""), ("=", "<<"), ("o", "012")]
                .into_iter()
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
            annotations: [
                ("long", "word  ".repeat(40).trim()),
                ("a", "two\nlines\n"),
                ("b", "\ttab"),
                ("c", "é😀 {{ $value }}"),
                ("d", " x "),
                ("e", "trailing \nx"),
            ]
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect(),
            ..Rule::default()
        };
        let group = Group { name: "true".into(), rules: vec![rule], limit: 5, ..Group::default() };
        let text = encode_group(&group).unwrap();
        insta::assert_snapshot!(text);
        assert_eq!(parse_group(text.as_bytes()).unwrap(), group);
    }

    #[test]
    fn finds_the_namespace_without_parsing_the_rest() {
        for (piece, name) in [
            ("us.ns.o:\n    - broken: [", "us.ns.o"),
            ("\"n\":\n    - x", "n"),
            ("a/b:\n", "a/b"),
            ("\"a: b\":\n", "a: b"),
        ] {
            assert_eq!(namespace_of(piece.as_bytes()).as_deref(), Some(name), "{piece}");
        }
    }

    #[test]
    fn finds_the_groups_of_what_cannot_be_parsed() {
        let piece = "us.ns.o:\n    - name: a\n      rules:\n        - name: not this\n          expr: |4-\n\n            x\n    - name: \"b c\"\n";
        assert_eq!(group_names(piece.as_bytes()), ["a", "b c"]);
    }
}
