use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::StoredFields;
use rulesync_core::testing::Observed;

use super::*;

/// Returns the owned groups as `namespace/group`, the namespaces that could not be parsed, and the observed state.
fn read(document: &[u8], previous: &Observed) -> Result<(Vec<String>, Vec<Unparsed>, Observed), RulerError> {
    let owned =
        |name: &str| if name.starts_with("us.") { NamespaceClass::Managed } else { NamespaceClass::Foreign };
    let mut listing = Listing::new(StoredFields::ALL, &owned, previous);
    let mut reader = ListReader::new(&mut listing, Limits::default());
    for chunk in document.chunks(7) {
        reader.push(chunk)?;
    }
    reader.end()?;
    let unparsed = reader.into_unparsed();
    let observed = listing.into_observed();
    let mut groups: Vec<String> = observed
        .namespaces()
        .flat_map(|(name, groups)| groups.into_iter().map(move |group| format!("{name}/{group}")))
        .collect();
    groups.sort();
    Ok((groups, unparsed, observed))
}

fn groups(document: impl AsRef<[u8]>) -> Result<(Vec<String>, Vec<Unparsed>), RulerError> {
    read(document.as_ref(), &Observed::default()).map(|(groups, unparsed, _)| (groups, unparsed))
}

#[test]
fn list_is_empty_only_if_document_is_empty_map() {
    for document in ["{}\n", "{}", "---\n{}\n"] {
        assert_eq!(groups(document), Ok((vec![], vec![])), "{document:?}");
    }
    for document in [
        "",
        "\n",
        "null\n",
        "~\n",
        "[]\n",
        "ok\n",
        "- name: g\n",
        "error: the storage is away\n",
        "status: success\ndata:\n    groups: []\n",
        // A group instead of a list.
        "name: g\ninterval: 1m\nrules:\n    - record: a:b\n      expr: up\n",
        // Truncated on a connection whose end is not distinguishable from an error.
        "them:\n    - name: g\n      rul",
        "us.ns.o:\n    - name: g\n      rules:\n        - record: a:b\n          expr: up",
    ] {
        let error = groups(document).unwrap_err();
        assert_eq!(error.kind().as_str(), "unreadable", "{document:?}");
    }
}

#[test]
fn list_skips_foreign_namespaces() {
    let owned = "us.ns.o:\n    - name: g\n      rules: []\n";
    for foreign in [
        "them:\n    - name: g\n      rules: [\n",
        ":x:\n    - name: foreign\n      rules: []\n",
        "\"a: b\": []\n",
        "? |-\n    odd\n    name\n:   - name: foreign\n      rules: [\n",
    ] {
        for document in [format!("{owned}{foreign}"), format!("{foreign}{owned}")] {
            assert_eq!(groups(&document), Ok((vec!["us.ns.o/g".to_owned()], vec![])), "{document}");
        }
    }
    let broken = [b"them:\n    - name: \xff\n".as_slice(), owned.as_bytes()].concat();
    assert_eq!(groups(broken), Ok((vec!["us.ns.o/g".to_owned()], vec![])));
}

#[test]
fn list_reads_complex_keys_of_long_names() {
    let name = format!("us.ns.{}", "n".repeat(150));
    let document = format!("? {name}\n:   - name: g\n      rules: []\n    - name: h\n      rules: []\n");
    let expected = vec![format!("{name}/g"), format!("{name}/h")];
    let (listed, unparsed, observed) = read(document.as_bytes(), &Observed::default()).unwrap();
    assert_eq!((listed, unparsed), (expected.clone(), vec![]));
    // The namespace is unchanged in the next list.
    assert_eq!(read(document.as_bytes(), &observed).unwrap().2, observed);
    let broken = document.replace("rules: []\n    - name: h", "rules: [\n    - name: h");
    let unparsed = Unparsed { namespace: name, groups: vec!["g".to_owned(), "h".to_owned()] };
    assert_eq!(groups(broken), Ok((vec![], vec![unparsed])));
}

#[test]
fn list_returns_unparsable_namespaces() {
    let document = "us.a.b:\n    - name: g\n      rules: [\nus.c.d:\n    - name: h\n      rules: []\n";
    let unparsed = Unparsed { namespace: "us.a.b".to_owned(), groups: vec!["g".to_owned()] };
    assert_eq!(groups(document), Ok((vec!["us.c.d/h".to_owned()], vec![unparsed])));
}

/// Go writes carriage returns in scalars literally, and YAML treats them as line breaks.
#[test]
fn list_handles_carriage_returns() {
    let foreign = "them:\n    - name: g\n      rules:\n        - alert: A\n          expr: |-\n            a\r            b\n            c\n";
    let owned = "us.ns.o:\n    - name: g\n      rules: []\n";
    let expected = Ok((vec!["us.ns.o/g".to_owned()], vec![]));
    for between in ["", "\r", "\r\r", "\n\r", "\r\n"] {
        assert_eq!(groups(format!("{foreign}{between}{owned}")), expected, "{between:?}");
        assert_eq!(groups(format!("{owned}{between}{foreign}")), expected, "{between:?}");
    }
    assert_eq!(groups(format!("them: []\r{owned}")), expected);
    assert_eq!(groups(format!("{foreign}{owned}").replace('\n', "\r\n")), expected);
    let truncated = format!(
        "{owned}us.ns.p:\n    - name: h\n      rules:\n        - alert: A\n          expr: |-\n            a\r"
    );
    assert_eq!(groups(truncated).unwrap_err().kind().as_str(), "unreadable");
}

#[test]
fn list_recognizes_unchanged_namespace() {
    let document = b"us.ns.o:\n    - name: g\n      rules: []\n";
    let owned = |_: &str| NamespaceClass::Managed;
    let first = read(document, &Observed::default()).unwrap().2;
    let nothing = Observed::default();
    let mut listing = Listing::new(StoredFields::ALL, &owned, &first);
    assert!(listing.unchanged("us.ns.o", Fingerprint::of_bytes(document)));
    let mut listing = Listing::new(StoredFields::ALL, &owned, &nothing);
    assert!(!listing.unchanged("us.ns.o", Fingerprint::of_bytes(document)));
}
