//! Whether the API server can take writes at the moment. Pure: the clock is passed in.

use std::time::Duration;

use rulesync_core::engine::Backoff;
use tokio::time::Instant;

/// The waits after answers that say that the server has failed. They are short: it may be due to some objects only, and the
/// others wait as well.
const BACKOFF_OF_FAILURES: Backoff =
    Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(2) };

/// The waits while the server has too many requests or does not answer.
const BACKOFF: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(60) };

/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The number of failures in a row, of different objects, after which the server is at fault and not the objects.
const MAX_FAILURES: u32 = 3;

/// The writes that may be under way at once.
const MAX_UNDER_WAY: usize = 4;

/// A pause of all writes. What fails alone waits alone, in the queue.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    failures: u32,
    pauses: u32,
    until: Option<Instant>,
}

impl Pressure {
    /// Notes that the server has too many requests, and how long it wants not to be asked.
    pub(super) fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.pause(now, BACKOFF, retry_after.unwrap_or_default().min(MAX_RETRY_AFTER));
    }

    /// Notes that there was no answer.
    pub(super) fn unreachable(&mut self, now: Instant) {
        self.pause(now, BACKOFF, Duration::ZERO);
    }

    /// Notes an answer that says that the server has failed, which may be due to one object.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= MAX_FAILURES {
            self.pause(now, BACKOFF_OF_FAILURES, Duration::ZERO);
        }
    }

    /// Notes any other answer. During a pause, it is one to an earlier request, and ends nothing.
    pub(super) fn answered(&mut self, now: Instant) {
        if self.next(now) > now {
            return;
        }
        (self.failures, self.pauses) = (0, 0);
        self.until = None;
    }

    /// Returns the time at which writes may begin: `now`, or later.
    pub(super) fn next(&self, now: Instant) -> Instant {
        self.until.map_or(now, |until| until.max(now))
    }

    /// Returns the number of writes that may be under way: after a pause, one shows whether it is over.
    pub(super) fn allowed(&self) -> usize {
        if self.pauses > 0 { 1 } else { MAX_UNDER_WAY }
    }

    fn pause(&mut self, now: Instant, backoff: Backoff, at_least: Duration) {
        // What was under way when the pause began says nothing new.
        if self.next(now) == now {
            self.pauses = self.pauses.saturating_add(1);
        }
        let until = now + backoff.wait(self.pauses).max(at_least);
        self.until = self.until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn pressure_pauses_all_for_as_long_as_the_server_asks_within_limits() {
        let (mut pressure, now) = (Pressure::default(), Instant::now());
        pressure.throttled(now, Some(Duration::from_secs(7)));
        assert_eq!((pressure.next(now), pressure.allowed()), (after(now, 7), 1));
        assert_eq!(pressure.next(after(now, 7)), after(now, 7));
        pressure.answered(after(now, 6));
        assert_eq!((pressure.next(now), pressure.allowed()), (after(now, 7), 1), "it was sent before");
        let later = after(now, 7);
        pressure.answered(later);
        assert_eq!((pressure.next(later), pressure.allowed()), (later, MAX_UNDER_WAY));
        pressure.throttled(now, Some(Duration::from_secs(86_400)));
        assert_eq!(pressure.next(now), after(now, 120));
    }

    #[test]
    fn pressure_pauses_longer_and_longer_without_an_answer() {
        let (mut pressure, mut now) = (Pressure::default(), Instant::now());
        for _ in 0..12 {
            // Several that were under way count once.
            (0..4).for_each(|_| pressure.unreachable(now));
            let next = pressure.next(now);
            assert!(next > now && next <= after(now, 60));
            now = next;
        }
        assert!(pressure.pauses == 12);
        pressure.unreachable(now);
        assert!(pressure.next(now) >= after(now, 6));
    }

    #[test]
    fn pressure_needs_several_failures_in_a_row_to_blame_the_server() {
        let (mut pressure, now) = (Pressure::default(), Instant::now());
        for _ in 0..20 {
            pressure.failed(now);
            pressure.failed(now);
            assert_eq!(pressure.next(now), now);
            pressure.answered(now);
        }
        (0..30).for_each(|_| pressure.failed(now));
        assert!(pressure.next(now) > now && pressure.next(now) <= after(now, 2));
    }
}
