//! What a document is, read so that no document of any kind is too odd for it; and the typed items of a list.

use std::fmt;
use std::marker::PhantomData;

use rulesync_core::{ALERTING_RULE, LOGGING_RULE, PROMETHEUS_RULE, Position, RECORDING_RULE};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_saphyr::Spanned;

use crate::yaml::count;

/// The kinds of rules, and the API group of each.
const RULES: [(&str, &str); 4] = [
    (PROMETHEUS_RULE, "monitoring.coreos.com/"),
    (ALERTING_RULE, "loki.grafana.com/"),
    (RECORDING_RULE, "loki.grafana.com/"),
    (LOGGING_RULE, "rulesync.dev/"),
];

/// What tells one kind of document from another, and the object's name.
#[derive(Debug, Default)]
pub(super) struct Shape {
    api_version: Word,
    kind: Word,
    metadata: Names,
    has_groups: bool,
    items: Vec<Shape>,
}

/// What a document is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An object with rules, of this kind.
    Rules(&'static str),
    /// Says it is of a kind of rules and not by which API: surely a mistake.
    WithoutVersion(&'static str),
    /// A plain Prometheus rule file.
    RuleFile,
    List,
    Other,
}

impl Shape {
    pub(super) fn kind(&self) -> Kind {
        let Some(kind) = self.kind.0.as_deref() else {
            return if self.api_version.0.is_none() && self.has_groups {
                Kind::RuleFile
            } else {
                Kind::Other
            };
        };
        let rules = RULES.iter().find(|(rules, _)| *rules == kind);
        match (rules, self.api_version.0.as_deref()) {
            (Some((rules, group)), Some(version)) if version.starts_with(group) => Kind::Rules(rules),
            (Some((rules, _)), None) => Kind::WithoutVersion(rules),
            (None, _) if kind == "List" || self.items_kind().is_some() => Kind::List,
            _ => Kind::Other,
        }
    }

    /// The kind of the items of a typed list, as the API answers it.
    fn items_kind(&self) -> Option<&'static str> {
        let kind = self.kind.0.as_deref()?.strip_suffix("List")?;
        RULES.iter().find(|(rules, _)| *rules == kind).map(|(rules, _)| *rules)
    }

    /// How an API version of a kind begins.
    pub(super) fn api_group(kind: &str) -> &'static str {
        RULES.iter().find(|(rules, _)| *rules == kind).map_or("", |(_, group)| group)
    }

    /// The kind of an item of this list, if it has rules. In a typed list items say nothing.
    fn rules_of(&self, item: &Shape) -> Option<&'static str> {
        match item.kind() {
            Kind::Rules(kind) => Some(kind),
            _ => self.items_kind().filter(|_| item.kind.0.is_none()),
        }
    }

    pub(super) fn kind_name(&self) -> Option<&str> {
        self.kind.0.as_deref()
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.metadata.namespace.0.as_deref()
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.metadata.name.0.as_deref()
    }
}

/// A text, or nothing if it is anything else.
#[derive(Debug, Default)]
struct Word(Option<String>);

/// A list of shapes, or nothing if it is anything else.
#[derive(Debug, Default)]
struct Shapes(Vec<Shape>);

#[derive(Debug, Default)]
struct Names {
    namespace: Word,
    name: Word,
}

/// Reads anything: a type below says what it takes from a text, a list or a map, and everything else is its default.
trait Lenient: Default {
    fn text(_: &str) -> Self {
        Self::default()
    }
    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
    fn entry<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        map.next_value::<IgnoredAny>().map(|_| ())
    }
}

impl Lenient for Word {
    fn text(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl Lenient for Shapes {
    fn list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut shapes = Vec::new();
        while let Some(shape) = list.next_element()? {
            shapes.push(shape);
        }
        Ok(Self(shapes))
    }
}

impl Lenient for Names {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "namespace" => self.namespace = map.next_value()?,
            "name" => self.name = map.next_value()?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl Lenient for Shape {
    fn entry<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "apiVersion" => self.api_version = map.next_value()?,
            "kind" => self.kind = map.next_value()?,
            "metadata" => self.metadata = map.next_value()?,
            "items" => self.items = map.next_value::<Shapes>()?.0,
            _ => {
                self.has_groups |= key == "groups";
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Anything<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_i128<E: Error>(self, _: i128) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_u128<E: Error>(self, _: u128) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_none<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        while let Some(key) = map.next_key::<Word>()? {
            value.entry(key.0.as_deref().unwrap_or_default(), &mut map)?;
        }
        Ok(value)
    }
}

macro_rules! read_leniently {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Anything(PhantomData))
            }
        }
    )*};
}
read_leniently!(Word, Shapes, Names, Shape);

/// Reads those items of a list that are PrometheusRules, as `T`, with where in the document they begin.
pub(super) struct TypedItems<'a, T> {
    list: &'a Shape,
    item: PhantomData<T>,
}

impl<'a, T> TypedItems<'a, T> {
    pub(super) fn of(list: &'a Shape) -> Self {
        Self { list, item: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for TypedItems<'_, T> {
    type Value = Vec<(&'static str, T, Position)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for TypedItems<'_, T> {
    type Value = Vec<(&'static str, T, Position)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    /// The items are null, as an empty list may be written.
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    /// The document.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(key) = map.next_key::<Word>()? {
            if key.0.as_deref() == Some("items") {
                items = map.next_value_seed(TypedItems::of(self.list))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(items)
    }

    /// Its items.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        for shape in &self.list.items {
            let Some(kind) = self.list.rules_of(shape) else {
                list.next_element::<IgnoredAny>()?;
                continue;
            };
            if let Some(item) = list.next_element::<Spanned<T>>()? {
                let place = item.referenced;
                items.push((
                    kind,
                    item.value,
                    Position { line: count(place.line()), column: count(place.column()) },
                ));
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(items)
    }
}
