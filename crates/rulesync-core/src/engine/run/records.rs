//! The namespaces of destinations that are named as declared, as the inventory has to record them.

use std::collections::{BTreeMap, BTreeSet};

use crate::destination::RecordRequest;
use crate::model::name::RulerNamespace;

/// Namespaces by the key of their destination in the inventory.
type Namespaces = BTreeMap<String, BTreeSet<RulerNamespace>>;

/// The recorded namespaces of all destinations.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The namespaces that the inventory should hold.
    wanted: Namespaces,
    /// Those of them that were asked for and are not stored yet.
    pending: Namespaces,
}

impl Records {
    /// Takes over what the inventory holds, which another process may have written. What was asked for stays.
    pub(super) fn read(&mut self, stored: BTreeMap<String, BTreeSet<String>>) {
        let names = |names: BTreeSet<String>| names.iter().map(|name| name.as_str().into()).collect();
        self.wanted = stored.into_iter().map(|(key, stored)| (key, names(stored))).collect();
        for (key, pending) in &self.pending {
            self.wanted.entry(key.clone()).or_default().extend(pending.iter().cloned());
        }
    }

    /// Carries out a request. Returns whether the inventory has to be written for it.
    pub(super) fn request(&mut self, key: &str, RecordRequest { record, release }: RecordRequest) -> bool {
        let wanted = self.wanted.entry(key.to_owned()).or_default();
        let before = wanted.len();
        wanted.retain(|namespace| !release.contains(namespace));
        let mut changed = wanted.len() < before;
        let pending = self.pending.entry(key.to_owned()).or_default();
        pending.retain(|namespace| !release.contains(namespace));
        for namespace in record {
            changed |= wanted.insert(namespace.clone());
            pending.insert(namespace);
        }
        changed
    }

    /// Returns the wanted namespaces of a destination that are stored.
    pub(super) fn stored(
        &mut self,
        key: &str,
        is_stored: impl Fn(&RulerNamespace) -> bool,
    ) -> BTreeSet<RulerNamespace> {
        if let Some(pending) = self.pending.get_mut(key) {
            pending.retain(|namespace| !is_stored(namespace));
        }
        let wanted = self.wanted.get(key).into_iter().flatten();
        wanted.filter(|namespace| is_stored(namespace)).cloned().collect()
    }

    /// Forgets a destination that was emptied.
    pub(super) fn forget(&mut self, key: &str) {
        self.wanted.remove(key);
        self.pending.remove(key);
    }

    /// Returns whether nothing that was asked for is missing in the inventory.
    pub(super) fn are_stored(&self, mut is_stored: impl FnMut(&str, &RulerNamespace) -> bool) -> bool {
        self.wanted.iter().all(|(key, wanted)| wanted.iter().all(|namespace| is_stored(key, namespace)))
    }

    /// Returns what the inventory should hold.
    pub(super) fn to_store(&self) -> BTreeMap<String, BTreeSet<String>> {
        let recorded = self.wanted.iter().filter(|(_, namespaces)| !namespaces.is_empty());
        let names = |names: &BTreeSet<RulerNamespace>| names.iter().map(ToString::to_string).collect();
        recorded.map(|(key, namespaces)| (key.clone(), names(namespaces))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<RulerNamespace> {
        names.iter().map(|name| (*name).into()).collect()
    }

    fn stored(names: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        [("r/t".to_owned(), names.iter().map(|name| (*name).to_owned()).collect())].into()
    }

    #[test]
    fn records_that_were_asked_for_outlast_what_another_process_has_stored() {
        let mut records = Records::default();
        let record = |record: &[&str]| RecordRequest { record: names(record), ..RecordRequest::default() };
        assert!(records.request("r/t", record(&["a"])) && !records.request("r/t", record(&["a"])));
        records.read(stored(&["b"]));
        assert_eq!(records.to_store(), stored(&["a", "b"]));
        assert_eq!(records.stored("r/t", |name| **name == *"b"), names(&["b"]));
        assert!(!records.are_stored(|_, name| **name == *"b"));
        assert_eq!(records.stored("r/t", |_| true), names(&["a", "b"]));
        records.read(stored(&["b"]));
        assert_eq!(records.to_store(), stored(&["b"]), "`a` was stored, and another process has released it");
        let release = RecordRequest { release: names(&["b"]), ..RecordRequest::default() };
        assert!(records.request("r/t", release));
        assert!(records.to_store().is_empty());
    }
}
