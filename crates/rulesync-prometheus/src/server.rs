//! The server that reads the directory: triggers reloads, determines their result, and reads the loaded groups.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rulesync_core::RulerError;
use rulesync_http::{Connection, LoadedGroup, LoadedReader, Request, Response};
use serde::Deserialize;
use tokio::time::Instant;

use crate::features::Version;
use crate::names;
use crate::variant::Variant;

/// A Prometheus or vmalert server.
#[derive(Debug)]
pub(crate) struct Server {
    connection: Connection,
    variant: Variant,
    /// The path of the directory as the server sees it: it may be mounted elsewhere in another container.
    directory: Mutex<String>,
}

/// The reason why files were not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReloadError {
    /// The server rejected the files, with its message.
    Rejected(String),
    /// The request failed, or the response was not understood.
    Failed(RulerError),
}

impl From<RulerError> for ReloadError {
    fn from(error: RulerError) -> Self {
        Self::Failed(error)
    }
}

/// The state of vmalert's reloads, from its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reloads {
    /// The number of reloads that were started.
    started: u64,
    /// Set if the last completed reload succeeded.
    succeeded: bool,
}

/// The response with the server's version.
#[derive(Debug, Deserialize)]
struct BuildInfo {
    data: BuildData,
}

#[derive(Debug, Deserialize)]
struct BuildData {
    version: String,
}

/// The maximum length of a list of files in a query; with a longer list, all groups are requested.
const MAX_QUERY_BYTES: usize = 6 * 1024;

/// The maximum interval between two requests for vmalert's metrics.
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The number of bytes that are kept of a line of the metrics.
const LINE_BYTES: usize = 1024;

/// The maximum length of a server's message.
const MESSAGE_BYTES: usize = 2048;

impl Server {
    pub(crate) fn new(connection: Connection, variant: Variant, directory: String) -> Self {
        Self { connection, variant, directory: Mutex::new(directory) }
    }

    /// The display name of the server.
    pub(crate) fn product(&self) -> &'static str {
        self.variant.product()
    }

    pub(crate) fn address(&self) -> &str {
        self.connection.address()
    }

    /// The version, if the server is a Prometheus that reports it.
    pub(crate) async fn version(&self) -> Option<Version> {
        if self.variant != Variant::Prometheus {
            return None;
        }
        let request = Request::get("/api/v1/status/buildinfo", "buildinfo");
        let response = self.connection.send(request).await.ok()?;
        if response.status() != 200 {
            return None;
        }
        let response: BuildInfo = serde_json::from_str(&response.excerpt().await).ok()?;
        Version::parse(&response.data.version)
    }

    /// Reloads the files, and waits until it is known whether the server uses them.
    pub(crate) async fn reload(&self) -> Result<(), ReloadError> {
        match self.variant {
            Variant::Prometheus => self.request_reload().await,
            Variant::Vmalert => {
                let waiting = self.reload_vmalert();
                let timeout = self.connection.timeout();
                let timed_out =
                    || RulerError::unavailable(format!("vmalert did not reload within {timeout:?}"));
                tokio::time::timeout(timeout, waiting).await.map_err(|_| timed_out())?
            }
        }
    }

    /// vmalert responds before it reloads. But it reloads sequentially, and counts each reload when it starts: when the
    /// second has started, the first has completed, and the result of the last completed one is that of the current
    /// files. The metrics may be a second old, so each round may take as long.
    async fn reload_vmalert(&self) -> Result<(), ReloadError> {
        let before = self.reloads().await?;
        let mut seen = before;
        for round in 1..=2 {
            self.request_reload().await?;
            let mut wait = Duration::from_millis(5);
            while seen.started < before.started + round {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(MAX_POLL_INTERVAL);
                seen = self.reloads().await?;
                if seen.started < before.started {
                    return Err(RulerError::unavailable(
                        "vmalert was restarted during the reload".to_owned(),
                    )
                    .into());
                }
            }
        }
        // vmalert reports the reason only in its log and in its web UI.
        let message = || "vmalert kept its previous rules, see its log for the reason".to_owned();
        if seen.succeeded { Ok(()) } else { Err(ReloadError::Rejected(message())) }
    }

    async fn request_reload(&self) -> Result<(), ReloadError> {
        let response = self.connection.send(Request::post("/-/reload", "reload")).await?;
        let (status, text) = status_and_text(response).await;
        reload_result(status, &text)
    }

    async fn reloads(&self) -> Result<Reloads, RulerError> {
        let mut response = self.connection.send(Request::get("/metrics", "metrics")).await?;
        if response.status() != 200 {
            return Err(unexpected(response).await);
        }
        let (mut started, mut succeeded, mut line) = (None, None, Vec::new());
        loop {
            let chunk = response.chunk().await?;
            // The last line may have no line feed.
            for &byte in chunk.as_deref().unwrap_or(b"\n") {
                if byte != b'\n' {
                    // The beginning is enough to recognize the metric.
                    if line.len() < LINE_BYTES {
                        line.push(byte);
                    }
                    continue;
                }
                started = started.or_else(|| value(&line, "vmalert_config_last_reload_total"));
                succeeded = succeeded.or_else(|| value(&line, "vmalert_config_last_reload_successful"));
                line.clear();
            }
            if chunk.is_none() {
                break;
            }
        }
        let (Some(started), Some(succeeded)) = (started, succeeded) else {
            let message = "its /metrics do not contain vmalert_config_last_reload_total and \
                 vmalert_config_last_reload_successful: is it a vmalert?";
            return Err(RulerError::misconfigured(message.to_owned()));
        };
        Ok(Reloads { started, succeeded: succeeded == 1 })
    }

    /// Passes the loaded groups of these namespaces to `found`, with the namespace of each. If none is found although
    /// some are `expected`, all groups are requested, in case the server sees the directory under another path.
    pub(crate) async fn loaded(
        &self,
        namespaces: &[&str],
        expected: bool,
        found: &mut (dyn FnMut(String, LoadedGroup) + Send),
    ) -> Result<(), RulerError> {
        let directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let files: Vec<String> =
            namespaces.iter().map(|name| format!("{directory}/{}", names::file_name(name))).collect();
        let wanted: HashSet<&str> = namespaces.iter().copied().collect();
        let short = files.iter().map(|file| file.len() * 2 + 10).sum::<usize>() <= MAX_QUERY_BYTES;
        let filters = [short.then_some(files.as_slice()), (expected || !short).then_some(&[])];
        let mut seen: Option<String> = None;
        for filter in filters.into_iter().flatten() {
            let mut pass = |group: LoadedGroup| {
                let Some(namespace) = names::namespace_at(&group.file) else { return };
                if wanted.contains(namespace.as_str()) {
                    if seen.is_none() {
                        seen = group.file.rsplit_once('/').map(|(directory, _)| directory.to_owned());
                    }
                    found(namespace, group);
                }
            };
            self.rules(filter, &mut pass).await?;
            if seen.is_some() {
                break;
            }
        }
        if let Some(seen) = seen {
            *self.directory.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        }
        Ok(())
    }

    /// Reads the loaded groups of these files, or of all files. Servers that do not know the filter return all groups.
    async fn rules(
        &self,
        files: &[String],
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<(), RulerError> {
        let request = Request::get("/api/v1/rules", "rules").with_parameter("exclude_alerts", "true");
        let request = files.iter().fold(request, |request, file| request.with_parameter("file[]", file));
        let mut response = self.connection.send(request).await?;
        if response.status() != 200 {
            return Err(unexpected(response).await);
        }
        let mut reader = LoadedReader::of(&response);
        let mut last_yield = Instant::now();
        while let Some(chunk) = response.chunk().await? {
            reader.push(&chunk, found).map_err(|error| response.redact(error))?;
            // A long response must not starve other tasks.
            if last_yield.elapsed() > Duration::from_millis(5) {
                tokio::task::yield_now().await;
                last_yield = Instant::now();
            }
        }
        reader.finish().map(drop).map_err(|error| response.redact(error))
    }
}

/// The result of a reload request, from the response.
fn reload_result(status: u16, text: &str) -> Result<(), ReloadError> {
    let text = shortened(text);
    Err(match status {
        200..=299 => return Ok(()),
        500 if text.contains("reload") => return Err(ReloadError::Rejected(text)),
        403 if text.contains("Lifecycle API is not enabled") => {
            RulerError::misconfigured(format!("{text} Start Prometheus with --web.enable-lifecycle."))
        }
        401 | 403 | 407 => RulerError::denied(described(status, &text)),
        300..=399 | 404 | 405 => {
            RulerError::misconfigured(format!("{}: check the address", described(status, &text)))
        }
        _ => RulerError::unavailable(described(status, &text)),
    }
    .into())
}

/// The status and text of a response: no text for an HTML page, the target for a redirect.
async fn status_and_text(response: Response) -> (u16, String) {
    let status = response.status();
    let text = match response.redirection() {
        Some(redirection) => format!("redirected {redirection}"),
        None if response.content_type() == "text/html" => String::new(),
        None => response.excerpt().await,
    };
    (status, text)
}

async fn unexpected(response: Response) -> RulerError {
    let (status, text) = status_and_text(response).await;
    let message = described(status, &shortened(&text));
    match status {
        401 | 403 | 407 => RulerError::denied(message),
        408 | 425 | 429 | 500..=599 => RulerError::unavailable(message),
        _ => RulerError::misconfigured(format!("{message}: check the address")),
    }
}

fn described(status: u16, text: &str) -> String {
    if text.is_empty() { format!("status {status}") } else { format!("{text} ({status})") }
}

fn shortened(text: &str) -> String {
    cut(text.trim(), MESSAGE_BYTES)
}

/// Truncates a text to about `bytes` bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    match text.char_indices().find(|(index, _)| *index >= bytes) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The value of the metric `name`, if the line is a sample of it.
fn value(line: &[u8], name: &str) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix(name)?.strip_prefix(' ')?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reload_result_of_every_response() {
        let class = |status, text: &str| match reload_result(status, text) {
            Ok(()) => "done",
            Err(ReloadError::Rejected(_)) => "rejected",
            Err(ReloadError::Failed(error)) => error.kind().as_str(),
        };
        for (status, text, expected) in [
            (200, "", "done"),
            (204, "", "done"),
            (
                500,
                "failed to reload config: one or more errors occurred while applying the new configuration",
                "rejected",
            ),
            (500, "panic", "unavailable"),
            (503, "Service Unavailable", "unavailable"),
            (502, "", "unavailable"),
            (403, "Lifecycle API is not enabled.\n", "misconfigured"),
            (403, "no", "denied"),
            (401, "The provided authKey doesn't match", "denied"),
            (404, "404 page not found", "misconfigured"),
            (405, "", "misconfigured"),
            (301, "", "misconfigured"),
        ] {
            assert_eq!(class(status, text), expected, "{status} {text}");
        }
    }

    #[test]
    fn value_matches_full_metric_name() {
        assert_eq!(value(b"vmalert_x_total 12", "vmalert_x_total"), Some(12));
        assert_eq!(value(b"vmalert_x_total_more 12", "vmalert_x_total"), None);
        assert_eq!(value(b"# TYPE vmalert_x_total counter", "vmalert_x_total"), None);
        assert_eq!(value(b"vmalert_x_total \xff", "vmalert_x_total"), None);
    }
}
