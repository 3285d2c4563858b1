//! Fuzz tests: no response, however damaged, may cause a panic or high memory use, hide owned groups, or be misread.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use rulesync_core::model::PromDuration;
use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::StoredFields;
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Rule};
use rulesync_testkit::mutate::{bombs, damaged};

use super::*;
use crate::ruler::document::{parse_group, yaml_of};

/// A list as the servers write it: a foreign namespace followed by two owned ones.
const LIST: &str = "them:
    - name: g
      interval: 1m
      rules:
        - record: a:b
          expr: sum(up)
us.ns.o:
    - name: g
      rules:
        - alert: A
          expr: |-
            up == 0

              # why
            or vector(1)
          for: 5m
          labels:
            severity: page
          annotations:
            \"\\u65e5\": 'it''s {{ $value }}'
    - name: \"h: i\"
      rules: []
\"us.ns.\\\"p\":
    - name: g
      limit: 5
      source_tenants:
        - a
      rules:
        - record: r
          expr: \"1\"
";

/// Returns the request body that writes a group.
fn body(group: &Group) -> String {
    yaml_of(EncodedGroup::of(group).unwrap().json()).into_owned()
}

/// The listed fingerprint of each group, by namespace and name.
type Listed = BTreeMap<(String, String), Option<Fingerprint>>;

fn owned(name: &str) -> bool {
    name.starts_with("us.")
}

fn read<'d>(chunks: impl IntoIterator<Item = &'d [u8]>) -> Result<(Listed, Vec<Unparsed>), RulerError> {
    let nothing = Observed::default();
    let classify = |name: &str| if owned(name) { NamespaceClass::Managed } else { NamespaceClass::Foreign };
    let mut listing = Listing::new(StoredFields::ALL, &classify, &nothing);
    let mut reader = ListReader::new(&mut listing, Limits::default());
    for chunk in chunks {
        reader.push(chunk)?;
    }
    reader.end()?;
    let unparsed = reader.into_unparsed();
    let observed = listing.into_observed();
    let names: Vec<_> = observed.namespaces().map(|(name, _)| name.to_string()).collect();
    let mut listed = Listed::new();
    for name in names {
        let groups = observed.namespace(&name);
        listed.extend(groups.map(|(group, fingerprint)| ((name.clone(), group.to_owned()), fingerprint)));
    }
    Ok((listed, unparsed))
}

/// The groups of a document as the parser reads it as a whole, without splitting.
fn read_whole(document: &[u8]) -> Option<Listed> {
    let mut listed = Listed::new();
    for (name, groups) in parse_namespaces(document, Limits::default()).ok()? {
        for group in groups.iter().filter(|_| owned(&name)) {
            listed
                .insert((name.clone(), group.name.clone()), Some(Fingerprint::of(group, &StoredFields::ALL)));
        }
    }
    Some(listed)
}

/// The offsets in the list that are not at the beginning of a line.
fn within_lines() -> impl Strategy<Value = usize> {
    let within = |at: &usize| LIST.as_bytes()[at - 1] != b'\n';
    prop::sample::select((1..LIST.len()).filter(within).collect::<Vec<_>>())
}

fn damage() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..24)
}

/// Any string that a rule can have: see `rulesync_core::intake::convert` for the characters that are rejected.
fn text() -> impl Strategy<Value = String> {
    let held =
        |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}') || matches!(c, '\t' | '\n' | '\r');
    let text = prop_oneof![
        any::<String>(),
        "[-:#?&*!|>%@`'\"{}\\[\\]\\\\, a-z~=<\t\r\n\u{feff}é😀0-9.]{0,24}",
        "(yes|no|null|~|0x1F|012|1e3|2024-01-01|=|<<|\\.nan|1_0|0o7|)",
        "[a-z ]{0,200}",
    ];
    text.prop_map(move |text| text.chars().filter(|c| held(*c)).collect())
}

fn name() -> impl Strategy<Value = String> {
    text()
        .prop_map(|text| text.replace(['\t', '\n', '\r'], ""))
        .prop_filter("a name", |name| !name.is_empty())
}

fn group() -> impl Strategy<Value = Group> {
    let texts = || prop::collection::btree_map(name(), text(), 0..3);
    let duration = || (0..400 * 86_400_000_u64).prop_map(PromDuration::from_millis);
    let rule = (text(), text(), duration(), texts(), texts()).prop_map(
        |(alert, expr, for_duration, labels, annotations)| Rule {
            alert,
            expr,
            for_duration,
            labels,
            annotations,
            ..Rule::default()
        },
    );
    let rules = prop::collection::vec(rule, 0..3);
    (name(), duration(), any::<i64>(), rules, texts(), prop::collection::vec(text(), 0..3)).prop_map(
        |(name, interval, limit, rules, labels, source_tenants)| Group {
            name,
            interval,
            limit,
            rules,
            labels,
            source_tenants,
            ..Group::default()
        },
    )
}

#[test]
fn list_limits_memory_of_yaml_bombs() {
    for (name, bomb) in bombs() {
        let indented: String = bomb.lines().map(|line| format!("    {line}\n")).collect();
        for document in [
            bomb,
            format!("us.x:\n{indented}"),
            format!("us.x:\n    - name: g\n      labels:\n    {indented}"),
        ] {
            let size = |name: &str| if owned(name) { name.len() } else { 0 };
            let read = read([document.as_bytes()]).map(|(listed, unparsed)| {
                let listed: usize =
                    listed.keys().map(|(namespace, group)| size(namespace) + group.len()).sum();
                listed + unparsed.iter().map(|unparsed| unparsed.groups.concat().len()).sum::<usize>()
            });
            let bytes = read.unwrap_or_else(|error| error.to_string().len());
            assert!(bytes < 1_000_000, "{name}: {bytes} bytes of {}", document.len());
        }
    }
}

/// No server writes aliases; a document with aliases is an attack.
#[test]
fn list_rejects_aliases() {
    let group = "name: &a g\nrules: [{record: *a, expr: *a}]\n";
    assert!(parse_group(group.as_bytes(), Limits::default()).is_err());
    let long = "x".repeat(100_000);
    let values: String = (0..500).map(|n| format!("        a{n}: *long\n        b{n}: &b{n} x\n")).collect();
    let list =
        format!("us.a.b:\n    - name: g\n      labels:\n        a: &long {long}\n{values}      rules: []\n");
    let (listed, unparsed) = read([list.as_bytes()]).unwrap();
    assert_eq!((listed.len(), unparsed.len()), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any document, in chunks of any size, is read as the parser reads it as a whole, or rejected.
    #[test]
    fn splitting_does_not_change_list(damage in damage(), chunk in 1_usize..40) {
        let document = damaged(LIST.as_bytes(), &damage);
        let whole = read([document.as_slice()]);
        prop_assert_eq!(&read(document.chunks(chunk)), &whole);
        if let (Ok((listed, unparsed)), Some(expected)) = (whole, read_whole(&document))
            && unparsed.is_empty()
        {
            prop_assert_eq!(listed, expected, "{}", String::from_utf8_lossy(&document));
        }
    }

    /// A truncated list is never read as a complete list with fewer groups.
    #[test]
    fn list_rejects_truncated_document(at in within_lines()) {
        prop_assert!(read([&LIST.as_bytes()[..at]]).is_err());
    }

    /// Owned namespaces are read completely whatever a foreign namespace contains.
    #[test]
    fn list_is_independent_of_foreign_namespaces(damage in damage(), first: bool) {
        let (owned_groups, _) = read([LIST.as_bytes()]).unwrap();
        let mut foreign = b"them-too:\n".to_vec();
        for line in damaged(LIST.as_bytes(), &damage).split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            foreign.extend_from_slice(b"    ");
            foreign.extend_from_slice(line);
        }
        foreign.push(b'\n');
        let parts = if first { [foreign.as_slice(), LIST.as_bytes()] } else { [LIST.as_bytes(), &foreign] };
        prop_assert_eq!(read(parts), Ok((owned_groups, vec![])));
    }

    /// An encoded group parses to the same group, alone and in a list.
    #[test]
    fn encoded_group_round_trips(group in group()) {
        let body = body(&group);
        prop_assert_eq!(parse_group(body.as_bytes(), Limits::default()), Ok(group.clone()), "{}", body);
        let mut list = "us.ns.o:\n".to_owned();
        for (number, line) in body.lines().enumerate() {
            let margin = if number == 0 { "    - " } else { "      " };
            writeln!(list, "{margin}{line}").unwrap();
        }
        let expected = Listed::from([(("us.ns.o".to_owned(), group.name.clone()), Some(Fingerprint::of(&group, &StoredFields::ALL)))]);
        prop_assert_eq!(read([list.as_bytes()]), Ok((expected, vec![])), "{}", list);
    }

    #[test]
    fn parsers_do_not_panic_on_damaged_group(group in group(), damage in damage()) {
        let body = damaged(body(&group).as_bytes(), &damage);
        let _ = parse_group(&body, Limits::default());
        let _ = parse_namespaces(&body, Limits::default());
        let _ = group_names(&body);
        let _ = parse_name(&body);
    }
}
