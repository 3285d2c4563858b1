//! What most tests of rulers need: a ruler, a directory with rules, and runs of the binary in it.

use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;
use rulesync_testkit::{Kind, RulerServer};
use tempfile::TempDir;

use crate::cli::rulesync;

/// A ruler with the tenant `prod`, and a directory with rules for it.
pub(crate) struct World {
    pub(crate) ruler: RulerServer,
    directory: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(Kind::Mimir).await
    }

    pub(crate) async fn of(kind: Kind) -> Self {
        Self::with(RulerServer::builder(kind).start().await.unwrap())
    }

    pub(crate) fn with(ruler: RulerServer) -> Self {
        Self { ruler, directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Stores a group by hand.
    pub(crate) fn put(&self, namespace: &str, group: &str) {
        self.ruler.put("prod", namespace, group).unwrap();
    }

    /// Stores the claim of an owner, as a daemon in a cluster makes it.
    pub(crate) fn claim(&self, tenant: &str, owner: &str, cluster: &str, installation: &str) {
        let labels = format!("{{owner: {owner}, cluster_id: {cluster}, installation: {installation}}}");
        let group =
            format!("name: rulesync\nrules: [{{record: rulesync_claim, expr: vector(1), labels: {labels}}}]");
        self.ruler.put(tenant, owner, &group).unwrap();
    }

    /// Returns a command in the directory, with the ruler in the environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = rulesync();
        command.current_dir(self.directory.path()).args(args);
        command.env("RULESYNC_ADDRESS", self.ruler.url()).env("RULESYNC_TENANT_ID", "prod");
        command
    }

    /// Runs the binary for the owner `us`.
    pub(crate) async fn run(&self, args: &[&str]) -> Run {
        let mut command = self.command(args);
        command.env("RULESYNC_OWNER", "us");
        self.finish(command).await
    }

    pub(crate) async fn finish(&self, mut command: Command) -> Run {
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Run(output)
    }

    /// The numbers of requests so far that write, and that delete.
    pub(crate) fn writes(&self) -> (usize, usize) {
        let count = |method: &str| self.ruler.journal().count_where(|request| request.method == method);
        (count("POST"), count("DELETE"))
    }
}

/// What a run printed, and its exit code.
pub(crate) struct Run(pub(crate) Output);

impl Run {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Exit code, output and errors, for a snapshot.
    pub(crate) fn all(&self) -> String {
        let errors = self.stderr();
        let errors = if errors.is_empty() { String::new() } else { format!("--- standard error\n{errors}") };
        format!("exit code {}\n{}{errors}", self.code(), self.stdout())
    }

    /// Returns what was printed by a run that succeeded.
    pub(crate) fn ok(&self) -> String {
        assert_eq!(self.code(), 0, "{}", self.all());
        self.stdout()
    }
}
