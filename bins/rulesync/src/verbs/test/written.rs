//! The tree of a test file as text again, in which each line knows where it is from. Scalars keep their quotes, so that every
//! reader takes them for what they were.

use std::fmt::Write as _;

use rulesync_core::finding::Position;

use super::document::{Content, Node, Scalar};

/// A text, and for each of its lines the position of what stands there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) lines: Vec<Position>,
}

impl Written {
    /// Writes a node as a document in block style, with one key or item on each line.
    pub(super) fn of(node: &Node) -> Self {
        let mut written = Self::default();
        match &node.content {
            Content::List(items) if !items.is_empty() => written.block(node, 0, ""),
            Content::Mapping(entries) if !entries.is_empty() => written.block(node, 0, ""),
            _ => written.child(node, node.position, 0, "", false),
        }
        written
    }

    fn line(&mut self, position: Position, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(position);
    }

    /// Writes a collection. `lead` is what its first line begins with, instead of blanks.
    fn block(&mut self, node: &Node, depth: usize, lead: &str) {
        let indent = "  ".repeat(depth);
        let mut lead = Some(lead).filter(|lead| !lead.is_empty());
        match &node.content {
            Content::Scalar(_) => {}
            Content::List(items) => {
                for item in items {
                    let start = format!("{}- ", lead.take().unwrap_or(&indent));
                    self.child(item, item.position, depth + 1, &start, true);
                }
            }
            Content::Mapping(entries) => {
                for (key, value) in entries {
                    let key_text = match &key.content {
                        Content::Scalar(scalar) => spelled(scalar),
                        // No key of a test file is a collection, so its reader refuses this one.
                        _ => "\"?\"".to_owned(),
                    };
                    let start = format!("{}{key_text}: ", lead.take().unwrap_or(&indent));
                    self.child(value, key.position, depth + 1, &start, false);
                }
            }
        }
    }

    /// Writes an item or a value behind the start of its line.
    fn child(&mut self, node: &Node, position: Position, depth: usize, start: &str, is_item: bool) {
        match &node.content {
            Content::Scalar(scalar) => self.line(position, &format!("{start}{}", spelled(scalar))),
            Content::List(items) if items.is_empty() => self.line(position, &format!("{start}[]")),
            Content::Mapping(entries) if entries.is_empty() => self.line(position, &format!("{start}{{}}")),
            // The first line of a collection in a list follows the dash.
            _ if is_item => self.block(node, depth, start),
            _ => {
                self.line(position, start.trim_end());
                self.block(node, depth, "");
            }
        }
    }

    /// Returns the position of what stands on a line, counted from 1.
    pub(super) fn position(&self, line: usize) -> Option<Position> {
        self.lines.get(line.checked_sub(1)?).copied()
    }
}

/// Returns a scalar on one line.
fn spelled(scalar: &Scalar) -> String {
    let Scalar { text, is_plain } = scalar;
    if *is_plain && !text.contains('\n') {
        return if text.is_empty() { "null".to_owned() } else { text.clone() };
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::document::tests::TEXT;
    use super::*;

    #[test]
    fn document_is_written_with_the_same_meaning() {
        let node = Node::parse(TEXT).unwrap();
        let written = Written::of(&node);
        insta::assert_snapshot!(written.text, @r#"
        rule_files:
          - a.yaml
          - "b*.yaml"
        evaluation_interval: 1m
        defaults:
          severity: page
          code: "007"
        tests:
          - interval: 30s
            input_series:
              - series: "up{job=\"a\"}"
                values: 0x10
            alert_rule_test:
              - eval_time: 5m
                alertname: Down
                exp_alerts:
                  - exp_labels:
                      severity: page
                      code: "007"
                    exp_annotations:
                      summary: "two\nlines\n"
                      empty: ~
              - eval_time: 6m
                alertname: "é: up"
                exp_alerts: []
        "#);
    }

    #[test]
    fn document_knows_where_its_lines_are_from() {
        let written = Written::of(&Node::parse(TEXT).unwrap());
        let source: Vec<&str> = TEXT.lines().collect();
        for (number, line) in written.text.lines().enumerate() {
            let Position { line: at, column } = written.position(number + 1).unwrap();
            let from: String = source[at - 1].chars().skip(column - 1).collect();
            let (line, from) = (line.trim_start().trim_start_matches("- "), from.trim_start_matches("- "));
            let start = |text: &str| text.chars().find(|c| !"'\"{*&".contains(*c));
            assert!(from.starts_with('*') || start(line) == start(from), "{line} from {from}");
        }
        assert_eq!((written.position(0), written.position(1_000)), (None, None));
    }

    fn trees() -> impl Strategy<Value = Node> {
        let scalar = |text: String, is_plain| Content::Scalar(Scalar { text, is_plain });
        let plain =
            prop_oneof![Just("10m"), Just("0x10"), Just("true"), Just("1e3"), Just("up{a='b'}"), Just("-1")];
        let leaf = prop_oneof![
            plain.prop_map(move |text| scalar(text.to_owned(), true)),
            "\\PC{0,8}".prop_map(move |text| scalar(text, false)),
            "[\\x00-\\x7f\u{2028}\u{feff}é]{0,8}".prop_map(move |text| scalar(text, false)),
        ];
        let node = |content| Node { position: Position { line: 1, column: 1 }, content };
        leaf.prop_map(node).prop_recursive(4, 32, 4, move |inner| {
            let entries = prop::collection::vec(("[a-z:# -]{1,6}", inner.clone()), 0..4);
            let key = |text| Node::text(Position { line: 1, column: 1 }, text);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(move |items| node(Content::List(items))),
                entries.prop_map(move |entries| node(Content::Mapping(
                    entries.into_iter().map(|(name, value)| (key(name), value)).collect()
                ))),
            ]
        })
    }

    fn without_positions(node: &Node) -> String {
        match &node.content {
            Content::Scalar(scalar) => format!("{scalar:?}"),
            Content::List(items) => format!("{:?}", items.iter().map(without_positions).collect::<Vec<_>>()),
            Content::Mapping(entries) => {
                let pairs =
                    entries.iter().map(|(key, value)| (without_positions(key), without_positions(value)));
                format!("{:?}", pairs.collect::<Vec<_>>())
            }
        }
    }

    proptest! {
        #[test]
        fn document_that_is_written_is_read_back(node in trees()) {
            let written = Written::of(&node);
            prop_assert_eq!(written.lines.len(), written.text.lines().count());
            let read = Node::parse(&written.text).map_err(|error| TestCaseError::fail(format!("{error:?}: {}", written.text)))?;
            prop_assert_eq!(without_positions(&read), without_positions(&node), "{}", written.text);
        }
    }
}
