//! [`FilesSource`]: looks again and again, and tells the engine.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{Closed, Sink, Source, SourceEvent};
use tokio_util::sync::CancellationToken;

use crate::identity::Identities;
use crate::poll::{Look, Watch};

/// How often files are looked at, if nothing else is said.
pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Polling more often would only keep a processor busy.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How soon a look is repeated that found something missing; no longer than editors take to replace a file.
const CONFIRM_AFTER: Duration = Duration::from_millis(250);

/// A [`Source`] of `PrometheusRule` manifests and plain Prometheus rule files, in a directory or in one file.
///
/// - A `PrometheusRule` has kind `PrometheusRule` and the namespace and name of its metadata; without a namespace it
///   is in `default`. Items of a `List` or `PrometheusRuleList` count as documents of their own.
/// - A plain rule file (`groups:` at the top) has kind `RuleFile`, namespace `_file`, and its path relative to the
///   directory as its name, where bytes outside of `A-Za-z0-9.-` are written `_XX` in hexadecimal. It has no labels.
/// - Documents of other kinds are passed over.
///
/// The crate's page says what happens to documents that cannot be read, to duplicates, and to what is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesSource {
    path: PathBuf,
    poll_interval: Duration,
}

impl FilesSource {
    /// A source over a directory and everything below it, or over one file. Neither needs to exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), poll_interval: DEFAULT_POLL_INTERVAL }
    }

    /// The same, with another time between two looks for changes; at least 10 ms. An unchanged file costs one
    /// metadata call a look.
    #[must_use]
    pub fn poll_interval(self, interval: Duration) -> Self {
        Self { poll_interval: interval.max(MIN_POLL_INTERVAL), ..self }
    }

    async fn watch(&self, sink: &Sink) -> Result<(), Closed> {
        let mut watch = Watch::new(&self.path, Identities::new(sink.source()));
        let mut complete = false;
        let mut troubles = Vec::new();
        loop {
            let look;
            (watch, look) = in_background(watch).await;
            let Look { events, troubles: now, unsure } = look;
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
            let pause = if unsure { CONFIRM_AFTER.min(self.poll_interval) } else { self.poll_interval };
            tokio::time::sleep(pause).await;
        }
    }
}

/// Looks on a thread that may block. A panic in there is one here.
async fn in_background(mut watch: Watch) -> (Watch, Look) {
    let look = tokio::task::spawn_blocking(move || {
        let look = watch.look();
        (watch, look)
    });
    match look.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being torn down and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[async_trait]
impl Source for FilesSource {
    async fn run(&self, sink: Sink, shutdown: CancellationToken) {
        // Err: the engine no longer listens, which ends us just as well.
        let _ = shutdown.run_until_cancelled(self.watch(&sink)).await;
    }
}
