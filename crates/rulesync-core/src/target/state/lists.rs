//! What follows from a list: what is there, what a ruler made of what we wrote, whose tenant it is, and what may be
//! taken over from others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{State, Turn, retry_after};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::model::object::ObjectId;
use crate::observed::{Listed, Observed};
use crate::outcome::{Outcome, Subject};
use crate::plan::{Change, in_order};
use crate::ruler::RulerError;
use crate::target::learned::{Key, differences};
use crate::target::ownership::Ownership;

/// How long after something was written a list confirms it, where that matters.
const VERIFY: Duration = Duration::from_secs(10);

/// How long a foreign claim is left standing before it is looked at again, at most.
const CONFLICT: Duration = Duration::from_secs(60);

impl State {
    /// A list begins; the answer is what the last one gave, and which groups are of special interest.
    pub(in crate::target) fn begin_list(&mut self) -> (Arc<Observed>, HashSet<Key>) {
        self.touched = Some(self.queue.running().cloned().collect());
        self.verify = None;
        let mut suspects = self.learned.suspects();
        self.proving.clone_from(&self.unproven);
        suspects.extend(self.proving.iter().cloned());
        (self.observed.clone().unwrap_or_default(), suspects)
    }

    /// A list is complete. What was written while it was under way is known better than it tells.
    pub(in crate::target) fn end_list(&mut self, listed: Listed) {
        let Listed { observed: mut found, adoptable, claim, suspects, unreadable } = listed;
        for (group, reason) in unreadable {
            self.tell(&Outcome::Unreadable { target: self.id.clone(), group, reason });
        }
        let first = self.observed.is_none();
        let touched = self.touched.take().unwrap_or_default();
        self.learn(&mut found, &touched, &suspects);
        self.prove(&suspects);
        found.all_read();
        if let Some(observed) = &mut self.observed
            && !touched.is_empty()
        {
            let observed = Arc::make_mut(observed);
            touched.iter().for_each(|namespace| found.adopt(namespace, observed));
        }
        self.list_failures = 0;
        self.listed = Some(Instant::now());
        self.answered();
        self.observed = Some(Arc::new(found));
        self.adoptable = adoptable;
        self.gauges.syncs.inc();
        self.refusals.forget_old();
        for (namespace, declared) in self.omissions.forget(false) {
            self.desired.replace(&namespace, declared);
        }
        self.claim_seen.clone_from(&claim);
        let ownership = self.ownership.found(claim);
        self.own(ownership);
        self.find_adoptions();
        self.look_at_everything_with_changes(!first);
        self.want_claim();
        self.settled();
    }

    /// A list failed; the answer is how long to wait.
    pub(in crate::target) fn list_failed(&mut self, error: RulerError) -> Duration {
        self.touched = None;
        self.list_failures += 1;
        self.gauges.failed(&error);
        let retry_after = retry_after(&error);
        self.gate.failure(Instant::now(), None, retry_after);
        self.unanswered(error);
        let longest = Duration::from_secs(60 * 60);
        retry_after.unwrap_or_default().min(longest).max(self.shared.policy.backoff.wait(self.list_failures))
    }

    /// When to list again for another reason than the resync interval.
    pub(in crate::target) fn list_early(&self) -> Option<Instant> {
        self.verify
    }

    /// Compares what was written since the last list with what came of it.
    fn learn(&mut self, found: &mut Observed, touched: &HashSet<Arc<str>>, suspects: &HashMap<Key, Group>) {
        let mut altered: Vec<(Key, Fingerprint)> = Vec::new();
        let mut suspected = false;
        if let Some(observed) = &self.observed {
            for (namespace, _) in observed.namespaces() {
                if observed.is_read(namespace) || touched.contains(namespace) {
                    continue;
                }
                for (group, sent) in observed.namespace(namespace) {
                    let read = found.namespace(namespace).find(|(name, _)| *name == group);
                    let (Some(sent), Some((_, Some(read)))) = (sent, read) else { continue };
                    if read == sent && self.learned.is_empty() {
                        continue;
                    }
                    let key: Key = (Arc::clone(namespace), group.into());
                    if read == sent {
                        self.learned.forget(&key);
                    } else if self.learned.saw(key.clone(), sent, read) {
                        altered.push((key, sent));
                    } else {
                        suspected = true;
                    }
                }
            }
        }
        if suspected {
            // It is written once more now. A look soon after leaves little time for somebody's hand.
            self.verify_in(VERIFY);
        }
        let desired = &self.desired;
        self.learned.keep(|(namespace, group)| {
            let claim = desired.winner(namespace)?;
            claim.groups.iter().find(|declared| declared.name == *group).map(|declared| declared.fingerprint)
        });
        for ((namespace, group), sent, read) in self.learned.sure() {
            found.translate(namespace, group, read, sent);
        }
        for (key, _) in altered {
            let (namespace, group) = &key;
            let claim = self.desired.winner(namespace);
            let declared = claim.and_then(|claim| claim.groups.iter().find(|d| d.name == *group));
            let sent = declared.and_then(|declared| declared.body.unpack().ok());
            let fields = match (sent, suspects.get(&key)) {
                (Some(sent), Some(read)) => differences(&sent, read),
                _ => Vec::new(),
            };
            let subject = Subject {
                target: self.id.clone(),
                object: claim.map(|claim| claim.object.clone()),
                namespace: Arc::clone(namespace),
                group: Some(Arc::clone(group)),
            };
            self.tell(&Outcome::Altered { subject, fields });
        }
    }

    /// Takes note of whose target it is.
    fn own(&mut self, ownership: Ownership) {
        let before = std::mem::replace(&mut self.ownership, ownership);
        match (before.conflict(), self.ownership.conflict()) {
            (None, Some((claim, us))) => {
                let (claim, cluster) = (claim.clone(), Arc::clone(us));
                self.tell(&Outcome::Conflict { target: self.id.clone(), claim, cluster });
            }
            (Some(_), None) => self.tell(&Outcome::ConflictOver { target: self.id.clone() }),
            _ => {}
        }
        if self.ownership.conflict().is_some() {
            self.verify_in(CONFLICT);
        }
    }

    /// Who we are is known now, or will not be.
    pub(in crate::target) fn identify(&mut self, us: Option<Arc<str>>) {
        if !matches!(self.ownership, Ownership::Anonymous) {
            return;
        }
        self.ownership.identify(us);
        // The list so far was read without looking at the claim.
        let seen = self.observed.is_some().then(|| self.claim_seen.clone()).flatten();
        let ownership = self.ownership.found(seen);
        self.own(ownership);
        self.want_claim();
    }

    /// Puts the claim on the queue if there is something to claim.
    pub(super) fn want_claim(&mut self) {
        let Some(observed) = &self.observed else { return };
        let something = self.desired.groups() > 0 || observed.groups() > 0;
        if something && !self.retiring && self.ownership.to_claim().is_some() {
            let namespace = Arc::clone(&self.claim_namespace);
            self.queue.push(&namespace, Turn::Next, false);
        }
    }

    /// The claim was written: another cluster may have done so at the same moment, and only one of the two is there.
    pub(super) fn claimed(&mut self) {
        self.ownership.settled();
        self.verify_in(VERIFY);
    }

    fn verify_in(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.verify = Some(self.verify.map_or(at, |earlier| earlier.min(at)));
    }

    /// Finds groups of others whose equals of ours this very list has shown.
    fn find_adoptions(&mut self) {
        self.adoptions.clear();
        if self.adoptable.is_empty() {
            return;
        }
        let mut equals: HashMap<Fingerprint, (&Arc<str>, &ObjectId)> = HashMap::new();
        for (namespace, claims) in self.desired.claims() {
            for claim in claims.iter().take(1) {
                equals.extend(claim.groups.iter().map(|g| (g.fingerprint, (namespace, &claim.object))));
            }
        }
        let Some(observed) = self.observed.clone() else { return };
        let mut unread = false;
        let mut found: Vec<(Arc<str>, Change, Arc<str>)> = Vec::new();
        for theirs in &self.adoptable {
            let Some((ours, object)) = equals.get(&theirs.fingerprint) else { continue };
            if in_order(ours, &self.desired, &observed) && observed.is_read(ours) {
                let change = theirs.removal((*object).clone());
                found.push((Arc::clone(&theirs.namespace), change, Arc::clone(ours)));
            } else {
                unread = true;
            }
        }
        for (namespace, change, ours) in found {
            self.queue.push(&namespace, Turn::Last, false);
            self.adoptions.entry(namespace).or_default().push((change, ours));
        }
        if unread {
            self.verify_in(VERIFY);
        }
    }
}
