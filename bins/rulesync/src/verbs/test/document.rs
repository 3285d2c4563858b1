//! The text of a test file as a tree, in which every key and value has its position.

use std::collections::HashMap;

use rulesync_core::finding::Position;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span, Tag};

/// The largest number of nodes, with aliases expanded.
const MAX_NODES: usize = 1_000_000;

/// A node and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// As written, repeated keys included.
    Mapping(Vec<(Node, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// True if it may be something else than a text: a number, a boolean or null.
    pub(super) is_plain: bool,
}

impl Node {
    /// Parses the first document of a text.
    ///
    /// # Errors
    ///
    /// The position and the reason.
    pub(super) fn parse(text: &str) -> Result<Self, (Position, String)> {
        Reader::default().read(text)
    }

    /// Creates a text.
    pub(super) fn text(position: Position, text: impl Into<String>) -> Self {
        Self { position, content: Content::Scalar(Scalar { text: text.into(), is_plain: false }) }
    }

    /// Returns its text, if it is a scalar.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Returns its entries; none if it is no mapping.
    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Returns its items; none if it is no list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// Gives a key another name, wherever it is.
    pub(super) fn rename_key(&mut self, from: &str, to: &str) {
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.rename_key(from, to)),
            Content::Mapping(entries) => {
                for (key, value) in entries {
                    if key.as_text() == Some(from) {
                        *key = Self::text(key.position, to);
                    }
                    value.rename_key(from, to);
                }
            }
        }
    }

    /// Removes the entries of these positions, wherever they are, and returns their keys.
    pub(super) fn remove(&mut self, keys: &[Position], removed: &mut Vec<(Position, String)>) {
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.remove(keys, removed)),
            Content::Mapping(entries) => {
                entries.retain(|(key, _)| {
                    let is_removed = keys.contains(&key.position);
                    if is_removed {
                        removed.push((key.position, key.as_text().unwrap_or_default().to_owned()));
                    }
                    !is_removed
                });
                entries.iter_mut().for_each(|(_, value)| value.remove(keys, removed));
            }
        }
    }
}

/// Reads the events of the parser.
#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

/// A collection whose end is not read yet.
struct Open {
    position: Position,
    anchor: usize,
    is_mapping: bool,
    children: Vec<Node>,
}

impl Reader {
    fn read(mut self, text: &str) -> Result<Node, (Position, String)> {
        let options =
            granit_parser::options! { block_scalar_eof_without_line_feed: true, emit_comments: false };
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| refused(&error))?;
            let position = position(span);
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let is_plain = style == ScalarStyle::Plain && !is_text(tag.as_deref());
                    let content = Content::Scalar(Scalar { text: text.into_owned(), is_plain });
                    self.add(Node { position, content }, anchor);
                }
                Event::SequenceStart(_, anchor, _) => self.begin(position, anchor, false),
                Event::MappingStart(_, anchor, _) => self.begin(position, anchor, true),
                Event::SequenceEnd | Event::MappingEnd => self.end(),
                Event::Alias(id) => {
                    let Some(node) = self.anchors.get(&id).cloned() else {
                        return Err((position, "the alias refers to a node that contains it".to_owned()));
                    };
                    self.nodes += size(&node);
                    self.add(Node { position, ..node }, 0);
                }
                Event::DocumentEnd => break,
                _ => {}
            }
            if self.nodes > MAX_NODES {
                return Err((position, "there are more values than rulesync reads".to_owned()));
            }
        }
        let nothing = Content::Scalar(Scalar { text: String::new(), is_plain: true });
        Ok(self.root.unwrap_or(Node { position: Position { line: 1, column: 1 }, content: nothing }))
    }

    fn begin(&mut self, position: Position, anchor: usize, is_mapping: bool) {
        self.open.push(Open { position, anchor, is_mapping, children: Vec::new() });
    }

    fn end(&mut self) {
        let Some(Open { position, anchor, is_mapping, children }) = self.open.pop() else { return };
        let content = if is_mapping {
            let mut children = children.into_iter();
            let pairs = std::iter::from_fn(|| children.next().zip(children.next()));
            Content::Mapping(pairs.collect())
        } else {
            Content::List(children)
        };
        self.add(Node { position, content }, anchor);
    }

    fn add(&mut self, node: Node, anchor: usize) {
        self.nodes += 1;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 1,
        Content::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Mapping(entries) => {
            1 + entries.iter().map(|(key, value)| size(key) + size(value)).sum::<usize>()
        }
    }
}

fn position(span: Span) -> Position {
    Position { line: span.start.line().max(1), column: span.start.col() + 1 }
}

fn refused(error: &ScanError) -> (Position, String) {
    let at = error.marker();
    (Position { line: at.line().max(1), column: at.col() + 1 }, error.info().to_owned())
}

/// Returns whether a tag makes a scalar a text.
fn is_text(tag: Option<&Tag>) -> bool {
    tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()))
        .is_some_and(|tag| matches!(tag.as_str(), "!" | "!!str" | "tag:yaml.org,2002:str"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A test file with a bit of everything.
    pub(in super::super) const TEXT: &str = r#"# tests
rule_files: [a.yaml, "b*.yaml"]
evaluation_interval: 1m
defaults: &defaults {severity: page, code: "007"}
tests:
- interval: 30s
  input_series:
    - series: 'up{job="a"}'   # one
      values: 0x10
  alert_rule_test:
  - eval_time: 5m
    alertname: Down
    exp_alerts:
    - exp_labels: *defaults
      exp_annotations:
        summary: |
          two
          lines
        empty:
  - {eval_time: 6m, alertname: "é: up", exp_alerts: []}
"#;

    #[test]
    fn document_loses_the_entries_that_are_removed() {
        let mut node = Node::parse(TEXT).unwrap();
        let mut removed = Vec::new();
        let at = |line, column| Position { line, column };
        node.remove(&[at(3, 1), at(6, 3), at(11, 5), at(20, 6), at(99, 1)], &mut removed);
        let keys: Vec<&str> = removed.iter().map(|(_, key)| key.as_str()).collect();
        assert_eq!(keys, ["evaluation_interval", "interval", "eval_time", "eval_time"]);
        assert!(node.get("evaluation_interval").is_none());
        let tests = node.get("tests").unwrap().items();
        assert_eq!(tests[0].entries()[0].0.as_text(), Some("input_series"));
    }

    #[test]
    fn document_that_is_not_yaml_has_a_position() {
        for (text, line) in [("a: [", 1), ("a: b\n c: d", 2), ("a: &x [*x]", 1)] {
            let (position, message) = Node::parse(text).unwrap_err();
            assert!(position.line >= line && !message.is_empty(), "{text}: {position} {message}");
        }
        assert_eq!(Node::parse("# nothing").unwrap().entries().len(), 0);
    }

    #[test]
    fn document_knows_texts_by_quotes_and_tags() {
        let node = Node::parse("[5, '5', \"5\", !!str 5, ! 5, !!int 5]").unwrap();
        let plain: Vec<bool> = node
            .items()
            .iter()
            .map(|item| matches!(&item.content, Content::Scalar(scalar) if scalar.is_plain))
            .collect();
        assert_eq!(plain, [true, false, false, false, false, true]);
    }
}
