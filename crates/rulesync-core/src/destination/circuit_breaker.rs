//! The circuit breaker of a destination: open while the ruler is down, so that an outage costs one request now and then
//! instead of one for every change that waits.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::name::RulerNamespace;
use crate::policy::{Backoff, Policy};

/// The number of namespaces that may fail in a row before the breaker opens. One change that always fails must not open
/// it for the others, however often it is retried.
const TOLERATED_FAILURES: usize = 2;

/// The longest wait that a ruler may ask for, unless a resync comes sooner. The ruler is asked again afterwards.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// The state of the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// Requests pass.
    Closed,
    /// No request passes before the wait is over.
    Open,
    /// One request at a time passes, to probe whether the ruler answers again.
    HalfOpen,
}

/// Counts failures that concern the ruler as a whole.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    backoff: Backoff,
    /// The longest wait that a ruler may ask for.
    longest: Duration,
    /// The failures since the ruler last answered: namespaces, and `None` for a list.
    failed: HashSet<Option<RulerNamespace>>,
    /// The number of waits since the ruler last answered. Each is longer than the one before.
    waits: u32,
    /// The end of the wait; `None` while closed.
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
        self.longest = policy.resync_interval.min(MAX_RETRY_AFTER);
    }

    /// Returns the wait that the ruler asked for, up to the limit.
    pub(crate) fn bounded(&self, retry_after: Option<Duration>) -> Duration {
        retry_after.unwrap_or_default().min(self.longest)
    }

    /// Closes the circuit and forgets all failures.
    pub(crate) fn reset(&mut self) {
        self.failed.clear();
        self.waits = 0;
        self.until = None;
    }

    /// Returns the state of the circuit at a time.
    pub(crate) fn circuit(&self, now: Instant) -> Circuit {
        match self.until {
            None => Circuit::Closed,
            Some(until) if now < until => Circuit::Open,
            Some(_) => Circuit::HalfOpen,
        }
    }

    /// Returns how many requests may be under way, of at most `limit`.
    pub(crate) fn allows(&self, now: Instant, limit: usize) -> usize {
        match self.circuit(now) {
            Circuit::Closed => limit,
            Circuit::Open => 0,
            Circuit::HalfOpen => 1,
        }
    }

    /// Returns the number of waits since the ruler last answered.
    pub(crate) fn waits(&self) -> u32 {
        self.waits
    }

    /// Returns when the next probe may start; `None` while closed.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Closes the circuit, because the ruler answered. Returns `true` if it was not closed.
    pub(crate) fn success(&mut self) -> bool {
        self.failed.clear();
        self.waits = 0;
        self.until.take().is_some()
    }

    /// Records that the ruler failed a change of a namespace, or a list if `namespace` is `None`. Returns `true` if
    /// this opened the circuit. `wait` is the time that the ruler asked to wait.
    pub(crate) fn failure(
        &mut self,
        now: Instant,
        namespace: Option<&RulerNamespace>,
        wait: Option<Duration>,
    ) -> bool {
        self.failed.insert(namespace.cloned());
        let before = self.circuit(now);
        if before == Circuit::Open {
            // The request was under way when the circuit opened: its failure changes nothing.
            return false;
        }
        if before == Circuit::HalfOpen
            || self.failed.len() > TOLERATED_FAILURES
            || self.failed.contains(&None)
            || wait.is_some()
        {
            self.waits += 1;
            let wait = self.bounded(wait).max(self.backoff.wait(self.waits));
            self.until = Some(now + wait);
        }
        before == Circuit::Closed && self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn breaker_opens_after_different_failures_in_a_row_and_probes_with_one_request() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60) };
        let mut breaker = CircuitBreaker::new(&Policy { backoff, ..Policy::default() });
        let mut now = Instant::now();
        let (a, b, c): (RulerNamespace, RulerNamespace, RulerNamespace) =
            ("a".into(), "b".into(), "c".into());
        for _ in 0..100 {
            assert!(
                !breaker.failure(now, Some(&a), None),
                "one namespace that always fails does not open it"
            );
        }
        breaker.success();
        assert!(!breaker.failure(now, Some(&a), None));
        assert!(!breaker.failure(now, Some(&b), None));
        assert_eq!((breaker.circuit(now), breaker.allows(now, 8)), (Circuit::Closed, 8));
        assert!(breaker.failure(now, Some(&c), None));
        assert!(!breaker.failure(now, Some(&c), None));
        assert_eq!(breaker.allows(now, 8), 0);
        assert_eq!(breaker.circuit(now), Circuit::Open);
        now = breaker.until().unwrap();
        assert_eq!((breaker.circuit(now), breaker.allows(now, 8)), (Circuit::HalfOpen, 1));
        assert_eq!(breaker.waits(), 1);
        assert!(!breaker.failure(now, Some(&a), None));
        assert_eq!((breaker.allows(now, 8), breaker.waits()), (0, 2));
        assert!(breaker.success());
        assert_eq!(breaker.waits(), 0);
        assert_eq!(breaker.allows(now, 8), 8);
        assert!(!breaker.success());
        assert!(breaker.failure(now, None, None), "a failed list concerns the whole destination");
    }

    #[tokio::test(start_paused = true)]
    async fn breaker_stays_open_as_long_as_the_ruler_asks_within_limits() {
        let backoff = Backoff { base: Duration::from_millis(1), cap: Duration::from_secs(1) };
        let mut breaker = CircuitBreaker::new(&Policy { backoff, ..Policy::default() });
        let now = Instant::now();
        assert!(breaker.failure(now, None, Some(Duration::from_secs(7))));
        assert_eq!(breaker.until(), Some(now + Duration::from_secs(7)));
        assert_eq!(breaker.allows(now, 8), 0);
        assert_eq!(breaker.allows(now + Duration::from_secs(7), 8), 1, "one request probes");
        breaker.success();
        assert!(breaker.failure(now, None, Some(Duration::MAX)));
        assert_eq!(breaker.until(), Some(now + MAX_RETRY_AFTER), "up to a limit");
        breaker.reset();
        assert_eq!(breaker.allows(now, 8), 8, "the configuration was changed");
        breaker.set_policy(&Policy { resync_interval: Duration::from_secs(60), ..Policy::default() });
        assert!(breaker.failure(now, None, Some(Duration::MAX)));
        assert!(breaker.until() <= Some(now + Duration::from_secs(60)), "a resync would come sooner");
    }
}
