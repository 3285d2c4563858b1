//! [`FilesSource`]: polls the files and sends changes to the engine.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::source::Closed;
use rulesync_core::{Scope, Sink, Source, SourceEvent};

use crate::filter::{FileFilter, GlobError};
use crate::identity::Identities;
use crate::memory::FileMemory;
use crate::poll::{PollOutcome, Poller};

/// The default interval between polls.
pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Polling more often would only keep a processor busy.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The delay before the poll that confirms missing objects; no shorter than editors need to replace a file.
const CONFIRM_AFTER: Duration = Duration::from_millis(250);

/// A longer poll is reported: the file system may have stopped responding.
const POLL_DEADLINE: Duration = Duration::from_secs(30);

/// A [`Source`] of `PrometheusRule` manifests and plain Prometheus rule files, in a directory or in one file.
///
/// - A `PrometheusRule` has kind `PrometheusRule` and the namespace and name of its metadata; without a namespace it
///   is in `default`. Items of a `List` or `PrometheusRuleList` count as separate documents.
/// - A plain rule file (`groups:` at the top) has kind `RuleFile`, namespace `_file`, and its path relative to the
///   directory as its name, where bytes outside of `A-Za-z0-9.-` are written `_XX` in hexadecimal. It has no labels.
/// - A rule file with a `namespace` field, as mimirtool and lokitool support, has that namespace as its name, encoded
///   the same way. All documents of one name, in one file or several, are one object.
/// - Documents of other kinds are skipped.
///
/// The crate's documentation describes how unreadable documents, duplicates and deletions are handled.
#[derive(Debug, Clone)]
pub struct FilesSource {
    path: PathBuf,
    poll_interval: Duration,
    /// The path as the user named it. If empty, files are displayed by their paths within it.
    shown_as: PathBuf,
    filter: FileFilter,
    memory: FileMemory,
}

impl FilesSource {
    /// Creates a source over a directory and everything below it, or over one file. Neither needs to exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            poll_interval: DEFAULT_POLL_INTERVAL,
            shown_as: PathBuf::new(),
            filter: FileFilter::default(),
            memory: FileMemory::default(),
        }
    }

    /// Sets the path that is displayed for the source, such as `rules`, so that findings name `rules/shop/api.yaml`. By
    /// default they name the paths of files within the directory.
    #[must_use]
    pub fn shown_as(self, path: impl Into<PathBuf>) -> Self {
        Self { shown_as: path.into(), ..self }
    }

    /// Reads the files of a directory that match one of these patterns, such as `*.rules` or `prod/**/*.yml`, instead
    /// of those that end in `.yaml`, `.yml` or `.json`. A pattern without `/` matches files at any depth.
    ///
    /// # Errors
    ///
    /// [`GlobError`] if a pattern is invalid.
    pub fn glob(self, patterns: &[String]) -> Result<Self, GlobError> {
        Ok(Self { filter: FileFilter::of(patterns)?, ..self })
    }

    /// Sets the storage in which the source remembers what its files declare.
    #[must_use]
    pub fn memory(self, memory: FileMemory) -> Self {
        Self { memory, ..self }
    }

    /// Sets the interval between polls; at least 10 ms. An unchanged file costs one metadata call per poll.
    #[must_use]
    pub fn poll_interval(self, interval: Duration) -> Self {
        Self { poll_interval: interval.max(MIN_POLL_INTERVAL), ..self }
    }
}

/// Polls until the engine stops receiving events. `poll` may block.
async fn watch<W: Send + 'static>(
    mut poller: W,
    poll: fn(&mut W) -> PollOutcome,
    source: &FilesSource,
    sink: &Sink,
) -> Result<(), Closed> {
    let mut complete = false;
    let mut errors = Vec::new();
    loop {
        let mut polling = tokio::task::spawn_blocking(move || {
            let outcome = poll(&mut poller);
            (poller, outcome)
        });
        let polled = match tokio::time::timeout(POLL_DEADLINE, &mut polling).await {
            Ok(polled) => polled,
            // The poll continues: a second one in parallel would be blocked too.
            Err(_) => {
                errors = vec![too_slow(source)];
                sink.send(SourceEvent::Unavailable { reason: errors.join("; ") }).await?;
                polling.await
            }
        };
        let outcome;
        (poller, outcome) = match polled {
            Ok(polled) => polled,
            Err(error) => match error.try_into_panic() {
                // Propagates the panic of the poll.
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and this task with it.
                Err(_) => std::future::pending().await,
            },
        };
        let PollOutcome { events, errors: now, needs_confirmation } = outcome;
        if now.is_empty() && complete && !errors.is_empty() {
            sink.send(SourceEvent::Available).await?;
        }
        let sent_events = !events.is_empty();
        for event in events {
            sink.send(event).await?;
        }
        if now.is_empty() {
            if !complete {
                complete = true;
                sink.send(SourceEvent::SnapshotComplete(Scope::Everything)).await?;
            }
        } else if now != errors || sent_events {
            sink.send(SourceEvent::Unavailable { reason: now.join("; ") }).await?;
        }
        errors = now;
        let pause =
            if needs_confirmation { CONFIRM_AFTER.min(source.poll_interval) } else { source.poll_interval };
        tokio::time::sleep(pause).await;
    }
}

fn too_slow(source: &FilesSource) -> String {
    let FilesSource { path, .. } = source;
    format!("{}: reading takes longer than {}s", path.display(), POLL_DEADLINE.as_secs())
}

#[async_trait]
impl Source for FilesSource {
    fn poll_interval(&self) -> Duration {
        self.poll_interval
    }

    async fn run(&self, sink: Sink) {
        let identities = Identities::new(sink.source()).displayed_below(&self.shown_as);
        let (filter, memory) = (self.filter.clone(), self.memory.clone());
        let files = Poller::new(&self.path, sink.source(), identities, filter, memory);
        // `Err`: the engine stopped receiving events, which ends the source too. A running poll is abandoned.
        let _ = watch(files, Poller::poll, self, &sink).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A poll that ends when the test sends its outcome.
    fn poll(outcomes: &mut mpsc::Receiver<PollOutcome>) -> PollOutcome {
        outcomes.recv().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn slow_poll_is_reported_and_continues() {
        let (sink, mut events) = Sink::channel("files");
        let (finish, outcomes) = mpsc::channel();
        let watching =
            tokio::spawn(async move { watch(outcomes, poll, &FilesSource::new("/rules"), &sink).await });
        let too_slow = |event: Option<SourceEvent>| match event {
            Some(SourceEvent::Unavailable { reason }) => {
                assert_eq!(reason, "/rules: reading takes longer than 30s");
            }
            other => panic!("{other:?}"),
        };
        // Paused time does not advance by itself while a blocking task is running.
        let pass_deadline = async {
            tokio::task::yield_now().await;
            tokio::time::advance(POLL_DEADLINE).await;
        };
        pass_deadline.await;
        too_slow(events.next().await);
        finish.send(PollOutcome::default()).unwrap();
        assert!(matches!(events.next().await, Some(SourceEvent::SnapshotComplete(_))));

        // The next poll begins after the interval.
        tokio::time::advance(DEFAULT_POLL_INTERVAL).await;
        tokio::task::yield_now().await;
        tokio::time::advance(POLL_DEADLINE).await;
        too_slow(events.next().await);
        finish.send(PollOutcome::default()).unwrap();
        assert!(matches!(events.next().await, Some(SourceEvent::Available)));
        watching.abort();
        // Lets the running poll end.
        drop(finish);
    }
}
