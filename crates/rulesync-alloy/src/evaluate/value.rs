//! Values. Texts may have parts that are known only where the configuration is used.

use std::fmt;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Value>),
    /// In the order of the fields.
    Object(Vec<(String, Value)>),
}

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
}

/// A text, made of parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    /// No two literals are beside each other, and none is empty.
    parts: Vec<Part>,
}

/// A part of a text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(String),
    /// The value of an environment variable.
    Variable(String),
    /// The content of a file with this path.
    File(Text),
    /// A value of a Secret or a ConfigMap.
    Stored(Stored),
}

/// A value of a Secret or a ConfigMap in Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stored {
    pub(crate) kind: StoredKind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) key: String,
}

/// What holds a value in Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StoredKind {
    Secret,
    ConfigMap,
}

/// Without literals, which may be secrets.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("Literal(..)"),
            Self::Variable(name) => f.debug_tuple("Variable").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stored(stored) => f.debug_tuple("Stored").field(stored).finish(),
        }
    }
}

impl Value {
    /// The word for values of this type, with its article.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// A text all of which must be known, or why it is not.
    pub(super) fn known_text(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => text.literal().map(str::to_owned).ok_or_else(|| {
                "this must be known here, and not only where the configuration is used".to_owned()
            }),
            other => Err(format!("expected a string, found {}", other.type_name())),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Text::from(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut made = Self::default();
        made.push(Part::Literal(text.to_owned()));
        made
    }
}

impl From<Part> for Text {
    fn from(part: Part) -> Self {
        let mut made = Self::default();
        made.push(part);
        made
    }
}

impl Text {
    /// The parts.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text, if all of it is known.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is known to be empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it is known not to be empty.
    pub(crate) fn has_literal(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Literal(_)))
    }

    fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    /// This text and another one behind it.
    pub(crate) fn and(mut self, other: Self) -> Self {
        other.parts.into_iter().for_each(|part| self.push(part));
        self
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

impl fmt::Display for StoredKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        })
    }
}
