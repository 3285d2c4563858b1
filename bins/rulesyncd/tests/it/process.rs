//! The daemon as a child process, with its log and its pages.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Notify;

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
    logged: Arc<Notify>,
}

/// The time after which a test gives up waiting; nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Daemon {
    pub(crate) fn start(config: &Path, flags: &[&str]) -> Self {
        Self::run(command(config).args(flags))
    }

    /// Runs a command that is the daemon, or becomes it.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut daemon = Self::run_unread(command);
        let (into, tell) = (Arc::clone(&daemon.log), Arc::clone(&daemon.logged));
        let lines = BufReader::new(daemon.child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                into.lock().unwrap().push(line);
                tell.notify_waiters();
            }
        });
        daemon
    }

    /// Starts it with a log that nobody reads, and that fills up.
    pub(crate) fn start_unread(config: &Path, flags: &[&str]) -> Self {
        Self::run_unread(command(config).args(flags))
    }

    fn run_unread(command: &mut Command) -> Self {
        crypto();
        // Free again at once, and bound by the daemon a moment later.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        // A run that ends by itself serves no pages.
        if !command.get_args().any(|flag| flag == "--once" || flag == "--dry-run") {
            command.args(["--web.listen-address", &address]);
        }
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        Self { child, address, log: Arc::default(), logged: Arc::default() }
    }

    /// The address of its pages.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The process ID.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log that contains all of `parts`.
    pub(crate) async fn logs(&self, parts: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let logged = self.logged.notified();
            let found = self.log().into_iter().find(|line| parts.iter().all(|part| line.contains(part)));
            if let Some(line) = found {
                return line;
            }
            assert!(Instant::now() < deadline, "no line with {parts:?} in:\n{}", self.log().join("\n"));
            let _ = tokio::time::timeout(Duration::from_secs(1), logged).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        get(&format!("http://{}{path}", self.address)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Option<(u16, String)> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(format!("http://{}{path}", self.address)).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    pub(crate) async fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/api/v1/status").await?.1).ok()
    }

    /// Asks for the status until a condition holds.
    pub(crate) async fn until(&self, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            let status = self.status().await.unwrap_or_default();
            if holds(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "never held: {status:#}\n{}", self.log().join("\n"));
            pause.tick().await;
        }
    }

    /// Waits until every source is ready and every destination in sync, with this number of objects.
    pub(crate) async fn in_order(&self, objects: usize) -> Value {
        self.until(|status| {
            let destinations = status["destinations"].as_array().is_some_and(|destinations| {
                !destinations.is_empty()
                    && destinations
                        .iter()
                        .all(|destination| destination["state"] == "in_sync" && destination["pending"] == 0)
            });
            let sources =
                status["sources"].as_array().is_some_and(|s| s.iter().all(|source| source["ready"] == true));
            let all = status["objects"].as_array().is_some_and(|o| o.len() == objects);
            sources && destinations && all
        })
        .await
    }

    /// Waits until a signal is handled that would end the process otherwise.
    pub(crate) async fn handles(&self, signal: u32) {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            if u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (signal - 1)) != 0 {
                return;
            }
            assert!(Instant::now() < deadline, "it never handles signal {signal}");
            pause.tick().await;
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status =
            Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log().join("\n"));
            pause.tick().await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary with a configuration.
pub(crate) fn command(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rulesyncd"));
    command.arg("--config").arg(config);
    command
}

pub(crate) async fn get(url: &str) -> Option<(u16, String)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

pub(crate) fn crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
