//! Trees as text, and what go-yaml makes of the same documents.

use std::fmt::Write;

use super::*;

/// A document's tree: each node with its position.
pub(super) fn shown(text: &str) -> String {
    let tree = match Tree::parse(Document { text, lines_before: 0 }) {
        Ok(tree) => tree,
        Err(Problem { message, position }) => return format!("{position}: {message}"),
    };
    let mut out = String::new();
    show(tree.root(), &mut out);
    out
}

fn show(node: Node<'_>, out: &mut String) {
    write!(out, "{} ", node.position()).unwrap();
    if let Some(tag) = node.tag() {
        write!(out, "!<{tag}> ").unwrap();
    }
    match node.shape() {
        Shape::Scalar => write!(out, "{:?}", node.scalar().unwrap().0).unwrap(),
        Shape::Sequence => {
            out.push('[');
            for (index, item) in node.children().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                show(item, out);
            }
            out.push(']');
        }
        Shape::Mapping => {
            out.push('{');
            for (index, (key, value)) in node.pairs().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                show(key, out);
                out.push_str(" = ");
                show(value, out);
            }
            out.push('}');
        }
    }
}

#[test]
fn every_node_knows_its_place() {
    let text = "# c\na: &x [1, é, {b: 'q''q'}]\nc: |\n  x\n   y\nd: *x\ne:\n- !!str 5\n- >-\n  f\n  g\n";
    insta::assert_snapshot!(shown(text), @r#"2:1 {2:1 "a" = 2:7 [2:8 "1", 2:11 "é", 2:14 {2:15 "b" = 2:18 "q'q"}], 3:1 "c" = 4:3 "x\n y\n", 6:1 "d" = 6:4 [2:8 "1", 2:11 "é", 2:14 {2:15 "b" = 2:18 "q'q"}], 7:1 "e" = 8:3 [8:9 !<tag:yaml.org,2002:str> "5", 10:3 "f g"]}"#);
}

#[test]
fn a_block_at_the_end_of_a_file_has_no_newline_that_is_not_there() {
    assert_eq!(shown("a: |\n  end"), r#"1:1 {1:1 "a" = 2:3 "end"}"#);
    assert_eq!(shown("a: >\n  end"), r#"1:1 {1:1 "a" = 2:3 "end"}"#);
    assert_eq!(shown("a: |\n  end\n"), r#"1:1 {1:1 "a" = 2:3 "end\n"}"#);
}

#[test]
fn aliases_are_bounded_and_never_endless() {
    insta::assert_snapshot!(shown("a: &a [*a]"), @"1:8: the alias stands in what it stands for");
    insta::assert_snapshot!(shown("a: *b"), @"1:4: while parsing node, found unknown anchor");
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = level - 1;
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(","));
    }
    insta::assert_snapshot!(shown(&bomb), @"6:10: aliases repeat more than rulesync reads");
    let text = "x".repeat(1 << 20);
    insta::assert_snapshot!(shown(&format!("a: &a {text}\nb: [{}]\n", vec!["*a"; 20].join(","))), @"2:53: aliases repeat more than rulesync reads");
}

/// A document and what go-yaml 3.0.4 makes of its `k`, as a text, a number and a truth value: null where it refuses it.
#[derive(serde::Deserialize)]
struct Said {
    text: String,
    string: Option<String>,
    number: Option<i64>,
    truth: Option<bool>,
}

/// What stands for null among the texts.
const NULL: &str = "\0null";

/// Where we are meant to differ from go-yaml, and why.
const OTHERWISE: [(&str, &str); 6] = [
    ("k: \"a\\tb\\x41\\u00e9\\/\\'\"", "JSON escapes slashes"),
    ("k: \"\\ud83d\\ude00\"", "JSON writes characters in halves"),
    ("k: -.inf", "go-yaml makes the smallest number of it"),
    ("k: ! 5", "whoever writes `!` means a text"),
    ("k: !!null x", "a wrong tag is no reason to refuse a text"),
    ("k: !!int x", "a wrong tag is no reason to refuse a text"),
];

#[test]
fn scalars_are_read_as_go_yaml_does() {
    let mut different = Vec::new();
    for line in include_str!("../../tests/data/go-yaml.jsonl").lines() {
        let said: Said = serde_json::from_str(line).unwrap();
        if OTHERWISE.iter().any(|(text, _)| *text == said.text) {
            continue;
        }
        let tree = Tree::parse(Document { text: &said.text, lines_before: 0 });
        let node = tree.as_ref().ok().and_then(|tree| Some(tree.root().pairs().next()?.1));
        let string = node.and_then(|node| match node.text() {
            Scalar::Value(text) => Some(text.into_owned()),
            Scalar::Null => Some(NULL.to_owned()),
            Scalar::Other(_) => None,
        });
        let number = node.and_then(|node| match node.number() {
            Scalar::Value(number) => Some(number),
            _ => None,
        });
        let truth = node.and_then(|node| match node.truth() {
            Scalar::Value(truth) => Some(truth),
            _ => None,
        });
        if (&string, number, truth) != (&said.string, said.number, said.truth) {
            let expected = (said.string, said.number, said.truth);
            different.push(format!(
                "{:?}: {:?} in place of {expected:?}",
                said.text,
                (string, number, truth)
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
