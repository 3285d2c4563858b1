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
mod tests;
