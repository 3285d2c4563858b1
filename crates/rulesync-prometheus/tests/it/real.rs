//! A real Prometheus, started for a test from the binary that `RULESYNC_E2E_PROMETHEUS_BINARY` names.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rulesync_http::{ClientConfig, Connection, PlainRequest};
use serde_json::Value;

pub(crate) struct Prometheus {
    process: Child,
    directory: tempfile::TempDir,
    pub(crate) address: String,
    connection: Connection,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            eprintln!("the log of Prometheus:\n{log}");
        }
    }
}

impl Prometheus {
    /// One that reads `rules/*.yaml` and `theirs/*.yml`, and evaluates every second.
    pub(crate) async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::create_dir(path.join("rules")).unwrap();
        let config = "global:\n  evaluation_interval: 1s\nrule_files: [\"rules/*.yaml\"]\n";
        std::fs::write(path.join("prometheus.yml"), config).unwrap();
        let (mut process, mut address) = spawn(path);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let config = ClientConfig::default();
            let connection = Connection::new(&address, &config, Duration::from_secs(5), None).unwrap();
            let ready = PlainRequest { method: "GET", path: "/-/ready", query: &[], route: "ready" };
            if connection.send(ready).await.is_ok_and(|answer| answer.status() == 200) {
                return Self { process, directory, address, connection };
            }
            if process.try_wait().unwrap().is_some() {
                // Somebody else took the port in the meantime.
                (process, address) = spawn(path);
            }
            let log = || std::fs::read_to_string(path.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "Prometheus is not ready:\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn rules(&self) -> PathBuf {
        self.directory.path().join("rules")
    }

    /// What it says of itself.
    pub(crate) async fn metrics(&self) -> String {
        let request = PlainRequest { method: "GET", path: "/metrics", query: &[], route: "metrics" };
        let (mut answer, mut text) = (self.connection.send(request).await.unwrap(), Vec::new());
        while let Some(portion) = answer.portion().await.unwrap() {
            text.extend_from_slice(&portion);
        }
        String::from_utf8(text).unwrap()
    }

    /// The value of the one series that a query finds, if it does.
    pub(crate) async fn value(&self, query: &str) -> Option<f64> {
        let query = [("query", query)];
        let request = PlainRequest { method: "GET", path: "/api/v1/query", query: &query, route: "query" };
        let answer: Value =
            serde_json::from_str(&self.connection.send(request).await.unwrap().words().await).unwrap();
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
        Some(result.first()?["value"][1].as_str()?.parse().unwrap())
    }
}

fn spawn(path: &Path) -> (Child, String) {
    let binary = std::env::var_os("RULESYNC_E2E_PROMETHEUS_BINARY").expect("the test is ignored without it");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = File::create(path.join("log")).unwrap();
    let process = Command::new(binary)
        .arg(format!("--config.file={}", path.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", path.join("data").display()))
        .arg(format!("--web.listen-address={free}"))
        .args(["--web.enable-lifecycle", "--log.level=warn"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    (process, format!("http://{free}"))
}

/// Waits until something is there.
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
