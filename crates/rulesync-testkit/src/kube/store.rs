//! Objects by kind and key, one global revision, and the log of events that watches read.
//!
//! Pure: independent of HTTP, validation and time. Objects are kept in serialized form, because tests load tens of
//! thousands of them and a tree of values takes six times the memory of its text.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// All objects of one kind, by key.
pub(crate) type Table = BTreeMap<String, Arc<Record>>;

/// One object at one revision.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) revision: u64,
    pub(crate) labels: BTreeMap<String, String>,
    /// The object, with its resourceVersion.
    pub(crate) json: Bytes,
    /// Only its metadata, for clients that request nothing else.
    pub(crate) metadata: Bytes,
}

impl Record {
    /// Stamps the object with the revision and serialises it.
    pub(crate) fn new(value: &mut Value, revision: u64) -> Self {
        value["metadata"]["resourceVersion"] = Value::String(revision.to_string());
        let metadata = &value["metadata"];
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let labels = metadata.get("labels").and_then(Value::as_object).into_iter().flatten();
        Self {
            namespace: text("namespace"),
            name: text("name"),
            revision,
            labels: labels.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect(),
            metadata: Bytes::from(metadata.to_string()),
            json: Bytes::from(value.to_string()),
        }
    }

    /// The object as a value.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or(Value::Null)
    }

    /// The same content with another revision, as in a DELETED event.
    pub(crate) fn at(&self, revision: u64) -> Self {
        Self::new(&mut self.value(), revision)
    }
}

/// One change of one object. `before` and `after` show whether it was created, changed or deleted.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) revision: u64,
    /// The table of the object.
    pub(crate) table: Arc<str>,
    pub(crate) before: Option<Arc<Record>>,
    pub(crate) after: Option<Arc<Record>>,
    key: String,
}

/// The requested revision is before the compaction point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOld;

/// The whole store.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    /// Events up to and including this revision are no longer in the log.
    floor: u64,
    /// The oldest revision that may be requested, even if the log contains older ones: open watches survive a
    /// compaction.
    compacted: u64,
    capacity: usize,
    names: HashMap<String, Arc<str>>,
    tables: HashMap<Arc<str>, Table>,
    log: VecDeque<Event>,
}

impl Store {
    /// Creates an empty store that keeps at most `capacity` events.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            // The first namespace of a real cluster has revision 3.
            revision: 2,
            floor: 0,
            compacted: 0,
            capacity: capacity.max(1),
            names: HashMap::new(),
            tables: HashMap::new(),
            log: VecDeque::new(),
        }
    }

    /// The revision of the last write.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The oldest revision from which a watch can start and which can be listed.
    pub(crate) fn oldest(&self) -> u64 {
        self.floor.max(self.compacted)
    }

    /// Advances the revision without an event, as writes to kinds that are not served here would.
    pub(crate) fn advance_to(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
    }

    /// Makes all revisions before this one too old.
    pub(crate) fn compact(&mut self, revision: u64) {
        self.compacted = self.compacted.max(revision.min(self.revision));
    }

    /// The object with this key.
    pub(crate) fn get(&self, table: &str, key: &str) -> Option<&Arc<Record>> {
        self.tables.get(table)?.get(key)
    }

    /// The kind's current objects.
    pub(crate) fn table(&self, table: &str) -> Cow<'_, Table> {
        self.tables.get(table).map_or_else(|| Cow::Owned(Table::new()), Cow::Borrowed)
    }

    /// The kind's objects at the given revision.
    ///
    /// # Errors
    /// If the revision is compacted.
    pub(crate) fn table_at(&self, table: &str, revision: u64) -> Result<Cow<'_, Table>, TooOld> {
        if revision < self.oldest() {
            return Err(TooOld);
        }
        let mut snapshot = self.table(table);
        let later = self.log.partition_point(|event| event.revision <= revision);
        for event in self.log.range(later..).rev().filter(|event| &*event.table == table) {
            let objects = snapshot.to_mut();
            match &event.before {
                Some(before) => drop(objects.insert(event.key.clone(), before.clone())),
                None => drop(objects.remove(&event.key)),
            }
        }
        Ok(snapshot)
    }

    /// Sets the revision under which the object would be stored next, and serializes it.
    pub(crate) fn draft(&self, value: &mut Value) -> Record {
        Record::new(value, self.revision + 1)
    }

    /// Stores the object under a new revision.
    pub(crate) fn put(&mut self, table: &str, key: &str, mut value: Value) -> Arc<Record> {
        let record = self.draft(&mut value);
        self.keep(table, key, record)
    }

    /// Stores the record that `draft` has just returned.
    pub(crate) fn keep(&mut self, table: &str, key: &str, draft: Record) -> Arc<Record> {
        self.revision = draft.revision;
        let record = Arc::new(draft);
        let table = self.intern(table);
        let objects = self.tables.entry(table.clone()).or_default();
        let before = objects.insert(key.to_owned(), record.clone());
        self.append(Event {
            revision: self.revision,
            table,
            before,
            after: Some(record.clone()),
            key: key.to_owned(),
        });
        record
    }

    /// Removes the object, which increments the revision.
    pub(crate) fn remove(&mut self, table: &str, key: &str) -> Option<Arc<Record>> {
        let before = self.tables.get_mut(table)?.remove(key)?;
        self.revision += 1;
        let table = self.intern(table);
        self.append(Event {
            revision: self.revision,
            table,
            before: Some(before.clone()),
            after: None,
            key: key.to_owned(),
        });
        Some(before)
    }

    /// The events after the revision, oldest first, at most `limit`.
    ///
    /// # Errors
    /// If some of them are no longer in the log. A compaction alone does not cause that.
    pub(crate) fn events_after(&self, revision: u64, limit: usize) -> Result<Vec<Event>, TooOld> {
        if revision < self.floor {
            return Err(TooOld);
        }
        let first = self.log.partition_point(|event| event.revision <= revision);
        Ok(self.log.range(first..).take(limit).cloned().collect())
    }

    fn append(&mut self, event: Event) {
        self.log.push_back(event);
        if self.log.len() > self.capacity
            && let Some(oldest) = self.log.pop_front()
        {
            self.floor = oldest.revision;
        }
    }

    /// The table name, shared by all events.
    fn intern(&mut self, table: &str) -> Arc<str> {
        if let Some(known) = self.names.get(table) {
            return known.clone();
        }
        let name: Arc<str> = Arc::from(table);
        self.names.insert(table.to_owned(), name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, n: u64) -> Value {
        json!({"metadata": {"name": name, "labels": {"n": n.to_string()}}})
    }

    fn names(table: &Table) -> Vec<(String, String)> {
        table.values().map(|r| (r.name.clone(), r.labels["n"].clone())).collect()
    }

    fn pair(name: &str, n: &str) -> (String, String) {
        (name.to_owned(), n.to_owned())
    }

    #[test]
    fn store_snapshot_reverts_later_changes() {
        let mut store = Store::new(100);
        store.put("t", "a", object("a", 1));
        store.put("t", "b", object("b", 1));
        let then = store.revision();
        store.put("t", "a", object("a", 2));
        store.put("t", "c", object("c", 1));
        store.put("other", "x", object("x", 1));
        store.remove("t", "b");
        assert_eq!(names(&store.table("t")), [pair("a", "2"), pair("c", "1")]);
        assert_eq!(names(&store.table_at("t", then).unwrap()), [pair("a", "1"), pair("b", "1")]);
        assert!(store.table_at("never", then).unwrap().is_empty());
    }

    #[test]
    fn store_drops_the_oldest_events() {
        let mut store = Store::new(2);
        for n in 0..4 {
            store.put("t", "a", object("a", n));
        }
        let (last, floor) = (store.revision(), store.oldest());
        assert_eq!(floor, last - 2);
        assert_eq!(store.events_after(floor, 10).unwrap().len(), 2);
        assert_eq!(store.events_after(floor, 1).unwrap().len(), 1);
        assert_eq!(store.events_after(floor - 1, 10).unwrap_err(), TooOld);
        assert_eq!(store.table_at("t", floor - 1).unwrap_err(), TooOld);
    }

    #[test]
    fn store_compaction_does_not_affect_open_watches() {
        let mut store = Store::new(100);
        store.put("t", "a", object("a", 1));
        let before = store.revision();
        store.put("t", "a", object("a", 2));
        store.compact(store.revision());
        assert_eq!(store.oldest(), store.revision());
        assert_eq!(store.table_at("t", before).unwrap_err(), TooOld);
        assert_eq!(store.events_after(before, 10).unwrap().len(), 1);
    }

    #[test]
    fn store_increments_the_revision_on_every_write() {
        let mut store = Store::new(100);
        let first = store.put("t", "a", object("a", 1));
        store.advance_to(50);
        store.remove("t", "a");
        assert_eq!((first.revision, store.revision()), (3, 51));
        assert_eq!(first.value()["metadata"]["resourceVersion"], "3");
        assert_eq!(first.at(51).value()["metadata"]["resourceVersion"], "51");
        assert!(String::from_utf8_lossy(&first.metadata).contains("\"resourceVersion\":\"3\""));
        let events = store.events_after(2, 10).unwrap();
        assert!(events[0].before.is_none() && events[0].after.is_some());
        assert!(events[1].before.is_some() && events[1].after.is_none());
    }
}
