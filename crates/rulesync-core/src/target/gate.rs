//! The gate of a target: closed while the ruler is down, so that an outage costs one request now and then instead of
//! one for every change that waits.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::policy::Backoff;

/// Namespaces that may fail in a row before the gate closes. One change that always fails must not close it for
/// others, however often it is tried.
const TOLERATED: usize = 2;

/// The longest wait a ruler is believed to want.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Counts failures that concern the ruler as a whole.
#[derive(Debug)]
pub(crate) struct Gate {
    backoff: Backoff,
    /// What failed since the ruler last answered; none stands for a list.
    failed: HashSet<Option<Arc<str>>>,
    /// Waits so far while closed; makes the waits grow.
    waits: u32,
    until: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(backoff: Backoff) -> Self {
        Self { backoff, failed: HashSet::new(), waits: 0, until: None }
    }

    pub(crate) fn set_backoff(&mut self, backoff: Backoff) {
        self.backoff = backoff;
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

    /// The ruler answered; true if the gate was closed.
    pub(crate) fn success(&mut self) -> bool {
        self.failed.clear();
        self.waits = 0;
        self.until.take().is_some()
    }

    /// The ruler did not answer as it should to a change of a namespace, or to a list if there is none; true if this
    /// closed the gate. `wait` is what the ruler asked for.
    pub(crate) fn failure(
        &mut self,
        now: Instant,
        namespace: Option<&Arc<str>>,
        wait: Option<Duration>,
    ) -> bool {
        self.failed.insert(namespace.cloned());
        let closed = self.until.is_some();
        if closed && self.until.is_some_and(|until| now < until) {
            // Under way when the gate closed: it says nothing new.
            return false;
        }
        if closed || self.failed.len() > TOLERATED || self.failed.contains(&None) || wait.is_some() {
            self.waits += 1;
            let wait = wait.unwrap_or_default().min(LONGEST).max(self.backoff.wait(self.waits));
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
        let mut gate = Gate::new(backoff);
        let mut now = Instant::now();
        let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
        for _ in 0..100 {
            assert!(!gate.failure(now, Some(&a), None), "one namespace that always fails closes nothing");
        }
        gate.success();
        assert!(!gate.failure(now, Some(&a), None));
        assert!(!gate.failure(now, Some(&b), None));
        assert_eq!(gate.allows(now, 8), 8);
        assert!(gate.failure(now, Some(&c), None));
        assert!(!gate.failure(now, Some(&c), None));
        assert_eq!(gate.allows(now, 8), 0);
        now = gate.until().unwrap();
        assert_eq!(gate.allows(now, 8), 1);
        assert!(!gate.failure(now, Some(&a), None));
        assert_eq!(gate.allows(now, 8), 0);
        assert!(gate.success());
        assert_eq!(gate.allows(now, 8), 8);
        assert!(!gate.success());
        assert!(gate.failure(now, None, None), "a list that fails is the whole target");
    }

    #[tokio::test(start_paused = true)]
    async fn the_ruler_may_say_how_long() {
        let mut gate = Gate::new(Backoff { base: Duration::from_millis(1), cap: Duration::from_secs(1) });
        let now = Instant::now();
        assert!(gate.failure(now, None, Some(Duration::from_secs(7))));
        assert_eq!(gate.until(), Some(now + Duration::from_secs(7)));
        gate.success();
        assert!(gate.failure(now, None, Some(Duration::MAX)), "and is not believed everything");
    }
}
