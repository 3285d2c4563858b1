//! A cluster with a daemon: the testkit's API server and rulers, and one clock for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;
use rulesync_testkit::{Fault, Kind, KubeServer, Recorded, RulerServer, needs};
use tempfile::TempDir;

use crate::process::{Daemon, command};

/// Names the library that sets the clock of a process; `.ci/run` provides one.
const FAKETIME: &str = "RULESYNC_E2E_FAKETIME_LIBRARY";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster, the rulers that its rules go to, and the daemon, which follows it.
pub(crate) struct Cluster {
    pub(crate) kube: KubeServer,
    mimir: RulerServer,
    _loki: RulerServer,
    directory: TempDir,
    daemon: Option<Daemon>,
    /// How many requests of the journal were counted.
    counted: usize,
}

impl Cluster {
    /// Starts everything at a time. `status` is the value of this key in the configuration.
    pub(crate) async fn start(time: &str, status: &str) -> Self {
        let kube = KubeServer::builder().time(time).seed(1).start().await.unwrap();
        let mimir = RulerServer::builder(Kind::Mimir).start().await.unwrap();
        let loki = RulerServer::builder(Kind::Loki).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            "owner: prod
sources: [{{type: kubernetes, kubeconfig: kubeconfig}}]
rulers:
  - {{name: mimir, type: mimir, address: '{}'}}
  - {{name: loki, type: loki, address: '{}'}}
routes:
  - name: teams
    ruler: mimir
    tenant: {{from: label, key: tenant}}
    allow: [{{namespaces: [team-a], tenants: [team-a]}}]
  - {{name: logs, ruler: loki, tenant: team-a, kinds: [LoggingRule, AlertingRule]}}
status: {status}
",
            mimir.url(),
            loki.url()
        );
        std::fs::write(directory.path().join("rulesync.yaml"), config).unwrap();
        std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
        let cluster = Self { kube, mimir, _loki: loki, directory, daemon: None, counted: 0 };
        cluster.set_time(time);
        cluster
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sets the clock of everybody.
    pub(crate) fn set_time(&self, time: &str) {
        self.kube.set_time(time).unwrap();
        let of_faketime = time.replace('T', " ").replace('Z', "");
        std::fs::write(self.path("time.new"), of_faketime).unwrap();
        std::fs::rename(self.path("time.new"), self.path("time")).unwrap();
    }

    /// Starts the daemon, instead of the one that runs, and waits until it knows what was published before.
    pub(crate) async fn start_daemon(&mut self) {
        if let Some(before) = self.daemon.take() {
            before.signal("TERM");
            assert!(before.end().await.success());
        }
        let mut command = command(&self.path("rulesync.yaml"));
        command
            .env("LD_PRELOAD", needs::variable(FAKETIME))
            .env("FAKETIME_TIMESTAMP_FILE", self.path("time"))
            .env("FAKETIME_NO_CACHE", "1")
            // What waits, waits for as long as ever.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("TZ", "UTC");
        let before = self.kube.journal().len();
        self.daemon = Some(Daemon::run(&mut command));
        let has_listed = |requests: &[Recorded]| {
            let mut new = requests[before..].iter().filter(|request| request.status.is_some());
            new.any(|request| request.method == Method::GET && request.path.ends_with("/rulestatuses"))
        };
        let listed = tokio::time::timeout(PATIENCE, self.kube.journal().wait_until(has_listed)).await;
        assert!(listed.is_ok(), "{}", self.story());
    }

    /// Mimir refuses the groups of a ruler namespace with this message from now on.
    pub(crate) fn refuse(&self, namespace: &str, message: &str) {
        let fault = Fault::status(400, message.to_owned()).on_method(Method::POST);
        self.mimir.faults().inject(fault.on_path(namespace));
    }

    /// What the daemon has written since the last call, such as `patch rulestatuses`, each with how many times. Waits
    /// until there is as much as is expected.
    pub(crate) async fn written(&mut self, expected: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
        let since = self.counted;
        let is_enough = |requests: &[Recorded]| {
            let written = writes(&requests[since.min(requests.len())..]);
            expected.iter().all(|(write, times)| written.get(write).is_some_and(|found| found >= times))
        };
        let journal = self.kube.journal();
        let _ = tokio::time::timeout(PATIENCE, journal.wait_until(is_enough)).await;
        let requests = journal.requests();
        self.counted = requests.len();
        writes(&requests[since..])
    }

    /// What the daemon has asked the API server for, such as `patch rulestatuses.rulesync.dev`.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        let requests = self.kube.journal().requests();
        let of_daemon = requests.iter().filter(|request| !is_of_kubectl(request));
        let asked = of_daemon.filter_map(KubeServer::asked);
        asked.map(|(verb, resource, group)| format!("{verb} {resource}.{group}")).collect()
    }

    /// The log of the daemon that runs, and what was written to the API server, for tests that fail.
    pub(crate) fn story(&self) -> String {
        let log = self.daemon.as_ref().map(|daemon| daemon.log().join("\n")).unwrap_or_default();
        let requests = self.kube.journal().requests();
        let written = requests.iter().filter(|request| write_of(request).is_some());
        let written: Vec<String> = written.map(|request| format!("{request} {}", request.text())).collect();
        format!("{log}\n{}", written.join("\n"))
    }
}

/// What was written by others than kubectl, and how many times.
fn writes(requests: &[Recorded]) -> BTreeMap<String, usize> {
    let mut writes = BTreeMap::new();
    for write in requests.iter().filter_map(write_of) {
        *writes.entry(write).or_default() += 1;
    }
    writes
}

fn is_of_kubectl(request: &Recorded) -> bool {
    request.header("user-agent").is_some_and(|agent| agent.starts_with("kubectl"))
}

/// The verb and the resource, without its group, of an answered write by others than kubectl.
fn write_of(request: &Recorded) -> Option<String> {
    let (verb, resource, _) = KubeServer::asked(request)?;
    let is_write = !matches!(verb, "get" | "list" | "watch");
    let counts = is_write && !is_of_kubectl(request) && request.status.is_some();
    counts.then(|| format!("{verb} {resource}"))
}
