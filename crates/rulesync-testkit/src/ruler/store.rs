//! What a ruler holds: groups by tenant and namespace, and what of them its evaluation has loaded. In memory; the
//! copy on disk is the business of `disk`.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    encode::base64_url,
    group::StoredGroup,
    poison::{self, is_poison},
    render,
};

/// A group and its lines in a list, which are made when first asked for.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) group: StoredGroup,
    lines: OnceLock<String>,
}

impl Entry {
    pub(crate) fn new(group: StoredGroup) -> Arc<Self> {
        Arc::new(Self { group, lines: OnceLock::new() })
    }

    /// The group as an item of the list of its namespace.
    pub(crate) fn lines(&self) -> &str {
        self.lines.get_or_init(|| render::list_item(&self.group))
    }
}

/// Groups by their key in an object store, in whose order they are listed.
pub(crate) type Groups = BTreeMap<String, Arc<Entry>>;

/// Namespaces with their groups; none is ever empty.
pub(crate) type Namespaces = HashMap<String, Groups>;

/// All tenants of a ruler.
#[derive(Debug)]
pub(crate) struct Store {
    tenants: BTreeMap<String, Tenant>,
    sync_delay: Duration,
    maps_to_files: bool,
}

/// One tenant's groups.
#[derive(Debug, Default)]
pub(crate) struct Tenant {
    pub(crate) namespaces: Namespaces,
    /// How many groups there are.
    pub(crate) count: usize,
    /// How many of them keep the tenant from being loaded.
    poisonous: usize,
    loaded: Namespaces,
    pending: VecDeque<Change>,
}

/// A change on its way to evaluation; no entry is a deletion.
#[derive(Debug)]
struct Change {
    due: Instant,
    namespace: String,
    key: String,
    entry: Option<Arc<Entry>>,
}

impl Store {
    /// A store without groups. A change takes `sync_delay` to reach evaluation; `maps_to_files` says whether
    /// namespaces become file names on the way.
    pub(crate) fn new(sync_delay: Duration, maps_to_files: bool) -> Self {
        Self { tenants: BTreeMap::new(), sync_delay, maps_to_files }
    }

    /// A tenant's groups, if it has or ever had any.
    pub(crate) fn tenant(&self, tenant: &str) -> Option<&Tenant> {
        self.tenants.get(tenant)
    }

    /// All tenants that have groups.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (&String, &Tenant)> {
        self.tenants.iter().filter(|(_, tenant)| tenant.count > 0)
    }

    /// Takes in what was stored before: evaluation loads all of it at once, if at all.
    pub(crate) fn restore(&mut self, found: impl IntoIterator<Item = (String, String, StoredGroup)>) {
        for (tenant, namespace, group) in found {
            let key = base64_url(&group.name);
            self.stage(&tenant, &namespace, key, Some(Entry::new(group)));
        }
    }

    /// Stores a group in place of the one of that name, if there is one.
    pub(crate) fn put(&mut self, tenant: &str, namespace: &str, group: StoredGroup) {
        let key = base64_url(&group.name);
        self.change(tenant, namespace, key, Some(Entry::new(group)));
    }

    /// Removes a group; says whether there was one.
    pub(crate) fn remove(&mut self, tenant: &str, namespace: &str, group: &str) -> bool {
        let key = base64_url(group);
        let there = self.tenants.get(tenant).is_some_and(|t| t.get(namespace, &key).is_some());
        if there {
            self.change(tenant, namespace, key, None);
        }
        there
    }

    /// Removes a namespace; returns the names of the groups it had.
    pub(crate) fn remove_namespace(&mut self, tenant: &str, namespace: &str) -> Vec<String> {
        let groups = self.tenants.get(tenant).and_then(|t| t.namespaces.get(namespace));
        let names: Vec<String> = groups
            .into_iter()
            .flat_map(|groups| groups.values().map(|entry| entry.group.name.clone()))
            .collect();
        for name in &names {
            self.remove(tenant, namespace, name);
        }
        names
    }

    /// What evaluation has loaded of a tenant by now.
    pub(crate) fn loaded(&mut self, tenant: &str) -> Namespaces {
        let Some(tenant) = self.tenants.get_mut(tenant) else { return Namespaces::new() };
        tenant.settle(Instant::now());
        tenant.loaded.clone()
    }

    fn change(&mut self, tenant: &str, namespace: &str, key: String, entry: Option<Arc<Entry>>) {
        // What was due before this change is loaded before it.
        let now = Instant::now();
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.settle(now);
        }
        self.stage(tenant, namespace, key, entry);
        if let Some(tenant) = self.tenants.get_mut(tenant) {
            tenant.settle(now);
        }
    }

    /// Makes a change without loading anything.
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
    /// A group by its key.
    pub(crate) fn get(&self, namespace: &str, key: &str) -> Option<&Arc<Entry>> {
        self.namespaces.get(namespace)?.get(key)
    }

    /// Whether some group keeps every change from being loaded.
    pub(crate) fn is_frozen(&self) -> bool {
        self.poisonous > 0
    }

    fn settle(&mut self, now: Instant) {
        while !self.is_frozen() && self.pending.front().is_some_and(|change| change.due <= now) {
            let Some(change) = self.pending.pop_front() else { return };
            replace(&mut self.loaded, &change.namespace, &change.key, change.entry);
        }
    }
}

/// Puts an entry in its place, or nothing; returns what was there.
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

/// Whether a namespace cannot be the name of a file.
fn freezes_as_file(namespace: &str) -> bool {
    const LONGEST: usize = 255;
    namespace == "." || super::encode::path_escape(namespace).len() > LONGEST
}

#[cfg(test)]
mod tests;
