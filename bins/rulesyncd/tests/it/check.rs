//! `--check-config`, and a daemon that is given a configuration with errors.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use rulesync_testkit::RulerServer;

use crate::fixture::mimir;
use crate::process::{Daemon, command};

/// Five mistakes: an unknown key, a value of the wrong type, a missing key, a route to a ruler that does not exist, and a
/// tenant that is taken from objects without a permission.
const FIVE_MISTAKES: &str = "\
owner: us
resync_intervall: 5m
sources:
  - {type: files, path: rules}
  - type: files
    name: more
rulers:
  - {name: central, type: mimir, max_in_flight: many, address: 'RULER'}
  - {name: local, type: embedded, address: 'http://EMBEDDED'}
routes:
  - {name: all, ruler: centrall, tenant: prod}
  - name: by-team
    ruler: local
    tenant: {from: label, key: tenant}
";

/// Runs the daemon to its end, without a log level that hides anything.
async fn output(config: &Path, flags: &[&str]) -> Output {
    let mut command = command(config);
    command.args(flags);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// A directory with a configuration that has these mistakes, and what it names.
struct Mistaken {
    ruler: RulerServer,
    /// Taken: who tries to listen there says so.
    taken: TcpListener,
    directory: tempfile::TempDir,
}

impl Mistaken {
    async fn new() -> Self {
        let ruler = mimir().await;
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let embedded = taken.local_addr().unwrap().to_string();
        let text = FIVE_MISTAKES.replace("RULER", &ruler.url()).replace("EMBEDDED", &embedded);
        std::fs::write(directory.path().join("rulesync.yaml"), text).unwrap();
        Self { ruler, taken, directory }
    }

    /// Runs the daemon, which is to fail and start nothing.
    async fn fails(&self, flags: &[&str]) -> Output {
        let output = output(&self.directory.path().join("rulesync.yaml"), flags).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(self.ruler.journal().requests().is_empty(), "{:?}", self.ruler.journal().requests());
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["rulesync.yaml"], "no inventory and no storage");
        output
    }

    /// What was printed, with paths that begin in the directory.
    fn relative(&self, printed: Vec<u8>) -> String {
        let at = format!("{}/", self.directory.path().display());
        String::from_utf8(printed).unwrap().replace(&at, "")
    }
}

#[tokio::test]
async fn check_of_five_mistakes_prints_five_errors() {
    let it = Mistaken::new().await;
    let checked = it.fails(&["--check-config"]).await;
    insta::assert_snapshot!("check_config", it.relative(checked.stdout));
}

#[tokio::test]
async fn start_with_five_mistakes_logs_five_errors_and_starts_nothing() {
    let it = Mistaken::new().await;
    let address = it.taken.local_addr().unwrap().to_string();
    let started = it.fails(&["--web.listen-address", &address]).await;
    let log = it.relative(started.stderr);
    let lines: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once(" level=")?.1)).collect();
    insta::assert_snapshot!("log", lines.join("\n"));
}

#[tokio::test]
async fn check_of_the_examples_succeeds() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for example in ["company.yaml", "quickstart/rulesync.yaml"] {
        let config = examples.join(example);
        let checked = output(&config, &["--check-config"]).await;
        assert!(checked.status.success(), "{checked:?}");
        assert_eq!(String::from_utf8(checked.stdout).unwrap(), format!("{}: valid\n", config.display()));
    }
}

#[tokio::test]
async fn check_names_files_that_are_missing() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("rulesync.yaml");
    let text = "owner: us\nsources: [{type: files, path: rules}]\nrulers:\n  - name: central\n    type: mimir\n    address: http://127.0.0.1:1\n    bearer_token_file: token\nroutes: [{name: all, ruler: central}]\n";
    std::fs::write(&config, text).unwrap();
    let checked = output(&config, &["--check-config"]).await;
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(printed.contains("rulesync.yaml:7:24: ruler `central`: `bearer_token_file`: "), "{printed}");
    std::fs::write(directory.path().join("token"), "secret").unwrap();
    assert!(output(&config, &["--check-config"]).await.status.success());
}

#[tokio::test]
async fn check_of_a_file_that_does_not_exist_fails() {
    let directory = tempfile::tempdir().unwrap();
    let checked = output(&directory.path().join("none.yaml"), &["--check-config"]).await;
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(printed.contains("none.yaml: No such file"), "{printed}");
}

#[tokio::test]
async fn usage_errors_exit_with_64() {
    let config = Path::new("rulesync.yaml");
    for flags in [
        &["--no-such-flag"][..],
        &["--once", "--dry-run"],
        &["--timeout", "1m"],
        &["--once", "--check-config"],
    ] {
        let refused = output(config, flags).await;
        assert_eq!(refused.status.code(), Some(64), "{refused:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{refused:?}");
    }
}

#[tokio::test]
async fn help_and_version_need_no_configuration() {
    let config = Path::new("rulesync.yaml");
    for flag in ["--help", "--version"] {
        let shown = output(config, &[flag]).await;
        assert!(shown.status.success() && !shown.stdout.is_empty(), "{shown:?}");
    }
}

#[tokio::test]
async fn configuration_errors_are_all_logged() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("rulesync.yaml");
    std::fs::write(&config, "owner: us\nsourcess: []\nrulers: []\nroutes: []\n").unwrap();
    let daemon = Daemon::start(&config, &[]);
    daemon
        .logs(&["level=error", "line=2 column=1", "unknown key `sourcess`", "did you mean `sources`?"])
        .await;
    daemon.logs(&["level=error", "line=4 column=9", "no route is configured"]).await;
    assert_eq!(daemon.end().await.code(), Some(1));
}
