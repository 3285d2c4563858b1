//! What a connection waits for, how long that may last, and how much the connection is worth keeping.
//!
//! Several requests may be answered at once (HTTP/2). An answer lasts until the client has taken all of it: it may be
//! complete in memory long before. A stream is an answer without an end: it may last as long as its client takes what
//! there is of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::limits::Limits;

/// The state of a connection. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What it waits for while nothing is being answered.
    phase: Phase,
    /// When each request began that is being answered.
    requests: Vec<Instant>,
    /// When each request began that is answered with a stream.
    streams: Vec<Instant>,
    /// The parts of answers that the client has yet to take.
    unsent: usize,
    /// When the client last took something, or could begin to.
    progress: Instant,
    /// Whether bytes from the client begin a request.
    bytes_begin_request: bool,
}

/// What a connection waits for while nothing is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For a TLS handshake.
    Handshake { since: Instant },
    /// For a request.
    Idle { since: Instant },
    /// For the rest of a request's head.
    Head { since: Instant },
    /// For the client to take the end of an answer.
    Flush { since: Instant },
}

impl State {
    /// Returns when its time is over; none if it may last as it is.
    fn deadline(&self, limits: Limits) -> Option<Instant> {
        let stalled = self.progress + limits.stall;
        if self.requests.is_empty() && !self.streams.is_empty() {
            return (self.unsent > 0).then_some(stalled);
        }
        Some(match (self.requests.iter().min(), self.phase) {
            (Some(first), _) if self.unsent > 0 => stalled.min(*first + limits.answer),
            (Some(first), _) => *first + limits.answer,
            (None, Phase::Handshake { since }) => since + limits.handshake,
            (None, Phase::Idle { since }) => since + limits.idle,
            (None, Phase::Head { since }) => since + limits.head,
            (None, Phase::Flush { since }) => stalled.min(since + limits.answer),
        })
    }

    /// Returns how much the connection is worth keeping: the least for the one that has waited longest for its client.
    fn worth(&self) -> (bool, Instant) {
        match (self.answering().min(), self.phase) {
            (Some(first), _) if self.unsent == 0 => (true, *first),
            (Some(_), _) | (None, Phase::Flush { .. }) => (true, self.progress),
            (None, Phase::Handshake { since } | Phase::Idle { since } | Phase::Head { since }) => {
                (false, since)
            }
        }
    }

    /// Whether a part of an answer may be on its way.
    fn is_answering(&self) -> bool {
        self.answering().next().is_some() || matches!(self.phase, Phase::Flush { .. })
    }

    /// Iterates over the beginnings of the requests that are being answered.
    fn answering(&self) -> impl Iterator<Item = &Instant> {
        self.requests.iter().chain(&self.streams)
    }
}

impl Activity {
    /// That of a connection that was just opened, with a TLS handshake before it, or without.
    pub(super) fn new(handshake: bool) -> Self {
        let now = Instant::now();
        let phase = if handshake { Phase::Handshake { since: now } } else { Phase::Idle { since: now } };
        Self(Arc::new(Mutex::new(State {
            phase,
            requests: Vec::new(),
            streams: Vec::new(),
            unsent: 0,
            progress: now,
            bytes_begin_request: !handshake,
        })))
    }

    /// Orders connections by how much they are worth keeping.
    pub(super) fn worth(&self) -> impl Ord + use<> {
        self.state().worth()
    }

    /// Whether a part of an answer may be on its way.
    pub(super) fn is_answering(&self) -> bool {
        self.state().is_answering()
    }

    /// Whether there is nothing to wait for but streams.
    pub(super) fn is_streaming_only(&self) -> bool {
        let state = self.state();
        state.requests.is_empty() && !state.streams.is_empty()
    }

    /// Notes that the handshake is done. With HTTP/2, a client also sends bytes that belong to no request.
    pub(super) fn shook_hands(&self, is_http2: bool) {
        let mut state = self.state();
        state.phase = Phase::Idle { since: Instant::now() };
        state.bytes_begin_request = !is_http2;
    }

    /// Notes that a request has arrived, whose answer lasts until the guard and those of its parts are dropped.
    pub(super) fn begin(&self) -> Answering {
        let since = Instant::now();
        self.state().requests.push(since);
        Answering { activity: self.clone(), since, is_stream: false }
    }

    /// Notes that bytes were received.
    pub(super) fn received(&self) {
        let mut state = self.state();
        let is_idle = matches!(state.phase, Phase::Idle { .. }) && state.answering().next().is_none();
        if state.bytes_begin_request && is_idle {
            state.phase = Phase::Head { since: Instant::now() };
        }
    }

    /// Notes that the client has taken bytes.
    pub(super) fn sent(&self) {
        self.state().progress = Instant::now();
    }

    /// Notes that the system has taken everything that was to be sent.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        if state.answering().next().is_none() && matches!(state.phase, Phase::Flush { .. }) {
            state.phase = Phase::Idle { since: Instant::now() };
        }
    }

    /// Waits until something has taken longer than it may.
    pub(super) async fn time_over(&self, limits: Limits) {
        loop {
            let deadline = self.state().deadline(limits);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return;
            }
            // Meanwhile the deadline may change, but never to one before the nearest limit from now on. It is early enough
            // to look again then.
            let again = Instant::now() + limits.nearest();
            tokio::time::sleep_until(deadline.map_or(again, |deadline| deadline.min(again))).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Answering {
    activity: Activity,
    since: Instant,
    is_stream: bool,
}

impl Answering {
    /// Notes that the answer is a stream.
    pub(super) fn becomes_stream(&mut self) {
        if !std::mem::replace(&mut self.is_stream, true) {
            let mut state = self.activity.state();
            remove(&mut state.requests, self.since);
            state.streams.push(self.since);
        }
    }

    /// Notes that there is a part of the answer for the client to take.
    pub(super) fn part_ready(&self) {
        let mut state = self.activity.state();
        if state.unsent == 0 {
            state.progress = Instant::now();
        }
        state.unsent += 1;
    }

    /// Notes that a part was taken, or is not needed any more.
    pub(super) fn part_gone(&self) {
        let mut state = self.activity.state();
        state.unsent = state.unsent.saturating_sub(1);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        let requests = if self.is_stream { &mut state.streams } else { &mut state.requests };
        remove(requests, self.since);
        if state.answering().next().is_none() {
            let now = Instant::now();
            (state.phase, state.progress) = (Phase::Flush { since: now }, now);
        }
    }
}

/// Removes one of the requests that began at a moment: these are alike.
fn remove(requests: &mut Vec<Instant>, since: Instant) {
    if let Some(index) = requests.iter().position(|other| *other == since) {
        requests.swap_remove(index);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        handshake: Duration::from_secs(20),
        idle: Duration::from_secs(100),
        head: Duration::from_secs(10),
        stall: Duration::from_secs(5),
        answer: Duration::from_secs(60),
    };

    async fn seconds_until_over(activity: &Activity) -> u64 {
        let start = Instant::now();
        activity.time_over(LIMITS).await;
        start.elapsed().as_secs()
    }

    /// As [`seconds_until_over`], while something happens once in this many seconds.
    async fn seconds_while(activity: &Activity, period: u64, happens: impl Fn()) -> u64 {
        let happening = async {
            loop {
                happens();
                tokio::time::sleep(Duration::from_secs(period)).await;
            }
        };
        tokio::select! {
            seconds = seconds_until_over(activity) => seconds,
            () = happening => unreachable!(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn activity_gives_each_phase_its_time() {
        let activity = Activity::new(true);
        assert_eq!(seconds_until_over(&activity).await, 20);
        activity.shook_hands(false);
        assert_eq!(seconds_until_over(&activity).await, 100);
        let activity = Activity::new(false);
        activity.received();
        assert_eq!(seconds_until_over(&activity).await, 10);
        let answering = activity.begin();
        assert_eq!(seconds_until_over(&activity).await, 60);
        let answering = (answering, activity.begin());
        drop(answering.0);
        answering.1.part_ready();
        assert_eq!(seconds_until_over(&activity).await, 5);
        answering.1.part_gone();
        drop(answering.1);
        assert_eq!(seconds_until_over(&activity).await, 5);
        activity.flushed();
        assert_eq!(seconds_until_over(&activity).await, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn activity_gives_slow_clients_no_more_time() {
        let activity = Activity::new(true);
        assert_eq!(seconds_while(&activity, 1, || activity.received()).await, 20, "handshake");
        let activity = Activity::new(false);
        assert_eq!(seconds_while(&activity, 1, || activity.received()).await, 10, "head");
        let activity = Activity::new(false);
        let answering = activity.begin();
        answering.part_ready();
        assert_eq!(seconds_while(&activity, 4, || activity.sent()).await, 60, "answer");
        answering.part_gone();
        drop(answering);
        assert_eq!(seconds_while(&activity, 4, || activity.sent()).await, 60, "end of an answer");
    }

    #[tokio::test(start_paused = true)]
    async fn activity_of_http2_has_no_heads_and_judges_the_oldest_request() {
        let activity = Activity::new(true);
        activity.shook_hands(true);
        assert_eq!(seconds_while(&activity, 1, || activity.received()).await, 100);
        let old = activity.begin();
        tokio::time::advance(Duration::from_secs(50)).await;
        let new = activity.begin();
        assert_eq!(seconds_until_over(&activity).await, 10);
        drop(old);
        activity.flushed();
        assert_eq!(seconds_until_over(&activity).await, 50, "the other one is still answered");
        drop(new);
    }

    #[tokio::test(start_paused = true)]
    async fn activity_does_not_count_a_wait_of_the_page_as_one_for_the_client() {
        let activity = Activity::new(false);
        let answering = activity.begin();
        answering.part_ready();
        tokio::time::advance(Duration::from_secs(3)).await;
        answering.part_gone();
        // The page makes its next part, which takes a while.
        tokio::time::advance(Duration::from_secs(20)).await;
        answering.part_ready();
        assert_eq!(seconds_until_over(&activity).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn activity_gives_a_stream_all_the_time_while_its_client_takes_it() {
        let activity = Activity::new(false);
        let mut stream = activity.begin();
        stream.becomes_stream();
        assert!(activity.is_answering() && activity.is_streaming_only());
        tokio::select! {
            _ = seconds_until_over(&activity) => panic!("a stream has no time"),
            () = tokio::time::sleep(Duration::from_secs(10_000)) => {}
        }
        stream.part_ready();
        assert_eq!(seconds_until_over(&activity).await, 5, "its client takes nothing");
        // Over HTTP/2 there may be other requests, with the usual times.
        stream.part_gone();
        let page = activity.begin();
        assert!(!activity.is_streaming_only());
        assert_eq!(seconds_until_over(&activity).await, 60);
        drop(page);
        drop(stream);
        assert_eq!(seconds_until_over(&activity).await, 5);
        activity.flushed();
        assert!(!activity.is_answering());
    }

    #[tokio::test(start_paused = true)]
    async fn worth_is_least_for_the_connection_that_has_waited_longest() {
        let second = || tokio::time::advance(Duration::from_secs(1));
        let answering = Activity::new(false);
        let _request = answering.begin();
        second().await;
        let old = Activity::new(false);
        old.received();
        second().await;
        let new = Activity::new(true);
        let worth = |activity: &Activity| activity.state().worth();
        assert!(worth(&old) < worth(&new) && worth(&new) < worth(&answering));
    }

    #[tokio::test(start_paused = true)]
    async fn flush_ends_an_answer_and_nothing_else() {
        let activity = Activity::new(false);
        activity.received();
        activity.flushed();
        assert!(matches!(activity.state().phase, Phase::Head { .. }) && !activity.is_answering());
        let answering = activity.begin();
        activity.flushed();
        assert!(activity.is_answering());
        drop(answering);
        assert!(activity.is_answering());
        activity.flushed();
        assert!(!activity.is_answering());
    }
}
