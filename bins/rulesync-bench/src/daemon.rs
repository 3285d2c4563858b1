//! The daemon as a child process: started, looked at from outside, stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rulesync_testkit::ports;

use crate::failure::Failure;

/// A running daemon. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    client: reqwest::Client,
}

/// Metrics by name and labels as printed.
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// The sum of those whose name and labels begin with `part`.
    pub(crate) fn sum(&self, part: &str) -> f64 {
        self.0.iter().filter(|(name, _)| name.starts_with(part)).map(|(_, value)| value).sum()
    }
}

/// Requests by method.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Requests {
    pub(crate) get: u64,
    pub(crate) post: u64,
    pub(crate) delete: u64,
}

impl Requests {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            get: self.get - before.get,
            post: self.post - before.post,
            delete: self.delete - before.delete,
        }
    }

    pub(crate) fn total(self) -> u64 {
        self.get + self.post + self.delete
    }
}

impl Daemon {
    /// Starts the binary with a configuration.
    pub(crate) fn start(binary: &Path, config: &Path) -> Result<Self, Failure> {
        let child = Command::new(binary)
            .arg("--config")
            .arg(config)
            .args(["--web.listen-address", "127.0.0.1:0", "--log.level", "warn"])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
        Ok(Self { child, client: reqwest::Client::builder().no_proxy().build()? })
    }

    /// The address of its pages, which are all that it serves.
    pub(crate) fn address(&self) -> Result<String, Failure> {
        let port =
            ports::listening(self.child.id())?.first().copied().ok_or("the daemon does not listen yet")?;
        Ok(format!("127.0.0.1:{port}"))
    }

    /// A page, as a browser gets it.
    pub(crate) async fn page(&self, path: &str) -> Result<String, Failure> {
        let url = format!("http://{}{path}", self.address()?);
        let answer = self.client.get(url).header("Accept", "text/html").send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// The metrics with a value.
    pub(crate) async fn metrics(&self) -> Result<Metrics, Failure> {
        let text = self.page("/metrics").await?;
        let parse = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Ok(Metrics(text.lines().filter(|line| !line.starts_with('#')).filter_map(parse).collect()))
    }

    /// How many requests it has made.
    pub(crate) async fn requests(&self) -> Result<Requests, Failure> {
        let metrics = self.metrics().await?;
        let count = |method: &str| {
            let of_method = |(name, _): &(&String, &f64)| {
                name.starts_with("rulesync_ruler_request_duration_seconds_count")
                    && name.contains(&format!("\"{method}\""))
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counters of requests"
            )]
            let sum = metrics.0.iter().filter(of_method).map(|(_, value)| value).sum::<f64>() as u64;
            sum
        };
        Ok(Requests { get: count("GET"), post: count("POST"), delete: count("DELETE") })
    }

    /// Waits until everything is in order: every source ready, so many groups desired and nothing waiting.
    pub(crate) async fn in_order(&mut self, groups: usize, pause: Duration) -> Result<(), Failure> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the daemon ended: {status}").into());
            }
            if let Ok(metrics) = self.metrics().await {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let all = metrics.sum("rulesync_groups{") >= groups as f64;
                let ready = metrics.sum("rulesync_source_ready") >= 1.0
                    && metrics.sum("rulesync_last_sync_success") > 0.0;
                if all && ready && metrics.sum("rulesync_queue_depth") < 1.0 {
                    return Ok(());
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// CPU time so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name in parentheses: fields 14 and 15 are ticks in user and system mode, 100 a second.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        Ok((ticks(11) + ticks(12)) / 100.0)
    }

    /// A line of `/proc/PID/status`, in MiB: `VmRSS` or `VmHWM`.
    pub(crate) fn memory_mib(&self, line: &str) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
        let kib = value.and_then(|v| v.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Ok(kib.ok_or_else(|| format!("no {line} for the daemon"))? / 1024.0)
    }

    /// Stops it as Kubernetes does, and waits for its end.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        while self.child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The daemon's binary: given, or beside this one, built if need be.
pub(crate) fn binary(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let own = std::env::current_exe()?;
    let release = own.parent().is_some_and(|directory| directory.ends_with("release"));
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "-p", "rulesyncd"]);
    if release {
        build.arg("--release");
    }
    if !build.status()?.success() {
        return Err("rulesyncd cannot be built".into());
    }
    Ok(own.with_file_name("rulesyncd"))
}
