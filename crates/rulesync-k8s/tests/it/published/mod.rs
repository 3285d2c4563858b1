//! What is rendered of objects, as the tools see it that read it: the API server, Argo CD, Flux, kube-state-metrics.
//!
//! `deploy/integrations` has what these tools need. `UPDATE_INTEGRATIONS=1 cargo test -p rulesync-k8s --test it published`
//! writes the parts of it that are generated.

mod argocd;
mod documentation;
mod flux;
mod kube_state_metrics;
mod objects;
mod schema;
mod server;

use std::path::{Path, PathBuf};

/// Returns the directory of the integrations.
fn integrations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/integrations")
}

/// Compares a generated file with what it should be, or writes it.
fn assert_generated(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE_INTEGRATIONS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    assert!(present == expected, "{}: UPDATE_INTEGRATIONS=1 writes it anew:\n{expected}", path.display());
}
