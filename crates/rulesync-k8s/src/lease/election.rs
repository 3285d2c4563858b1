//! The decisions of an election: the next step of a candidate after it has read the lease. Sends no requests and reads
//! no clock.
//!
//! The rules are those of client-go. A candidate relies only on its own clock: for a candidate, a lease begins when it
//! *observes* a change of the record; for the holder, when its last successful request was *sent*. Therefore a lease is
//! taken over only after it has expired for its holder, however much their clocks differ.

use std::time::Duration;

use rulesync_core::engine::LeaderTerm;
use tokio::time::Instant;

use super::settings::LeaseSettings;

/// The content of a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The identity of the holder; empty if there is none.
    pub(crate) holder: String,
    /// The duration of the lease after a renewal.
    pub(crate) duration: Duration,
    /// The time of the last renewal by the holder's clock, only compared for equality.
    pub(crate) renewed: String,
    /// The number of changes of the holder.
    pub(crate) transitions: i32,
    /// The resource version.
    pub(crate) version: String,
}

/// The next step of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Wait before reading the lease again.
    Wait(Duration),
    /// Create the lease, with this candidate as its holder.
    Create { transitions: i32 },
    /// Replace this version of the lease, with this candidate as its holder.
    Take { version: String, transitions: i32 },
}

/// The state of a candidate.
#[derive(Debug)]
pub(crate) struct Election {
    identity: String,
    duration: Duration,
    renew_deadline: Duration,
    retry: Duration,
    /// The last observed record, and the time of its first observation.
    observed: Option<(Record, Instant)>,
}

impl Election {
    pub(crate) fn new(settings: &LeaseSettings) -> Self {
        Self {
            identity: settings.identity.clone(),
            duration: settings.lease_duration,
            renew_deadline: settings.renew_deadline,
            retry: settings.retry_period,
            observed: None,
        }
    }

    /// Records the lease as read, and returns the next step.
    pub(crate) fn observe(&mut self, found: Option<Record>, now: Instant) -> Step {
        let Some(found) = found else {
            // The lease was deleted, but its holder may write until it expires.
            return match &self.observed {
                Some((record, at)) if self.is_other(record) && now < *at + record.duration => {
                    Step::Wait(self.wait_until(*at + record.duration, now))
                }
                Some((record, _)) => Step::Create { transitions: record.transitions + 1 },
                None => Step::Create { transitions: 0 },
            };
        };
        let at = match &self.observed {
            Some((record, at)) if *record == found => *at,
            _ => now,
        };
        let (version, transitions) = (found.version.clone(), found.transitions);
        let expires = at + found.duration;
        let other = self.is_other(&found);
        self.observed = Some((found, at));
        if !other {
            Step::Take { version, transitions: if self.holds() { transitions } else { transitions + 1 } }
        } else if now < expires {
            Step::Wait(self.wait_until(expires, now))
        } else {
            Step::Take { version, transitions: transitions + 1 }
        }
    }

    /// Records that this candidate wrote the lease, with a request that was sent at `start`.
    pub(crate) fn written(&mut self, record: Record, start: Instant) -> LeaderTerm {
        self.observed = Some((record, start));
        LeaderTerm { start_before: start + self.renew_deadline, finish_by: start + self.duration }
    }

    /// Returns the version and transitions for a renewal without reading the lease first; `None` if this candidate is not
    /// known to be the holder.
    pub(crate) fn renewable(&self) -> Option<(&str, i32)> {
        let (record, _) = self.observed.as_ref().filter(|_| self.holds())?;
        Some((&record.version, record.transitions))
    }

    /// Records that the current version of the lease is unknown, so that it is read before it is written.
    pub(crate) fn forget_version(&mut self) {
        if let Some((record, _)) = &mut self.observed
            && record.holder == self.identity
        {
            record.version.clear();
        }
    }

    /// Returns `true` if this candidate is the holder of the last observed record, whose version is known.
    pub(crate) fn holds(&self) -> bool {
        self.observed
            .as_ref()
            .is_some_and(|(record, _)| record.holder == self.identity && !record.version.is_empty())
    }

    fn is_other(&self, record: &Record) -> bool {
        !record.holder.is_empty() && record.holder != self.identity
    }

    /// Returns the time until the lease is read again: twice in a retry period, so that a candidate observes a renewal
    /// early, and takes over soon after the last one expires.
    fn wait_until(&self, expires: Instant, now: Instant) -> Duration {
        let interval = self.retry.mul_f64(0.4 + 0.2 * fastrand::f64());
        expires.saturating_duration_since(now).min(interval)
    }

    /// Returns the time until the next renewal or attempt.
    pub(crate) fn pause(&self) -> Duration {
        self.retry.mul_f64(0.9 + 0.2 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> LeaseSettings {
        LeaseSettings { identity: "self".to_owned(), ..LeaseSettings::new("rulesync") }
    }

    fn record(holder: &str, renewed: &str) -> Record {
        Record {
            holder: holder.to_owned(),
            duration: Duration::from_secs(15),
            renewed: renewed.to_owned(),
            transitions: 3,
            version: renewed.to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn observe_takes_lease_that_was_not_renewed_for_its_duration() {
        let mut election = Election::new(&settings());
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let waits = |step: Step| matches!(step, Step::Wait(_));
        // The renewal time is by another clock: it may be long past, or in the future.
        assert!(waits(election.observe(Some(record("other", "1")), after(0))));
        assert!(waits(election.observe(Some(record("other", "2")), after(14))));
        assert!(waits(election.observe(Some(record("other", "2")), after(28))));
        let step = election.observe(Some(record("other", "2")), after(29));
        assert_eq!(step, Step::Take { version: "2".into(), transitions: 4 });
        assert_eq!(
            election.observe(Some(record("", "3")), after(29)),
            Step::Take { version: "3".into(), transitions: 4 },
            "released"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn observe_waits_until_deleted_lease_expires() {
        let mut election = Election::new(&settings());
        let start = Instant::now();
        assert_eq!(election.observe(None, start), Step::Create { transitions: 0 });
        election.observe(Some(record("other", "1")), start);
        let step = election.observe(None, start + Duration::from_secs(14));
        assert!(matches!(step, Step::Wait(_)), "{step:?}");
        assert_eq!(election.observe(None, start + Duration::from_secs(15)), Step::Create { transitions: 4 });
    }

    #[tokio::test(start_paused = true)]
    async fn written_returns_term_that_ends_before_lease_expires() {
        let mut election = Election::new(&settings());
        let start = Instant::now();
        let term = election.written(record("self", "1"), start);
        assert_eq!(term.start_before, start + Duration::from_secs(10));
        assert_eq!(term.finish_by, start + Duration::from_secs(15));
        assert_eq!(election.renewable(), Some(("1", 3)));
        election.forget_version();
        assert_eq!(election.renewable(), None);
        let step = election.observe(Some(record("self", "2")), start);
        assert_eq!(step, Step::Take { version: "2".into(), transitions: 3 });
    }
}
