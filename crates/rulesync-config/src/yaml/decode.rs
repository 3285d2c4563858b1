//! Typed values from a tree, as serde reads them. What a [`Repairs`] leaves out or fills in is not read from the tree, so
//! that a second reading passes the mistake at which the first one stopped.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::Deserializer;
use serde::de::value::StringDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::fault::Fault;
use super::path::Path;
use super::tree::{Content, Entry, Meaning, Node, Scalar};

/// What is read otherwise than it is written, and keys that nothing reads.
#[derive(Debug, Default)]
pub(crate) struct Repairs {
    /// Values that are left out. An item of a list is read as an empty value, so that others keep their index.
    pub(crate) omitted: BTreeSet<Path>,
    /// Keys that are missing and read as an empty value.
    pub(crate) filled: BTreeSet<Path>,
    /// Keys that are not known, with those that are.
    pub(crate) unknown: RefCell<Vec<(Path, &'static [&'static str])>>,
}

/// Reads one value.
pub(crate) struct Decoder<'a> {
    /// The value; absent for one that is filled in.
    node: Option<&'a Node>,
    path: Path,
    repairs: &'a Repairs,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(root: &'a Node, repairs: &'a Repairs) -> Self {
        Self { node: Some(root), path: Path::default(), repairs }
    }

    fn below(node: Option<&'a Node>, path: Path, repairs: &'a Repairs) -> Self {
        Self { node: node.filter(|_| !repairs.omitted.contains(&path)), path, repairs }
    }

    /// Calls a visitor with what was read of this value, and names its path in errors.
    fn visit<T>(self, visit: impl FnOnce(Self) -> Result<T, Fault>) -> Result<T, Fault> {
        let path = self.path.clone();
        visit(self).map_err(|fault| fault.at(&path))
    }

    /// Returns the fault of a value of the wrong type.
    fn wrong<T>(&self, expected: &str) -> Result<T, Fault> {
        let found = match self.node.map(|node| &node.content) {
            Some(Content::List(_)) => "a list",
            Some(Content::Mapping(_)) => "a mapping",
            Some(Content::Scalar(scalar)) => match scalar.meaning {
                Meaning::Null => "no value",
                Meaning::Bool(_) => "a boolean",
                Meaning::Unsigned(_) | Meaning::Signed(_) | Meaning::Float(_) => "a number",
                Meaning::Text => "a string",
            },
            None => "no value",
        };
        Err(de::Error::custom(format_args!("expected {expected}, found {found}")))
    }

    fn scalar(&self) -> Option<&'a Scalar> {
        match self.node.map(|node| &node.content) {
            Some(Content::Scalar(scalar)) => Some(scalar),
            _ => None,
        }
    }

    fn unsigned(&self) -> Result<u64, Fault> {
        match (self.node, self.scalar()) {
            (None, _) => Ok(0),
            (_, Some(Scalar { meaning: Meaning::Unsigned(number), .. })) => Ok(*number),
            // In quotes, or from the environment.
            (_, Some(Scalar { meaning: Meaning::Text, text })) if text.parse::<u64>().is_ok() => {
                Ok(text.parse().unwrap_or_default())
            }
            _ => self.wrong("a whole number"),
        }
    }

    fn float(&self) -> Result<f64, Fault> {
        match (self.node, self.scalar()) {
            (None, _) => Ok(0.0),
            (_, Some(Scalar { meaning: Meaning::Float(number), .. })) => Ok(*number),
            (_, Some(Scalar { meaning: Meaning::Null | Meaning::Bool(_), .. })) | (_, None) => {
                self.wrong("a number")
            }
            (_, Some(Scalar { text, .. })) => text.parse().or_else(|_| self.wrong("a number")),
        }
    }

    fn boolean(&self) -> Result<bool, Fault> {
        match (self.node, self.scalar().map(|scalar| (scalar.meaning, &*scalar.text))) {
            (None, _) => Ok(false),
            (_, Some((Meaning::Bool(value), _))) => Ok(value),
            (_, Some((Meaning::Text, "true"))) => Ok(true),
            (_, Some((Meaning::Text, "false"))) => Ok(false),
            _ => self.wrong("`true` or `false`"),
        }
    }

    fn text(&self) -> Result<&'a str, Fault> {
        match (self.node, self.scalar()) {
            (None, _) => Ok(""),
            (_, Some(scalar)) if scalar.meaning != Meaning::Null => Ok(&scalar.text),
            _ => self.wrong("a string"),
        }
    }

    fn items(&self) -> Result<&'a [Node], Fault> {
        match self.node.map(|node| &node.content) {
            None => Ok(&[]),
            Some(Content::List(items)) => Ok(items),
            Some(_) => self.wrong("a list"),
        }
    }

    fn entries(&self) -> Result<&'a [Entry], Fault> {
        match self.node.map(|node| &node.content) {
            None => Ok(&[]),
            Some(Content::Mapping(entries)) => Ok(entries),
            Some(_) => self.wrong("a mapping"),
        }
    }

    /// Returns the entries to read: the first of each key, without those that are left out, and those that are filled in.
    fn entries_to_read(&self) -> Result<Vec<(&'a str, Option<&'a Node>)>, Fault> {
        let mut seen = BTreeSet::new();
        let first = self.entries()?.iter().filter(|entry| seen.insert(&*entry.key));
        let kept = first.filter(|entry| !self.repairs.omitted.contains(&self.path.key(&entry.key)));
        let kept = kept.map(|entry| (&*entry.key, Some(&entry.value)));
        let filled = self.repairs.filled.iter().filter_map(|path| path.key_below(&self.path));
        Ok(kept.chain(filled.map(|key| (key, None))).collect())
    }
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| match this.node.map(|node| &node.content) {
            None => visitor.visit_unit(),
            Some(Content::List(_)) => this.deserialize_seq(visitor),
            Some(Content::Mapping(_)) => this.deserialize_map(visitor),
            Some(Content::Scalar(scalar)) => match scalar.meaning {
                Meaning::Null => visitor.visit_unit(),
                Meaning::Bool(value) => visitor.visit_bool(value),
                Meaning::Unsigned(value) => visitor.visit_u64(value),
                Meaning::Signed(value) => visitor.visit_i64(value),
                Meaning::Float(value) => visitor.visit_f64(value),
                Meaning::Text => visitor.visit_str(&scalar.text),
            },
        })
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| visitor.visit_bool(this.boolean()?))
    }
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| visitor.visit_u64(this.unsigned()?))
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| visitor.visit_f64(this.float()?))
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| visitor.visit_str(this.text()?))
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| match (this.node, this.scalar()) {
            (None, _) | (_, Some(Scalar { meaning: Meaning::Null, .. })) => visitor.visit_none(),
            _ => visitor.visit_some(this),
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit(|this| visitor.visit_newtype_struct(this))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| {
            let items = this.items()?;
            visitor.visit_seq(Items { items, index: 0, path: &this.path, repairs: this.repairs })
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.visit(|this| {
            let entries = this.entries_to_read()?;
            visitor.visit_map(Entries { entries, index: 0, path: &this.path, repairs: this.repairs })
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit(|this| {
            let mut entries = this.entries_to_read()?;
            entries.retain(|(key, _)| {
                let known = fields.contains(key);
                if !known {
                    this.repairs.report_unknown(this.path.key(key), fields);
                }
                known
            });
            visitor.visit_map(Entries { entries, index: 0, path: &this.path, repairs: this.repairs })
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.visit(|this| {
            let text = match this.node {
                Some(_) => this.text()?,
                None => variants.first().copied().unwrap_or_default(),
            };
            let text: StringDeserializer<Fault> = text.to_owned().into_deserializer();
            visitor.visit_enum(text)
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { i8 i16 i32 i64 i128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }
    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }
    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }
    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }
}

impl Repairs {
    fn report_unknown(&self, path: Path, known: &'static [&'static str]) {
        let mut unknown = self.unknown.borrow_mut();
        if !unknown.iter().any(|(other, _)| *other == path) {
            unknown.push((path, known));
        }
    }
}

struct Items<'a> {
    items: &'a [Node],
    index: usize,
    path: &'a Path,
    repairs: &'a Repairs,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.get(self.index) else { return Ok(None) };
        let path = self.path.item(self.index);
        self.index += 1;
        let decoder = Decoder::below(Some(item), path.clone(), self.repairs);
        seed.deserialize(decoder).map(Some).map_err(|fault| fault.at(&path))
    }
}

struct Entries<'a> {
    entries: Vec<(&'a str, Option<&'a Node>)>,
    index: usize,
    path: &'a Path,
    repairs: &'a Repairs,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, _)) = self.entries.get(self.index) else { return Ok(None) };
        let text: StringDeserializer<Fault> = (*key).to_owned().into_deserializer();
        seed.deserialize(text).map(Some).map_err(|fault| fault.at(&self.path.key(key)))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some((key, node)) = self.entries.get(self.index) else {
            return Err(de::Error::custom("a value without a key"));
        };
        self.index += 1;
        let path = self.path.key(key);
        let decoder = Decoder::below(*node, path.clone(), self.repairs);
        seed.deserialize(decoder).map_err(|fault| fault.at(&path))
    }
}
