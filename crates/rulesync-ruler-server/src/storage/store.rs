//! The stored groups by tenant and namespace, and the groups that evaluation has loaded. In memory; `disk` has the copy
//! on disk.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    escape::{base64_url, path_escape},
    model::group::StoredGroup,
    yaml::{
        poison::{self, is_poison},
        render,
    },
};

/// A group and its cached lines in a list, rendered on first use.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) group: StoredGroup,
    lines: OnceLock<String>,
}

impl Entry {
    pub(crate) fn new(group: StoredGroup) -> Arc<Self> {
        Arc::new(Self { group, lines: OnceLock::new() })
    }

    /// The group as an item of its namespace's list.
    pub(crate) fn lines(&self) -> &str {
        self.lines.get_or_init(|| render::list_item(&self.group))
    }
}

/// Groups by their key in an object store, which determines the order of lists.
pub(crate) type Groups = BTreeMap<String, Arc<Entry>>;

/// Namespaces with their groups; never empty.
pub(crate) type Namespaces = HashMap<String, Groups>;

/// All tenants of a ruler.
#[derive(Debug)]
pub(crate) struct Store {
    tenants: BTreeMap<String, Tenant>,
    sync_delay: Duration,
    maps_to_files: bool,
}

/// The groups of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) namespaces: Namespaces,
    /// The number of groups.
    pub(crate) count: usize,
    /// The number of groups that prevent the tenant from being loaded.
    poisonous: usize,
    loaded: Namespaces,
    pending: VecDeque<Change>,
}

/// A change that evaluation has not loaded yet; without an entry, a deletion.
#[derive(Debug)]
struct Change {
    due: Instant,
    namespace: String,
    key: String,
    entry: Option<Arc<Entry>>,
}

impl Store {
    /// Creates an empty store. A change takes `sync_delay` to reach evaluation; `maps_to_files` is `true` if namespaces
    /// become file names in the process.
    pub(crate) fn new(sync_delay: Duration, maps_to_files: bool) -> Self {
        Self { tenants: BTreeMap::new(), sync_delay, maps_to_files }
    }

    /// The groups of a tenant, if it has or ever had any.
    pub(crate) fn tenant(&self, tenant: &str) -> Option<&Tenant> {
        self.tenants.get(tenant)
    }

    /// All tenants that have groups.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&String, &Tenant)> {
        self.tenants.iter().filter(|(_, tenant)| tenant.count > 0)
    }

    /// Adds groups from an earlier run: evaluation loads all of them at once, or none if the tenant is frozen.
    pub(crate) fn restore(&mut self, found: impl IntoIterator<Item = (String, String, StoredGroup)>) {
        for (tenant, namespace, group) in found {
            let key = base64_url(&group.name);
            self.stage(&tenant, &namespace, key, Some(Entry::new(group)));
        }
    }

    /// Stores a group, replacing the one of that name if it exists.
    pub(crate) fn put(&mut self, tenant: &str, namespace: &str, group: StoredGroup) {
        let key = base64_url(&group.name);
        self.change(tenant, namespace, key, Some(Entry::new(group)));
    }

    /// Removes a group and returns `true` if it existed.
    pub(crate) fn remove(&mut self, tenant: &str, namespace: &str, group: &str) -> bool {
        let key = base64_url(group);
        let existed = self.tenants.get(tenant).is_some_and(|t| t.get(namespace, &key).is_some());
        if existed {
            self.change(tenant, namespace, key, None);
        }
        existed
    }

    /// The names of the groups of a namespace.
    pub(crate) fn group_names(&self, tenant: &str, namespace: &str) -> Vec<String> {
        let groups = self.tenants.get(tenant).and_then(|t| t.namespaces.get(namespace));
        let groups = groups.into_iter().flat_map(Groups::values);
        groups.map(|entry| entry.group.name.clone()).collect()
    }

    /// The groups of a tenant that evaluation has loaded by now.
    pub(crate) fn loaded(&mut self, tenant: &str) -> Namespaces {
        let Some(tenant) = self.tenants.get_mut(tenant) else { return Namespaces::new() };
        tenant.load_due(Instant::now());
        tenant.loaded.clone()
    }

    fn change(&mut self, tenant: &str, namespace: &str, key: String, entry: Option<Arc<Entry>>) {
        // Earlier changes that are due are loaded before this change.
        let now = Instant::now();
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.load_due(now);
        }
        self.stage(tenant, namespace, key, entry);
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.load_due(now);
        }
    }

    /// Applies a change without loading anything.
    fn stage(&mut self, tenant: &str, namespace: &str, key: String, entry: Option<Arc<Entry>>) {
        let bad_namespace = self.maps_to_files && freezes_as_file(namespace);
        let weight =
            |entry: &Arc<Entry>| usize::from(bad_namespace || is_poison(&entry.group, poison::IN_FILE));
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        if let Some(old) = replace(&mut tenant.namespaces, namespace, &key, entry.clone()) {
            tenant.count -= 1;
            tenant.poisonous -= weight(&old);
        }
        if let Some(new) = &entry {
            tenant.count += 1;
            tenant.poisonous += weight(new);
        }
        tenant.pending.push_back(Change {
            due: Instant::now() + self.sync_delay,
            namespace: namespace.to_owned(),
            key,
            entry,
        });
    }
}

impl Tenant {
    /// Returns a group by its key.
    pub(crate) fn get(&self, namespace: &str, key: &str) -> Option<&Arc<Entry>> {
        self.namespaces.get(namespace)?.get(key)
    }

    /// Returns `true` if a group prevents all changes from being loaded.
    pub(crate) fn is_frozen(&self) -> bool {
        self.poisonous > 0
    }

    fn load_due(&mut self, now: Instant) {
        while !self.is_frozen() && self.pending.front().is_some_and(|change| change.due <= now) {
            let Some(change) = self.pending.pop_front() else { return };
            replace(&mut self.loaded, &change.namespace, &change.key, change.entry);
        }
    }
}

/// Replaces or removes an entry; returns the previous one.
fn replace(
    namespaces: &mut Namespaces,
    namespace: &str,
    key: &str,
    entry: Option<Arc<Entry>>,
) -> Option<Arc<Entry>> {
    match entry {
        Some(entry) => namespaces.entry(namespace.to_owned()).or_default().insert(key.to_owned(), entry),
        None => {
            let groups = namespaces.get_mut(namespace)?;
            let old = groups.remove(key);
            if groups.is_empty() {
                namespaces.remove(namespace);
            }
            old
        }
    }
}

/// Returns `true` if a namespace is not a valid file name.
fn freezes_as_file(namespace: &str) -> bool {
    const LONGEST: usize = 255;
    namespace == "." || path_escape(namespace).len() > LONGEST
}

#[cfg(test)]
mod tests;
