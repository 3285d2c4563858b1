//! The delete guard: deletes that look like an accident are held back until somebody acknowledges them or their cause
//! goes away. Pure bookkeeping over a clock that is passed in.
//!
//! Deletes wait for a breath, so that what belongs together is judged together: an object deleted for itself and the
//! first of ten thousand look the same when they come.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// When deletes are too many to be meant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeleteGuard {
    /// The share of a destination's groups that may go within the window; 1 switches the guard off.
    pub max_share: f64,
    /// Fewer groups than this pass in any case.
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
    /// Whether it holds nothing back, whatever is deleted.
    pub(crate) fn is_off(&self) -> bool {
        self.max_share >= 1.0
    }
}

/// Why something is not deleted, from the least grave on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldReason {
    /// Together with what was deleted of late they are more than the share the guard allows. Until released, or until
    /// enough of it is declared again.
    Share,
    /// A changed configuration asks for it: they go after the guard's window.
    Configuration,
    /// No route leads here any more: everything goes after the guard's window.
    Route,
    /// Most of what their source had vanished at once: they go after the guard's window, if the source is healthy.
    Vanished,
    /// Their source has nothing left. Until released, or until something is declared again.
    SourceEmpty,
    /// Their source cannot see its objects, or its kind is no more: it may not know what it says. Until it does.
    Source,
    /// This process has just become the leader, and may not have seen all that the one before it had. For two minutes.
    Takeover,
    /// Not every source has shown all it has.
    Snapshot,
    /// Something that cannot be read may declare it. Until that can be read, or is deleted.
    Unreadable,
    /// It belongs to a kind that is not installed, which looks just like one that was deleted. Until it is installed.
    Kind,
    /// Its object requests a tenant that it may not have. Until it requests one that it may have, or is deleted.
    TenantRefused,
    /// Its object goes elsewhere, and has yet to be written there.
    Moving,
}

impl HeldReason {
    /// Whether the delete guard holds them, so that an operator can release them. Others are protected as long as their
    /// reason stands.
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
            Self::Vanished => "held: most of what the source had vanished at once",
            Self::SourceEmpty => "held: the source has nothing left",
            Self::Source => "held: the source may not know what it says",
            Self::Takeover => "protected: this process has just become the leader",
            Self::Snapshot => "protected: not every source has shown all it has",
            Self::Unreadable => "protected: something that cannot be read may declare it",
            Self::Kind => "protected: its kind is not installed",
            Self::TenantRefused => "protected: its object requests a tenant that it may not have",
            Self::Moving => "protected: its object has yet to be written where it goes",
        })
    }
}

/// How long deletes wait for others that belong to them. A breath: a person does not notice it, and the objects of a
/// deleted CRD or directory come within milliseconds of each other.
pub(crate) const SETTLE_TIME: Duration = Duration::from_secs(1);

/// They wait no longer than this for a stream of deletes to end.
pub(crate) const MAX_SETTLE_TIME: Duration = Duration::from_secs(30);

/// Of so many deletes the times are remembered: enough that forgetting the rest cannot hide an accident.
const MAX_RECENT: usize = 50_000;

/// What the guard of one destination knows.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    /// Deletes that are wanted, by namespace.
    wanted: HashMap<Arc<str>, Wanted>,
    /// Deletes that were carried out within the window.
    recent: VecDeque<(Instant, Arc<str>, usize)>,
    first: Option<Instant>,
    last: Option<Instant>,
    /// When the first of those that wait for a certain time may go.
    next_wait: Option<Instant>,
    /// What is held back in all, kept so that nobody has to count.
    total: Option<(usize, HeldReason)>,
}

/// The deletes that are wanted in one namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) groups: usize,
    /// Something accounts for it: its Kubernetes namespace is gone, or the object has left by its author's will.
    pub(crate) explained: bool,
    /// No object is known that it belongs to.
    pub(crate) orphan: bool,
    /// It is not to be carried out before a certain time.
    pub(crate) wait: Option<Wait>,
}

/// Deletes that wait for a certain time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) until: Instant,
    pub(crate) reason: HeldReason,
    /// Whether they go then, whatever their share.
    pub(crate) then_pass: bool,
}

#[derive(Debug)]
struct Wanted {
    wish: Wish,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Undecided,
    Pass,
    Held(HeldReason),
}

impl Guard {
    /// Whether the deletes of a namespace may be carried out; if not, they are noted as wanted.
    pub(crate) fn passes(&mut self, namespace: &Arc<str>, wish: Wish, now: Instant) -> bool {
        let wanted = self
            .wanted
            .entry(Arc::clone(namespace))
            .or_insert(Wanted { wish: Wish { groups: 0, ..wish }, verdict: Verdict::Undecided });
        let more = wanted.wish.groups < wish.groups;
        let explained = wanted.wish.explained || wish.explained;
        let waits_anew = wanted.verdict != Verdict::Pass && wanted.wish.wait != wish.wait;
        if more || waits_anew {
            // More than was judged, if it was, or otherwise.
            wanted.verdict = Verdict::Undecided;
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
        wanted.wish = Wish { explained, ..wish };
        wanted.verdict == Verdict::Pass
    }

    /// Nothing is to be deleted in a namespace (any more). What is held besides may be few enough now, once no more of
    /// it comes back.
    pub(crate) fn forget(&mut self, namespace: &str, now: Instant) {
        if let Some(Wanted { verdict: Verdict::Held(_), .. }) = self.wanted.remove(namespace) {
            self.count();
            self.reconsider(now);
            self.last = self.last.map(|_| now);
        }
    }

    /// Nothing that was wanted is known to be any more; what was deleted of late still counts.
    pub(crate) fn forget_all(&mut self) {
        self.wanted.clear();
        (self.first, self.last, self.next_wait, self.total) = (None, None, None, None);
    }

    /// Groups of a namespace were deleted.
    pub(crate) fn carried_out(&mut self, namespace: &Arc<str>, groups: usize, now: Instant) {
        // They only count while something else is wanted, so nobody else looks after them.
        while self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((now, Arc::clone(namespace), groups));
        if let Some(wanted) = self.wanted.get_mut(namespace) {
            wanted.wish.groups = wanted.wish.groups.saturating_sub(groups);
            if wanted.wish.groups == 0 {
                self.wanted.remove(namespace);
            }
        }
    }

    /// A Kubernetes namespace is gone: that explains the deletes of what `was_in` it.
    pub(crate) fn explain(&mut self, was_in: impl Fn(&str) -> bool, now: Instant) {
        for (namespace, wanted) in &mut self.wanted {
            if !wanted.wish.explained && was_in(namespace) {
                wanted.wish.explained = true;
                self.first.get_or_insert(now);
                self.last = self.last.or(Some(now));
            }
        }
    }

    /// Judges what is wanted if it is time; the answer is what may be deleted now. `owned` counts the groups of ours
    /// that the ruler has, which is only done when something is to be judged, and `obstacle` tells what else stands in
    /// the way of a namespace's deletes.
    pub(crate) fn judge(
        &mut self,
        policy: &DeleteGuard,
        owned: impl FnOnce() -> usize,
        obstacle: impl Fn(&str) -> Option<HeldReason>,
        now: Instant,
    ) -> Vec<Arc<str>> {
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
            let before = wanted.verdict;
            let wish = wanted.wish;
            let waits = wish.wait.filter(|wait| now < wait.until && !policy.is_off());
            wanted.verdict = match (before, waits) {
                (Verdict::Pass, _) => Verdict::Pass,
                _ if wish.explained => Verdict::Pass,
                (_, Some(wait)) => {
                    self.next_wait = Some(self.next_wait.map_or(wait.until, |next| next.min(wait.until)));
                    Verdict::Held(wait.reason)
                }
                _ if wish.wait.is_some_and(|wait| wait.then_pass) => Verdict::Pass,
                _ => match obstacle(namespace) {
                    Some(reason) => Verdict::Held(reason),
                    None if too_many => Verdict::Held(HeldReason::Share),
                    None => Verdict::Pass,
                },
            };
            if wanted.verdict == Verdict::Pass && before != Verdict::Pass {
                passed.push(Arc::clone(namespace));
            }
        }
        self.count();
        // In an order that does not depend on chance.
        passed.sort_unstable();
        passed
    }

    fn too_many(&self, policy: &DeleteGuard, owned: usize, now: Instant) -> bool {
        let asked_for =
            |wish: &Wish| wish.explained || wish.wait.is_some_and(|wait| wait.then_pass || now < wait.until);
        let unexplained = || self.wanted.iter().filter(|(_, wanted)| !asked_for(&wanted.wish));
        let wanted: usize = unexplained().map(|(_, wanted)| wanted.wish.groups).sum();
        let deleted: usize = self.recent.iter().map(|(_, _, groups)| groups).sum();
        let mut namespaces = unexplained().map(|(namespace, _)| namespace);
        let one = namespaces.next();
        let single = namespaces.next().is_none() && self.recent.iter().all(|(_, n, _)| Some(n) == one);
        !single && exceeds(policy, wanted + deleted, owned + deleted)
    }

    /// How many namespaces are to be deleted that no object is known for.
    pub(crate) fn orphans(&self) -> usize {
        self.wanted.values().filter(|wanted| wanted.wish.orphan).count()
    }

    /// Everything that is wanted passes: somebody has looked at it. The answer is what was waiting.
    pub(crate) fn release(&mut self) -> Vec<Arc<str>> {
        let waiting = self.wanted.iter_mut().filter(|(_, wanted)| wanted.verdict != Verdict::Pass);
        let mut released: Vec<Arc<str>> = waiting
            .map(|(namespace, wanted)| {
                wanted.verdict = Verdict::Pass;
                Arc::clone(namespace)
            })
            .collect();
        released.sort_unstable();
        self.total = None;
        released
    }

    /// What is held may be judged otherwise now, because something else about it has changed.
    pub(crate) fn reconsider(&mut self, now: Instant) {
        if self.total.is_some() {
            self.first.get_or_insert(now);
            self.last = self.last.or(Some(now));
        }
    }

    /// When to judge next.
    pub(crate) fn due(&self, policy: &DeleteGuard) -> Option<Instant> {
        let breath =
            self.first.zip(self.last).map(|(first, last)| (last + SETTLE_TIME).min(first + MAX_SETTLE_TIME));
        let forgotten =
            self.recent.front().filter(|_| self.total.is_some()).map(|(at, ..)| *at + policy.window);
        [breath.or(forgotten), self.next_wait].into_iter().flatten().min()
    }

    /// Whether something still waits for its breath.
    pub(crate) fn is_undecided(&self) -> bool {
        self.first.is_some()
    }

    /// When the first of those that wait for a certain time may go.
    pub(crate) fn next_wait(&self) -> Option<Instant> {
        self.next_wait
    }

    /// What is held back: namespaces with the number of groups and the reason.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&Arc<str>, usize, HeldReason)> {
        self.wanted.iter().filter_map(|(namespace, wanted)| match wanted.verdict {
            Verdict::Held(reason) => Some((namespace, wanted.wish.groups, reason)),
            _ => None,
        })
    }
}

impl Guard {
    /// How many groups are held back in all, and the graver reason; none if none are.
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

/// Whether deleting so many groups of so many needs somebody's word. Also for plans that are only shown.
pub(crate) fn exceeds(policy: &DeleteGuard, deleted: usize, owned: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a share of a number of groups")]
    let share = deleted as f64 / owned.max(1) as f64;
    deleted >= policy.min_groups && share > policy.max_share
}

#[cfg(test)]
mod tests;
