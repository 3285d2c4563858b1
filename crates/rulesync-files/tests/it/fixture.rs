//! A fixture with a directory, a source over it, and the events of the source.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rulesync_core::testing::SinkEvents;
use rulesync_core::{Sink, Source, SourceEvent};
use rulesync_files::FilesSource;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for many polls, in virtual time.
const QUIET: Duration = Duration::from_secs(20);

pub(crate) struct Fixture {
    directory: TempDir,
    events: SinkEvents,
    running: JoinHandle<()>,
    shutdown: CancellationToken,
}

/// Creates a directory with these files.
pub(crate) fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(&directory.path().join(path), text);
    }
    directory
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Returns a PrometheusRule with one recording rule.
pub(crate) fn rule(name: &str, expr: &str) -> String {
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: {name}, namespace: ns}}\nspec:\n  \
         groups:\n    - name: g\n      rules:\n        - record: r\n          expr: {expr}\n"
    )
}

impl Fixture {
    /// Runs a source over `path` in the directory.
    pub(crate) fn watch(directory: TempDir, path: &str) -> Self {
        let (sink, events) = Sink::channel("files");
        let shutdown = CancellationToken::new();
        let source = FilesSource::new(directory.path().join(path));
        let stop = shutdown.clone();
        let running = tokio::spawn(async move {
            stop.run_until_cancelled(source.run(sink)).await;
        });
        Self { directory, events, running, shutdown }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.path(path), text);
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Returns the events up to a period of [`QUIET`] without any.
    pub(crate) async fn next_events(&mut self) -> Vec<SourceEvent> {
        let mut events = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout(QUIET, self.events.next()).await {
            events.push(event);
        }
        assert!(!self.running.is_finished(), "the source ended");
        events
    }

    /// Renders the next events, one per line; the path of the directory is replaced by `DIR`.
    pub(crate) async fn event_log(&mut self) -> String {
        let events = self.next_events().await;
        let lines: Vec<String> = events.iter().map(render).collect();
        lines.join("\n").replace(&self.directory.path().display().to_string(), "DIR")
    }

    /// Stops the source and waits for it.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }
}

fn render(event: &SourceEvent) -> String {
    match event {
        SourceEvent::Upsert(object) => {
            let exprs: Vec<&str> = object
                .groups
                .iter()
                .flat_map(|group| group.rules.iter().flatten())
                .map(|rule| rule.expr.as_str())
                .collect();
            let findings: String = object.findings.iter().map(|finding| format!(" [{finding}]")).collect();
            format!("upsert {}: {}{findings}", object.id, exprs.join(", "))
        }
        SourceEvent::Malformed { id, finding, .. } => format!("malformed {id}: {finding}"),
        SourceEvent::Delete(id) => format!("delete {id}"),
        SourceEvent::Renamed { id, to } => {
            let to: Vec<String> = to.iter().map(ToString::to_string).collect();
            format!("rename {id} to {}", to.join(", "))
        }
        SourceEvent::SnapshotComplete(_) => "complete".into(),
        SourceEvent::Unavailable { reason } => format!("unavailable: {reason}"),
        SourceEvent::Available => "available".into(),
        other => format!("unexpected {other:?}"),
    }
}
