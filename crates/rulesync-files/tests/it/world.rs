//! A directory, a source over it, and what the source says.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rulesync_core::{Sink, SinkEvents, Source, SourceEvent};
use rulesync_files::FilesSource;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for many looks, in virtual time.
const QUIET: Duration = Duration::from_secs(20);

pub(crate) struct World {
    directory: TempDir,
    events: SinkEvents,
    running: JoinHandle<()>,
    shutdown: CancellationToken,
}

/// A directory with these files.
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

/// A PrometheusRule with one recording rule.
pub(crate) fn rule(name: &str, expr: &str) -> String {
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: {name}, namespace: ns}}\nspec:\n  \
         groups:\n    - name: g\n      rules:\n        - record: r\n          expr: {expr}\n"
    )
}

impl World {
    /// Runs a source over `path` in the directory.
    pub(crate) fn watch(directory: TempDir, path: &str) -> Self {
        let (sink, events) = Sink::channel("files");
        let shutdown = CancellationToken::new();
        let source = FilesSource::new(directory.path().join(path));
        let stop = shutdown.clone();
        let running = tokio::spawn(async move { source.run(sink, stop).await });
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

    /// What is said until nothing more is said for a long time.
    pub(crate) async fn said(&mut self) -> Vec<SourceEvent> {
        let mut said = Vec::new();
        while let Ok(Some(event)) = tokio::time::timeout(QUIET, self.events.next()).await {
            said.push(event);
        }
        assert!(!self.running.is_finished(), "the source ended");
        said
    }

    /// The same, a line an event; the directory's own path is left out.
    pub(crate) async fn told(&mut self) -> String {
        let said = self.said().await;
        let lines: Vec<String> = said.iter().map(show).collect();
        lines.join("\n").replace(&self.directory.path().display().to_string(), "DIR")
    }

    /// Stops the source and waits for it.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }
}

fn show(event: &SourceEvent) -> String {
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
        SourceEvent::SnapshotComplete => "complete".into(),
        SourceEvent::Unavailable { reason } => format!("unavailable: {reason}"),
        SourceEvent::Available => "available".into(),
        other => format!("unexpected {other:?}"),
    }
}
