//! The cluster, the rulers and the daemon, and the reader's shell.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rulesync_testkit::transcript::Shell;
use rulesync_testkit::{Fault, Kind, KubeServer, Kubectl, RulerServer, needs};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::installation::{self, DAEMON};
use super::outcome::Runbook;
use super::states::{self, State, object};
use crate::process::{Daemon, command};

/// Names the command line; `.ci/run` builds it.
const CLI: &str = "RULESYNC_E2E_CLI_BINARY";

/// A rule file that somebody writes by hand.
const BY_HAND: &str = "namespace: by-hand\ngroups: [{name: urgent, rules: [{alert: Now, expr: up == 0}]}]\n";

/// Everything that runs.
pub(super) struct World {
    kube: KubeServer,
    central: Arc<RulerServer>,
    _others: [RulerServer; 2],
    kubectl: Kubectl,
    /// The configuration as it is mounted, the daemon's kubeconfig, and `bin` with the command line.
    directory: TempDir,
    configuration: String,
    daemon: Option<Daemon>,
    /// Somebody else who writes into a namespace of the owner.
    other: JoinHandle<()>,
    state: State,
}

impl World {
    pub(super) async fn start() -> Self {
        let central = Arc::new(states::central().await);
        let logs = RulerServer::builder(Kind::Loki).start().await.unwrap();
        let denied = RulerServer::builder(Kind::Mimir).start().await.unwrap();
        denied.faults().inject(Fault::status(401, "the token has expired".to_owned()));
        let objects = installation::render(&states::config(&central.url(), &logs.url(), &denied.url()));
        let configuration = installation::configuration(&objects);
        let kube = installation::install(&objects).await;
        states::declare(&kube);
        let kubectl = Kubectl::new(&kube).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let program = std::fs::canonicalize(needs::variable(CLI)).unwrap();
        std::os::unix::fs::symlink(program, bin.join("rulesync")).unwrap();
        let kubeconfig =
            kube.kubeconfig_with_token(DAEMON).replace("user: test}", "user: test, namespace: monitoring}");
        std::fs::write(directory.path().join("kubeconfig"), kubeconfig).unwrap();
        let work = kubectl.directory();
        std::fs::write(work.join("by-hand.yaml"), BY_HAND).unwrap();
        std::fs::write(work.join("refused.yaml"), object("refused", &[], "sum(up").to_string()).unwrap();
        std::fs::write(work.join("mended.yaml"), &configuration).unwrap();
        let other = tokio::spawn(interfere(Arc::clone(&central)));
        let (_others, daemon, state) = ([logs, denied], None, State::Running);
        let mut world =
            Self { kube, central, _others, kubectl, directory, configuration, daemon, other, state };
        world.start_daemon(&world.configuration.clone()).await;
        let (code, body) = world.daemon().get("/-/healthy").await.unwrap();
        // The API server forwards to the Service.
        let proxied = Fault::status(code, body).on_path("/services/rulesync:http/proxy/-/healthy");
        world.kube.faults().inject(proxied);
        world
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// Starts a daemon instead of the one that runs.
    async fn start_daemon(&mut self, configuration: &str) {
        if let Some(before) = self.daemon.take() {
            before.signal("TERM");
            assert!(before.end().await.success());
        }
        self.mount(configuration);
        let mut command = command(&self.mounted());
        command
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("POD_NAMESPACE", "monitoring")
            .env("POD_NAME", "rulesync-0")
            .env("RULESYNC_RELEASE", "rulesync")
            .arg("--web.enable-admin-api");
        let daemon = Daemon::run(&mut command);
        daemon.address();
        self.daemon = Some(daemon);
    }

    fn mounted(&self) -> PathBuf {
        self.directory.path().join("rulesync.yaml")
    }

    /// Changes the ConfigMap, and what is mounted of it.
    fn mount(&self, configuration: &str) {
        std::fs::write(self.mounted(), configuration).unwrap();
        let data = json!({"data": {"rulesync.yaml": configuration}});
        self.kube.patch("configmaps", "monitoring", "rulesync", data).unwrap();
    }

    /// Has something happen, after what happened before is in order again.
    pub(super) async fn make(&mut self, state: State) {
        if state == self.state {
            return;
        }
        match std::mem::replace(&mut self.state, state) {
            State::LeaseDenied => self.kube.faults().allow("update", "leases"),
            State::ReloadFailed => {
                self.mount(&self.configuration);
                self.daemon().logs(&["Configuration reloaded"]).await;
            }
            State::StatusDenied => self.kube.faults().allow("patch", "rulestatuses"),
            State::Running | State::Held | State::NotReady => {}
        }
        match state {
            State::Running => {}
            State::LeaseDenied => self.kube.faults().forbid("update", "leases"),
            State::ReloadFailed => {
                self.mount(&self.configuration.replace("owner:", "ownr:"));
                // The file is looked at every few seconds: without this, it may be whole again before.
                self.daemon().logs(&["Configuration reload failed"]).await;
            }
            State::StatusDenied => {
                self.kube.faults().forbid("patch", "rulestatuses");
                self.kube.apply(object("fine", &[("tenant", "fine")], "sum(up")).unwrap();
            }
            State::Held => {
                self.other.abort();
                // A new leader deletes nothing for two minutes, so that this one is not elected.
                let enabled = "enabled: true";
                assert!(self.configuration.contains(enabled), "{}", self.configuration);
                self.start_daemon(&self.configuration.replace(enabled, "enabled: false")).await;
                self.until_in_sync("held").await;
                for name in states::held() {
                    assert!(self.kube.delete("prometheusrules.monitoring.coreos.com", "team-a", &name));
                }
            }
            State::NotReady => {
                self.kube.faults().forbid("list", "prometheusrules");
                self.start_daemon(&self.configuration.clone()).await;
            }
        }
    }

    async fn until_in_sync(&self, tenant: &str) {
        let is_in_sync = |destination: &Value| {
            destination["tenant"] == tenant
                && destination["state"] == "in_sync"
                && destination["pending"] == 0
        };
        self.daemon()
            .until(|status| status["destinations"].as_array().is_some_and(|all| all.iter().any(is_in_sync)))
            .await;
    }

    /// What stands for the words in capitals.
    pub(super) fn words<'a>(&self, runbook: &Runbook) -> BTreeMap<&'a str, String> {
        let [ruler, tenant, name] = runbook.about;
        BTreeMap::from([
            ("OWNER", states::OWNER.to_owned()),
            ("RULER", ruler.to_owned()),
            ("TENANT", tenant.to_owned()),
            ("RULER_ADDRESS", self.central.url()),
            ("NAMESPACE", "team-a".to_owned()),
            ("NAME", name.to_owned()),
            ("RULER_NAMESPACE", format!("{}.team-a.{name}", states::OWNER)),
            ("GROUP", "g".to_owned()),
            ("FILE", runbook.file.to_owned()),
        ])
    }

    /// The reader's shell.
    pub(super) fn shell(&self) -> Shell {
        let shell = self.kubectl.shell(&self.kube).programs(self.directory.path().join("bin"));
        let shell = shell.env("POD_NAMESPACE", "monitoring").env("RULESYNC_RELEASE", "rulesync");
        shell.env("RULESYNC_DAEMON", format!("http://{}", self.daemon().address()))
    }

    /// The log of the daemon, for a test that fails.
    pub(super) fn log(&self) -> String {
        let log = self.daemon().log();
        log[log.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.other.abort();
    }
}

/// Writes another version of a group again and again, as a second tool does.
async fn interfere(central: Arc<RulerServer>) {
    let mut interval = tokio::time::interval(Duration::from_millis(100));
    loop {
        interval.tick().await;
        let theirs = "name: g\nrules: [{alert: Theirs, expr: up == 1}]";
        central.put("contested", "prod-eu.team-a.contested", theirs).unwrap();
    }
}
