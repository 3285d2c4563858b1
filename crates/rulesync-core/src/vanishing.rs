//! Objects that vanish from a source together. A directory that was emptied and a thousand deliberate deletes look the
//! same one by one, and in each tenant; only the source as a whole tells them apart. Pure bookkeeping over a clock that is
//! passed in.
//!
//! When two objects or more have vanished within a breath, and fewer are left than have gone, the source's deletes are
//! held in all destinations: for one window of the guard, or, if nothing is left, until they are released.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use crate::guard::{BREATH, DeleteGuard, HeldReason, LONGEST};
use crate::model::object::ObjectId;

/// So many objects may vanish together whatever is left: one.
const FEWEST: usize = 2;

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
    reason: HeldReason,
}

/// How a source is while its deletes are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remaining {
    /// How many of its objects have groups in a ruler.
    pub(crate) objects: usize,
    /// Whether it can be believed, and has looked at everything again within a window.
    pub(crate) healthy: bool,
}

impl Vanishing {
    /// An object with groups in a ruler is gone.
    pub(crate) fn vanished(&mut self, id: &ObjectId, now: Instant) {
        let source: Arc<str> = id.source().into();
        let burst = self.0.entry(source).or_insert_with(|| Burst::new(now));
        if burst.held.is_none() && (burst.last + BREATH < now || burst.first + LONGEST < now) {
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
            burst.held.is_some() || burst.last + BREATH >= now
        });
        news
    }

    /// The sources whose deletes are held, each with the reason.
    pub(crate) fn held(&self) -> impl Iterator<Item = (&Arc<str>, HeldReason)> {
        self.0.iter().filter_map(|(source, burst)| Some((source, burst.held?.reason)))
    }

    /// When a hold may end by itself.
    pub(crate) fn due(&self, policy: &DeleteGuard, now: Instant) -> Option<Instant> {
        let waiting = self.0.values().filter_map(|burst| burst.held);
        waiting.map(|held| held.since + policy.window).filter(|due| *due > now).min()
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
        if reason == HeldReason::Vanished && left.healthy && since + policy.window <= now {
            *self = Self::new(now);
            return;
        }
        self.held = Some(Held { since, reason });
    }
}

/// Namespaces of ours that no object is known for: after a restart, what vanished while nobody watched. Which source they
/// were of is not known, so they are judged against each, and for good only against all together.
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
            self.accepted = reason == HeldReason::Vanished && healthy && since + policy.window <= now;
            (!self.accepted).then_some(Held { since, reason })
        };
        let reason = self.held.map(|held| held.reason);
        (reason != before).then_some(reason)
    }

    /// Why they are held.
    pub(crate) fn held(&self) -> Option<HeldReason> {
        self.held.map(|held| held.reason)
    }

    /// When the hold may end by itself.
    pub(crate) fn due(&self, policy: &DeleteGuard, now: Instant) -> Option<Instant> {
        self.held.map(|held| held.since + policy.window).filter(|due| *due > now)
    }
}

/// Whether so many that vanished, of which so many are left, look like a source that has lost sight of its objects.
pub(crate) fn looks_like_an_accident(policy: &DeleteGuard, vanished: usize, left: usize) -> bool {
    !policy.is_off() && vanished >= FEWEST && left < vanished
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(n: usize) -> ObjectId {
        ObjectId::new(&"s".into(), &"K".into(), if n < 10 { "a" } else { "b" }, &format!("o{n}"))
    }

    struct Bench {
        vanishing: Vanishing,
        left: usize,
        healthy: bool,
        now: Instant,
    }

    impl Bench {
        fn of(objects: usize) -> Self {
            Self { vanishing: Vanishing::default(), left: objects, healthy: true, now: Instant::now() }
        }

        fn vanish(&mut self, numbers: std::ops::Range<usize>) -> &mut Self {
            self.left -= numbers.len();
            numbers.for_each(|n| self.vanishing.vanished(&id(n), self.now));
            self
        }

        fn come_back(&mut self, numbers: std::ops::Range<usize>) -> &mut Self {
            self.left += numbers.len();
            numbers.for_each(|n| self.vanishing.is_there(&id(n)));
            self
        }

        fn after(&mut self, seconds: u64) -> &mut Self {
            self.now += Duration::from_secs(seconds);
            self
        }

        fn held(&mut self) -> Option<HeldReason> {
            let remaining = Remaining { objects: self.left, healthy: self.healthy };
            self.vanishing.judge(&DeleteGuard::default(), |_| remaining, self.now);
            self.vanishing.held().next().map(|(_, reason)| reason)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn most_of_a_source_at_once_is_held_and_one_object_never_is() {
        assert_eq!(Bench::of(1).vanish(0..1).held(), None, "the only one");
        assert_eq!(Bench::of(10).vanish(0..5).held(), None, "half");
        assert_eq!(Bench::of(9).vanish(0..5).held(), Some(HeldReason::Vanished));
        assert_eq!(Bench::of(9).vanish(0..9).held(), Some(HeldReason::SourceEmpty));
        assert_eq!(Bench::of(2).vanish(0..2).held(), Some(HeldReason::SourceEmpty));
        let mut one_by_one = Bench::of(9);
        for n in 0..9 {
            assert_eq!(one_by_one.after(2).vanish(n..n + 1).held(), None, "each for itself");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn is_held_for_a_window_and_what_is_empty_until_something_comes_back() {
        let mut most = Bench::of(9);
        assert_eq!(most.vanish(0..6).after(299).held(), Some(HeldReason::Vanished));
        let mut most = Bench::of(9);
        most.vanish(0..6).held();
        assert_eq!(most.after(299).held(), Some(HeldReason::Vanished));
        most.healthy = false;
        assert_eq!(most.after(1).held(), Some(HeldReason::Vanished), "it cannot see");
        most.healthy = true;
        assert_eq!(most.held(), None);
        let mut all = Bench::of(9);
        all.vanish(0..9).held();
        assert_eq!(all.after(10_000).held(), Some(HeldReason::SourceEmpty));
        assert_eq!(all.come_back(0..4).held(), None, "the window is long over");
        let mut all = Bench::of(9);
        all.vanish(0..9).held();
        assert_eq!(all.come_back(0..4).held(), Some(HeldReason::Vanished));
        assert_eq!(all.come_back(4..5).held(), None, "most are there again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_kubernetes_namespace_that_is_gone_accounts_for_its_objects() {
        let mut bench = Bench::of(12);
        assert_eq!(bench.vanish(0..11).held(), Some(HeldReason::Vanished));
        bench.vanishing.explain("a");
        assert_eq!(bench.held(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_follows_within_a_breath_belongs_to_the_others_for_half_a_minute() {
        let breath = |millis: u64| {
            let mut bench = Bench::of(4);
            bench.vanish(0..2);
            bench.now += Duration::from_millis(millis);
            bench.vanish(2..3).held()
        };
        assert_eq!(breath(1_000), Some(HeldReason::Vanished));
        assert_eq!(breath(1_001), None, "one for itself");
        let stream = |seconds: usize| {
            let mut bench = Bench::of(seconds + 2);
            for n in 0..=seconds {
                bench.vanish(n..n + 1).after(1);
            }
            bench.vanishing.0["s"].gone.len()
        };
        assert_eq!(stream(30), 31);
        assert_eq!(stream(31), 1, "it has gone on for too long to be one event");
        // While something is held, whatever follows belongs to it.
        let mut held = Bench::of(12);
        held.vanish(0..9).held();
        held.after(60).vanish(9..10);
        assert_eq!(held.vanishing.0["s"].gone.len(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn is_judged_again_when_the_window_may_be_over_and_forgotten_with_its_source() {
        let policy = DeleteGuard::default();
        let mut bench = Bench::of(9);
        assert!(bench.vanishing.is_empty());
        assert_eq!(bench.vanishing.due(&policy, bench.now), None);
        let began = bench.now;
        bench.vanish(0..6);
        assert!(!bench.vanishing.is_empty());
        assert_eq!(bench.vanishing.due(&policy, bench.now), None, "nothing is held yet");
        bench.held();
        assert_eq!(bench.vanishing.due(&policy, bench.now), Some(began + policy.window));
        assert_eq!(bench.vanishing.due(&policy, began + policy.window), None, "it is over");
        assert!(!bench.vanishing.forget("another"));
        assert!(bench.vanishing.forget("s"), "something was held");
        assert!(bench.vanishing.is_empty());
        bench.vanish(6..7);
        assert!(!bench.vanishing.forget("s"), "nothing was");
    }

    #[tokio::test(start_paused = true)]
    async fn news_is_told_once() {
        let policy = DeleteGuard::default();
        let mut bench = Bench::of(9);
        bench.vanish(0..6);
        let mut judge =
            |objects, now| bench.vanishing.judge(&policy, |_| Remaining { objects, healthy: true }, now);
        let now = bench.now;
        assert_eq!(judge(3, now), [("s".into(), Some(HeldReason::Vanished))]);
        assert_eq!(judge(3, now), []);
        assert_eq!(judge(0, now), [("s".into(), Some(HeldReason::SourceEmpty))]);
        assert_eq!(judge(6, now), [("s".into(), None)]);
        assert_eq!(judge(6, now + BREATH), []);
        assert!(!bench.vanishing.is_empty(), "who follows within a breath belongs to them");
        bench.vanishing.judge(&policy, |_| Remaining { objects: 6, healthy: true }, now + 2 * BREATH);
        assert!(bench.vanishing.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn orphans_are_held_for_a_window_or_as_long_as_nothing_else_is_there() {
        let policy = DeleteGuard::default();
        let began = Instant::now();
        let of = |objects, healthy| Remaining { objects, healthy };
        let mut orphans = Orphans::default();
        assert_eq!(orphans.judge(&policy, 1, &[of(0, true)], began), None, "one is no accident");
        assert_eq!(orphans.judge(&policy, 3, &[of(3, true)], began), None, "half is none");
        assert_eq!((orphans.held(), orphans.due(&policy, began)), (None, None));
        // Of which source they were is not known.
        let sources = [of(2, true), of(9, true)];
        assert_eq!(orphans.judge(&policy, 3, &sources, began), Some(Some(HeldReason::Vanished)));
        assert_eq!(orphans.judge(&policy, 3, &sources, began), None, "that is no news");
        assert_eq!(orphans.held(), Some(HeldReason::Vanished));
        let over = began + policy.window;
        assert_eq!(orphans.due(&policy, began), Some(over));
        assert_eq!(orphans.due(&policy, over), None);
        assert_eq!(orphans.judge(&policy, 3, &[of(2, true), of(9, false)], over), None, "one cannot see");
        assert_eq!(orphans.judge(&policy, 3, &sources, over), Some(None));
        assert_eq!(orphans.judge(&policy, 2, &[of(1, true)], over), None, "the rest goes too");
        // When they are gone, others are judged anew.
        assert_eq!(orphans.judge(&policy, 0, &sources, over), None);
        assert_eq!(orphans.judge(&policy, 3, &sources, over), Some(Some(HeldReason::Vanished)));
        assert_eq!(orphans.judge(&policy, 3, &[of(0, true)], over), Some(Some(HeldReason::SourceEmpty)));
        assert_eq!(orphans.judge(&policy, 3, &[of(0, true)], over + 10 * policy.window), None);
        assert_eq!(orphans.held(), Some(HeldReason::SourceEmpty));
        let off = DeleteGuard { max_share: 1.0, ..policy };
        assert_eq!(orphans.judge(&off, 3, &[of(0, true)], over), Some(None), "it is switched off");
    }
}
