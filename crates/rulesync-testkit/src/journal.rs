//! The journal of every request a server received, for assertions in tests.
//!
//! It is kept in memory only: nothing is printed or written elsewhere.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use tokio::sync::Notify;

/// One request as a server received it, and its result.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The number in this journal, from 0, in order of arrival; [`Journal::clear`] does not reset it.
    pub number: u64,
    /// The method.
    pub method: Method,
    /// The path as sent, still percent-encoded, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: Option<String>,
    /// The headers as sent; empty if the journal keeps less than [`Detail::Heads`].
    pub headers: HeaderMap,
    /// The body as sent; empty if the journal keeps less than [`Detail::Full`].
    pub body: Bytes,
    /// The status of the answer; `None` until there is one, and permanently after a reset or a hang.
    pub status: Option<u16>,
    /// `true` if an injected fault affected the request (including a mere delay).
    pub faulted: bool,
    /// The time at which the whole request had arrived.
    pub started: Instant,
    /// The time at which the last byte of the answer was handed over or the connection was lost; `None` while in
    /// progress.
    pub ended: Option<Instant>,
}

impl Recorded {
    /// The `X-Scope-OrgID` header, if present and valid text.
    pub fn tenant(&self) -> Option<&str> {
        self.header("x-scope-orgid")
    }

    /// The first value of a header, if present and valid text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as a string; bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns `true` if both requests were in progress at the same time. A request that has not ended lasts until now.
    pub fn overlaps(&self, other: &Recorded) -> bool {
        let now = Instant::now();
        self.started < other.ended.unwrap_or(now) && other.started < self.ended.unwrap_or(now)
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        match self.status {
            Some(status) => write!(f, " {status}"),
            None => write!(f, " -"),
        }
    }
}

/// The amount of data a journal keeps per request. The thirty thousand bodies of a benchmark would distort its figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing, not even the number of requests.
    Nothing,
    /// Method, path, query, status and times.
    Lines,
    /// Headers too.
    Heads,
    /// Bodies too.
    #[default]
    Full,
}

/// The journal of one server. Clones are handles to the same journal.
#[derive(Clone, Default)]
pub struct Journal {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    detail: Detail,
    connections: usize,
    /// The number of the first entry; earlier entries were cleared.
    first: u64,
    entries: Vec<Recorded>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().entries.iter().map(ToString::to_string)).finish()
    }
}

impl Journal {
    /// Creates an empty journal that keeps everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the amount of data kept for requests from now on.
    pub fn keep(&self, detail: Detail) {
        self.lock().detail = detail;
    }

    /// All requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().entries.clone()
    }

    /// The number of requests with this method.
    pub fn count(&self, method: &Method) -> usize {
        self.count_where(|request| request.method == *method)
    }

    /// The number of requests that fulfil the condition.
    pub fn count_where(&self, condition: impl Fn(&Recorded) -> bool) -> usize {
        self.lock().entries.iter().filter(|request| condition(request)).count()
    }

    /// The highest number of requests that were in progress at the same time.
    pub fn most_at_once(&self) -> usize {
        let state = self.lock();
        let starts = state.entries.iter().map(|request| (request.started, true));
        let ends = state.entries.iter().filter_map(|request| Some((request.ended?, false)));
        let mut moments: Vec<_> = starts.chain(ends).collect();
        // At equal times, ends sort before starts.
        moments.sort_unstable();
        let (mut now, mut most) = (0usize, 0);
        for (_, starts) in moments {
            now = if starts { now + 1 } else { now.saturating_sub(1) };
            most = most.max(now);
        }
        most
    }

    /// The number of requests.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Returns `true` if there are no requests.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of connections opened, including those that an outage reset at once.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// Removes all entries. Requests in progress finish without being recorded.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.first += state.entries.len() as u64;
        state.entries.clear();
        state.connections = 0;
    }

    /// Waits until the requests so far fulfil the condition, which is checked now and at every arrival, answer and end.
    /// Waits forever if that never happens: use a timeout.
    pub async fn wait_until(&self, condition: impl Fn(&[Recorded]) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Registers before the check, so that a change between the check and the wait is not missed.
            changed.as_mut().enable();
            if condition(&self.lock().entries) {
                return;
            }
            changed.await;
        }
    }

    /// Counts a connection.
    pub(crate) fn connected(&self) {
        self.lock().connections += 1;
        self.shared.changed.notify_waiters();
    }

    /// Adds a request and returns its number for later calls of `note`; `None` if nothing is kept.
    pub(crate) fn arrived(&self, request: &Request<Bytes>) -> Option<u64> {
        let mut state = self.lock();
        let detail = state.detail;
        if detail == Detail::Nothing {
            return None;
        }
        let number = state.first + state.entries.len() as u64;
        let uri = request.uri();
        state.entries.push(Recorded {
            number,
            method: request.method().clone(),
            path: uri.path().to_owned(),
            query: uri.query().map(ToOwned::to_owned),
            headers: if detail >= Detail::Heads { request.headers().clone() } else { HeaderMap::new() },
            body: if detail >= Detail::Full { request.body().clone() } else { Bytes::new() },
            status: None,
            faulted: false,
            started: Instant::now(),
            ended: None,
        });
        drop(state);
        self.shared.changed.notify_waiters();
        Some(number)
    }

    /// Updates the entry of a request, unless it has been cleared.
    pub(crate) fn note(&self, number: Option<u64>, note: impl FnOnce(&mut Recorded)) {
        let Some(number) = number else { return };
        let mut state = self.lock();
        let Some(index) = number.checked_sub(state.first) else { return };
        if let Some(entry) = usize::try_from(index).ok().and_then(|index| state.entries.get_mut(index)) {
            note(entry);
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, target: &str) -> Request<Bytes> {
        Request::builder().method(method).uri(target).body(Bytes::from_static(b"body")).expect("a request")
    }

    #[test]
    fn journal_updates_the_right_request_after_clear() {
        let journal = Journal::new();
        let first = journal.arrived(&request(Method::GET, "/a?x=1"));
        journal.clear();
        let second = journal.arrived(&request(Method::POST, "/b"));
        journal.note(first, |r| r.status = Some(500));
        journal.note(second, |r| r.status = Some(202));
        let seen = journal.requests();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].number, seen[0].to_string().as_str()), (1, "POST /b 202"));
    }

    #[test]
    fn journal_keeps_data_according_to_detail() {
        let journal = Journal::new();
        journal.keep(Detail::Lines);
        journal.arrived(&request(Method::GET, "/a%2Fb?x=1"));
        journal.keep(Detail::Nothing);
        assert_eq!(journal.arrived(&request(Method::GET, "/c")), None);
        let seen = journal.requests();
        assert_eq!((seen.len(), seen[0].path.as_str(), seen[0].body.len()), (1, "/a%2Fb", 0));
        assert_eq!(seen[0].query.as_deref(), Some("x=1"));
    }

    #[test]
    fn journal_counts_simultaneous_requests() {
        let journal = Journal::new();
        assert_eq!(journal.most_at_once(), 0);
        let arrive = || journal.arrived(&request(Method::GET, "/"));
        let end = |number| journal.note(number, |r| r.ended = Some(Instant::now()));
        let (a, b) = (arrive(), arrive());
        end(a);
        end(b);
        let c = arrive();
        end(c);
        arrive();
        assert_eq!(journal.most_at_once(), 2);
    }

    #[tokio::test]
    async fn journal_wait_ends_when_the_condition_holds() {
        let journal = Journal::new();
        let waiting = tokio::spawn({
            let journal = journal.clone();
            async move { journal.wait_until(|seen| seen.iter().any(|r| r.ended.is_some())).await }
        });
        tokio::task::yield_now().await;
        let number = journal.arrived(&request(Method::GET, "/"));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        journal.note(number, |r| r.ended = Some(Instant::now()));
        waiting.await.expect("the wait ends");
    }
}
