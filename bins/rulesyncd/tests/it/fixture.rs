//! What most tests run the daemon with: a directory with a configuration and one manifest, and a Mimir to write to.

use std::path::PathBuf;
use std::process::Output;

use rulesync_testkit::{Kind, RulerServer};

use crate::process::{Daemon, command};

/// The object `ns/o`, with the group `g`.
pub(crate) const MANIFEST: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: o, namespace: ns}
spec: {groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]}
";

pub(crate) async fn mimir() -> RulerServer {
    RulerServer::builder(Kind::Mimir).start().await.unwrap()
}

/// The directory of a configuration, `rulesync.yaml`, that sends what is below `rules` to one tenant, `prod`.
pub(crate) struct Directory(tempfile::TempDir);

impl Directory {
    /// With a configuration for the ruler at `address` and one manifest, without claims, which few tests are about.
    pub(crate) fn of(address: &str) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        let config = format!(
            "owner: us\nclaim: off\nsources: [{{type: files, path: rules}}]\nrulers: [{{name: central, type: mimir, address: '{address}'}}]\nroutes: [{{name: all, ruler: central, tenant: prod}}]\n"
        );
        directory.write("rulesync.yaml", &config);
        std::fs::create_dir(directory.path("rules")).unwrap();
        directory.write("rules/o.yaml", MANIFEST);
        directory
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("rulesync.yaml")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    /// Replaces a part of the configuration, which must be there.
    pub(crate) fn configure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "no {from:?} in {text}");
        self.write("rulesync.yaml", &text.replace(from, to));
    }

    /// Starts the daemon.
    pub(crate) fn start(&self, flags: &[&str]) -> Daemon {
        Daemon::start(&self.config(), flags)
    }

    /// Runs the daemon to its end.
    pub(crate) async fn output(&self, flags: &[&str]) -> Output {
        let mut command = command(&self.config());
        command.args(flags);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}
