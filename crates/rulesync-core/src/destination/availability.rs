//! The availability of a ruler, as one destination sees it: whether it answers, and when it is asked again.

use std::time::Duration;

use tokio::time::Instant;

use super::circuit_breaker::CircuitBreaker;
use crate::policy::Policy;
use crate::ruler::RulerError;

/// The number of failures in a row after which a one-shot run gives up.
pub(super) const STUCK_FAILURES: u32 = 3;

/// Whether a destination's ruler answers.
#[derive(Debug)]
pub(super) struct Availability {
    pub(super) breaker: CircuitBreaker,
    /// The error, while it does not answer as it should.
    error: Option<String>,
    list_failures: u32,
}

impl Availability {
    pub(super) fn new(policy: &Policy) -> Self {
        Self { breaker: CircuitBreaker::new(policy), error: None, list_failures: 0 }
    }

    /// Records an answer; returns whether the ruler was down.
    pub(super) fn answered(&mut self) -> bool {
        self.breaker.success();
        self.error.take().is_some()
    }

    /// Records that the ruler does not answer as it should; returns whether that is new, or for a new reason.
    pub(super) fn unanswered(&mut self, error: &RulerError) -> bool {
        let before = self.error.replace(error.to_string());
        before != self.error
    }

    /// Records a complete list.
    pub(super) fn listed(&mut self) {
        self.list_failures = 0;
    }

    /// Records a list that failed; returns how long to wait.
    pub(super) fn list_failed(&mut self, retry_after: Option<Duration>, policy: &Policy) -> Duration {
        self.list_failures += 1;
        self.breaker.failure(Instant::now(), None, retry_after);
        self.breaker.bounded(retry_after).max(policy.backoff.wait(self.list_failures))
    }

    /// Returns whether the ruler does not answer as it should.
    pub(super) fn is_down(&self) -> bool {
        self.error.is_some()
    }

    /// Returns the error while the ruler does not answer as it should.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns the time until the next attempt, if the circuit is open.
    pub(super) fn retry_in(&self) -> Option<Duration> {
        self.breaker.until().map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Returns whether it failed so often in a row that a one-shot run gives up.
    pub(super) fn is_stuck(&self) -> bool {
        self.list_failures >= STUCK_FAILURES || self.breaker.waits() >= STUCK_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outage_is_new_once_for_each_reason() {
        let policy = Policy::default();
        let mut availability = Availability::new(&policy);
        let (timeout, refused) = (RulerError::unavailable("timeout"), RulerError::unavailable("refused"));
        assert!(availability.unanswered(&timeout) && !availability.unanswered(&timeout));
        assert!(availability.unanswered(&refused), "another reason");
        assert!(
            availability.is_down() && availability.error().is_some_and(|error| error.contains("refused"))
        );
        assert!(availability.answered() && !availability.answered(), "its end is new once");
        assert_eq!((availability.is_down(), availability.error()), (false, None));
        assert!(availability.unanswered(&refused));
    }

    #[tokio::test(start_paused = true)]
    async fn three_failed_lists_in_a_row_are_stuck_and_wait_longer_each_time() {
        let policy = Policy::default();
        let mut availability = Availability::new(&policy);
        for failures in 1..=3 {
            assert!(!availability.is_stuck(), "{failures}");
            let wait = availability.list_failed(None, &policy);
            assert!(wait <= policy.backoff.cap && !wait.is_zero(), "{wait:?}");
        }
        assert!(availability.is_stuck());
        assert_eq!(availability.retry_in(), availability.breaker.until().map(|until| until - Instant::now()));
        assert!(availability.retry_in().is_some_and(|wait| !wait.is_zero()));
        let asked = Duration::from_secs(200);
        assert!(availability.list_failed(Some(asked), &policy) >= asked, "the ruler asked for more time");
        availability.listed();
        availability.breaker.reset();
        assert!(!availability.is_stuck());
        assert_eq!(availability.retry_in(), None, "the circuit is closed");
    }
}
