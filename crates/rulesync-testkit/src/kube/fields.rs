//! Sets of fields of an object in the format of `managedFields`: a tree whose keys are `f:name` for members, `k:{…}`
//! for items of a list of type map, and `v:…` for items of a list of type set.
//!
//! Pure functions. `ownership` decides which manager owns which set.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema::Schema;

/// A set of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// `true` if the field at the root of this tree is itself in the set.
    member: bool,
    parts: BTreeMap<String, Fields>,
}

/// The parts of a value that can be owned separately.
type Parts<'a> = BTreeMap<String, (&'a Value, Option<&'a Schema>)>;

impl Fields {
    fn leaf() -> Self {
        Self { member: true, parts: BTreeMap::new() }
    }

    /// Parses a `fieldsV1` tree.
    pub(crate) fn parse(tree: &Value) -> Self {
        let entries = tree.as_object();
        let parts = entries.into_iter().flatten().filter(|(key, _)| *key != ".");
        let parts: BTreeMap<_, _> = parts.map(|(key, part)| (key.clone(), Self::parse(part))).collect();
        Self { member: parts.is_empty() || tree.get(".").is_some(), parts }
    }

    /// Converts the set to a `fieldsV1` tree.
    pub(crate) fn render(&self) -> Value {
        let mut tree: Map<String, Value> =
            self.parts.iter().map(|(key, part)| (key.clone(), part.render())).collect();
        if self.member && !tree.is_empty() {
            tree.insert(".".to_owned(), json!({}));
        }
        Value::Object(tree)
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.member && self.parts.is_empty()
    }

    /// Sets a part; an empty one is ignored.
    pub(crate) fn set(&mut self, key: &str, part: Self) {
        if !part.is_empty() {
            self.parts.insert(key.to_owned(), part);
        }
    }

    pub(crate) fn part(&self, key: &str) -> Option<&Self> {
        self.parts.get(key)
    }

    /// Returns the set without this part.
    pub(crate) fn without(mut self, key: &str) -> Self {
        self.parts.remove(key);
        self
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.member |= other.member;
        for (key, part) in &other.parts {
            self.parts.entry(key.clone()).or_default().add(part);
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.member &= !other.member;
        for (key, part) in &other.parts {
            if let Some(own) = self.parts.get_mut(key) {
                own.subtract(part);
                if own.is_empty() {
                    self.parts.remove(key);
                }
            }
        }
    }

    /// The intersection of both sets.
    pub(crate) fn common(&self, other: &Self) -> Self {
        let mut both = Self { member: self.member && other.member, parts: BTreeMap::new() };
        for (key, part) in &self.parts {
            if let Some(other_part) = other.parts.get(key) {
                both.set(key, part.common(other_part));
            }
        }
        both
    }

    /// The paths of all fields in the set in the format of messages: `.spec.groups[name="g"].interval`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, at: &str, paths: &mut Vec<String>) {
        if self.member && !at.is_empty() {
            paths.push(at.to_owned());
        }
        for (key, part) in &self.parts {
            part.collect(&format!("{at}{}", step(key)), paths);
        }
    }
}

/// Formats one step of a path.
fn step(key: &str) -> String {
    match key.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let pairs: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", pairs.join(","))
        }
        Some((_, value)) => format!("[={value}]"),
        None => key.to_owned(),
    }
}

/// The key of a list item, in lists of type map or set.
fn item_key(item: &Value, schema: &Schema) -> Option<String> {
    if schema.is_set() {
        return Some(format!("v:{item}"));
    }
    let mut keys = Map::new();
    for key in schema.map_keys() {
        keys.insert(key.clone(), item.get(key)?.clone());
    }
    (!keys.is_empty()).then(|| format!("k:{}", Value::Object(keys)))
}

fn parts<'a>(value: &'a Value, schema: Option<&'a Schema>) -> Option<Parts<'a>> {
    match value {
        Value::Object(_) if schema.is_some_and(Schema::is_atomic) => None,
        Value::Object(members) => Some(
            members
                .iter()
                .map(|(name, member)| (format!("f:{name}"), (member, schema.and_then(|s| s.member(name)))))
                .collect(),
        ),
        Value::Array(items) => {
            let schema = schema.filter(|schema| schema.is_set() || !schema.map_keys().is_empty())?;
            items.iter().map(|item| Some((item_key(item, schema)?, (item, schema.item())))).collect()
        }
        _ => None,
    }
}

/// The fields of a configuration: its leaves, and the items of lists of type map.
pub(crate) fn applied(value: &Value, schema: Option<&Schema>) -> Fields {
    let Some(parts) = parts(value, schema).filter(|parts| !parts.is_empty()) else { return Fields::leaf() };
    let mut fields = Fields::default();
    for (key, (part, schema)) in parts {
        let mut owned = applied(part, schema);
        owned.member |= key.starts_with("k:");
        fields.set(&key, owned);
    }
    fields
}

/// All fields of a value, including those that contain others.
fn whole(value: &Value, schema: Option<&Schema>) -> Fields {
    let mut fields = Fields::leaf();
    for (key, (part, schema)) in parts(value, schema).unwrap_or_default() {
        fields.set(&key, whole(part, schema));
    }
    fields
}

/// The fields added or changed from one value to the next, and the fields removed.
pub(crate) fn difference(old: &Value, new: &Value, schema: Option<&Schema>) -> (Fields, Fields) {
    let (mut touched, mut removed) = (Fields::default(), Fields::default());
    match (parts(old, schema), parts(new, schema)) {
        (Some(before), Some(after)) => {
            for (key, (part, schema)) in &after {
                match before.get(key) {
                    None => touched.set(key, whole(part, *schema)),
                    Some((old, _)) => {
                        let (added, dropped) = difference(old, part, *schema);
                        touched.set(key, added);
                        removed.set(key, dropped);
                    }
                }
            }
            for (key, (part, schema)) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
                removed.set(key, whole(part, *schema));
            }
        }
        (None, None) if old == new => {}
        _ => {
            touched = whole(new, schema);
            removed = Fields { member: false, ..whole(old, schema) };
        }
    }
    (touched, removed)
}

/// Merges a configuration into a value: members and keyed items are merged, anything else is replaced.
pub(crate) fn merge(value: &mut Value, config: &Value, schema: Option<&Schema>) {
    match (&mut *value, config) {
        (Value::Object(members), Value::Object(wanted)) if !schema.is_some_and(Schema::is_atomic) => {
            for (name, part) in wanted {
                match members.get_mut(name) {
                    Some(member) => merge(member, part, schema.and_then(|s| s.member(name))),
                    None => drop(members.insert(name.clone(), part.clone())),
                }
            }
        }
        (Value::Array(items), Value::Array(wanted)) => {
            let key = |item: &Value| schema.and_then(|schema| item_key(item, schema));
            if items.iter().chain(wanted).any(|item| key(item).is_none()) {
                items.clone_from(wanted);
                return;
            }
            for part in wanted {
                match items.iter_mut().find(|item| key(item) == key(part)) {
                    Some(item) => merge(item, part, schema.and_then(Schema::item)),
                    None => items.push(part.clone()),
                }
            }
        }
        _ => *value = config.clone(),
    }
}

/// Removes the fields in `gone` from a value, unless `kept` contains them or a part of them; a value that is then empty
/// is removed too, unless it is kept.
pub(crate) fn prune(value: &mut Value, gone: &Fields, kept: &Fields, schema: Option<&Schema>) {
    let nothing = Fields::default();
    for (key, part) in &gone.parts {
        let keep = kept.part(key);
        let Some((child, below)) = child(value, key, schema) else { continue };
        let remove = (part.member && keep.is_none()) || {
            prune(child, part, keep.unwrap_or(&nothing), below);
            let empty =
                child.as_object().is_some_and(Map::is_empty) || child.as_array().is_some_and(Vec::is_empty);
            empty && keep.is_none()
        };
        if remove {
            take(value, key, schema);
        }
    }
}

fn child<'a, 's>(
    value: &'a mut Value,
    key: &str,
    schema: Option<&'s Schema>,
) -> Option<(&'a mut Value, Option<&'s Schema>)> {
    match (value, key.strip_prefix("f:")) {
        (Value::Object(members), Some(name)) => {
            Some((members.get_mut(name)?, schema.and_then(|schema| schema.member(name))))
        }
        (Value::Array(items), None) => {
            let schema = schema?;
            let item = items.iter_mut().find(|item| item_key(item, schema).as_deref() == Some(key))?;
            Some((item, schema.item()))
        }
        _ => None,
    }
}

fn take(value: &mut Value, key: &str, schema: Option<&Schema>) {
    match (value, key.strip_prefix("f:"), schema) {
        (Value::Object(members), Some(name), _) => drop(members.remove(name)),
        (Value::Array(items), None, Some(schema)) => {
            items.retain(|item| item_key(item, schema).as_deref() != Some(key));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
