//! Pipes in place of files, for which a reader could wait without end.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::fixture::{Directory, mimir};
use crate::process::{Daemon, command};

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn configuration_from_a_command_is_read_once() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    // The shell becomes the daemon, and the rules are beside its working directory.
    let script = r#"exec "$0" --config <(cat rulesync.yaml) "$@""#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_rulesyncd")]).current_dir(directory.path(""));
    let daemon = Daemon::run(&mut shell);
    daemon.in_order(1).await;
    daemon.signal("HUP");
    daemon.logs(&["level=warn", "Configuration was read from a pipe", "/dev/fd/"]).await;
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("rulesync_config_last_reload_successful 1"), "{metrics}");
    daemon.signal("TERM");
    assert_eq!(daemon.end().await.code(), Some(0));
}

#[tokio::test]
async fn pipe_at_an_ordinary_path_is_not_a_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("rulesync.yaml");
    mkfifo(&config);
    let daemon = Daemon::start(&config, &[]);
    daemon.logs(&["level=error", "rulesync.yaml", "it is a pipe", "--config <(command)"]).await;
    assert_eq!(daemon.end().await.code(), Some(1));
}

#[tokio::test]
async fn pipe_that_nobody_writes_to_does_not_delay_the_end() {
    let daemon = Daemon::run(command(Path::new("/dev/stdin")).stdin(Stdio::piped()));
    daemon.handles(15).await;
    daemon.signal("TERM");
    daemon.logs(&["Stopped before the configuration was loaded"]).await;
    assert_eq!(daemon.end().await.code(), Some(0));
}

#[tokio::test]
async fn pipes_for_rules_and_secrets_are_reported_and_delay_nothing() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    mkfifo(&directory.path("token"));
    mkfifo(&directory.path("rules/pipe.yaml"));
    directory.configure("type: mimir,", "type: mimir, bearer_token_file: token,");
    let daemon = directory.start(&[]);
    daemon.logs(&["file=rules/pipe.yaml", "the file cannot be read: it is a pipe"]).await;
    daemon.logs(&["token: it is a pipe, not a regular file"]).await;
    assert_eq!(daemon.get("/-/ready").await, Some((200, "ready\n".to_owned())));
    daemon.signal("TERM");
    assert_eq!(daemon.end().await.code(), Some(0));
    assert!(ruler.journal().requests().is_empty(), "nobody asks without the token");
}

#[tokio::test]
async fn kubeconfigs_of_the_environment_delay_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("rulesync.yaml");
    let text = "owner: us\nsources: [{type: kubernetes}]\nrulers: [{name: r, type: mimir, address: 'http://127.0.0.1:1'}]\nroutes: [{name: all, ruler: r, tenant: t}]\n";
    std::fs::write(&config, text).unwrap();
    let pipe = directory.path().join("pipe");
    mkfifo(&pipe);
    let endless = Path::new("/proc/self/pagemap");
    for (path, says) in [(&*pipe, "pipe: it is a pipe"), (endless, "the file has no end")] {
        let daemon =
            Daemon::run(command(&config).env("KUBECONFIG", path).env_remove("KUBERNETES_SERVICE_HOST"));
        daemon.logs(&["level=error", "source `kubernetes`: kubeconfig", says]).await;
        assert_eq!(daemon.end().await.code(), Some(1));
    }
}
