//! Watches: the encoding of events, and the stream of an open watch.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::cluster::{Cluster, WatchState};
use super::list::{Form, object};
use super::query::{Start, WatchQuery};
use super::refused::Refused;
use super::resource::{Nature, Resource};
use super::selector::Selector;
use super::store::{Event, Record};

/// The duration of a watch without a timeout parameter.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// The time before its end at which a watch receives a last bookmark.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
/// The approximate size in bytes of the chunks into which frames are combined.
const CHUNK: usize = 64 * 1024;
/// The number of events read from the log at a time.
const BATCH: usize = 256;

/// The objects that a watch covers.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) resource: Arc<Resource>,
    /// `None` for the whole cluster.
    pub(crate) namespace: Option<String>,
    pub(crate) selector: Selector,
    pub(crate) form: Form,
    /// For the ages in tables.
    pub(crate) clock: Clock,
}

impl Scope {
    fn holds(&self, record: &Record) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == record.namespace)
            && self.selector.matches(record)
    }

    /// Writes the frame of an event for this watch, if any. An object that no longer matches the selector is reported
    /// as deleted, in its last matching state but with the revision of the event.
    fn frame(&mut self, event: &Event, into: &mut Vec<u8>) {
        let before = event.before.as_ref().filter(|record| self.holds(record));
        let after = event.after.as_ref().filter(|record| self.holds(record));
        match (before, after) {
            (None, None) => {}
            (None, Some(after)) => self.write("ADDED", after, into),
            (Some(_), Some(after)) => self.write("MODIFIED", after, into),
            (Some(before), None) => self.write("DELETED", &Arc::new(before.at(event.revision)), into),
        }
    }

    fn write(&mut self, kind: &str, record: &Arc<Record>, into: &mut Vec<u8>) {
        into.extend_from_slice(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
        object(&self.resource.view(record), &self.resource, self.form, self.clock.seconds(), into);
        into.extend_from_slice(b"}\n");
        self.form = self.form.after_the_first();
    }

    /// A bookmark: contains only the revision, and optionally the mark that the initial events are complete.
    fn bookmark(&mut self, revision: u64, initial_end: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let mut object = match self.form {
            Form::Whole | Form::Table(_) => {
                json!({"apiVersion": self.resource.api_version(), "kind": self.resource.kind})
            }
            Form::Metadata => json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}),
        };
        object["metadata"] = metadata;
        if let Form::Table(options) = self.form {
            // Also a bookmark is a row, whose object has no name.
            object = options.single(&self.resource, &object, self.clock.seconds());
            self.form = self.form.after_the_first();
        }
        if self.form == Form::Whole && matches!(self.resource.nature, Nature::Namespace) {
            // Typed objects print their empty structs.
            object["spec"] = json!({});
            object["status"] = json!({});
        }
        line("BOOKMARK", &object)
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    Bytes::from(line)
}

/// An open watch.
pub(crate) struct Watching {
    cluster: Arc<Cluster>,
    id: u64,
    scope: Scope,
    bookmarks: bool,
    /// The objects that existed at the start and have not been sent yet.
    existing: std::vec::IntoIter<Arc<Record>>,
    /// The revision of the bookmark that ends the initial events.
    mark: Option<u64>,
    /// All events up to this revision have been sent.
    cursor: u64,
    ready: VecDeque<Bytes>,
    changes: watch::Receiver<u64>,
    end: Instant,
    next_bookmark: Option<Instant>,
    bookmark_calls: u64,
    /// `true` if the log had more events than the last read returned.
    behind: bool,
    done: bool,
}

impl Watching {
    /// Opens the watch immediately, so that no event from now on is missed.
    ///
    /// # Errors
    /// 410 if it would start before the compaction point: the caller decides how to report that.
    pub(crate) fn open(cluster: Arc<Cluster>, scope: Scope, query: &WatchQuery) -> Result<Self, Refused> {
        let changes = cluster.subscribe();
        let (id, bookmark_calls) = cluster.register_watch();
        let timeout = query.timeout_seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        let now = Instant::now();
        let (existing, cursor, mark) = {
            let world = cluster.world();
            let revision = world.store.revision();
            match query.start {
                Start::After(0) => (Vec::new(), revision, None),
                Start::After(asked) if asked < world.store.oldest() => {
                    return Err(Refused::too_old_for_watch(asked, world.store.oldest()));
                }
                Start::After(asked) => (Vec::new(), asked, None),
                Start::Existing | Start::ExistingSince(_) => {
                    let table = world.store.table(&scope.resource.table());
                    let held: Vec<_> = table.values().filter(|r| scope.holds(r)).cloned().collect();
                    (held, revision, query.bookmarks.then_some(revision))
                }
            }
        };
        let mut watching = Self {
            id,
            scope,
            bookmarks: query.bookmarks,
            existing: existing.into_iter(),
            mark,
            cursor,
            ready: VecDeque::new(),
            changes,
            end: now + timeout,
            next_bookmark: None,
            bookmark_calls,
            behind: false,
            done: false,
            cluster,
        };
        watching.next_bookmark = watching.bookmark_after(now);
        Ok(watching)
    }

    /// An ERROR event, which is the whole stream that a real server sends if the start is too old.
    pub(crate) fn error_frame(refused: &Refused) -> Bytes {
        line("ERROR", &refused.status())
    }

    /// The next chunk; `None` if the watch has ended, an error if it was cut.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            // Marks the current state as seen first, so that a change during this iteration wakes the watch again.
            self.changes.borrow_and_update();
            let state = self.cluster.watch_state(self.id);
            match state {
                WatchState::Cut => return Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))),
                WatchState::Stalled => {
                    if self.changes.changed().await.is_err() {
                        return None;
                    }
                    continue;
                }
                WatchState::Silent => self.behind = false,
                // Events before the end are still sent.
                WatchState::Live | WatchState::Ended => self.read(),
            }
            if let Some(chunk) = self.ready.pop_front() {
                return Some(Ok(chunk));
            }
            if self.behind {
                continue;
            }
            if self.done || state == WatchState::Ended || Instant::now() >= self.end {
                return None;
            }
            let bookmark = self.next_bookmark.filter(|_| state == WatchState::Live);
            let wake = bookmark.map_or(self.end, |due| due.min(self.end));
            tokio::select! {
                changed = self.changes.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Moves new data into `ready`.
    fn read(&mut self) {
        if !self.ready.is_empty() || self.done {
            return;
        }
        let mut chunk = Vec::new();
        for record in self.existing.by_ref() {
            self.scope.write("ADDED", &record, &mut chunk);
            if chunk.len() >= CHUNK {
                break;
            }
        }
        if !chunk.is_empty() {
            self.ready.push_back(Bytes::from(chunk));
            return;
        }
        if let Some(revision) = self.mark.take() {
            self.ready.push_back(self.scope.bookmark(revision, true));
            return;
        }
        self.read_events();
    }

    fn read_events(&mut self) {
        let cluster = self.cluster.clone();
        let (events, current, served, oldest) = {
            let world = cluster.world();
            let events = world.store.events_after(self.cursor, BATCH);
            (events, world.store.revision(), world.still_serves(&self.scope.resource), world.store.oldest())
        };
        let Ok(events) = events else {
            let refused = Refused::too_old_for_watch(self.cursor, oldest);
            self.ready.push_back(Self::error_frame(&refused));
            self.done = true;
            return;
        };
        self.behind = events.len() == BATCH;
        let table = self.scope.resource.table();
        let mut chunk = Vec::new();
        for event in &events {
            self.cursor = event.revision;
            if *event.table == *table {
                self.scope.frame(event, &mut chunk);
            }
        }
        if !chunk.is_empty() {
            self.ready.push_back(Bytes::from(chunk));
        }
        if self.behind {
            return;
        }
        self.cursor = self.cursor.max(current);
        self.done = !served;
        self.bookmark_if_due(current);
    }

    fn bookmark_if_due(&mut self, current: u64) {
        let calls = self.cluster.bookmark_calls();
        let called = calls > self.bookmark_calls;
        self.bookmark_calls = calls;
        let now = Instant::now();
        let due = self.next_bookmark.is_some_and(|due| now >= due);
        if due {
            self.next_bookmark = self.bookmark_after(now);
        }
        // A watch that starts at a future revision has no revision to report yet.
        if self.bookmarks && (due || called) && !self.done && self.cursor <= current {
            self.ready.push_back(self.scope.bookmark(current, false));
        }
    }

    /// Bookmarks are sent regularly and once more shortly before the end; a watch that is too short for that gets none.
    fn bookmark_after(&self, now: Instant) -> Option<Instant> {
        if !self.bookmarks {
            return None;
        }
        let regular = now + self.cluster.bookmark_interval();
        let last = self.end.checked_sub(LAST_BOOKMARK).filter(|last| *last >= now + LAST_BOOKMARK);
        match last {
            Some(last) => Some(regular.min(last)),
            None => Some(regular).filter(|regular| *regular < self.end),
        }
    }
}
