use super::*;

fn group(text: &str) -> StoredGroup {
    decode(text.as_bytes()).expect("a group").group
}

fn is_rejected(text: &str) -> bool {
    decode(text.as_bytes()).is_err()
}

#[test]
fn yaml_in_reads_scalars_verbatim() {
    let group = group(
        "name: 007\nrules:\n- record: 1e3\n  expr: 0x10\n  labels: {a: 1, b: true, c: ~, d: null, e: 2024-01-01, f: no, g: '', 1: x}\n",
    );
    assert_eq!(
        (group.name.as_str(), group.rules[0].record.as_str(), group.rules[0].expr.as_str()),
        ("007", "1e3", "0x10")
    );
    let labels: Vec<(&str, &str)> =
        group.rules[0].labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        labels,
        [
            ("1", "x"),
            ("a", "1"),
            ("b", "true"),
            ("c", ""),
            ("d", ""),
            ("e", "2024-01-01"),
            ("f", "no"),
            ("g", "")
        ]
    );
}

#[test]
fn yaml_in_supports_json_anchors_and_merges() {
    assert_eq!(group(r#"{"name":"g","rules":[{"record":"a","expr":"é😀"}]}"#).rules[0].expr, "é😀");
    let merged =
        group("name: g\nrules:\n- &r {record: a, expr: up, labels: {k: v}}\n- <<: *r\n  record: b\n");
    assert_eq!((merged.rules[1].record.as_str(), merged.rules[1].expr.as_str()), ("b", "up"));
    assert_eq!(merged.rules[1].labels.len(), 1);
    let unknown = group("name: g\nwhatever: [1, {x: y}]\nrules:\n- {record: a, expr: up, also: this}\n");
    assert_eq!(unknown.rules.len(), 1);
}

#[test]
fn yaml_in_reads_only_the_first_document() {
    assert_eq!(group("name: a\n---\nname: b\n").name, "a");
    assert_eq!(group("").name, "");
    assert_eq!(group("# nothing\n").name, "");
}

#[test]
fn yaml_in_rejects_invalid_groups() {
    for text in [
        "[]",
        "hello",
        "name: [unclosed\n",
        "name: x\nrules:\n\t- record: a\n",
        "name: a\nname: b\n",
        "name: a\nrules: x\n",
        "name: a\nrules:\n- labels: {a: [1]}\n",
        "name: a\ninterval: 60\n",
        "name: a\ninterval: ''\n",
        "name: a\nlimit: abc\n",
        r#"{"name":"\ud83d\ude00"}"#,
    ] {
        assert!(is_rejected(text), "{text}");
    }
    assert!(decode(b"name: \xff\n").is_err());
    assert!(!is_rejected("name: '\\ud83d'\n"), "no escape in single quotes");
    assert!(!is_rejected(r#"{"name":"\\ud83d"}"#), "an escaped backslash");
}

#[test]
fn yaml_in_reports_positions_of_values() {
    let posted = decode(b"name: g\nrules:\n  - expr: up\n    alert: 'A'\n    labels: {}\n  - record:   x\n")
        .expect("a group");
    let at = |line, column| Position { line, column };
    assert_eq!(posted.positions[0], RulePositions { expr: at(3, 11), alert: at(4, 12), record: at(0, 0) });
    assert_eq!(posted.positions[1].record, at(6, 15));
}
