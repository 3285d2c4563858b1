//! The configuration as YAML: a tree of settings that know where they come from, and its text.

use crate::syntax::Position;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Scalar(Scalar),
    List(Vec<Node>),
    /// A list of mappings, each of which begins on a line of its own.
    Items(Vec<Mapping>),
    Mapping(Mapping),
}

/// Settings in their order.
pub(crate) type Mapping = Vec<Entry>;

/// A setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Node,
    /// Why it is as it is.
    pub(crate) comment: Option<String>,
    /// What it was made of.
    pub(crate) origin: Option<Position>,
}

/// A scalar.
#[derive(Clone, PartialEq)]
pub(crate) enum Scalar {
    /// A number or a bool.
    Plain(String),
    Text(Vec<Piece>),
}

/// A piece of a text.
#[derive(Clone, PartialEq)]
pub(crate) enum Piece {
    Literal(String),
    /// `${NAME}`.
    Variable(String),
}

/// Without the text, which may be a secret.
impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scalar(..)")
    }
}

impl Node {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Scalar(Scalar::Text(vec![Piece::Literal(text.into())]))
    }

    pub(crate) fn plain(value: impl ToString) -> Self {
        Self::Scalar(Scalar::Plain(value.to_string()))
    }
}

impl Entry {
    pub(crate) fn new(key: impl Into<String>, value: Node) -> Self {
        Self { key: key.into(), value, comment: None, origin: None }
    }

    pub(crate) fn at(self, origin: Position) -> Self {
        Self { origin: Some(origin), ..self }
    }

    pub(crate) fn comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

/// A text, and for each of its lines the position that it comes from.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) text: String,
    pub(crate) origins: Vec<Option<Position>>,
}

/// The columns that a list or a mapping between brackets may have.
const WIDTH: usize = 100;

/// Writes settings, with this comment above them.
pub(crate) fn write(heading: &[String], settings: &Mapping) -> Document {
    let mut document = Document::default();
    for line in heading {
        document.line(&format!("# {}", printable(line)), None);
    }
    mapping(settings, 0, "", None, &mut document);
    document
}

/// A value between brackets, as a key by which equal values are found.
pub(crate) fn inline(node: &Node) -> String {
    let mut text = String::new();
    flow(node, &mut text);
    text
}

impl Document {
    fn line(&mut self, line: &str, origin: Option<Position>) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(origin);
    }
}

/// Writes a mapping. `lead` stands before its first key in place of as much indent: the dash of a list.
fn mapping(entries: &Mapping, indent: usize, lead: &str, around: Option<Position>, to: &mut Document) {
    for (index, Entry { key, value, comment, origin }) in entries.iter().enumerate() {
        let origin = origin.or(around);
        let dash = if index == 0 { lead } else { "" };
        let before = format!("{}{dash}{}:", " ".repeat(indent - dash.len()), scalar_text(key, false));
        let comment = comment.as_ref().map_or_else(String::new, |text| format!("  # {}", printable(text)));
        let inline = inline_value(value, before.chars().count());
        if let Some(inline) = inline {
            to.line(&format!("{before} {inline}{comment}"), origin);
            continue;
        }
        to.line(&format!("{before}{comment}"), origin);
        match value {
            Node::Mapping(entries) => mapping(entries, indent + 2, "", origin, to),
            Node::Items(items) => {
                items.iter().for_each(|entries| mapping(entries, indent + 4, "- ", origin, to));
            }
            Node::List(items) => {
                for item in items {
                    match item {
                        Node::Mapping(entries) if inline_value(item, indent + 4).is_none() => {
                            mapping(entries, indent + 4, "- ", origin, to);
                        }
                        item => {
                            let mut text = String::new();
                            flow(item, &mut text);
                            to.line(
                                &format!("{}- {text}", " ".repeat(indent + 2)),
                                item_origin(item).or(origin),
                            );
                        }
                    }
                }
            }
            Node::Scalar(_) => {}
        }
    }
}

fn item_origin(item: &Node) -> Option<Position> {
    match item {
        Node::Mapping(entries) => entries.first()?.origin,
        _ => None,
    }
}

/// A value on the line of its key, if it is short and has no comments.
fn inline_value(value: &Node, before: usize) -> Option<String> {
    if let Node::Scalar(scalar) = value {
        return Some(match scalar {
            Scalar::Plain(text) => text.clone(),
            Scalar::Text(pieces) => pieces_text(pieces, false),
        });
    }
    let stays_open = |node: &Node| match node {
        Node::Mapping(entries) => entries.iter().any(|entry| entry.comment.is_some()) || entries.len() > 3,
        Node::List(items) => items.len() > 1 && items.iter().any(|item| matches!(item, Node::Mapping(_))),
        Node::Items(_) => true,
        Node::Scalar(_) => false,
    };
    if stays_open(value) {
        return None;
    }
    let text = inline(value);
    (before + 1 + text.chars().count() <= WIDTH).then_some(text)
}

fn flow(node: &Node, to: &mut String) {
    match node {
        Node::Scalar(Scalar::Plain(text)) => to.push_str(text),
        Node::Scalar(Scalar::Text(pieces)) => to.push_str(&pieces_text(pieces, true)),
        Node::List(items) => {
            to.push('[');
            for (index, item) in items.iter().enumerate() {
                to.push_str(if index == 0 { "" } else { ", " });
                flow(item, to);
            }
            to.push(']');
        }
        Node::Items(items) => {
            flow(&Node::List(items.iter().cloned().map(Node::Mapping).collect()), to);
        }
        Node::Mapping(entries) => {
            to.push('{');
            for (index, entry) in entries.iter().enumerate() {
                to.push_str(if index == 0 { "" } else { ", " });
                to.push_str(&scalar_text(&entry.key, true));
                to.push_str(": ");
                flow(&entry.value, to);
            }
            to.push('}');
        }
    }
}

fn pieces_text(pieces: &[Piece], in_flow: bool) -> String {
    if let [Piece::Literal(text)] = pieces {
        return scalar_text(text, in_flow);
    }
    let mut text = String::from("\"");
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => escape(literal, &mut text),
            Piece::Variable(name) => text.push_str(&format!("${{{name}}}")),
        }
    }
    text.push('"');
    text
}

fn scalar_text(text: &str, in_flow: bool) -> String {
    if is_plain(text, in_flow) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    escape(text, &mut quoted);
    quoted.push('"');
    quoted
}

/// Whether a text is read as the same text without quotes.
fn is_plain(text: &str, in_flow: bool) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_'));
    let known = |c: char| c.is_ascii_alphanumeric() || "_./@+-".contains(c) || c == ':' && !in_flow;
    let other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins
        && text.chars().all(known)
        && !text.ends_with(':')
        && !other.iter().any(|word| text.eq_ignore_ascii_case(word))
        && text.parse::<f64>().is_err()
}

/// Writes a text as it is in double quotes. A `$` is escaped: nothing is substituted for it.
fn escape(text: &str, to: &mut String) {
    for character in text.chars() {
        match character {
            '"' | '\\' => to.extend(['\\', character]),
            '$' => to.push_str("\\x24"),
            '\n' => to.push_str("\\n"),
            other if other.is_control() || matches!(other, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                to.push_str(&format!("\\u{:04x}", u32::from(other)));
            }
            other => to.push(other),
        }
    }
}

/// A comment as one line, in which nothing looks like a variable.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().replace("${", "$ {")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        let odd = [
            "", "null", "~", "1", "1e3", "0x1", ".inf", "- a", "a: b", "a #b", "${HOME}", "$", "a,b", "{a}",
            "é",
        ];
        prop_oneof![
            any::<String>(),
            "[a-z0-9$:{}# ,-]{0,8}",
            prop::sample::select(odd.to_vec()).prop_map(str::to_owned)
        ]
    }

    proptest! {
        #[test]
        fn yaml_texts_are_read_as_they_were(key in texts(), texts in prop::collection::vec(texts(), 0..4)) {
            let list = Node::List(texts.iter().map(Node::text).collect());
            let first = texts.first().cloned().unwrap_or_default();
            let nested = vec![
                Entry::new("list", list).comment(key.as_str()),
                Entry::new("text", Node::text(first.as_str())),
            ];
            let Document { text, origins } = write(std::slice::from_ref(&key), &vec![Entry::new(key.as_str(), Node::Mapping(nested))]);
            prop_assert_eq!(text.lines().count(), origins.len());
            #[derive(serde::Deserialize)]
            struct Read {
                list: Vec<String>,
                text: String,
            }
            let read: BTreeMap<String, Read> = serde_saphyr::from_str(&text).map_err(|error| {
                TestCaseError::fail(format!("{error}\n{text}"))
            })?;
            let Read { list, text } = &read[&key];
            prop_assert_eq!((list, text), (&texts, &first));
        }
    }

    #[test]
    fn yaml_lines_know_where_they_come_from() {
        let at = |line| Position { file: 0, line, column: 1 };
        let inner =
            vec![Entry::new("a", Node::plain(1)).comment("why"), Entry::new("b", Node::plain(2)).at(at(7))];
        let items = Node::Items(vec![inner.clone(), inner]);
        let Document { text, origins } = write(&[], &vec![Entry::new("items", items).at(at(3))]);
        assert_eq!(text, "items:\n  - a: 1  # why\n    b: 2\n  - a: 1  # why\n    b: 2\n");
        let lines: Vec<usize> = origins.iter().flatten().map(|position| position.line).collect();
        assert_eq!(lines, [3, 3, 7, 3, 7]);
    }

    #[test]
    fn yaml_variables_stay_variables_and_other_dollars_do_not() {
        let pieces = [("a ${B} ", None), ("", Some("C"))].map(|(text, name)| match name {
            Some(name) => Piece::Variable(name.to_owned()),
            None => Piece::Literal(str::to_owned(text)),
        });
        assert_eq!(pieces_text(&pieces, false), r#""a \x24{B} ${C}""#);
    }
}
