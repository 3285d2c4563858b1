//! [`FilesSource`]: looks again and again, and tells the engine.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{Closed, Sink, Source, SourceEvent};
use tokio_util::sync::CancellationToken;

use crate::choice::{FileChoice, GlobError};
use crate::identity::Identities;
use crate::memory::FileMemory;
use crate::poll::{Look, Watch};

/// How often files are looked at, if nothing else is said.
pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Polling more often would only keep a processor busy.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How soon a look is repeated that found something missing; no longer than editors take to replace a file.
const CONFIRM_AFTER: Duration = Duration::from_millis(250);

/// A look that takes longer is told: the file system may not answer any more.
const LOOK_DEADLINE: Duration = Duration::from_secs(30);

/// A [`Source`] of `PrometheusRule` manifests and plain Prometheus rule files, in a directory or in one file.
///
/// - A `PrometheusRule` has kind `PrometheusRule` and the namespace and name of its metadata; without a namespace it
///   is in `default`. Items of a `List` or `PrometheusRuleList` count as documents of their own.
/// - A plain rule file (`groups:` at the top) has kind `RuleFile`, namespace `_file`, and its path relative to the
///   directory as its name, where bytes outside of `A-Za-z0-9.-` are written `_XX` in hexadecimal. It has no labels.
/// - A rule file with a `namespace` of its own, as mimirtool and lokitool have them, has that for its name, written the
///   same way. All documents of one name, in one file or several, are one object.
/// - Documents of other kinds are passed over.
///
/// The crate's page says what happens to documents that cannot be read, to duplicates, and to what is deleted.
#[derive(Debug, Clone)]
pub struct FilesSource {
    path: PathBuf,
    poll_interval: Duration,
    /// The path as people named it; empty: files are shown by their paths within it.
    shown_as: PathBuf,
    choice: FileChoice,
    memory: FileMemory,
}

impl FilesSource {
    /// A source over a directory and everything below it, or over one file. Neither needs to exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            poll_interval: DEFAULT_POLL_INTERVAL,
            shown_as: PathBuf::new(),
            choice: FileChoice::default(),
            memory: FileMemory::default(),
        }
    }

    /// The same, with the path by which people know it, such as `rules`, so that findings name `rules/shop/api.yaml`. By
    /// default they name the paths of files within the directory.
    #[must_use]
    pub fn shown_as(self, path: impl Into<PathBuf>) -> Self {
        Self { shown_as: path.into(), ..self }
    }

    /// The same, reading the files of a directory that match one of these patterns, such as `*.rules` or `prod/**/*.yml`,
    /// in place of those that end in `.yaml`, `.yml` or `.json`. A pattern without `/` is for files at any depth.
    ///
    /// # Errors
    ///
    /// [`GlobError`] names a pattern that is none.
    pub fn glob(self, patterns: &[String]) -> Result<Self, GlobError> {
        Ok(Self { choice: FileChoice::of(patterns)?, ..self })
    }

    /// The same, remembering what its files declare.
    #[must_use]
    pub fn memory(self, memory: FileMemory) -> Self {
        Self { memory, ..self }
    }

    /// The same, with another time between two looks for changes; at least 10 ms. An unchanged file costs one
    /// metadata call a look.
    #[must_use]
    pub fn poll_interval(self, interval: Duration) -> Self {
        Self { poll_interval: interval.max(MIN_POLL_INTERVAL), ..self }
    }
}

/// Looks until the engine no longer listens. `look` may block.
async fn watch<W: Send + 'static>(
    mut watched: W,
    look: fn(&mut W) -> Look,
    source: &FilesSource,
    sink: &Sink,
) -> Result<(), Closed> {
    let mut complete = false;
    let mut troubles = Vec::new();
    loop {
        let mut looking = tokio::task::spawn_blocking(move || {
            let seen = look(&mut watched);
            (watched, seen)
        });
        let looked = match tokio::time::timeout(LOOK_DEADLINE, &mut looking).await {
            Ok(looked) => looked,
            // It goes on: another one beside it would not get further.
            Err(_) => {
                troubles = vec![too_slow(source)];
                sink.send(SourceEvent::Unavailable { reason: troubles.join("; ") }).await?;
                looking.await
            }
        };
        let seen;
        (watched, seen) = match looked {
            Ok(looked) => looked,
            Err(error) => match error.try_into_panic() {
                // A panic in there is one here.
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is being torn down and this task with it.
                Err(_) => std::future::pending().await,
            },
        };
        let Look { events, troubles: now, unsure } = seen;
        if now.is_empty() && complete && !troubles.is_empty() {
            sink.send(SourceEvent::Available).await?;
        }
        let said_something = !events.is_empty();
        for event in events {
            sink.send(event).await?;
        }
        if now.is_empty() {
            if !complete {
                complete = true;
                sink.send(SourceEvent::SnapshotComplete).await?;
            }
        } else if now != troubles || said_something {
            // Anything said is a sign of life, so what is wrong must be said after it again.
            sink.send(SourceEvent::Unavailable { reason: now.join("; ") }).await?;
        }
        troubles = now;
        let pause = if unsure { CONFIRM_AFTER.min(source.poll_interval) } else { source.poll_interval };
        tokio::time::sleep(pause).await;
    }
}

fn too_slow(source: &FilesSource) -> String {
    let FilesSource { path, .. } = source;
    format!("{}: reading takes longer than {}s", path.display(), LOOK_DEADLINE.as_secs())
}

#[async_trait]
impl Source for FilesSource {
    fn look_interval(&self) -> Duration {
        self.poll_interval
    }

    async fn run(&self, sink: Sink, shutdown: CancellationToken) {
        let identities = Identities::new(sink.source()).shown_below(&self.shown_as);
        let (choice, memory) = (self.choice.clone(), self.memory.clone());
        let files = Watch::new(&self.path, sink.source(), identities, choice, memory);
        // Err: the engine no longer listens, which ends us just as well. A look that is under way is left behind.
        let _ = shutdown.run_until_cancelled(watch(files, Watch::look, self, &sink)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A look that ends when the test says what it saw.
    fn look(seen: &mut mpsc::Receiver<Look>) -> Look {
        seen.recv().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_takes_too_long_is_told_and_goes_on() {
        let (sink, mut events) = Sink::channel("files");
        let (see, seen) = mpsc::channel();
        let watching =
            tokio::spawn(async move { watch(seen, look, &FilesSource::new("/rules"), &sink).await });
        let too_slow = |event: Option<SourceEvent>| match event {
            Some(SourceEvent::Unavailable { reason }) => {
                assert_eq!(reason, "/rules: reading takes longer than 30s");
            }
            other => panic!("{other:?}"),
        };
        // Paused time does not pass by itself while a thread is at work.
        let told = async {
            tokio::task::yield_now().await;
            tokio::time::advance(LOOK_DEADLINE).await;
        };
        told.await;
        too_slow(events.next().await);
        see.send(Look::default()).unwrap();
        assert!(matches!(events.next().await, Some(SourceEvent::SnapshotComplete)));

        // The next look begins after the interval.
        tokio::time::advance(DEFAULT_POLL_INTERVAL).await;
        tokio::task::yield_now().await;
        tokio::time::advance(LOOK_DEADLINE).await;
        too_slow(events.next().await);
        see.send(Look::default()).unwrap();
        assert!(matches!(events.next().await, Some(SourceEvent::Available)));
        watching.abort();
        // Lets the look under way end.
        drop(see);
    }
}
