//! Documents of the configuration API: makes request bodies, and parses groups and parts of lists.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rulesync_core::Group;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_saphyr::Options;

use crate::connection::{Limits, MESSAGE_BYTES, shortened};

/// An error for a document that the API should not return.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DocumentError(String);

/// Returns the JSON of a group as a request body: JSON is the subset of YAML that all parsers read alike
/// (docs/contracts/ruler-api.md 1.3), and costs a seventh of the other styles. What remains to be done is to escape the
/// characters that YAML does not allow literally in a document. They occur in JSON strings only. All of
/// them are below U+10000, so that no surrogate pairs are needed, which the rulers' parsers reject.
pub(crate) fn yaml_of(json: &str) -> Cow<'_, str> {
    let unprintable = |c: char| {
        matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if json.bytes().all(|byte| byte < 0x7f) || !json.contains(unprintable) {
        return Cow::Borrowed(json);
    }
    let escape = |c: char| if unprintable(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    Cow::Owned(json.chars().map(escape).collect())
}

/// Encodes groups as a rule file, in order.
///
/// # Errors
///
/// No cause is known: an error would be a defect of rulesync.
pub fn encode_rule_file(groups: &[Group]) -> Result<String, DocumentError> {
    #[derive(Serialize)]
    struct RuleFile<'a> {
        groups: &'a [Group],
    }
    // Users read these files: plain style, and no folding, which would make error positions useless to the author.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(&RuleFile { groups }, options)
        .map_err(|error| DocumentError(error.to_string()))
}

/// Parses the groups of a rule file.
///
/// # Errors
///
/// [`DocumentError`] if the text is not a rule file.
pub fn parse_rule_file(text: &[u8]) -> Result<Vec<Group>, DocumentError> {
    #[derive(Deserialize)]
    struct RuleFile {
        groups: Vec<Group>,
    }
    // The caller that reads the file limits its size.
    let limits = Limits::with_namespace(text.len() as u64);
    parse(text, limits).map(|RuleFile { groups }| groups)
}

/// The groups of each namespace.
pub(crate) type Namespaces = BTreeMap<String, Vec<Group>>;

/// Parses a list of namespaces, or a part of one. The servers write an empty list as `{}`.
pub(crate) fn parse_namespaces(text: &[u8], limits: Limits) -> Result<Namespaces, DocumentError> {
    let namespaces: BTreeMap<String, Option<Vec<Group>>> = parse(text, limits)?;
    Ok(namespaces.into_iter().map(|(name, groups)| (name, groups.unwrap_or_default())).collect())
}

/// Parses a single group.
pub(crate) fn parse_group(text: &[u8], limits: Limits) -> Result<Group, DocumentError> {
    parse(text, limits)
}

/// The name in the first line of a namespace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The line contains the name.
    Inline(String),
    /// The name is a multi-line scalar below the line.
    Multiline,
}

/// Parses the first line of a namespace; the groups follow it.
///
/// # Errors
///
/// [`DocumentError`] if the line is anything else, such as the first key of another kind of document.
pub(crate) fn parse_name(line: &[u8]) -> Result<Name, DocumentError> {
    parse_key::<Vec<IgnoredAny>>(line)
}

/// Parses the first line of an entry of a map in block style, whose value is of a kind if it begins on the line.
///
/// # Errors
///
/// [`DocumentError`] if the line is anything else.
pub(crate) fn parse_key<V: DeserializeOwned>(line: &[u8]) -> Result<Name, DocumentError> {
    let text = std::str::from_utf8(line).map_err(|error| DocumentError(error.to_string()))?;
    // Go's yaml.v3 writes keys of more than 128 bytes as complex keys, with the prefix `? `.
    if let Some(key) = text.strip_prefix("? ") {
        let multiline = key.starts_with(['|', '>']);
        return if multiline {
            Ok(Name::Multiline)
        } else {
            parse(key.as_bytes(), Limits::default()).map(Name::Inline)
        };
    }
    // Nearly all keys are plain; the parser handles the quoted ones.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    if let Some(key) = text.strip_suffix(':')
        && key.bytes().all(plain)
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.contains('.')
    {
        return Ok(Name::Inline(key.to_owned()));
    }
    let map: BTreeMap<String, Option<V>> = parse(line, Limits::default())?;
    map.into_keys().next().map(Name::Inline).ok_or_else(|| DocumentError("no key".to_owned()))
}

/// Finds the names of the groups of a namespace that cannot be parsed as a whole.
pub(crate) fn group_names(piece: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let text = String::from_utf8_lossy(piece);
    let named = |line: &str| {
        // The first group of a complex key is on the line of the colon.
        let item = line.strip_prefix("    - ").or_else(|| line.strip_prefix(":   - "))?;
        item.starts_with("name:").then(|| parse::<Named>(item.as_bytes(), Limits::default()).ok())?
    };
    text.lines().filter_map(named).map(|group| group.name).collect()
}

fn parse<'de, T: Deserialize<'de>>(text: &'de [u8], limits: Limits) -> Result<T, DocumentError> {
    let text = std::str::from_utf8(text).map_err(|error| DocumentError(error.to_string()))?;
    serde_saphyr::from_str_with_options(text, options(limits))
        .map_err(|error| DocumentError(first_line(&error)))
}

/// Parser options that match Go's parser, with a budget for every document that these limits allow to write or keep.
fn options(limits: Limits) -> Options {
    let bounded = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
    let nodes = bounded(limits.nodes());
    let budget = serde_saphyr::budget! {
        max_nodes: nodes,
        // Nodes and documents have a start event and may have an end event.
        max_events: nodes.saturating_mul(2).saturating_add(64),
        // An escape may represent more bytes than it has.
        max_total_scalar_bytes: bounded(limits.namespace()).saturating_mul(2),
        // No server writes aliases, and a few bytes of them can expand to a lot of memory.
        max_anchors: 0,
        max_aliases: 0,
    };
    serde_saphyr::options! {
        budget: budget,
        strict_booleans: true,
        legacy_octal_numbers: true,
        emit_comments: false,
    }
}

fn first_line(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    // The message may quote the invalid input.
    shortened(text.lines().next().unwrap_or_default().to_owned(), MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use rulesync_core::model::PromDuration;
    use rulesync_core::{EncodedGroup, Rule};

    use super::*;

    #[test]
    fn yaml_of_group_round_trips() {
        let rule = Rule {
            alert: "A".into(),
            expr: "up == 0\n  # comment\n  or yes: no".into(),
            for_duration: PromDuration::from_millis(90_000),
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
                ("f", "\u{7f}\u{85}\u{a0}\u{2028}\u{feff}\u{ffff}\u{10ffff}\u{1}"),
            ]
            .into_iter()
            .map(|(k, v)| (k.into(), v.into()))
            .collect(),
            ..Rule::default()
        };
        let group = Group { name: "true".into(), rules: vec![rule], limit: 5, ..Group::default() };
        let encoded = EncodedGroup::of(&group).unwrap();
        let text = yaml_of(encoded.json());
        insta::assert_snapshot!(text);
        assert_eq!(parse_group(text.as_bytes(), Limits::default()).unwrap(), group);
    }

    /// A document of at most `bytes` bytes, filled with repetitions of `item`.
    fn filled(start: &str, item: &str, end: &str, bytes: u64) -> String {
        let room = usize::try_from(bytes).unwrap() - start.len() - end.len();
        format!("{start}{}{end}", item.repeat(room / item.len()))
    }

    #[test]
    fn parse_budget_suffices_for_largest_documents() {
        // The minimum setting, and one with which a document has more than two million nodes.
        for response in [64 << 10, 321 << 20] {
            let limits = Limits::new(Some(response));
            let rule = r#"{"record":"a","expr":"1"},"#;
            let group = filled(r#"{"name":"g","rules":["#, rule, "{}]}", limits.group());
            let rules = parse_group(group.as_bytes(), limits).unwrap().rules.len();
            assert_eq!(rules, group.matches("{\"record").count() + 1);
        }
        // In the style of the rulers.
        let limits = Limits::new(Some(1 << 20));
        let group = "    - name: g\n      rules:\n        - record: a\n          expr: 1\n";
        let namespace = filled("us.ns.o:\n", group, "", limits.namespace());
        let groups = parse_namespaces(namespace.as_bytes(), limits).unwrap();
        assert_eq!(groups["us.ns.o"].len(), namespace.matches("name").count());
    }

    #[test]
    fn parse_name_accepts_only_namespace_lines() {
        let long = "n".repeat(150);
        let complex = [format!("? {long}"), format!("? \"{long} \"")];
        for (line, name) in [
            ("us.ns.o:", "us.ns.o"),
            ("\"n\":", "n"),
            ("a/b:", "a/b"),
            ("\"a: b\":", "a: b"),
            ("us.ns.o: []", "us.ns.o"),
            (":x:", ":x"),
            ("true:", "true"),
            ("'#':", "#"),
            (&complex[0], &long),
            (&complex[1], &format!("{long} ")),
        ] {
            assert_eq!(parse_name(line.as_bytes()), Ok(Name::Inline(name.to_owned())), "{line}");
        }
        assert_eq!(parse_name(b"? |-"), Ok(Name::Multiline));
        for line in ["", "ok", "null", "- name: g", "error: away", "data: {groups: []}", "{}", "? - a", "..."]
        {
            assert!(parse_name(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn group_names_of_unparsable_namespace() {
        let piece = "us.ns.o:\n    - name: a\n      rules:\n        - name: not this\n          expr: |4-\n\n            x\n    - name: \"b c\"\n";
        assert_eq!(group_names(piece.as_bytes()), ["a", "b c"]);
    }
}
