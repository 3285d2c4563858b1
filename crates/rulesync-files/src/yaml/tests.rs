//! Tests of trees, rendered as text, and comparisons with go-yaml.

use std::fmt::Write;

use super::document::Document;
use super::*;

/// Renders the tree of a document, each node with its position.
pub(super) fn render(text: &str) -> String {
    let tree = match Tree::parse(Document { text, lines_before: 0 }) {
        Ok(tree) => tree,
        Err(Problem { message, position }) => return format!("{position}: {message}"),
    };
    let mut out = String::new();
    write_node(tree.root(), &mut out);
    out
}

fn write_node(node: Node<'_>, out: &mut String) {
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
                write_node(item, out);
            }
            out.push(']');
        }
        Shape::Mapping => {
            out.push('{');
            for (index, (key, value)) in node.pairs().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_node(key, out);
                out.push_str(" = ");
                write_node(value, out);
            }
            out.push('}');
        }
    }
}

#[test]
fn tree_locates_every_node() {
    let text = "# c\na: &x [1, é, {b: 'q''q'}]\nc: |\n  x\n   y\nd: *x\ne:\n- !!str 5\n- >-\n  f\n  g\n";
    insta::assert_snapshot!(render(text), @r#"2:1 {2:1 "a" = 2:7 [2:8 "1", 2:11 "é", 2:14 {2:15 "b" = 2:18 "q'q"}], 3:1 "c" = 4:3 "x\n y\n", 6:1 "d" = 6:4 [2:8 "1", 2:11 "é", 2:14 {2:15 "b" = 2:18 "q'q"}], 7:1 "e" = 8:3 [8:9 !<tag:yaml.org,2002:str> "5", 10:3 "f g"]}"#);
}

#[test]
fn tree_adds_no_newline_to_block_at_end_of_file() {
    assert_eq!(render("a: |\n  end"), r#"1:1 {1:1 "a" = 2:3 "end"}"#);
    assert_eq!(render("a: >\n  end"), r#"1:1 {1:1 "a" = 2:3 "end"}"#);
    assert_eq!(render("a: |\n  end\n"), r#"1:1 {1:1 "a" = 2:3 "end\n"}"#);
}

#[test]
fn tree_bounds_aliases() {
    insta::assert_snapshot!(render("a: &a [*a]"), @"1:8: the alias refers to a node that contains it");
    insta::assert_snapshot!(render("a: *b"), @"1:4: while parsing node, found unknown anchor");
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = level - 1;
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(","));
    }
    insta::assert_snapshot!(render(&bomb), @"6:10: aliases expand to more than rulesync reads");
    let text = "x".repeat(1 << 20);
    insta::assert_snapshot!(render(&format!("a: &a {text}\nb: [{}]\n", vec!["*a"; 20].join(","))), @"2:53: aliases expand to more than rulesync reads");
}

/// A document, and the value of its `k` as decoded by go-yaml 3.0.4 into a string, a number and a boolean: `None` if
/// go-yaml rejects it.
#[derive(serde::Deserialize)]
struct GoYaml {
    text: String,
    string: Option<String>,
    number: Option<i64>,
    truth: Option<bool>,
}

/// Represents null in [`GoYaml::string`].
const NULL: &str = "\0null";

/// The documents for which rulesync deliberately differs from go-yaml, and the reason.
const DIFFERENCES: [(&str, &str); 6] = [
    ("k: \"a\\tb\\x41\\u00e9\\/\\'\"", "JSON escapes slashes"),
    ("k: \"\\ud83d\\ude00\"", "JSON writes surrogate pairs"),
    ("k: -.inf", "go-yaml converts it to the smallest number"),
    ("k: ! 5", "`!` marks a string"),
    ("k: !!null x", "a wrong tag is not a reason to reject a string"),
    ("k: !!int x", "a wrong tag is not a reason to reject a string"),
];

#[test]
fn scalars_decode_like_go_yaml() {
    let mut different = Vec::new();
    for line in include_str!("../../tests/data/go-yaml.jsonl").lines() {
        let expected: GoYaml = serde_json::from_str(line).unwrap();
        if DIFFERENCES.iter().any(|(text, _)| *text == expected.text) {
            continue;
        }
        let tree = Tree::parse(Document { text: &expected.text, lines_before: 0 });
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
        let truth = node.and_then(|node| match node.boolean() {
            Scalar::Value(truth) => Some(truth),
            _ => None,
        });
        if (&string, number, truth) != (&expected.string, expected.number, expected.truth) {
            let go_yaml = (expected.string, expected.number, expected.truth);
            different.push(format!(
                "{:?}: {:?} in place of {go_yaml:?}",
                expected.text,
                (string, number, truth)
            ));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
