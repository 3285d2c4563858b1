//! The decisions of an election: what a candidate does about the record it sees. No requests, no clock of its own.
//!
//! The rules are client-go's. A candidate believes no clock but its own: it counts from the moment it *saw* the record
//! change. A holder counts from the moment its last successful request *began*. So whoever takes a lease over does so
//! after the last holder has stopped believing in it, however far their clocks are apart.

use std::time::Duration;

use rulesync_core::engine::LeaderTerm;
use tokio::time::Instant;

use super::settings::LeaseSettings;

/// What stands in a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Who holds it; empty if nobody does.
    pub(crate) holder: String,
    /// For how long from its renewal, as the holder promised.
    pub(crate) duration: Duration,
    /// Of the last renewal, by the holder's clock: only ever compared for equality.
    pub(crate) renewed: String,
    /// How often the holder has changed.
    pub(crate) transitions: i32,
    /// The version to be named when it is replaced.
    pub(crate) version: String,
}

/// What to do about the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing before so long.
    Wait(Duration),
    /// Make it, with us as its holder.
    Create { transitions: i32 },
    /// Replace that version, with us as its holder.
    Take { version: String, transitions: i32 },
}

/// What a candidate remembers.
#[derive(Debug)]
pub(crate) struct Election {
    identity: String,
    duration: Duration,
    renew_deadline: Duration,
    retry: Duration,
    /// The record that was last seen, and when it was first seen like that.
    seen: Option<(Record, Instant)>,
}

impl Election {
    pub(crate) fn new(settings: &LeaseSettings) -> Self {
        Self {
            identity: settings.identity.clone(),
            duration: settings.lease_duration,
            renew_deadline: settings.renew_deadline,
            retry: settings.retry_period,
            seen: None,
        }
    }

    /// What to do about what a look has found.
    pub(crate) fn look(&mut self, found: Option<Record>, now: Instant) -> Step {
        let Some(found) = found else {
            // Somebody removed it, not its holder, who believes in it until its time is over.
            return match &self.seen {
                Some((record, at)) if self.is_other(record) && now < *at + record.duration => {
                    Step::Wait(self.until(*at + record.duration, now))
                }
                Some((record, _)) => Step::Create { transitions: record.transitions + 1 },
                None => Step::Create { transitions: 0 },
            };
        };
        let at = match &self.seen {
            Some((record, at)) if *record == found => *at,
            _ => now,
        };
        let (version, transitions) = (found.version.clone(), found.transitions);
        let expires = at + found.duration;
        let other = self.is_other(&found);
        self.seen = Some((found, at));
        if !other {
            let ours = self.holds();
            Step::Take { version, transitions: if ours { transitions } else { transitions + 1 } }
        } else if now < expires {
            Step::Wait(self.until(expires, now))
        } else {
            Step::Take { version, transitions: transitions + 1 }
        }
    }

    /// The record was written by us, in a request that began at `start`.
    pub(crate) fn wrote(&mut self, record: Record, start: Instant) -> LeaderTerm {
        self.seen = Some((record, start));
        LeaderTerm { start_before: start + self.renew_deadline, finish_by: start + self.duration }
    }

    /// The version to renew without looking first; none if it is not ours as far as we know.
    pub(crate) fn to_renew(&self) -> Option<(&str, i32)> {
        let (record, _) = self.seen.as_ref().filter(|_| self.holds())?;
        Some((&record.version, record.transitions))
    }

    /// Somebody else has written it, or we do not know what is there.
    pub(crate) fn must_look(&mut self) {
        if let Some((record, _)) = &mut self.seen
            && record.holder == self.identity
        {
            record.version.clear();
        }
    }

    /// Whether the last record we know of is ours.
    pub(crate) fn holds(&self) -> bool {
        self.seen
            .as_ref()
            .is_some_and(|(record, _)| record.holder == self.identity && !record.version.is_empty())
    }

    fn is_other(&self, record: &Record) -> bool {
        !record.holder.is_empty() && record.holder != self.identity
    }

    /// A candidate looks twice within a retry period, so that it sees a renewal soon and takes over soon after the
    /// last.
    fn until(&self, expires: Instant, now: Instant) -> Duration {
        let look = self.retry.mul_f64(0.4 + 0.2 * fastrand::f64());
        expires.saturating_duration_since(now).min(look)
    }

    /// How long a holder waits before it renews, and anybody before trying again.
    pub(crate) fn pause(&self) -> Duration {
        self.retry.mul_f64(0.9 + 0.2 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> LeaseSettings {
        LeaseSettings { identity: "us".to_owned(), ..LeaseSettings::new("rulesync") }
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
    async fn a_lease_is_taken_only_when_it_was_not_renewed_before_our_eyes() {
        let mut election = Election::new(&settings());
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let waits = |step: Step| matches!(step, Step::Wait(_));
        // Its time may be long over by its own clock, or far in the future: that is somebody else's clock.
        assert!(waits(election.look(Some(record("them", "1")), after(0))));
        assert!(waits(election.look(Some(record("them", "2")), after(14))));
        assert!(waits(election.look(Some(record("them", "2")), after(28))));
        let step = election.look(Some(record("them", "2")), after(29));
        assert_eq!(step, Step::Take { version: "2".into(), transitions: 4 });
        assert_eq!(
            election.look(Some(record("", "3")), after(29)),
            Step::Take { version: "3".into(), transitions: 4 },
            "released"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_was_removed_is_still_believed_in_by_its_holder() {
        let mut election = Election::new(&settings());
        let start = Instant::now();
        assert_eq!(election.look(None, start), Step::Create { transitions: 0 });
        election.look(Some(record("them", "1")), start);
        let step = election.look(None, start + Duration::from_secs(14));
        assert!(matches!(step, Step::Wait(_)), "{step:?}");
        assert_eq!(election.look(None, start + Duration::from_secs(15)), Step::Create { transitions: 4 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_stops_before_anybody_may_take_over() {
        let mut election = Election::new(&settings());
        let start = Instant::now();
        let term = election.wrote(record("us", "1"), start);
        assert_eq!(term.start_before, start + Duration::from_secs(10));
        assert_eq!(term.finish_by, start + Duration::from_secs(15));
        assert_eq!(election.to_renew(), Some(("1", 3)));
        election.must_look();
        assert_eq!(election.to_renew(), None);
        let step = election.look(Some(record("us", "2")), start);
        assert_eq!(step, Step::Take { version: "2".into(), transitions: 3 });
    }
}
