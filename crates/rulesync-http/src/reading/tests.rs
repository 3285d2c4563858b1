use rulesync_core::{Keeps, NamespaceClass, Observed};

use super::*;

/// What is listed of ours, as `namespace/group`, and what could not be parsed.
fn read(document: &[u8], previous: &Observed) -> Result<(Vec<String>, Vec<Unparsed>, Observed), RulerError> {
    let owned =
        |name: &str| if name.starts_with("us.") { NamespaceClass::Managed } else { NamespaceClass::Foreign };
    let mut listing = Listing::new(Keeps::ALL, &owned, previous);
    let mut reader = ListReader::new(&mut listing, Limits::default());
    for portion in document.chunks(7) {
        reader.push(portion)?;
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
fn empty_is_only_what_says_so() {
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
        // A group, where a list was asked for.
        "name: g\ninterval: 1m\nrules:\n    - record: a:b\n      expr: up\n",
        // Broken off, on a connection whose end says nothing.
        "them:\n    - name: g\n      rul",
        "us.ns.o:\n    - name: g\n      rules:\n        - record: a:b\n          expr: up",
    ] {
        let error = groups(document).unwrap_err();
        assert_eq!(error.class(), "unreadable", "{document:?}");
    }
}

#[test]
fn what_others_have_is_not_read_and_not_ours() {
    let ours = "us.ns.o:\n    - name: g\n      rules: []\n";
    for theirs in [
        "them:\n    - name: g\n      rules: [\n",
        ":x:\n    - name: theirs\n      rules: []\n",
        "\"a: b\": []\n",
        "? |-\n    odd\n    name\n:   - name: theirs\n      rules: [\n",
    ] {
        for document in [format!("{ours}{theirs}"), format!("{theirs}{ours}")] {
            assert_eq!(groups(&document), Ok((vec!["us.ns.o/g".to_owned()], vec![])), "{document}");
        }
    }
    let broken = [b"them:\n    - name: \xff\n".as_slice(), ours.as_bytes()].concat();
    assert_eq!(groups(broken), Ok((vec!["us.ns.o/g".to_owned()], vec![])));
}

#[test]
fn long_names_are_written_as_complex_keys() {
    let name = format!("us.ns.{}", "n".repeat(150));
    let document = format!("? {name}\n:   - name: g\n      rules: []\n    - name: h\n      rules: []\n");
    let expected = vec![format!("{name}/g"), format!("{name}/h")];
    let (listed, unparsed, observed) = read(document.as_bytes(), &Observed::default()).unwrap();
    assert_eq!((listed, unparsed), (expected.clone(), vec![]));
    // And found unchanged the next time.
    assert_eq!(read(document.as_bytes(), &observed).unwrap().2, observed);
    let broken = document.replace("rules: []\n    - name: h", "rules: [\n    - name: h");
    let unparsed = Unparsed { namespace: name, groups: vec!["g".to_owned(), "h".to_owned()] };
    assert_eq!(groups(broken), Ok((vec![], vec![unparsed])));
}

#[test]
fn a_namespace_that_cannot_be_parsed_is_handed_back() {
    let document = "us.a.b:\n    - name: g\n      rules: [\nus.c.d:\n    - name: h\n      rules: []\n";
    let unparsed = Unparsed { namespace: "us.a.b".to_owned(), groups: vec!["g".to_owned()] };
    assert_eq!(groups(document), Ok((vec!["us.c.d/h".to_owned()], vec![unparsed])));
}

/// Go writes carriage returns of a text as they are, and to YAML they break lines.
#[test]
fn carriage_returns_hide_nothing() {
    let theirs = "them:\n    - name: g\n      rules:\n        - alert: A\n          expr: |-\n            a\r            b\n            c\n";
    let ours = "us.ns.o:\n    - name: g\n      rules: []\n";
    let expected = Ok((vec!["us.ns.o/g".to_owned()], vec![]));
    for between in ["", "\r", "\r\r", "\n\r", "\r\n"] {
        assert_eq!(groups(format!("{theirs}{between}{ours}")), expected, "{between:?}");
        assert_eq!(groups(format!("{ours}{between}{theirs}")), expected, "{between:?}");
    }
    assert_eq!(groups(format!("them: []\r{ours}")), expected);
    assert_eq!(groups(format!("{theirs}{ours}").replace('\n', "\r\n")), expected);
    let torn = format!(
        "{ours}us.ns.p:\n    - name: h\n      rules:\n        - alert: A\n          expr: |-\n            a\r"
    );
    assert_eq!(groups(torn).unwrap_err().class(), "unreadable");
}

#[test]
fn a_namespace_that_was_read_is_known_the_next_time() {
    let document = b"us.ns.o:\n    - name: g\n      rules: []\n";
    let owned = |_: &str| NamespaceClass::Managed;
    let first = read(document, &Observed::default()).unwrap().2;
    let nothing = Observed::default();
    let mut listing = Listing::new(Keeps::ALL, &owned, &first);
    assert!(listing.unchanged("us.ns.o", Fingerprint::of_bytes(document)));
    let mut listing = Listing::new(Keeps::ALL, &owned, &nothing);
    assert!(!listing.unchanged("us.ns.o", Fingerprint::of_bytes(document)));
}
