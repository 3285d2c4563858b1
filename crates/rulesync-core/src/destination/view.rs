//! The view of a ruler that a destination has: what the last list showed and what was written since, what the server
//! makes of groups by itself, and which groups do not stay as they were written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::contested::ContestedGroups;
use super::normalization::{Difference, Normalizations, Server, differences};
use crate::model::group::Group;
use crate::model::name::{GroupKey, RulerNamespace};
use crate::observed::{Adoptable, Listed, Observed};
use crate::overlay::Offered;

/// The time after a write at which a list confirms it, where that matters.
pub(super) const VERIFY_DELAY: Duration = Duration::from_secs(10);

/// The time after which a group that may have been read half written is read again.
const REREAD_DELAY: Duration = Duration::from_secs(2);

/// The age up to which a list may prove that no other installation has claimed a tenant.
const MAX_CLAIM_LIST_AGE: Duration = Duration::from_secs(10);

/// The view of a ruler.
#[derive(Debug)]
pub(super) struct RulerView {
    server: Server,
    /// None before the first list. Shared with the list under way, which compares with it.
    observed: Option<Arc<Observed>>,
    adoptable: Vec<Adoptable>,
    /// The foreign namespaces, if their names are listed.
    foreign: HashSet<RulerNamespace>,
    /// Changes that the server makes to groups by itself.
    pub(super) normalizations: Normalizations,
    /// Groups that recent lists found changed.
    pub(super) contested: ContestedGroups,
    /// Groups that the last list may have read half written.
    half_written: HashSet<GroupKey>,
    /// The list under way.
    list: Option<List>,
    /// The time at which the last list was complete.
    listed: Option<Instant>,
    /// The time of the next list, if it is wanted for another reason than the resync interval.
    next_list: Option<Instant>,
}

/// A list that is under way.
#[derive(Debug, Default)]
struct List {
    /// True if it is not the resync's.
    early: bool,
    /// Namespaces written meanwhile: for those it is out of date.
    written: HashSet<RulerNamespace>,
}

/// A finding of a list about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The server stores it in another form than it was sent; with the fields that differ.
    Normalized(GroupKey, Vec<String>),
    /// Three lists in a row found it changed; with the fields that differ.
    Contested(GroupKey, Vec<String>),
    /// It is contested no longer.
    ContestOver(GroupKey),
}

impl Comparison {
    /// Returns the namespace of the group.
    pub(super) fn namespace(&self) -> &RulerNamespace {
        let (Self::Normalized((namespace, _), _)
        | Self::Contested((namespace, _), _)
        | Self::ContestOver((namespace, _))) = self;
        namespace
    }
}

impl RulerView {
    /// Creates the view of a ruler that was never listed.
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            observed: None,
            adoptable: Vec::new(),
            foreign: HashSet::new(),
            normalizations: Normalizations::default(),
            contested: ContestedGroups::default(),
            half_written: HashSet::new(),
            list: None,
            listed: None,
            next_list: None,
        }
    }

    /// Returns the observed state; none before the first list.
    pub(super) fn observed(&self) -> Option<&Arc<Observed>> {
        self.observed.as_ref()
    }

    /// Returns whether the ruler was listed.
    pub(super) fn is_listed(&self) -> bool {
        self.observed.is_some()
    }

    /// Returns whether the ruler has any version of a group.
    pub(super) fn has(&self, namespace: &str, group: &str) -> bool {
        self.observed.as_ref().is_some_and(|observed| observed.group(namespace, group).is_some())
    }

    /// Returns whether a foreign namespace of this name exists, as far as names are listed.
    pub(super) fn is_foreign(&self, namespace: &str) -> bool {
        self.foreign.contains(namespace)
    }

    /// Takes the groups of a foreign namespace for own ones.
    pub(super) fn take_over(&mut self, namespace: &RulerNamespace) {
        let groups = std::mem::take(&mut self.adoptable);
        let (taken, others) = groups.into_iter().partition(|group| group.namespace == *namespace);
        self.adoptable = others;
        let taken: Vec<Adoptable> = taken;
        self.update(|observed| {
            for Adoptable { group, fingerprint, .. } in taken {
                observed.set(namespace, &group, Some(fingerprint));
            }
        });
    }

    /// Returns the foreign groups that may be replaced.
    pub(super) fn adoptable(&self) -> &[Adoptable] {
        &self.adoptable
    }

    /// Removes a foreign group that was deleted after an own one had replaced it.
    pub(super) fn adopted(&mut self, namespace: &RulerNamespace, group: &str) {
        self.adoptable.retain(|foreign| foreign.namespace != *namespace || *foreign.group != *group);
    }

    /// Changes the observed state after a write.
    pub(super) fn update(&mut self, change: impl FnOnce(&mut Observed)) {
        if let Some(observed) = &mut self.observed {
            change(Arc::make_mut(observed));
        }
    }

    /// Records that a namespace is about to be written.
    pub(super) fn writing(&mut self, namespace: &RulerNamespace) {
        if let Some(list) = &mut self.list {
            list.written.insert(namespace.clone());
        }
    }

    /// Discards everything that was observed.
    pub(super) fn restart(&mut self) {
        self.observed = None;
        self.list = None;
        self.next_list = None;
    }

    /// Returns when to list again for another reason than the resync interval.
    pub(super) fn next_list(&self) -> Option<Instant> {
        self.next_list
    }

    /// Asks for another list after this time, or earlier if that was asked for before.
    pub(super) fn list_in(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.next_list = Some(self.next_list.map_or(at, |earlier| earlier.min(at)));
    }

    /// Returns whether the last list is too old to prove that nobody has claimed the tenant.
    pub(super) fn is_stale(&self) -> bool {
        self.listed.is_none_or(|at| at.elapsed() > MAX_CLAIM_LIST_AGE)
    }

    /// Returns whether a list is under way.
    pub(super) fn is_listing(&self) -> bool {
        self.list.is_some()
    }

    /// Begins a list, `early` if it is not the resync's, while namespaces are `running`; returns the result of the last
    /// list and the groups to read whole.
    pub(super) fn begin_list(
        &mut self,
        early: bool,
        running: HashSet<RulerNamespace>,
    ) -> (Arc<Observed>, HashSet<GroupKey>) {
        self.list = Some(List { early, written: running });
        self.next_list = None;
        let mut whole = self.normalizations.wanted();
        whole.extend(self.contested.wanted().cloned());
        (self.observed.clone().unwrap_or_default(), whole)
    }

    /// Records that a list failed.
    pub(super) fn list_failed(&mut self) {
        self.list = None;
    }

    /// Ends a list. Writes made while it was under way take precedence over what it shows. Returns its findings, and
    /// the namespaces that were written meanwhile.
    pub(super) fn end_list(
        &mut self,
        listed: Listed,
        offered: Offered<'_>,
    ) -> (Vec<Comparison>, HashSet<RulerNamespace>) {
        let Listed { observed: mut found, adoptable, suspects: whole, empty, foreign, .. } = listed;
        let List { early, written } = self.list.take().unwrap_or_default();
        let unread = self.keep_half_written(&mut found, &empty, &written, offered);
        let comparisons = self.compare(&mut found, &written, early, &whole, offered);
        found.all_read();
        unread.iter().for_each(|namespace| found.mark_unread(namespace));
        if let Some(observed) = &mut self.observed
            && !written.is_empty()
        {
            let observed = Arc::make_mut(observed);
            written.iter().for_each(|namespace| found.adopt(namespace, observed));
        }
        self.listed = Some(Instant::now());
        self.observed = Some(Arc::new(found));
        (self.adoptable, self.foreign) = (adoptable, foreign);
        (comparisons, written)
    }

    /// Restores groups that were read without rules, once: such a group may have been read half written
    /// (docs/contracts/observed.md, "A group half written"). Returns the namespaces that were written since the last
    /// list and are not read now.
    fn keep_half_written(
        &mut self,
        found: &mut Observed,
        empty: &HashSet<GroupKey>,
        written: &HashSet<RulerNamespace>,
        offered: Offered<'_>,
    ) -> Vec<RulerNamespace> {
        let seen_before = std::mem::take(&mut self.half_written);
        let Some(observed) = self.observed.clone() else { return Vec::new() };
        let mut unread = Vec::new();
        for key @ (namespace, group) in empty {
            let has_rules = offered.group(namespace, group).is_some_and(|group| group.rules > 0);
            let Some(Some(before)) = observed.group(namespace, group) else { continue };
            if has_rules && !written.contains(namespace) && !seen_before.contains(key) {
                found.set(namespace, group, Some(before));
                self.half_written.insert(key.clone());
                if !observed.is_read(namespace) {
                    unread.push(namespace.clone());
                }
            }
        }
        if !self.half_written.is_empty() {
            self.list_in(REREAD_DELAY);
        }
        unread
    }

    /// Compares what a list has found with what existed or was written before, group by group: a difference was made by
    /// the server, or by somebody, or the write was never stored.
    fn compare(
        &mut self,
        found: &mut Observed,
        written: &HashSet<RulerNamespace>,
        early: bool,
        whole: &HashMap<GroupKey, Group>,
        offered: Offered<'_>,
    ) -> Vec<Comparison> {
        let Some(observed) = self.observed.clone() else { return Vec::new() };
        let retested = if early { Vec::new() } else { self.normalizations.retest(Instant::now()) };
        let mut look_again = !retested.is_empty();
        let mut to_read_again: Vec<RulerNamespace> = Vec::new();
        let mut comparisons = Vec::new();
        for namespace in observed.names().filter(|namespace| !written.contains(*namespace)) {
            let after_write = !observed.is_read(namespace);
            for (name, before) in observed.namespace(namespace) {
                let Some(declared) = offered.group(namespace, name) else { continue };
                if before != Some(declared.fingerprint) {
                    continue;
                }
                let sent = declared.fingerprint;
                let read = found.group(namespace, name).flatten();
                if read == Some(sent) && (!after_write || self.normalizations.is_empty()) {
                    continue;
                }
                let key: GroupKey = (namespace.clone(), declared.name.clone());
                if read == Some(sent) {
                    to_read_again.extend(self.normalizations.same(&key));
                    continue;
                }
                if retested.contains(&key) {
                    continue;
                }
                let whole_read = whole.get(&key);
                let differs = || match (declared.body.decode(), whole_read) {
                    (Ok(sent), Some(read)) => differences(&sent, read),
                    _ => Vec::new(),
                };
                let difference = match read {
                    Some(read) if after_write => {
                        let sent_group = || declared.body.decode().ok();
                        self.normalizations.judge(&key, (sent, read), sent_group, whole_read, self.server)
                    }
                    Some(read) if self.normalizations.is_learned(&key, (sent, read)) => {
                        Difference::Normalized
                    }
                    _ => Difference::Change,
                };
                match difference {
                    Difference::Normalized => continue,
                    Difference::Learned(_) => {
                        comparisons.push(Comparison::Normalized(key, differs()));
                        continue;
                    }
                    Difference::Unknown => look_again = true,
                    Difference::Change => {}
                }
                if self.contested.record(key.clone(), sent, after_write, differs) {
                    comparisons.push(Comparison::Contested(key, differs()));
                }
            }
        }
        // Where the server no longer makes a difference, groups still stored in the other form count as changed.
        to_read_again.iter().for_each(|namespace| found.forget_document(namespace));
        if look_again || !to_read_again.is_empty() {
            // The group is written once more now. A list soon after leaves little time for a change by somebody else.
            self.list_in(VERIFY_DELAY);
        }
        let sent = |(namespace, group): &GroupKey| Some(offered.group(namespace, group)?.fingerprint);
        self.normalizations.retain(sent);
        for ((namespace, group), sent, read) in self.normalizations.pairs() {
            found.translate(namespace, group, read, sent);
        }
        self.contested.retain(|key| sent(key).is_some());
        let over = self.contested.end_list(early, |key @ (namespace, group)| {
            (!written.contains(namespace)).then(|| found.group(namespace, group).flatten() == sent(key))
        });
        comparisons.extend(over.into_iter().map(Comparison::ContestOver));
        comparisons
    }
}

#[cfg(test)]
mod tests;
