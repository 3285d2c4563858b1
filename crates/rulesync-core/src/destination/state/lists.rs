//! The consequences of a list: the groups that exist, what the ruler made of earlier writes, whose tenant it is, and
//! which foreign groups may be adopted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Priority, State};
use crate::claim::Claimant;
use crate::destination::normalization::{Difference, Key, Server, differences};
use crate::destination::ownership::OwnershipChange;
use crate::model::group::Group;
use crate::observed::{Listed, Observed};
use crate::outcome::{Outcome, Subject};
use crate::plan::{Change, in_order, offered_groups};
use crate::ruler::RulerError;

/// The time after a write at which a list confirms it, where that matters.
const VERIFY_DELAY: Duration = Duration::from_secs(10);

/// The time after which a group that may have been read half written is read again.
const REREAD_DELAY: Duration = Duration::from_secs(2);

/// The longest time until a foreign claim is read again.
const CONFLICT_INTERVAL: Duration = Duration::from_secs(60);

impl State {
    /// Begins a list, `early` if it is not the resync's; returns the result of the last list and the groups to read
    /// whole.
    pub(in crate::destination) fn begin_list(&mut self, early: bool) -> (Arc<Observed>, HashSet<Key>) {
        self.touched = Some(self.queue.running().cloned().collect());
        self.verify = None;
        self.early_list = early;
        let mut wanted = self.normalizations.wanted();
        wanted.extend(self.contested.wanted().cloned());
        wanted.extend(self.verdicts.begin_list().iter().cloned());
        (self.observed.clone().unwrap_or_default(), wanted)
    }

    /// Ends a list. Writes made while it was under way take precedence over what it shows.
    pub(in crate::destination) fn end_list(&mut self, listed: Listed) {
        let Listed { observed: mut found, adoptable, claim, suspects, empty, unreadable } = listed;
        for (group, reason) in unreadable {
            self.report_outcome(&Outcome::Unreadable { destination: self.id.clone(), group, reason });
        }
        let first = self.observed.is_none();
        let touched = self.touched.take().unwrap_or_default();
        let unread = self.keep_half_written(&mut found, &empty, &touched);
        self.compare(&mut found, &touched, &suspects);
        self.prove(&suspects);
        found.all_read();
        unread.iter().for_each(|namespace| found.mark_unread(namespace));
        if let Some(observed) = &mut self.observed
            && !touched.is_empty()
        {
            let observed = Arc::make_mut(observed);
            touched.iter().for_each(|namespace| found.adopt(namespace, observed));
        }
        self.availability.listed();
        self.listed = Some(Instant::now());
        self.answered();
        // A group written meanwhile may exist although the list does not show it.
        let exists =
            |namespace: &str| touched.contains(namespace) || found.namespace(namespace).next().is_some();
        self.desired.retain_removed(exists);
        self.observed = Some(Arc::new(found));
        self.adoptable = adoptable;
        if first {
            self.recheck_all_protected();
        }
        self.gauges.syncs.inc();
        self.verdicts.forget_old();
        let change = self.ownership.found(claim);
        self.ownership_changed(change);
        self.find_adoptions();
        self.queue_all_with_changes(!first);
        self.handovers.mark_all_updated();
        self.queue_claim();
        self.settled();
    }

    /// Records that a list failed; returns how long to wait.
    pub(in crate::destination) fn list_failed(&mut self, error: RulerError) -> Duration {
        self.touched = None;
        self.gauges.failed(&error);
        let wait = self.availability.list_failed(error.retry_after(), &self.environment.policy);
        self.unanswered(error);
        wait
    }

    /// Returns when to list again for another reason than the resync interval.
    pub(in crate::destination) fn list_early(&self) -> Option<Instant> {
        self.verify
    }

    /// Restores groups that were read without rules, once: such a group may have been read half written
    /// (docs/contracts/observed.md, "A group half written"). Returns the namespaces that were written since the last
    /// list and are not read now.
    fn keep_half_written(
        &mut self,
        found: &mut Observed,
        empty: &HashSet<Key>,
        touched: &HashSet<Arc<str>>,
    ) -> Vec<Arc<str>> {
        let seen_before = std::mem::take(&mut self.half_written);
        let Some(observed) = self.observed.clone() else { return Vec::new() };
        let mut unread = Vec::new();
        for key @ (namespace, group) in empty {
            let declared = self
                .verdicts
                .overlay
                .group(&self.desired, namespace, group)
                .is_some_and(|group| group.rules > 0);
            let before = observed.namespace(namespace).find(|(name, _)| *name == &**group);
            let Some((_, Some(before))) = before else { continue };
            if declared && !touched.contains(namespace) && !seen_before.contains(key) {
                found.set(namespace, group, Some(before));
                self.half_written.insert(key.clone());
                if !observed.is_read(namespace) {
                    unread.push(Arc::clone(namespace));
                }
            }
        }
        if !self.half_written.is_empty() {
            self.verify_in(REREAD_DELAY);
        }
        unread
    }

    /// Compares what a list has found with what existed or was written before, group by group: a difference was made by
    /// the server, or by somebody, or the write was never stored.
    fn compare(&mut self, found: &mut Observed, touched: &HashSet<Arc<str>>, whole: &HashMap<Key, Group>) {
        let Some(observed) = self.observed.clone() else { return };
        let retested = if self.early_list { Vec::new() } else { self.normalizations.retest(Instant::now()) };
        let server = Server {
            fields: self.fields,
            normalization: self.shared.ruler.capabilities().normalization,
            language: self.shared.ruler.capabilities().language,
        };
        let mut look_again = !retested.is_empty();
        let mut to_read_anew: Vec<Arc<str>> = Vec::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        for namespace in observed.names().filter(|namespace| !touched.contains(*namespace)) {
            let after_write = !observed.is_read(namespace);
            for (name, before) in observed.namespace(namespace) {
                let Some(declared) = self.verdicts.overlay.group(&self.desired, namespace, name) else {
                    continue;
                };
                if before != Some(declared.fingerprint) {
                    continue;
                }
                let sent = declared.fingerprint;
                let read = found.namespace(namespace).find(|(group, _)| *group == name);
                let read = read.and_then(|(_, fingerprint)| fingerprint);
                if read == Some(sent) && (!after_write || self.normalizations.is_empty()) {
                    continue;
                }
                let key: Key = (Arc::clone(namespace), Arc::clone(&declared.name));
                if read == Some(sent) {
                    to_read_anew.extend(self.normalizations.same(&key));
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
                        self.normalizations.judge(&key, (sent, read), sent_group, whole_read, server)
                    }
                    Some(read) if self.normalizations.is_learned(&key, (sent, read)) => {
                        Difference::Normalized
                    }
                    _ => Difference::Change,
                };
                let subject = || Subject {
                    destination: self.id.clone(),
                    object: self.desired.object_of(namespace).cloned(),
                    namespace: Arc::clone(namespace),
                    group: Some(Arc::clone(&declared.name)),
                };
                match difference {
                    Difference::Normalized => continue,
                    Difference::Learned(_) => {
                        outcomes.push(Outcome::Normalized { subject: subject(), fields: differs() });
                        continue;
                    }
                    Difference::Unknown => look_again = true,
                    Difference::Change => {}
                }
                if self.contested.record(key, sent, after_write, differs) {
                    outcomes.push(Outcome::Contested { subject: subject(), fields: differs() });
                }
            }
        }
        // Where the server no longer makes a difference, groups still stored in the other form count as changed.
        to_read_anew.iter().for_each(|namespace| found.forget_document(namespace));
        if look_again || !to_read_anew.is_empty() {
            // The group is written once more now. A list soon after leaves little time for a change by somebody else.
            self.verify_in(VERIFY_DELAY);
        }
        let (desired, overlay) = (&self.desired, &self.verdicts.overlay);
        let sent = |(namespace, group): &Key| Some(overlay.group(desired, namespace, group)?.fingerprint);
        self.normalizations.retain(sent);
        for ((namespace, group), sent, read) in self.normalizations.pairs() {
            found.translate(namespace, group, read, sent);
        }
        self.contested.retain(|key| sent(key).is_some());
        let over = self.contested.end_list(self.early_list, |key @ (namespace, group)| {
            let there = found.namespace(namespace).find(|(name, _)| *name == &**group);
            (!touched.contains(namespace))
                .then(|| there.and_then(|(_, fingerprint)| fingerprint) == sent(key))
        });
        for (namespace, group) in over {
            let object = self.desired.object_of(&namespace).cloned();
            let subject = Subject { destination: self.id.clone(), object, namespace, group: Some(group) };
            outcomes.push(Outcome::ContestOver { subject });
        }
        outcomes.iter().for_each(|outcome| self.report_outcome(outcome));
    }

    /// Reports who has claimed the destination, if that has changed.
    fn ownership_changed(&mut self, change: Option<OwnershipChange>) {
        let destination = self.id.clone();
        match change {
            Some(OwnershipChange::Conflict { foreign, own }) => {
                self.report_outcome(&Outcome::Conflict { destination, foreign, own });
            }
            Some(OwnershipChange::ConflictOver) => {
                self.report_outcome(&Outcome::ConflictOver { destination })
            }
            None => {}
        }
        if self.ownership.conflict().is_some() {
            self.verify_in(CONFLICT_INTERVAL);
        }
    }

    /// Sets the identity of this installation; none if it will not be known.
    pub(in crate::destination) fn identify(&mut self, own: Option<Arc<Claimant>>) {
        let change = self.ownership.identify(own, self.observed.is_some());
        self.ownership_changed(change);
        self.queue_claim();
    }

    /// Queues the claim if there is something to claim.
    pub(super) fn queue_claim(&mut self) {
        let Some(observed) = &self.observed else { return };
        let something = self.desired.groups() > 0 || observed.groups() > 0;
        if something && !self.safety.is_retiring() && self.ownership.is_to_claim() {
            let namespace = Arc::clone(self.ownership.namespace());
            self.queue.push(&namespace, Priority::Next, false);
        }
    }

    /// Schedules the list that shows whose claim was stored.
    pub(super) fn claim_written(&mut self) {
        self.ownership.settled();
        if self.ownership.is_confirmed_soon() {
            self.verify_in(VERIFY_DELAY);
        }
    }

    fn verify_in(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.verify = Some(self.verify.map_or(at, |earlier| earlier.min(at)));
    }

    /// Finds foreign groups that may be replaced, because this very list has shown equal own groups.
    fn find_adoptions(&mut self) {
        self.adoptions.clear();
        if self.adoptable.is_empty() {
            return;
        }
        let offered = offered_groups(&self.desired, &self.verdicts.overlay);
        let Some(observed) = self.observed.clone() else { return };
        let mut unread = false;
        let mut found: Vec<(Arc<str>, Change, Arc<str>)> = Vec::new();
        for foreign in &self.adoptable {
            let Some((own, object)) = offered.get(&foreign.fingerprint) else { continue };
            if in_order(own, &self.desired, &self.verdicts.overlay, &observed) && observed.is_read(own) {
                let change = Change::adoption(foreign, (*object).clone());
                found.push((Arc::clone(&foreign.namespace), change, Arc::clone(own)));
            } else {
                unread = true;
            }
        }
        for (namespace, change, own) in found {
            self.queue.push(&namespace, Priority::Last, false);
            self.adoptions.entry(namespace).or_default().push((change, own));
        }
        if unread {
            self.verify_in(VERIFY_DELAY);
        }
    }
}
