//! [`FilesSource`] passes the conformance suite for sources.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_conformance::sources::{self, World};
use rulesync_core::Source;
use rulesync_core::model::DeclaredGroup;
use rulesync_files::FilesSource;
use tempfile::TempDir;

/// A directory with a manifest for each object.
struct Directory(TempDir);

impl Directory {
    fn write(&self, name: &str, text: &str) {
        // Replaced as a whole, as editors and Git do it: a file that is being written would be unreadable for a moment.
        let (new, file) =
            (self.0.path().join(format!("{name}.new")), self.0.path().join(format!("{name}.json")));
        fs::write(&new, text).unwrap();
        fs::rename(new, file).unwrap();
    }
}

#[async_trait]
impl World for Directory {
    async fn source(&self) -> Arc<dyn Source> {
        Arc::new(FilesSource::new(self.0.path()).poll_interval(Duration::from_millis(10)))
    }

    async fn declare(&mut self, name: &str, groups: &[DeclaredGroup]) {
        let manifest = serde_json::json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"name": name, "namespace": "ns"}, "spec": {"groups": groups},
        });
        self.write(name, &manifest.to_string());
    }

    async fn remove(&mut self, name: &str) {
        // Removing what does not exist is part of the suite.
        let _ = fs::remove_file(self.0.path().join(format!("{name}.json")));
    }

    async fn damage(&mut self, name: &str) -> bool {
        self.write(name, "{");
        true
    }
}

#[tokio::test]
async fn files_source_conforms() {
    sources::all(&mut Directory(tempfile::tempdir().unwrap())).await;
}
