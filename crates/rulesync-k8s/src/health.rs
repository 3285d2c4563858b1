//! The health of a watch: decides which failures to report, when the watch has recovered, and how long to wait before
//! the next attempt. Pure.

use std::time::Duration;

use rulesync_core::engine::Backoff;
use tokio::time::Instant;

use crate::failure::WatchFailure;

/// The backoff between attempts. The maximum is short, so that a new CRD or permission is noticed soon; a list every
/// few seconds is no load.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(5) };

/// The time without a failure after which a watch counts as working: kube reports that a watch failed, but not that it
/// started.
const STABLE_AFTER: Duration = Duration::from_secs(2);

/// The number of consecutive routine failures that are not reported: a restarted API server breaks the watch, and then
/// its resource version has expired.
const UNREPORTED_FAILURES: u32 = 2;

/// The recent failures of a watch.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The number of consecutive failures. A complete list does not reset it: the watch after it may fail each time.
    failures: u32,
    /// The presumed start of the current watch.
    watching_since: Option<Instant>,
    reported: Option<Reported>,
}

#[derive(Debug)]
struct Reported {
    reason: String,
    /// Set if a list failed, so that a complete list ends the problem.
    listing: bool,
}

impl Health {
    /// Records a failure of a list or watch. Returns the reason if it must be reported.
    pub(crate) fn failed(&mut self, failure: WatchFailure, listing: bool, now: Instant) -> Option<String> {
        if self.watching_since.take().is_some_and(|since| now.duration_since(since) >= STABLE_AFTER) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let known = self.reported.as_ref().is_some_and(|reported| reported.reason == failure.reason);
        if !known && failure.routine && self.failures <= UNREPORTED_FAILURES {
            return None;
        }
        let reason = failure.reason;
        self.reported = Some(Reported { reason: reason.clone(), listing });
        (!known).then_some(reason)
    }

    /// Returns the wait before the next attempt.
    pub(crate) fn wait(&self) -> Duration {
        BACKOFF.wait(self.failures)
    }

    /// Records the start of a watch, which may still fail.
    pub(crate) fn watching(&mut self, now: Instant) {
        self.watching_since = Some(now);
    }

    /// Records a complete list. Returns `true` if that ends a reported problem.
    pub(crate) fn listed(&mut self) -> bool {
        self.reported.take_if(|reported| reported.listing).is_some()
    }

    /// Records that the watch works: it has sent an event, or lasted long enough. Returns `true` if that ends a
    /// reported problem.
    pub(crate) fn works(&mut self) -> bool {
        self.failures = 0;
        self.reported.take().is_some()
    }

    /// Returns the time at which a silent watch counts as [working](Self::works); `None` if there is no watch or no
    /// reported problem.
    pub(crate) fn works_at(&self) -> Option<Instant> {
        self.reported.as_ref()?;
        Some(self.watching_since? + STABLE_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routine(reason: &str) -> WatchFailure {
        WatchFailure::relist(reason.to_owned()).routine()
    }

    fn serious(reason: &str) -> WatchFailure {
        WatchFailure::relist(reason.to_owned())
    }

    #[test]
    fn failed_watch_after_every_list_is_reported_once_and_backs_off() {
        let (mut health, now) = (Health::default(), Instant::now());
        let mut reported = 0;
        for round in 1..=20 {
            assert!(!health.listed(), "a list does not end the failure of a watch");
            health.watching(now);
            reported += usize::from(health.failed(routine("forbidden"), false, now).is_some());
            assert_eq!(health.failures, round);
        }
        assert_eq!(reported, 1);
        assert!(health.wait() >= BACKOFF.cap / 10);
    }

    #[test]
    fn failed_resets_count_after_stable_watch() {
        let (mut health, now) = (Health::default(), Instant::now());
        for hour in 1..5 {
            health.watching(now + Duration::from_secs(3600) * (hour - 1));
            let reported = health.failed(routine("broken"), false, now + Duration::from_secs(3600) * hour);
            assert_eq!(reported, None, "a connection that breaks every hour is not reported");
        }
        assert_eq!(health.works_at(), None);
    }

    #[test]
    fn failed_list_is_reported_at_once_and_ends_with_next_list() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert_eq!(health.failed(serious("down"), true, now).as_deref(), Some("down"));
        assert_eq!(health.failed(serious("down"), true, now), None);
        assert_eq!(health.failed(serious("forbidden"), true, now).as_deref(), Some("forbidden"));
        assert!(health.listed());
        assert!(!health.listed() && !health.works(), "reported once");
    }

    #[test]
    fn failed_watch_is_reported_the_third_time_and_ends_when_it_works() {
        let (mut health, now) = (Health::default(), Instant::now());
        for _ in 0..UNREPORTED_FAILURES {
            assert_eq!(health.failed(routine("refused"), false, now), None);
        }
        assert_eq!(health.failed(routine("refused"), false, now).as_deref(), Some("refused"));
        assert_eq!(health.works_at(), None, "there is no watch yet");
        assert!(!health.listed());
        health.watching(now);
        assert_eq!(health.works_at(), Some(now + STABLE_AFTER));
        assert!(health.works());
        assert_eq!(health.works_at(), None);
        assert_eq!(health.failed(routine("refused"), false, now), None, "the count was reset");
    }
}
