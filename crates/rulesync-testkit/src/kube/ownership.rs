//! Field ownership: the entries of `metadata.managedFields`, the effect of a write on them, and the conflicts of
//! server-side apply.
//!
//! Pure: the time of an entry is an argument.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::fields::{Fields, applied, difference, merge, prune};
use super::refused::Conflict;
use super::resource::Resource;
use super::schema::Schema;

/// A field manager and its operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Manager {
    /// First, so that applies sort before updates.
    operation: Operation,
    name: String,
    api_version: String,
    /// `status`, or empty.
    subresource: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Apply,
    Update,
}

/// The fields that one manager owns.
#[derive(Debug, Clone)]
struct Entry {
    manager: Manager,
    /// Empty if its fields were as they are before it owned them.
    time: String,
    fields: Fields,
}

impl Manager {
    /// A manager that creates, replaces or patches.
    pub(crate) fn updating(name: &str, resource: &Resource, status: bool) -> Self {
        Self::new(Operation::Update, name, resource, status)
    }

    /// A manager that applies.
    pub(crate) fn applying(name: &str, resource: &Resource, status: bool) -> Self {
        Self::new(Operation::Apply, name, resource, status)
    }

    fn new(operation: Operation, name: &str, resource: &Resource, status: bool) -> Self {
        let subresource = if status { "status" } else { "" };
        Self {
            operation,
            name: name.to_owned(),
            api_version: resource.api_version(),
            subresource: subresource.to_owned(),
        }
    }

    /// The manager as named in conflicts.
    fn title(&self) -> String {
        let mut title = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            title.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            title.push_str(&format!(" using {}", self.api_version));
        }
        title
    }
}

/// The metadata fields whose ownership is tracked; the server maintains the others.
const TRACKED: [&str; 5] = ["labels", "annotations", "finalizers", "ownerReferences", "generateName"];

static METADATA: LazyLock<Schema> = LazyLock::new(|| {
    let schema = json!({"type": "object", "properties": {
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array", "x-kubernetes-list-map-keys": ["uid"],
            "items": {"type": "object", "x-kubernetes-map-type": "atomic"},
        },
    }});
    // A constant: the tests below fail if it does not compile.
    Schema::compile(&schema).unwrap_or_default()
});

/// Splits an object into its tracked metadata and the rest.
fn split_metadata(value: &Value) -> (Value, Value) {
    let pick = |from: &Value, wanted: &dyn Fn(&str) -> bool| {
        let members = from.as_object().into_iter().flatten();
        let picked = members.filter(|(key, part)| wanted(key) && !part.is_null());
        Value::Object(picked.map(|(key, part)| (key.clone(), part.clone())).collect::<Map<_, _>>())
    };
    let metadata = pick(&value["metadata"], &|key| TRACKED.contains(&key));
    (metadata, pick(value, &|key| !matches!(key, "apiVersion" | "kind" | "metadata")))
}

/// The fields that an applied configuration claims.
pub(crate) fn claims(resource: &Resource, config: &Value) -> Fields {
    let (metadata, rest) = split_metadata(config);
    let empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    let mut fields = if empty(&rest) { Fields::default() } else { applied(&rest, resource.schema()) };
    if !empty(&metadata) {
        fields.set("f:metadata", applied(&metadata, Some(&METADATA)));
    }
    fields
}

fn changes(resource: &Resource, old: &Value, new: &Value) -> (Fields, Fields) {
    let ((old_metadata, old), (new_metadata, new)) = (split_metadata(old), split_metadata(new));
    let (mut touched, mut removed) = difference(&old, &new, resource.schema());
    let (added, dropped) = difference(&old_metadata, &new_metadata, Some(&METADATA));
    touched.set("f:metadata", added);
    removed.set("f:metadata", dropped);
    (touched, removed)
}

fn read(value: &Value) -> Vec<Entry> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let entries = value["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .map(|entry| Entry {
            manager: Manager {
                operation: if entry["operation"] == "Apply" { Operation::Apply } else { Operation::Update },
                name: text(entry, "manager"),
                api_version: text(entry, "apiVersion"),
                subresource: text(entry, "subresource"),
            },
            time: text(entry, "time"),
            fields: Fields::parse(&entry["fieldsV1"]),
        })
        .collect()
}

fn write(value: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| {
        (a.manager.operation, &a.time, &a.manager).cmp(&(b.manager.operation, &b.time, &b.manager))
    });
    let listed = entries.iter().map(|entry| {
        let mut listed = json!({
            "manager": entry.manager.name, "operation": format!("{:?}", entry.manager.operation),
            "apiVersion": entry.manager.api_version,
            "fieldsType": "FieldsV1", "fieldsV1": entry.fields.render(),
        });
        if !entry.time.is_empty() {
            listed["time"] = json!(entry.time);
        }
        if !entry.manager.subresource.is_empty() {
            listed["subresource"] = json!(entry.manager.subresource);
        }
        listed
    });
    let listed: Vec<Value> = listed.collect();
    if let Some(metadata) = value["metadata"].as_object_mut() {
        if listed.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(listed));
        }
    }
}

/// Records the ownership after an update: the manager owns the changed fields, and removed fields have no owner.
pub(crate) fn record_update(
    resource: &Resource,
    old: &Value,
    new: &mut Value,
    manager: &Manager,
    now: String,
) {
    let (touched, removed) = changes(resource, old, new);
    let mut entries = read(old);
    let mut own = Entry { manager: manager.clone(), time: now, fields: Fields::default() };
    entries.retain_mut(|entry| {
        entry.fields.subtract(&removed);
        if entry.manager == *manager {
            own.fields = std::mem::take(&mut entry.fields);
            return false;
        }
        entry.fields.subtract(&touched);
        true
    });
    own.fields.add(&touched);
    entries.push(own);
    write(new, entries);
}

/// Records the ownership of an object that a configuration created.
pub(crate) fn record_creation(value: &mut Value, claimed: Fields, manager: &Manager, now: String) {
    write(value, vec![Entry { manager: manager.clone(), time: now, fields: claimed }]);
}

/// The result of merging a configuration into an object.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The resulting object, without updated ownership.
    pub(crate) value: Value,
    claimed: Fields,
}

/// Merges a configuration into a live object. Fields that its manager applied before and no longer applies are removed,
/// unless another manager owns them too.
pub(crate) fn merge_config(resource: &Resource, live: &Value, config: &Value, manager: &Manager) -> Applied {
    let claimed = claims(resource, config);
    let (mut gone, mut kept) = (Fields::default(), claimed.clone());
    for entry in read(live) {
        if entry.manager == *manager {
            gone = entry.fields;
        } else {
            kept.add(&entry.fields);
        }
    }
    let mut value = live.clone();
    let (metadata, rest) = split_metadata(config);
    merge(&mut value["metadata"], &metadata, Some(&METADATA));
    merge(&mut value, &rest, resource.schema());
    if let (Some(gone), kept) = (gone.part("f:metadata"), kept.part("f:metadata")) {
        prune(&mut value["metadata"], gone, kept.unwrap_or(&Fields::default()), Some(&METADATA));
    }
    prune(&mut value, &gone.without("f:metadata"), &kept, resource.schema());
    Applied { value, claimed }
}

/// Records the ownership after an apply. Returns `true` if the ownership or the object changed.
///
/// # Errors
/// The fields owned by other managers that the apply changes, unless `force` is set, which takes them over.
pub(crate) fn record_apply(
    resource: &Resource,
    live: &Value,
    outcome: &mut Applied,
    manager: &Manager,
    force: bool,
    now: String,
) -> Result<bool, Vec<Conflict>> {
    let (touched, removed) = changes(resource, live, &outcome.value);
    let mut entries = read(live);
    let others = entries.iter().filter(|entry| entry.manager != *manager);
    let conflicts: Vec<Conflict> = others
        .flat_map(|entry| {
            let paths = entry.fields.common(&touched).paths().into_iter();
            paths.map(|path| Conflict { manager: entry.manager.title(), path })
        })
        .collect();
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    let before = entries.iter().find(|entry| entry.manager == *manager);
    let changed = before.map(|entry| entry.fields.clone()).unwrap_or_default() != outcome.claimed;
    // Who only comes to own what is as it was, or no longer owns it, has changed nothing at this time.
    let unchanged = touched.is_empty() && removed.is_empty();
    let time = match before {
        _ if !unchanged => now,
        Some(entry) => entry.time.clone(),
        None => String::new(),
    };
    if !changed && touched.is_empty() && removed.is_empty() {
        return Ok(false);
    }
    entries.retain_mut(|entry| {
        entry.fields.subtract(&touched);
        entry.fields.subtract(&removed);
        entry.manager != *manager
    });
    let fields = std::mem::take(&mut outcome.claimed);
    entries.push(Entry { manager: manager.clone(), time, fields });
    write(&mut outcome.value, entries);
    Ok(true)
}
