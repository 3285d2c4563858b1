//! The breaker of a destination: closed while the ruler is down, so that an outage costs one request now and then
//! instead of one for every change that waits.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::policy::{Backoff, Policy};

/// Namespaces that may fail in a row before the breaker closes. One change that always fails must not close it for
/// others, however often it is tried.
const TOLERATED: usize = 2;

/// The longest wait that a ruler may ask for, if a resync does not come sooner. What it asks for beyond that it is
/// asked again.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// Counts failures that concern the ruler as a whole.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    backoff: Backoff,
    /// No wait that a ruler asks for is longer.
    longest: Duration,
    /// What failed since the ruler last answered; none stands for a list.
    failed: HashSet<Option<Arc<str>>>,
    /// Waits so far while closed; makes the waits grow.
    waits: u32,
    until: Option<Instant>,
}

impl CircuitBreaker {
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut breaker = Self {
            backoff: policy.backoff,
            longest: Duration::ZERO,
            failed: HashSet::new(),
            waits: 0,
            until: None,
        };
        breaker.set_policy(policy);
        breaker
    }

    pub(crate) fn set_policy(&mut self, policy: &Policy) {
        self.backoff = policy.backoff;
        self.longest = policy.resync_interval.min(LONGEST_RETRY_AFTER);
    }

    /// How long to wait for what the ruler asked for.
    pub(crate) fn bounded(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or_default().min(self.longest)
    }

    /// Everything may be tried at once, whatever happened before.
    pub(crate) fn reset(&mut self) {
        self.failed.clear();
        self.waits = 0;
        self.until = None;
    }

    /// How many requests may be under way, of so many allowed: all, one to probe, or none.
    pub(crate) fn allows(&self, now: Instant, limit: usize) -> usize {
        match self.until {
            None => limit,
            Some(until) if now < until => 0,
            Some(_) => 1,
        }
    }

    /// How often it has been waited for since the ruler last answered.
    pub(crate) fn waits(&self) -> u32 {
        self.waits
    }

    /// When it may be tried again, if it is closed.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The ruler answered; true if the breaker was closed.
    pub(crate) fn success(&mut self) -> bool {
        self.failed.clear();
        self.waits = 0;
        self.until.take().is_some()
    }

    /// The ruler did not answer as it should to a change of a namespace, or to a list if there is none; true if this
    /// closed the breaker. `wait` is what the ruler asked for.
    pub(crate) fn failure(
        &mut self,
        now: Instant,
        namespace: Option<&Arc<str>>,
        wait: Option<Duration>,
    ) -> bool {
        self.failed.insert(namespace.cloned());
        let closed = self.until.is_some();
        if closed && self.until.is_some_and(|until| now < until) {
            // Under way when the breaker closed: it says nothing new.
            return false;
        }
        if closed || self.failed.len() > TOLERATED || self.failed.contains(&None) || wait.is_some() {
            self.waits += 1;
            let wait = self.bounded(wait).max(self.backoff.wait(self.waits));
            self.until = Some(now + wait);
        }
        !closed && self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn closes_after_different_failures_in_a_row_and_probes_with_one() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60) };
        let mut breaker = CircuitBreaker::new(&Policy { backoff, ..Policy::default() });
        let mut now = Instant::now();
        let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
        for _ in 0..100 {
            assert!(!breaker.failure(now, Some(&a), None), "one namespace that always fails closes nothing");
        }
        breaker.success();
        assert!(!breaker.failure(now, Some(&a), None));
        assert!(!breaker.failure(now, Some(&b), None));
        assert_eq!(breaker.allows(now, 8), 8);
        assert!(breaker.failure(now, Some(&c), None));
        assert!(!breaker.failure(now, Some(&c), None));
        assert_eq!(breaker.allows(now, 8), 0);
        now = breaker.until().unwrap();
        assert_eq!(breaker.allows(now, 8), 1);
        assert!(!breaker.failure(now, Some(&a), None));
        assert_eq!(breaker.allows(now, 8), 0);
        assert!(breaker.success());
        assert_eq!(breaker.allows(now, 8), 8);
        assert!(!breaker.success());
        assert!(breaker.failure(now, None, None), "a list that fails is the whole destination");
    }

    #[tokio::test(start_paused = true)]
    async fn the_ruler_may_say_how_long() {
        let backoff = Backoff { base: Duration::from_millis(1), cap: Duration::from_secs(1) };
        let mut breaker = CircuitBreaker::new(&Policy { backoff, ..Policy::default() });
        let now = Instant::now();
        assert!(breaker.failure(now, None, Some(Duration::from_secs(7))));
        assert_eq!(breaker.until(), Some(now + Duration::from_secs(7)));
        assert_eq!(breaker.allows(now, 8), 0);
        assert_eq!(breaker.allows(now + Duration::from_secs(7), 8), 1, "and one asks");
        breaker.success();
        assert!(breaker.failure(now, None, Some(Duration::MAX)));
        assert_eq!(breaker.until(), Some(now + LONGEST_RETRY_AFTER), "and is not believed everything");
        breaker.reset();
        assert_eq!(breaker.allows(now, 8), 8, "the configuration was changed");
        breaker.set_policy(&Policy { resync_interval: Duration::from_secs(60), ..Policy::default() });
        assert!(breaker.failure(now, None, Some(Duration::MAX)));
        assert!(breaker.until() <= Some(now + Duration::from_secs(60)), "a resync would come sooner");
    }
}
