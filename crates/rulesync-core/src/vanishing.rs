//! Objects that vanish from a source together. A directory that was emptied and a thousand deliberate deletes look the
//! same one by one, and in each tenant; only the source as a whole tells them apart. Pure bookkeeping over a clock that
//! is passed in.
//!
//! When two objects or more have vanished within a breath, and fewer are left than have gone, the source's deletes are
//! held in all destinations: for one window of the guard, or, if nothing is left, until they are released.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::guard::{DeleteGuard, HeldReason, MAX_SETTLE_TIME, SETTLE_TIME};
use crate::model::object::ObjectId;

/// So many objects may vanish together whatever is left: one.
const MIN_VANISHED_OBJECTS: usize = 2;

/// What has vanished of late, by source.
#[derive(Debug, Default)]
pub(crate) struct Vanishing(BTreeMap<Arc<str>, Burst>);

/// Objects of one source that vanished one right after the other.
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
    /// How long it takes until the source may be believed.
    wait: Duration,
    reason: HeldReason,
}

/// How a source is while its deletes are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remaining {
    /// How many of its objects have groups in a ruler.
    pub(crate) objects: usize,
    /// Whether it can be believed.
    pub(crate) healthy: bool,
    /// How long it waits between two looks at everything.
    pub(crate) poll_interval: Duration,
}

impl Remaining {
    /// How long what vanished from it is held: a window of the guard, within which it has looked again.
    fn wait(&self, policy: &DeleteGuard) -> Duration {
        // A look takes its time, too.
        policy.window.max(2 * self.poll_interval)
    }
}

impl Vanishing {
    /// An object with groups in a ruler is gone.
    pub(crate) fn vanished(&mut self, id: &ObjectId, now: Instant) {
        let source: Arc<str> = id.source().into();
        let burst = self.0.entry(source).or_insert_with(|| Burst::new(now));
        if burst.held.is_none() && (burst.last + SETTLE_TIME < now || burst.first + MAX_SETTLE_TIME < now) {
            *burst = Burst::new(now);
        }
        burst.last = now;
        burst.gone.insert(id.clone());
    }

    /// An object is there, again or still.
    pub(crate) fn is_there(&mut self, id: &ObjectId) {
        if !self.0.is_empty()
            && let Some(burst) = self.0.get_mut(id.source())
        {
            burst.gone.remove(id);
        }
    }

    /// A Kubernetes namespace is gone, which accounts for its objects.
    pub(crate) fn explain(&mut self, namespace: &str) {
        self.0.values_mut().for_each(|burst| burst.gone.retain(|id| id.namespace() != namespace));
    }

    /// Whether nothing has vanished of late, and nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a source that is no more.
    pub(crate) fn forget(&mut self, source: &str) -> bool {
        self.0.remove(source).is_some_and(|burst| burst.held.is_some())
    }

    /// The sources whose deletes are held from now on, for another reason, or no longer.
    pub(crate) fn judge(
        &mut self,
        policy: &DeleteGuard,
        remaining: impl Fn(&str) -> Remaining,
        now: Instant,
    ) -> Vec<(Arc<str>, Option<HeldReason>)> {
        let mut news = Vec::new();
        self.0.retain(|source, burst| {
            let left = remaining(source);
            let before = burst.held;
            burst.judge(policy, left, now);
            if before.map(|held| held.reason) != burst.held.map(|held| held.reason) {
                news.push((Arc::clone(source), burst.held.map(|held| held.reason)));
            }
            burst.held.is_some() || burst.last + SETTLE_TIME >= now
        });
        news
    }

    /// The sources whose deletes are held, each with the reason.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&Arc<str>, HeldReason)> {
        self.0.iter().filter_map(|(source, burst)| Some((source, burst.held?.reason)))
    }

    /// When a hold may end by itself.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let waiting = self.0.values().filter_map(|burst| burst.held);
        waiting.map(|held| held.since + held.wait).filter(|due| *due > now).min()
    }
}

impl Burst {
    fn new(now: Instant) -> Self {
        Self { gone: BTreeSet::new(), first: now, last: now, held: None }
    }

    fn judge(&mut self, policy: &DeleteGuard, left: Remaining, now: Instant) {
        if !looks_like_an_accident(policy, self.gone.len(), left.objects) {
            self.held = None;
            return;
        }
        let since = self.held.map_or(now, |held| held.since);
        let reason = if left.objects == 0 { HeldReason::SourceEmpty } else { HeldReason::Vanished };
        let wait = left.wait(policy);
        if reason == HeldReason::Vanished && left.healthy && since + wait <= now {
            *self = Self::new(now);
            return;
        }
        self.held = Some(Held { since, wait, reason });
    }
}

/// Namespaces of ours that no object is known for: after a restart, what vanished while nobody watched. Which source
/// they were of is not known, so they are judged against each, and for good only against all together.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    held: Option<Held>,
    /// Their window is over.
    accepted: bool,
}

impl Orphans {
    /// Why so many orphans are held, if they are; none if that is no news.
    #[expect(clippy::option_option, reason = "no news is not the same as no longer held")]
    pub(crate) fn judge(
        &mut self,
        policy: &DeleteGuard,
        orphans: usize,
        sources: &[Remaining],
        now: Instant,
    ) -> Option<Option<HeldReason>> {
        let before = self.held.map(|held| held.reason);
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
        let reason = self.held.map(|held| held.reason);
        (reason != before).then_some(reason)
    }

    /// Why they are held.
    pub(crate) fn held(&self) -> Option<HeldReason> {
        self.held.map(|held| held.reason)
    }

    /// When the hold may end by itself.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.held.map(|held| held.since + held.wait).filter(|due| *due > now)
    }
}

/// Whether so many that vanished, of which so many are left, look like a source that has lost sight of its objects.
pub(crate) fn looks_like_an_accident(policy: &DeleteGuard, vanished: usize, left: usize) -> bool {
    !policy.is_off() && vanished >= MIN_VANISHED_OBJECTS && left < vanished
}

#[cfg(test)]
mod tests;
