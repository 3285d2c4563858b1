use super::*;

fn value(text: &str) -> String {
    document(&Node::Map(vec![("k", Node::Text(text))]))
}

#[test]
fn yaml_out_quotes_strings_like_go() {
    for (text, written) in [
        ("", r#"k: """#),
        ("plain text", "k: plain text"),
        ("x {{ $labels.job }}", "k: x {{ $labels.job }}"),
        ("{{ $value }} left", "k: '{{ $value }} left'"),
        ("it's", "k: it's"),
        ("'q'", "k: '''q'''"),
        (" lead", "k: ' lead'"),
        ("trail ", "k: 'trail '"),
        ("a: b", "k: 'a: b'"),
        ("a:b", "k: a:b"),
        ("a #b", "k: 'a #b'"),
        ("a#b", "k: a#b"),
        ("- x", "k: '- x'"),
        ("-x", "k: -x"),
        ("%a", "k: '%a'"),
        ("?", "k: '?'"),
        ("?x", "k: ?x"),
        ("---", "k: '---'"),
        ("tab\t", r#"k: "tab\t""#),
        ("cr\r", r#"k: "cr\r""#),
        ("bell\x07 \u{85}", r#"k: "bell\a \N""#),
        ("\u{1F600}\"\\", r#"k: "\U0001F600\"\\""#),
        ("nb\u{a0}sp", "k: nb\u{a0}sp"),
        ("ünï-日", "k: ünï-日"),
        ("<<", "k: <<"),
        ("=", "k: ="),
    ] {
        assert_eq!(value(text), format!("{written}\n"), "{text:?}");
    }
}

#[test]
fn yaml_out_quotes_strings_of_other_types() {
    for text in [
        "~",
        "null",
        "true",
        "False",
        "y",
        "NO",
        "on",
        "123",
        "-1",
        "+1",
        "1_000",
        "0x1F",
        "0o17",
        "012",
        "089",
        "1e3",
        ".5",
        "1.",
        "-2.5e-3",
        ".inf",
        "-.INF",
        ".NaN",
        "2024-01-01",
        "2024-1-1",
        "2024-01-01T00:00:00Z",
        "2024-01-01 00:00:00.5",
        "2024-01-01T1:2:3+01:00",
        "12:30",
        "1:30:45.5",
        "0b101",
    ] {
        assert_eq!(value(text), format!("k: \"{text}\"\n"), "{text}");
    }
    for text in [
        "1m",
        "5m30s",
        "1.2.3",
        "0x",
        "0xg",
        "--1",
        "1e",
        "e3",
        ".",
        "..",
        "nulls",
        "2024-13-01",
        "2024-02-30",
        "2024-01-01T00:00:00",
        "12:75",
        "1e999",
        "Y1",
        "_1",
    ] {
        assert_eq!(value(text), format!("k: {text}\n"), "{text}");
    }
}

#[test]
fn yaml_out_writes_multi_line_strings_as_blocks() {
    for (text, written) in [
        ("a\nb\n", "k: |\n    a\n    b\n"),
        ("a\nb", "k: |-\n    a\n    b\n"),
        ("a\n\n", "k: |+\n    a\n\n"),
        ("\n", "k: |4+\n"),
        ("a\n  b\n", "k: |\n    a\n      b\n"),
        ("a\n\n\nb\n", "k: |\n    a\n\n\n    b\n"),
        ("a \nb", "k: \"a \\nb\"\n"),
        ("a\nb ", "k: \"a\\nb \"\n"),
        ("\ta\nb", "k: |-\n    \ta\n    b\n"),
        ("  a\nb", "k: |4-\n      a\n    b\n"),
        ("\na", "k: |4-\n    a\n"),
    ] {
        assert_eq!(value(text), written, "{text:?}");
    }
}

#[test]
fn yaml_out_indents_collections() {
    let rule = Node::Map(vec![
        ("alert", Node::Text("A")),
        ("expr", Node::Text("up\n  == 0\n")),
        ("labels", Node::Map(vec![("n", Node::Text("1"))])),
    ]);
    let group = Node::Map(vec![
        ("name", Node::Text("g")),
        ("limit", Node::Plain("5".to_owned())),
        ("rules", Node::Seq(vec![rule])),
        ("source_tenants", Node::Seq(vec![Node::Text("b"), Node::Text("a")])),
    ]);
    insta::assert_snapshot!(document(&Node::Map(vec![("ns", Node::Seq(vec![group]))])), @r#"
    ns:
        - name: g
          limit: 5
          rules:
            - alert: A
              expr: |
                up
                  == 0
              labels:
                "n": "1"
          source_tenants:
            - b
            - a
    "#);
    assert_eq!(document(&Node::Map(Vec::new())), "{}\n");
}

#[test]
fn yaml_out_writes_long_keys_explicitly() {
    let long = "k".repeat(129);
    let text =
        document(&Node::Map(vec![("a\nb", Node::Seq(vec![Node::Text("x")])), (&long, Node::Text("v"))]));
    assert_eq!(text, format!("? |-\n    a\n    b\n:   - x\n? {long}\n: v\n"));
}

#[test]
fn yaml_out_parts_make_up_the_document() {
    let items = ["x", "y\nz"];
    for key in ["ns", "a\nb", "'"] {
        let nodes = items.iter().map(|text| Node::Map(vec![("name", Node::Text(text))])).collect();
        let whole = document(&Node::Map(vec![(key, Node::Seq(nodes))]));
        let (mut pieces, taken) = sequence_key(key);
        for (index, text) in items.iter().enumerate() {
            let lines = item(&Node::Map(vec![("name", Node::Text(text))]), 4);
            pieces.push_str(&lines[if index == 0 { taken } else { 0 }..]);
        }
        assert_eq!(pieces, whole);
    }
}
