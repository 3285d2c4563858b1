//! The delete guard: deletes that look like an accident are held until somebody acknowledges them or their cause
//! disappears. Pure bookkeeping over a clock that is passed in.
//!
//! Deletes wait for a short time so that those that belong together are judged together: the delete of a single object
//! and the first of ten thousand look the same when they arrive.

use crate::model::name::RulerNamespace;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The limits above which deletes count as an accident.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeleteGuard {
    /// The share of a destination's groups that may be deleted within the window; 1 switches the guard off.
    pub max_share: f64,
    /// The number of groups below which deletes always pass.
    pub min_groups: usize,
    /// The time within which deletes are added up.
    pub window: Duration,
}

impl Default for DeleteGuard {
    fn default() -> Self {
        Self { max_share: 0.5, min_groups: 10, window: Duration::from_secs(5 * 60) }
    }
}

impl DeleteGuard {
    /// Returns whether the guard is switched off.
    pub(crate) fn is_off(&self) -> bool {
        self.max_share >= 1.0
    }
}

/// The reason why something is not deleted, from the least to the most serious: held by the delete guard, or protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HeldReason {
    /// Together with recent deletes they exceed the share that the guard allows. Until released, or until enough of
    /// them is declared again.
    Share,
    /// A changed configuration requires them: deleted after the guard's window.
    Configuration,
    /// No route leads here any more: everything is deleted after the guard's window.
    Route,
    /// Most objects of their source vanished at once: deleted after the guard's window, if the source is healthy.
    Vanished,
    /// Their source has no objects left. Until released, or until something is declared again.
    SourceEmpty,
    /// Their source cannot see its objects, or its kind is missing, so that its deletions may be wrong. Until it
    /// recovers.
    Source,
    /// This process has just become the leader, and may not have seen everything that the previous leader had. For two
    /// minutes.
    Takeover,
    /// Not every source has shown all its objects.
    Snapshot,
    /// Something unreadable may declare them. Until it can be read, or is deleted.
    Unreadable,
    /// Their kind is not installed, which looks just like a kind that was deleted. Until it is installed.
    Kind,
    /// Their object requests a tenant that it may not have. Until it requests a permitted one, or is deleted.
    TenantRefused,
    /// Their object moves to another destination, and has yet to be written there.
    Moving,
}

impl HeldReason {
    /// Returns whether the delete guard holds them, so that an operator can release them. Others are protected as long
    /// as their reason lasts.
    pub fn is_releasable(self) -> bool {
        self <= Self::Source
    }
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Share => "held: too large a share of what this owner has there",
            Self::Configuration => "held: the configuration was changed",
            Self::Route => "held: no route leads there any more",
            Self::Vanished => "held: most objects of the source vanished at once",
            Self::SourceEmpty => "held: the source is empty",
            Self::Source => "held: the source may not see its objects",
            Self::Takeover => "protected: this process has just become the leader",
            Self::Snapshot => "protected: not every source has shown all its objects",
            Self::Unreadable => "protected: something that cannot be read may declare it",
            Self::Kind => "protected: its kind is not installed",
            Self::TenantRefused => "protected: its object requests a tenant that it may not have",
            Self::Moving => "protected: its object has yet to be written at its next destination",
        })
    }
}

/// The time that deletes wait for others that belong to them. A person does not notice it, and the objects of a deleted
/// CRD or directory arrive within milliseconds of each other.
pub(crate) const SETTLE_TIME: Duration = Duration::from_secs(1);

/// The longest time that they wait for a stream of deletes to end.
pub(crate) const MAX_SETTLE_TIME: Duration = Duration::from_secs(30);

/// The number of deletes whose times are remembered: enough that forgetting the rest cannot hide an accident.
const MAX_RECENT: usize = 50_000;

/// The bookkeeping of the delete guard for one destination.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Wanted deletes, by namespace.
    wanted: HashMap<RulerNamespace, Wanted>,
    /// Deletes carried out within the window.
    recent: VecDeque<(Instant, RulerNamespace, usize)>,
    first: Option<Instant>,
    last: Option<Instant>,
    /// The time at which the first of the deletes with a fixed wait may be made.
    next_wait: Option<Instant>,
    /// The number of held groups and the most serious reason, stored so that they need not be counted.
    total: Option<(usize, HeldReason)>,
}

/// The deletes that are wanted in one namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeleteRequest {
    pub(crate) groups: usize,
    /// True if the deletes have a known cause: the Kubernetes namespace was deleted, or the author changed the object.
    pub(crate) explained: bool,
    /// True if no object is known for the namespace.
    pub(crate) orphan: bool,
    /// The time to wait for, if the deletes have a fixed wait.
    pub(crate) wait: Option<Wait>,
}

/// A fixed wait of deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) until: Instant,
    pub(crate) reason: HeldReason,
    /// True if they pass afterwards, whatever their share.
    pub(crate) then_pass: bool,
}

#[derive(Debug)]
struct Wanted {
    request: DeleteRequest,
    judgement: Judgement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    Undecided,
    Pass,
    Held(HeldReason),
}

impl Guard {
    /// Returns whether the deletes of a namespace may be carried out; if not, they are recorded as wanted.
    pub(crate) fn passes(
        &mut self,
        namespace: &RulerNamespace,
        request: DeleteRequest,
        now: Instant,
    ) -> bool {
        let wanted = self.wanted.entry(namespace.clone()).or_insert(Wanted {
            request: DeleteRequest { groups: 0, ..request },
            judgement: Judgement::Undecided,
        });
        let more = wanted.request.groups < request.groups;
        let explained = wanted.request.explained || request.explained;
        let wait_changed = wanted.judgement != Judgement::Pass && wanted.request.wait != request.wait;
        if more || wait_changed {
            // There are more deletes than were judged, or others.
            wanted.judgement = Judgement::Undecided;
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
        wanted.request = DeleteRequest { explained, ..request };
        wanted.judgement == Judgement::Pass
    }

    /// Records that nothing is to be deleted in a namespace (any more). The other held deletes may be few enough now;
    /// they are judged again once no more deletes are withdrawn.
    pub(crate) fn forget(&mut self, namespace: &str, now: Instant) {
        if let Some(Wanted { judgement: Judgement::Held(_), .. }) = self.wanted.remove(namespace) {
            self.count();
            self.reconsider(now);
            self.last = self.last.map(|_| now);
        }
    }

    /// Forgets all wanted deletes; recent deletes still count.
    pub(crate) fn forget_all(&mut self) {
        self.wanted.clear();
        (self.first, self.last, self.next_wait, self.total) = (None, None, None, None);
    }

    /// Records that groups of a namespace were deleted.
    pub(crate) fn carried_out(&mut self, namespace: &RulerNamespace, groups: usize, now: Instant) {
        // They only count while something else is wanted, so this is the only place that limits them.
        while self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((now, namespace.clone(), groups));
        if let Some(wanted) = self.wanted.get_mut(namespace) {
            wanted.request.groups = wanted.request.groups.saturating_sub(groups);
            if wanted.request.groups == 0 {
                self.wanted.remove(namespace);
            }
        }
    }

    /// Explains the deletes of the namespaces for which `was_in` is true, because their Kubernetes namespace was
    /// deleted.
    pub(crate) fn explain(&mut self, was_in: impl Fn(&str) -> bool, now: Instant) {
        for (namespace, wanted) in &mut self.wanted {
            if !wanted.request.explained && was_in(namespace) {
                wanted.request.explained = true;
                self.first.get_or_insert(now);
                self.last = self.last.or(Some(now));
            }
        }
    }

    /// Judges wanted deletes if it is time; returns the namespaces whose deletes may be made now. `owned` counts the
    /// own groups in the ruler, and is only called if there is something to judge; `obstacle` returns what else
    /// prevents a namespace's deletes.
    pub(crate) fn judge(
        &mut self,
        policy: &DeleteGuard,
        owned: impl FnOnce() -> usize,
        obstacle: impl Fn(&str) -> Option<HeldReason>,
        now: Instant,
    ) -> Vec<RulerNamespace> {
        if self.due(policy).is_none_or(|due| now < due) {
            return Vec::new();
        }
        while self.recent.front().is_some_and(|(at, ..)| *at + policy.window <= now) {
            self.recent.pop_front();
        }
        (self.first, self.last) = (None, None);
        let too_many = self.too_many(policy, owned(), now);
        let mut passed = Vec::new();
        self.next_wait = None;
        for (namespace, wanted) in &mut self.wanted {
            let before = wanted.judgement;
            let request = wanted.request;
            let waits = request.wait.filter(|wait| now < wait.until && !policy.is_off());
            wanted.judgement = match (before, waits) {
                (Judgement::Pass, _) => Judgement::Pass,
                _ if request.explained => Judgement::Pass,
                (_, Some(wait)) => {
                    self.next_wait = Some(self.next_wait.map_or(wait.until, |next| next.min(wait.until)));
                    Judgement::Held(wait.reason)
                }
                _ if request.wait.is_some_and(|wait| wait.then_pass) => Judgement::Pass,
                _ => match obstacle(namespace) {
                    Some(reason) => Judgement::Held(reason),
                    None if too_many => Judgement::Held(HeldReason::Share),
                    None => Judgement::Pass,
                },
            };
            if wanted.judgement == Judgement::Pass && before != Judgement::Pass {
                passed.push(namespace.clone());
            }
        }
        self.count();
        // The order must not depend on chance.
        passed.sort_unstable();
        passed
    }

    fn too_many(&self, policy: &DeleteGuard, owned: usize, now: Instant) -> bool {
        let asked_for = |request: &DeleteRequest| {
            request.explained || request.wait.is_some_and(|wait| wait.then_pass || now < wait.until)
        };
        let unexplained = || self.wanted.iter().filter(|(_, wanted)| !asked_for(&wanted.request));
        let wanted: usize = unexplained().map(|(_, wanted)| wanted.request.groups).sum();
        let deleted: usize = self.recent.iter().map(|(_, _, groups)| groups).sum();
        let mut namespaces = unexplained().map(|(namespace, _)| namespace);
        let one = namespaces.next();
        let single = namespaces.next().is_none() && self.recent.iter().all(|(_, n, _)| Some(n) == one);
        !single && exceeds(policy, wanted + deleted, owned + deleted)
    }

    /// The number of orphaned namespaces that are to be deleted.
    pub(crate) fn orphans(&self) -> usize {
        self.wanted.values().filter(|wanted| wanted.request.orphan).count()
    }

    /// Releases all wanted deletes, because an operator has checked them; returns the namespaces that waited.
    pub(crate) fn release(&mut self) -> Vec<RulerNamespace> {
        let waiting = self.wanted.iter_mut().filter(|(_, wanted)| wanted.judgement != Judgement::Pass);
        let mut released: Vec<RulerNamespace> = waiting
            .map(|(namespace, wanted)| {
                wanted.judgement = Judgement::Pass;
                namespace.clone()
            })
            .collect();
        released.sort_unstable();
        self.total = None;
        released
    }

    /// Has held deletes judged again, because something else about them has changed.
    pub(crate) fn reconsider(&mut self, now: Instant) {
        if self.total.is_some() {
            self.first.get_or_insert(now);
            self.last = self.last.or(Some(now));
        }
    }

    /// Returns when to judge next.
    pub(crate) fn due(&self, policy: &DeleteGuard) -> Option<Instant> {
        let settled =
            self.first.zip(self.last).map(|(first, last)| (last + SETTLE_TIME).min(first + MAX_SETTLE_TIME));
        let forgotten =
            self.recent.front().filter(|_| self.total.is_some()).map(|(at, ..)| *at + policy.window);
        [settled.or(forgotten), self.next_wait].into_iter().flatten().min()
    }

    /// Returns whether some deletes still wait for others.
    pub(crate) fn is_undecided(&self) -> bool {
        self.first.is_some()
    }

    /// Returns when the first of the deletes with a fixed wait may be made.
    pub(crate) fn next_wait(&self) -> Option<Instant> {
        self.next_wait
    }

    /// The number of groups of a namespace whose deletes are held.
    pub(crate) fn held_in(&self, namespace: &str) -> usize {
        let held = |wanted: &&Wanted| matches!(wanted.judgement, Judgement::Held(_));
        self.wanted.get(namespace).filter(held).map_or(0, |wanted| wanted.request.groups)
    }

    /// Iterates over the held deletes: namespace, number of groups and reason.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&RulerNamespace, usize, HeldReason)> {
        self.wanted.iter().filter_map(|(namespace, wanted)| match wanted.judgement {
            Judgement::Held(reason) => Some((namespace, wanted.request.groups, reason)),
            _ => None,
        })
    }
}

impl Guard {
    /// Returns the number of held groups and the most serious reason; none if there are none.
    pub(crate) fn total_held(&self) -> Option<(usize, HeldReason)> {
        self.total
    }

    fn count(&mut self) {
        let add = |total: Option<(usize, HeldReason)>, (_, groups, reason): (_, usize, HeldReason)| {
            let (sum, worst) = total.unwrap_or((0, reason));
            Some((sum + groups, worst.max(reason)))
        };
        self.total = self.held().fold(None, add);
    }
}

/// Returns whether deleting this many of the owned groups needs an acknowledgement. Used for plans that are only shown,
/// too.
pub(crate) fn exceeds(policy: &DeleteGuard, deleted: usize, owned: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share of a number of groups")]
    let share = deleted as f64 / owned.max(1) as f64;
    deleted >= policy.min_groups && share > policy.max_share
}

#[cfg(test)]
mod tests;
