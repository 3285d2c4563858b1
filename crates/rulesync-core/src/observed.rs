//! The observed state of a destination, and the listing through which a ruler fills it.

mod unreadable_group;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::claim::{CLAIM_GROUP, OwnerClaim};
use crate::model::capabilities::StoredFields;
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::model::name::{GroupKey, GroupName, RulerNamespace};
use crate::naming::NamespaceClass;
use crate::stored_groups::StoredGroups;
pub use unreadable_group::UnreadableGroup;

/// The own groups that a ruler has for a tenant, by namespace: names and fingerprints only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    namespaces: HashMap<RulerNamespace, ObservedNamespace>,
}

/// The groups of one namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ObservedNamespace {
    /// Namespaces have few groups, so a list beats a map.
    groups: Vec<(Box<str>, Option<Fingerprint>)>,
    /// The fingerprint of the document that these were read from; removed by a write, because then the document
    /// differs.
    document: Option<Fingerprint>,
    /// True if it was read from the ruler and nothing was written since.
    read: bool,
}

impl Observed {
    /// Iterates over the namespaces, with the names of their groups.
    pub fn namespaces(&self) -> impl Iterator<Item = (&RulerNamespace, Vec<&str>)> {
        self.namespaces
            .iter()
            .map(|(name, ns)| (name, ns.groups.iter().map(|(group, _)| group.as_ref()).collect()))
    }

    /// Iterates over the names of the namespaces.
    pub(crate) fn names(&self) -> impl Iterator<Item = &RulerNamespace> {
        self.namespaces.keys()
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.namespaces.values().map(|ns| ns.groups.len()).sum()
    }

    /// Returns whether a namespace of this name exists.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    /// Iterates over the names of the groups in a namespace with their fingerprints; none for a group that exists but
    /// whose content is unknown.
    pub fn namespace(&self, namespace: &str) -> impl Iterator<Item = (&str, Option<Fingerprint>)> {
        self.namespaces
            .get(namespace)
            .into_iter()
            .flat_map(|ns| ns.groups.iter().map(|(group, fingerprint)| (group.as_ref(), *fingerprint)))
    }

    /// Returns the fingerprint of a group, none if its content is unknown; or none at all if there is no such group.
    #[expect(clippy::option_option, reason = "a group of unknown content is not a missing one")]
    pub(crate) fn group(&self, namespace: &str, group: &str) -> Option<Option<Fingerprint>> {
        self.namespace(namespace).find(|(name, _)| *name == group).map(|(_, fingerprint)| fingerprint)
    }

    /// Adds or replaces a group; without a fingerprint its content is unknown.
    pub fn set(&mut self, namespace: &RulerNamespace, group: &str, fingerprint: Option<Fingerprint>) {
        let ns = self.namespaces.entry(namespace.clone()).or_default();
        ns.document = None;
        ns.read = false;
        match ns.groups.iter_mut().find(|(name, _)| name.as_ref() == group) {
            Some(entry) => entry.1 = fingerprint,
            None => {
                ns.groups.reserve_exact(1);
                ns.groups.push((group.into(), fingerprint));
            }
        }
    }

    /// Returns whether the groups of a namespace were read from the ruler and nothing was written there since.
    pub(crate) fn is_read(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|ns| ns.read)
    }

    /// Replaces the fingerprint of a group by that of its sent form: the ruler returns the group in a form of its own.
    pub(crate) fn translate(&mut self, namespace: &str, group: &str, read: Fingerprint, sent: Fingerprint) {
        let ns = self.namespaces.get_mut(namespace);
        let entry = ns.and_then(|ns| ns.groups.iter_mut().find(|(name, _)| name.as_ref() == group));
        if let Some((_, fingerprint)) = entry.filter(|(_, fingerprint)| *fingerprint == Some(read)) {
            *fingerprint = Some(sent);
        }
    }

    /// Has the next list read a namespace again, even if its document is the same.
    pub(crate) fn forget_document(&mut self, namespace: &str) {
        if let Some(ns) = self.namespaces.get_mut(namespace) {
            ns.document = None;
        }
    }

    /// Marks all namespaces as read from the ruler just now.
    pub(crate) fn all_read(&mut self) {
        self.namespaces.values_mut().for_each(|ns| ns.read = true);
    }

    /// Marks a namespace as not read just now.
    pub(crate) fn mark_unread(&mut self, namespace: &str) {
        if let Some(ns) = self.namespaces.get_mut(namespace) {
            ns.read = false;
        }
    }

    /// Removes a group.
    pub fn remove(&mut self, namespace: &str, group: &str) {
        if let Some(ns) = self.namespaces.get_mut(namespace) {
            ns.document = None;
            ns.read = false;
            ns.groups.retain(|(name, _)| name.as_ref() != group);
            if ns.groups.is_empty() {
                self.namespaces.remove(namespace);
            }
        }
    }

    /// Removes a namespace with all its groups.
    pub fn remove_namespace(&mut self, namespace: &str) {
        self.namespaces.remove(namespace);
    }

    /// Copies a namespace from another state, whether it exists there or not.
    pub(crate) fn adopt(&mut self, namespace: &RulerNamespace, from: &mut Self) {
        match from.namespaces.remove(namespace) {
            Some(ns) => {
                self.namespaces.insert(namespace.clone(), ns);
            }
            None => {
                self.namespaces.remove(namespace);
            }
        }
    }
}

/// A foreign group that an own group may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adoptable {
    /// Its namespace.
    pub(crate) namespace: RulerNamespace,
    /// Its name.
    pub(crate) group: Box<str>,
    /// Its identity by value.
    pub(crate) fingerprint: Fingerprint,
}

/// The receiver of a ruler's list. It stores fingerprints of own groups only, so that a ruler can pass one group after
/// the other and need not hold them all.
pub struct Listing<'a> {
    fields: StoredFields,
    classify: &'a (dyn Fn(&str) -> NamespaceClass + Send + Sync),
    previous: &'a Observed,
    found: Listed,
    foreign: usize,
    /// True if the names of foreign namespaces are of interest.
    names_foreign: bool,
    /// Groups to be read whole: a few that differed when they were read back, or may lack matchers.
    suspects: &'a HashSet<GroupKey>,
}

/// The result of a list.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) observed: Observed,
    pub(crate) adoptable: Vec<Adoptable>,
    pub(crate) claim: Option<OwnerClaim>,
    /// The suspects, as the ruler has them.
    pub(crate) suspects: HashMap<GroupKey, Group>,
    /// Own groups that were read without any rule. A list that coincides with a write may show such a group.
    pub(crate) empty: HashSet<GroupKey>,
    /// Own groups that could not be read.
    pub(crate) unreadable: Vec<UnreadableGroup>,
    /// The foreign namespaces, if their names are of interest.
    pub(crate) foreign: HashSet<RulerNamespace>,
    /// The content of all groups, if it was asked for.
    pub(crate) stored: Option<StoredGroups>,
}

impl std::fmt::Debug for Listing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("found", &self.found).finish_non_exhaustive()
    }
}

static NO_SUSPECTS: LazyLock<HashSet<GroupKey>> = LazyLock::new(HashSet::new);

impl<'a> Listing<'a> {
    /// Creates an empty listing for a ruler that stores these fields. `classify` returns the class of a namespace;
    /// `previous` is the result of the last list.
    pub fn new(
        fields: StoredFields,
        classify: &'a (dyn Fn(&str) -> NamespaceClass + Send + Sync),
        previous: &'a Observed,
    ) -> Self {
        Self {
            fields,
            classify,
            previous,
            found: Listed::default(),
            foreign: 0,
            names_foreign: false,
            suspects: &NO_SUSPECTS,
        }
    }

    /// Remembers the names of foreign namespaces.
    pub(crate) fn naming_foreign(self, names_foreign: bool) -> Self {
        Self { names_foreign, ..self }
    }

    fn name_foreign(&mut self, namespace: &str) {
        if self.names_foreign && !self.found.foreign.contains(namespace) {
            self.found.foreign.insert(namespace.into());
        }
    }

    /// Stores the content of these groups as well.
    pub(crate) fn suspecting(mut self, suspects: &'a HashSet<GroupKey>) -> Self {
        self.suspects = suspects;
        self
    }

    /// Stores the content of all groups as well, except those of foreign namespaces: see
    /// [`into_stored`](Self::into_stored). No document counts as unchanged then.
    #[must_use]
    pub fn storing(mut self) -> Self {
        self.found.stored = Some(StoredGroups::default());
        self
    }

    fn owns(&self, namespace: &str) -> bool {
        matches!((self.classify)(namespace), NamespaceClass::Managed | NamespaceClass::Legacy)
    }

    /// Returns whether the groups of a namespace are of interest. Those of others need not be read, let alone parsed.
    pub fn wants(&mut self, namespace: &str) -> bool {
        let foreign = (self.classify)(namespace) == NamespaceClass::Foreign;
        self.foreign += usize::from(foreign);
        if foreign {
            self.name_foreign(namespace);
        }
        !foreign
    }

    /// Returns whether a namespace's document is the same as in the last list; then its groups are taken from there and
    /// the document need not be parsed. Optional for rulers: it makes a resync without changes nearly free.
    pub fn unchanged(&mut self, namespace: &str, document: Fingerprint) -> bool {
        match self.previous.namespaces.get_key_value(namespace) {
            _ if self.found.stored.is_some() => false,
            // The content of suspects is needed, so their document is read all the same.
            Some((name, _)) if self.suspects.iter().any(|(suspected, _)| suspected == name) => false,
            Some((name, ns)) if ns.document == Some(document) => {
                self.found.observed.namespaces.insert(name.clone(), ns.clone());
                true
            }
            _ => false,
        }
    }

    /// Adds a group. Groups of foreign namespaces are ignored.
    pub fn add(&mut self, namespace: &str, group: &Group) {
        if let Some(stored) = &mut self.found.stored
            && (self.classify)(namespace) != NamespaceClass::Foreign
        {
            stored.add(namespace, group);
        }
        match (self.classify)(namespace) {
            NamespaceClass::Managed | NamespaceClass::Legacy => {
                let fingerprint = Fingerprint::of(group, &self.fields);
                let name = self.set(namespace, &group.name, Some(fingerprint));
                if !self.suspects.is_empty() || group.rules.is_empty() {
                    let key = (name, GroupName::from(group.name.as_str()));
                    if group.rules.is_empty() {
                        self.found.empty.insert(key.clone());
                    }
                    if self.suspects.contains(&key) {
                        self.found.suspects.insert(key, group.clone());
                    }
                }
            }
            NamespaceClass::Adoptable => self.found.adoptable.push(Adoptable {
                namespace: namespace.into(),
                group: group.name.as_str().into(),
                fingerprint: Fingerprint::of(group, &self.fields),
            }),
            NamespaceClass::Claim if group.name == CLAIM_GROUP => self.found.claim = OwnerClaim::read(group),
            NamespaceClass::Claim => {}
            NamespaceClass::Foreign => self.name_foreign(namespace),
        }
    }

    /// Records that all groups of a namespace have been added, and the document that they were read from.
    pub fn read_from(&mut self, namespace: &str, document: Fingerprint) {
        if let Some(ns) = self.found.observed.namespaces.get_mut(namespace) {
            ns.groups.shrink_to_fit();
            ns.document = Some(document);
        }
    }

    /// Adds an own group that exists but cannot be read. It is written again if it should exist, and deleted if not.
    pub fn unreadable(&mut self, namespace: &str, group: &str, reason: impl Into<String>) {
        if (self.classify)(namespace) == NamespaceClass::Adoptable {
            // Nobody can tell whether it is as declared.
            self.name_foreign(namespace);
        }
        if self.owns(namespace) {
            let namespace = self.set(namespace, group, None);
            let unreadable = UnreadableGroup { namespace, group: group.into(), reason: reason.into() };
            self.found.unreadable.push(unreadable);
        }
    }

    fn set(&mut self, namespace: &str, group: &str, fingerprint: Option<Fingerprint>) -> RulerNamespace {
        let name = match self.found.observed.namespaces.get_key_value(namespace) {
            Some((name, _)) => name.clone(),
            // Sharing the name with the last list prevents a resync from increasing memory.
            None => match self.previous.namespaces.get_key_value(namespace) {
                Some((name, _)) => name.clone(),
                None => namespace.into(),
            },
        };
        self.found.observed.set(&name, group, fingerprint);
        name
    }

    /// Returns the own groups that were listed.
    pub fn into_observed(self) -> Observed {
        self.found.observed
    }

    /// Returns the content of the groups that were listed; none of them unless it was asked for by
    /// [`storing`](Self::storing).
    pub fn into_stored(self) -> StoredGroups {
        self.found.stored.unwrap_or_default()
    }

    pub(crate) fn into_listed(self) -> Listed {
        self.found
    }

    /// Returns the groups that could not be read.
    pub fn unreadable_groups(&self) -> &[UnreadableGroup] {
        &self.found.unreadable
    }

    /// The number of foreign namespaces.
    pub fn foreign_namespaces(&self) -> usize {
        self.foreign
    }
}

#[cfg(test)]
mod tests;
