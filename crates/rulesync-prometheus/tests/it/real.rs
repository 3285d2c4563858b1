//! Real servers, started for a test from the binaries that `RULESYNC_E2E_PROMETHEUS_BINARY` and
//! `RULESYNC_E2E_VMALERT_BINARY` name. Both read `rules/*.yaml`, and evaluate every second.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rulesync_http::{ClientConfig, Connection, Request};
use rulesync_testkit::{needs, ports};
use serde_json::Value;

/// A running server with its directory.
pub(crate) struct Real {
    process: Child,
    directory: tempfile::TempDir,
    pub(crate) address: String,
    connection: Connection,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            eprintln!("the log of the server:\n{log}");
        }
    }
}

impl Real {
    pub(crate) async fn prometheus() -> Self {
        Self::start("/-/ready", spawn_prometheus).await
    }

    /// Starts a vmalert whose data source does not exist, so that every rule fails.
    pub(crate) async fn vmalert() -> Self {
        Self::start("/health", spawn_vmalert).await
    }

    async fn start(path_of_health: &'static str, spawn: fn(&Path) -> Child) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::create_dir(path.join("rules")).unwrap();
        let mut process = spawn(path);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            // It listens on any free port, a moment after it has started.
            if let Some(port) = ports::listening(process.id()).unwrap_or_default().first() {
                let (config, address) = (ClientConfig::default(), format!("http://127.0.0.1:{port}"));
                let connection =
                    Connection::new(&address, &config).unwrap().with_timeout(Duration::from_secs(60));
                let ready = connection.send(Request::get(path_of_health, "ready")).await;
                if ready.is_ok_and(|answer| answer.status() == 200) {
                    return Self { process, directory, address, connection };
                }
            }
            let log = || std::fs::read_to_string(path.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", log());
            assert!(process.try_wait().unwrap().is_none(), "the server has ended:\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn rules(&self) -> PathBuf {
        self.directory.path().join("rules")
    }

    /// The server's metrics.
    pub(crate) async fn metrics(&self) -> String {
        let request = Request::get("/metrics", "metrics");
        let (mut answer, mut text) = (self.connection.send(request).await.unwrap(), Vec::new());
        while let Some(chunk) = answer.chunk().await.unwrap() {
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).unwrap()
    }

    /// The number of reload requests, as counted by the server.
    pub(crate) async fn reloads(&self) -> usize {
        let metrics = self.metrics().await;
        let counts = metrics.lines().filter(|line| {
            line.starts_with("prometheus_http_requests_total{") && line.contains("handler=\"/-/reload\"")
        });
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
    }

    /// The value of the only series in the result of a query, if there is one.
    pub(crate) async fn value(&self, query: &str) -> Option<f64> {
        let request = Request::get("/api/v1/query", "query").with_parameter("query", query);
        let answer: Value =
            serde_json::from_str(&self.connection.send(request).await.unwrap().excerpt().await).unwrap();
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
        Some(result.first()?["value"][1].as_str()?.parse().unwrap())
    }
}

fn spawn_prometheus(path: &Path) -> Child {
    let config = "global:\n  evaluation_interval: 1s\nrule_files: [\"rules/*.yaml\"]\n";
    std::fs::write(path.join("prometheus.yml"), config).unwrap();
    let mut command = command("RULESYNC_E2E_PROMETHEUS_BINARY", path);
    command
        .arg(format!("--config.file={}", path.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", path.join("data").display()))
        .args(["--web.listen-address=127.0.0.1:0", "--web.enable-lifecycle", "--log.level=warn"]);
    command.spawn().unwrap()
}

fn spawn_vmalert(path: &Path) -> Child {
    let mut command = command("RULESYNC_E2E_VMALERT_BINARY", path);
    for flag in ["datasource.url", "notifier.url", "remoteWrite.url"] {
        command.arg(format!("-{flag}=http://127.0.0.1:1"));
    }
    command
        .arg(format!("-rule={}", path.join("rules/*.yaml").display()))
        .args(["-httpListenAddr=127.0.0.1:0", "-evaluationInterval=1s"]);
    command.spawn().unwrap()
}

fn command(variable: &str, path: &Path) -> Command {
    let log = File::create(path.join("log")).unwrap();
    let mut command = Command::new(needs::variable(variable));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command
}

/// Waits until `look` returns a value.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
