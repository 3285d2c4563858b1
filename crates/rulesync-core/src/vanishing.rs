//! Objects that vanish from a source together. The objects of an emptied directory and a thousand deliberate deletes
//! look the same one by one, and in each tenant; only the source as a whole distinguishes them. Pure bookkeeping over a
//! clock that is passed in.
//!
//! When two objects or more have vanished within a second of each other, and fewer are left than have vanished, the
//! source's deletes are held in all destinations: for one window of the guard, or, if nothing is left, until they are
//! released.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::guard::{DeleteGuard, HeldReason, MAX_SETTLE_TIME, SETTLE_TIME};
use crate::model::name::SourceName;
use crate::model::object::ObjectId;

/// The number of objects that must vanish together to be held: a single one never is.
const MIN_VANISHED_OBJECTS: usize = 2;

/// Objects that vanished recently, by source.
#[derive(Debug, Default)]
pub(crate) struct Vanishing(BTreeMap<SourceName, Burst>);

/// Objects of one source that vanished right after each other.
#[derive(Debug)]
struct Burst {
    gone: BTreeSet<ObjectId>,
    first: Instant,
    last: Instant,
    held: Option<Held>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    since: Instant,
    /// The time until the source may be trusted.
    wait: Duration,
    reason: HeldReason,
}

/// The state of a source while its deletes are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remaining {
    /// The number of its objects that have groups in a ruler.
    pub(crate) objects: usize,
    /// True if its deletions can be trusted.
    pub(crate) healthy: bool,
    /// The interval between two polls of everything.
    pub(crate) poll_interval: Duration,
}

impl Remaining {
    /// Returns how long objects that vanished from it are held: a window of the guard, within which it has polled
    /// again.
    fn wait(&self, policy: &DeleteGuard) -> Duration {
        // A poll takes its time, too.
        policy.window.max(2 * self.poll_interval)
    }
}

impl Vanishing {
    /// Records that an object with groups in a ruler vanished.
    pub(crate) fn vanished(&mut self, id: &ObjectId, now: Instant) {
        let source: SourceName = id.source().into();
        let burst = self.0.entry(source).or_insert_with(|| Burst::new(now));
        if burst.held.is_none() && (burst.last + SETTLE_TIME < now || burst.first + MAX_SETTLE_TIME < now) {
            *burst = Burst::new(now);
        }
        burst.last = now;
        burst.gone.insert(id.clone());
    }

    /// Records that an object exists, again or still.
    pub(crate) fn exists(&mut self, id: &ObjectId) {
        if !self.0.is_empty()
            && let Some(burst) = self.0.get_mut(id.source())
        {
            burst.gone.remove(id);
        }
    }

    /// Explains the vanishing of a Kubernetes namespace's objects, because it was deleted.
    pub(crate) fn explain(&mut self, namespace: &str) {
        self.0.values_mut().for_each(|burst| burst.gone.retain(|id| id.namespace() != namespace));
    }

    /// Returns whether nothing vanished recently and nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a source that was removed.
    pub(crate) fn forget(&mut self, source: &str) {
        self.0.remove(source);
    }

    /// Returns the sources whose deletes are held from now on, for another reason, or no longer.
    pub(crate) fn judge(
        &mut self,
        policy: &DeleteGuard,
        remaining: impl Fn(&str) -> Remaining,
        now: Instant,
    ) -> Vec<(SourceName, Option<HeldReason>)> {
        let mut changes = Vec::new();
        self.0.retain(|source, burst| {
            let remaining = remaining(source);
            let before = burst.held;
            burst.judge(policy, remaining, now);
            if before.map(|held| held.reason) != burst.held.map(|held| held.reason) {
                changes.push((source.clone(), burst.held.map(|held| held.reason)));
            }
            burst.held.is_some() || burst.last + SETTLE_TIME >= now
        });
        changes
    }

    /// Iterates over the sources whose deletes are held, each with the reason.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&SourceName, HeldReason)> {
        self.0.iter().filter_map(|(source, burst)| Some((source, burst.held?.reason)))
    }

    /// Returns when a hold may end by itself.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let waiting = self.0.values().filter_map(|burst| burst.held);
        waiting.map(|held| held.since + held.wait).filter(|due| *due > now).min()
    }
}

impl Burst {
    fn new(now: Instant) -> Self {
        Self { gone: BTreeSet::new(), first: now, last: now, held: None }
    }

    fn judge(&mut self, policy: &DeleteGuard, remaining: Remaining, now: Instant) {
        if !looks_like_an_accident(policy, self.gone.len(), remaining.objects) {
            self.held = None;
            return;
        }
        let since = self.held.map_or(now, |held| held.since);
        let reason = if remaining.objects == 0 { HeldReason::SourceEmpty } else { HeldReason::Vanished };
        let wait = remaining.wait(policy);
        if reason == HeldReason::Vanished && remaining.healthy && since + wait <= now {
            *self = Self::new(now);
            return;
        }
        self.held = Some(Held { since, wait, reason });
    }
}

/// Orphaned namespaces: after a restart, they may belong to objects that vanished while no process ran. Their source is
/// unknown, so they are judged against each source, and finally against all together.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    held: Option<Held>,
    /// True once their window is over.
    accepted: bool,
}

impl Orphans {
    /// Judges this number of orphans.
    pub(crate) fn judge(
        &mut self,
        policy: &DeleteGuard,
        orphans: usize,
        sources: &[Remaining],
        now: Instant,
    ) {
        let all: usize = sources.iter().map(|source| source.objects).sum();
        let accident = sources.iter().any(|source| looks_like_an_accident(policy, orphans, source.objects));
        self.accepted &= orphans > 0;
        self.held = if !accident || self.accepted {
            None
        } else {
            let since = self.held.map_or(now, |held| held.since);
            let reason = if all == 0 { HeldReason::SourceEmpty } else { HeldReason::Vanished };
            let healthy = sources.iter().all(|source| source.healthy);
            let wait = sources.iter().map(|source| source.wait(policy)).max().unwrap_or(policy.window);
            self.accepted = reason == HeldReason::Vanished && healthy && since + wait <= now;
            (!self.accepted).then_some(Held { since, wait, reason })
        };
    }

    /// Returns why they are held.
    pub(crate) fn held(&self) -> Option<HeldReason> {
        self.held.map(|held| held.reason)
    }

    /// Returns when the hold may end by itself.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.held.map(|held| held.since + held.wait).filter(|due| *due > now)
    }
}

/// Returns whether these numbers of vanished and remaining objects look like a source that cannot see its objects.
pub(crate) fn looks_like_an_accident(policy: &DeleteGuard, vanished: usize, remaining: usize) -> bool {
    !policy.is_off() && vanished >= MIN_VANISHED_OBJECTS && remaining < vanished
}

#[cfg(test)]
mod tests;
