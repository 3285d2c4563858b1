//! The daemon as a child process, with its log and its pages.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use rulesync_testkit::ports;
use serde_json::Value;
use tokio::sync::Notify;

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    /// Where its pages are, once its log has said it; empty if it ends before.
    address: Arc<OnceLock<String>>,
    log: Arc<Mutex<Vec<String>>>,
    logged: Arc<Notify>,
    /// A log that nobody reads any more is open until the end.
    _unread: Option<mpsc::Receiver<BufReader<ChildStderr>>>,
}

/// How long anything may take before a test gives up; nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Daemon {
    pub(crate) fn start(config: &Path, flags: &[&str]) -> Self {
        Self::run(command(config).args(flags))
    }

    /// Runs a command that is the daemon, or ends in it.
    pub(crate) fn run(command: &mut Command) -> Self {
        let (daemon, log) = Self::spawn(command);
        let (into, tell) = (Arc::clone(&daemon.log), Arc::clone(&daemon.logged));
        let address = Arc::clone(&daemon.address);
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if let Some(started) = address_in(&line) {
                    let _ = address.set(started);
                }
                into.lock().unwrap().push(line);
                tell.notify_waiters();
            }
            let _ = address.set(String::new());
        });
        daemon
    }

    /// Starts it with a log that nobody reads after its first lines, and that is full at some time.
    pub(crate) fn start_unread(config: &Path, flags: &[&str]) -> Self {
        let (mut daemon, mut log) = Self::spawn(command(config).args(flags));
        let address = Arc::clone(&daemon.address);
        let (keep, kept) = mpsc::channel();
        daemon._unread = Some(kept);
        std::thread::spawn(move || {
            let mut line = String::new();
            while address.get().is_none() && log.read_line(&mut line).is_ok_and(|length| length > 0) {
                if let Some(started) = address_in(&line) {
                    let _ = address.set(started);
                }
                line.clear();
            }
            let _ = address.set(String::new());
            let _ = keep.send(log);
        });
        daemon
    }

    fn spawn(command: &mut Command) -> (Self, BufReader<ChildStderr>) {
        crypto();
        // A run that ends by itself serves no pages.
        if !command.get_args().any(|flag| flag == "--once" || flag == "--dry-run") {
            command.args(["--web.listen-address", "127.0.0.1:0"]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (address, lines, logged) = Default::default();
        (Self { child, address, log: lines, logged, _unread: None }, log)
    }

    /// Where its pages are; waits until it has started.
    pub(crate) fn address(&self) -> &str {
        self.address.wait()
    }

    /// Where its only embedded ruler listens.
    pub(crate) fn embedded(&self) -> String {
        let pages = self.address();
        let addresses =
            ports::listening(self.id()).unwrap().into_iter().map(|port| format!("127.0.0.1:{port}"));
        let others: Vec<String> = addresses.filter(|address| address != pages).collect();
        let [embedded] = others.as_slice() else { panic!("listens on {pages} and {others:?}") };
        embedded.clone()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log that holds all of `parts`.
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
        get(&format!("http://{}{path}", self.address.get()?)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Option<(u16, String)> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(format!("http://{}{path}", self.address.get()?)).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// Asks for the status until a condition holds.
    pub(crate) async fn until(&self, holds: impl Fn(&Value) -> bool) -> Value {
        self.until_below("", holds).await
    }

    /// Asks for the status below a prefix of all pages until a condition holds.
    pub(crate) async fn until_below(&self, prefix: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let path = format!("{prefix}/api/v1/status");
        let deadline = Instant::now() + PATIENCE;
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            let answer = self.get(&path).await;
            let status = answer.and_then(|(_, text)| serde_json::from_str(&text).ok()).unwrap_or_default();
            if holds(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "never held: {status:#}\n{}", self.log().join("\n"));
            pause.tick().await;
        }
    }

    /// Waits until every source is ready and every destination in order, with so many objects.
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

/// The address in the line of the log that says where the pages are.
fn address_in(line: &str) -> Option<String> {
    const HOST: &str = "127.0.0.1:";
    let (_, rest) = line.split_once("Started").and_then(|(_, rest)| rest.split_once(HOST))?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(format!("{HOST}{}", &rest[..end]))
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
