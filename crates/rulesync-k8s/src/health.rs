//! How a watch is doing: which of its troubles are worth telling, when all is well again, and how long to wait. Pure.

use std::time::Duration;

use rulesync_core::engine::Backoff;
use tokio::time::Instant;

use crate::verdict::Verdict;

/// Waits between tries. Capped low: what is waited for, such as a CRD, should be seen soon, and a list every few
/// seconds is no load.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(5) };

/// A watch without trouble for so long works. Its beginning is not told to us, only its failure is.
const STEADY: Duration = Duration::from_secs(2);

/// So many everyday troubles in a row are no news: a restarted API server breaks the watch, and then its revision has
/// expired.
const EVERYDAY: u32 = 2;

/// What a watch went through of late.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Troubles in a row. A list that comes to its end does not end the row: the watch after it may fail each time.
    failures: u32,
    /// Since when there is a watch, as far as is known.
    watching_since: Option<Instant>,
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    reason: String,
    /// Whether a list has failed, so that a complete list shows that it is over.
    listing: bool,
}

impl Health {
    /// Something is wrong, with a list or with a watch: what to tell, if it is worth it and new.
    pub(crate) fn trouble(&mut self, verdict: Verdict, listing: bool, now: Instant) -> Option<String> {
        if self.watching_since.take().is_some_and(|since| now.duration_since(since) >= STEADY) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let known = self.told.as_ref().is_some_and(|told| told.reason == verdict.reason);
        if !known && verdict.everyday && self.failures <= EVERYDAY {
            return None;
        }
        let reason = verdict.reason;
        self.told = Some(Told { reason: reason.clone(), listing });
        (!known).then_some(reason)
    }

    /// How long to wait after the last trouble.
    pub(crate) fn wait(&self) -> Duration {
        BACKOFF.wait(self.failures)
    }

    /// A watch begins, after a list or again. Says nothing about whether it will work.
    pub(crate) fn watching(&mut self, now: Instant) {
        self.watching_since = Some(now);
    }

    /// A list is complete: whether that ends what was told.
    pub(crate) fn listed(&mut self) -> bool {
        self.told.take_if(|told| told.listing).is_some()
    }

    /// The watch works, by an event or by lasting: whether that ends what was told.
    pub(crate) fn well(&mut self) -> bool {
        self.failures = 0;
        self.told.take().is_some()
    }

    /// When a watch that is silent until then is [`well`](Self::well); none if nothing was told that could end.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.told.as_ref()?;
        Some(self.watching_since? + STEADY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everyday(reason: &str) -> Verdict {
        Verdict::anew(reason.to_owned()).everyday()
    }

    fn serious(reason: &str) -> Verdict {
        Verdict::anew(reason.to_owned())
    }

    #[test]
    fn a_watch_that_fails_after_every_list_is_told_once_and_tried_ever_less_often() {
        let (mut health, now) = (Health::default(), Instant::now());
        let mut told = 0;
        for round in 1..=20 {
            assert!(!health.listed(), "a list does not make a forbidden watch good");
            health.watching(now);
            told += usize::from(health.trouble(everyday("forbidden"), false, now).is_some());
            assert_eq!(health.failures, round);
        }
        assert_eq!(told, 1);
        assert!(health.wait() >= BACKOFF.cap / 10);
    }

    #[test]
    fn a_watch_that_lasts_ends_the_row() {
        let (mut health, now) = (Health::default(), Instant::now());
        for hour in 1..5 {
            health.watching(now + Duration::from_secs(3600) * (hour - 1));
            let told = health.trouble(everyday("broken"), false, now + Duration::from_secs(3600) * hour);
            assert_eq!(told, None, "a connection that breaks every hour is no news");
        }
        assert_eq!(health.due(), None);
    }

    #[test]
    fn lists_are_told_at_once_and_heal_at_once() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert_eq!(health.trouble(serious("down"), true, now).as_deref(), Some("down"));
        assert_eq!(health.trouble(serious("down"), true, now), None);
        assert_eq!(health.trouble(serious("forbidden"), true, now).as_deref(), Some("forbidden"));
        assert!(health.listed());
        assert!(!health.listed() && !health.well(), "said once");
    }

    #[test]
    fn watches_are_told_the_third_time_and_heal_by_lasting_or_by_an_event() {
        let (mut health, now) = (Health::default(), Instant::now());
        for _ in 0..EVERYDAY {
            assert_eq!(health.trouble(everyday("refused"), false, now), None);
        }
        assert_eq!(health.trouble(everyday("refused"), false, now).as_deref(), Some("refused"));
        assert_eq!(health.due(), None, "there is no watch yet");
        assert!(!health.listed());
        health.watching(now);
        assert_eq!(health.due(), Some(now + STEADY));
        assert!(health.well());
        assert_eq!(health.due(), None);
        assert_eq!(health.trouble(everyday("refused"), false, now), None, "a new row");
    }
}
