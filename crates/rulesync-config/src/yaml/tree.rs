//! The tree of a YAML document, in which every key and value has its position. The parser's limits hold: aliases may
//! share settings, but not make a small file a large one.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DuplicateKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};

/// A position in the text, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// A value and its position.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// As written, repeated keys included.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) position: Position,
    pub(crate) value: Node,
}

/// A scalar: its text, which any scalar but null has, and its meaning without quotes.
#[derive(Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) meaning: Meaning,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text,
}

/// Without the key: what is not a known key may be a secret in the wrong place.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, position, value } = self;
        f.debug_struct("Entry").field("position", position).field("value", value).finish_non_exhaustive()
    }
}

/// Without the text, which may be a secret.
impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text: _, meaning } = self;
        f.debug_struct("Scalar").field("meaning", meaning).finish_non_exhaustive()
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Unsigned(_) => "Unsigned",
            Self::Signed(_) => "Signed",
            Self::Float(_) => "Float",
            Self::Text => "Text",
        })
    }
}

/// The bytes that aliases may add to the text of a file.
const ALIASED_BYTES: usize = 1 << 20;

/// The events of the parser that aliases may repeat; a key with its value is two of them.
const ALIASED_EVENTS: usize = 50_000;

/// The depth of lists and mappings. No setting is nearly as deep, and each level takes some of the stack.
const MAX_DEPTH: usize = 32;

/// Parses one document. The parser replaces `${NAME}` in unquoted block style, if there is an environment, which answers.
///
/// # Errors
///
/// The parser's, if the text is not YAML or exceeds a limit.
pub(crate) fn parse(
    text: &str,
    environment: Option<&HashMap<String, String>>,
) -> Result<Node, serde_saphyr::Error> {
    let options = || match environment {
        Some(environment) => options(text).with_properties(environment.clone()),
        None => options(text),
    };
    let root: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options())?;
    let mut root = node(root);
    if let Some(environment) = environment {
        restore_substituted(&mut root, &text.lines().collect::<Vec<_>>(), environment);
    }
    if root.has_untyped_text() {
        // The same text, so that only a scalar that cannot be text at all stops here: it keeps its typed value.
        let _ = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |deserializer| {
            Texts(&mut root).deserialize(deserializer)
        });
    }
    Ok(root)
}

fn options(text: &str) -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        emit_comments: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        budget: serde_saphyr::budget! {
            enforce_alias_anchor_ratio: false,
            max_depth: MAX_DEPTH,
            max_recorded_anchor_events: ALIASED_EVENTS,
            max_total_scalar_bytes: text.len().saturating_add(ALIASED_BYTES),
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_EVENTS },
    }
}

/// What the parser shows of a value.
enum Raw {
    Scalar(Scalar),
    List(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        fn scalar(text: impl fmt::Display, meaning: Meaning) -> Raw {
            Raw::Scalar(Scalar { text: text.to_string(), meaning })
        }

        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(scalar("", Meaning::Null))
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(scalar("", Meaning::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(scalar(value, Meaning::Bool(value)))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(scalar(value, Meaning::Unsigned(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(scalar(value, u64::try_from(value).map_or(Meaning::Signed(value), Meaning::Unsigned)))
            }
            fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
                Ok(scalar(value, Meaning::Text))
            }
            fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
                Ok(scalar(value, Meaning::Text))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(scalar(value, Meaning::Float(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(scalar(value, Meaning::Text))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = mapping.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Mapping(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

fn node(raw: Spanned<Raw>) -> Node {
    let position = position(&raw);
    let content = match raw.value {
        Raw::Scalar(scalar) => Content::Scalar(scalar),
        Raw::List(items) => Content::List(items.into_iter().map(node).collect()),
        Raw::Mapping(entries) => Content::Mapping(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    position: self::position(&key),
                    key: key.value,
                    value: node(value),
                })
                .collect(),
        ),
    };
    Node { position, content }
}

fn position<T>(spanned: &Spanned<T>) -> Position {
    let at = if spanned.defined.line() > 0 { spanned.defined } else { spanned.referenced };
    Position { line: at.line().max(1), column: at.column().max(1) }
}

/// Gives back the text of values that the environment holds and that read like null: an environment holds text only.
fn restore_substituted(node: &mut Node, lines: &[&str], environment: &HashMap<String, String>) {
    let Position { line, column } = node.position;
    match &mut node.content {
        Content::Scalar(scalar) if scalar.meaning == Meaning::Null => {
            let line = usize::try_from(line - 1).ok().and_then(|line| lines.get(line));
            let column = usize::try_from(column - 1).unwrap_or(usize::MAX);
            let written: String = line.map(|line| line.chars().skip(column).collect()).unwrap_or_default();
            let name = written.strip_prefix("${").and_then(|rest| rest.split_once('}'));
            if let Some(value) = name.and_then(|(name, _)| environment.get(name)) {
                *scalar = Scalar { text: value.clone(), meaning: Meaning::Text };
            }
        }
        Content::Scalar(_) => {}
        Content::List(items) => {
            items.iter_mut().for_each(|item| restore_substituted(item, lines, environment))
        }
        Content::Mapping(entries) => {
            entries.iter_mut().for_each(|entry| restore_substituted(&mut entry.value, lines, environment));
        }
    }
}

impl Node {
    /// Replaces all positions.
    pub(crate) fn move_positions(&mut self, to: &impl Fn(Position) -> Position) {
        self.position = to(self.position);
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.move_positions(to)),
            Content::Mapping(entries) => {
                for entry in entries {
                    entry.position = to(entry.position);
                    entry.value.move_positions(to);
                }
            }
        }
    }

    /// Returns whether some scalar has a type other than text, so that its text is not known yet.
    fn has_untyped_text(&self) -> bool {
        match &self.content {
            Content::Scalar(scalar) => scalar.has_untyped_text(),
            Content::List(items) => items.iter().any(Self::has_untyped_text),
            Content::Mapping(entries) => entries.iter().any(|entry| entry.value.has_untyped_text()),
        }
    }
}

impl Scalar {
    fn has_untyped_text(&self) -> bool {
        !matches!(self.meaning, Meaning::Null | Meaning::Text)
    }
}

/// Reads the texts of numbers and booleans in a second pass over a document of the same shape: `012` is the text `012`
/// where a name is expected.
struct Texts<'a>(&'a mut Node);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match &mut self.0.content {
            Content::Scalar(scalar) if scalar.has_untyped_text() => {
                scalar.text = String::deserialize(deserializer)?;
                Ok(())
            }
            Content::Scalar(_) => IgnoredAny::deserialize(deserializer).map(drop),
            Content::List(_) => deserializer.deserialize_seq(self),
            Content::Mapping(_) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Content::List(items) = &mut self.0.content {
            for item in items {
                list.next_element_seed(Texts(item))?;
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<(), A::Error> {
        if let Content::Mapping(entries) = &mut self.0.content {
            for entry in entries {
                if mapping.next_key::<IgnoredAny>()?.is_some() {
                    mapping.next_value_seed(Texts(&mut entry.value))?;
                }
            }
        }
        while mapping.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Scalar {
        match parse(&format!("k: {text}"), None).unwrap().content {
            Content::Mapping(mut entries) => match entries.remove(0).value.content {
                Content::Scalar(scalar) => scalar,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tree_keeps_the_text_of_scalars_as_written() {
        for (text, meaning) in [
            ("012", None),
            ("1.0", Some(Meaning::Float(1.0))),
            ("0x10", Some(Meaning::Unsigned(16))),
            ("-3", Some(Meaning::Signed(-3))),
            ("true", Some(Meaning::Bool(true))),
            ("yes", Some(Meaning::Text)),
        ] {
            let scalar = scalar(text);
            assert_eq!(scalar.text, text);
            assert!(meaning.is_none_or(|meaning| scalar.meaning == meaning), "{scalar:?}");
        }
        assert_eq!(scalar("'5'"), Scalar { text: "5".to_owned(), meaning: Meaning::Text });
    }

    #[test]
    fn tree_gives_positions_of_keys_and_values_and_keeps_repeated_keys() {
        let root = parse("a:\n  - {b: 1, b: 2}\n", None).unwrap();
        let Content::Mapping(entries) = &root.content else { panic!("{root:?}") };
        assert_eq!(entries[0].position, Position { line: 1, column: 1 });
        let Content::List(items) = &entries[0].value.content else { panic!("{root:?}") };
        let Content::Mapping(repeated) = &items[0].content else { panic!("{root:?}") };
        let columns: Vec<_> = repeated.iter().map(|e| (e.position.column, e.value.position.column)).collect();
        assert_eq!(columns, [(6, 9), (12, 15)]);
    }
}
