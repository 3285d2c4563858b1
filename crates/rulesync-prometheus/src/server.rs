//! The server beside the directory: asking it to read the files again, learning whether it did, and what it has loaded.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rulesync_core::RulerError;
use rulesync_http::{Connection, LoadedGroup, PlainAnswer, PlainRequest};
use serde::Deserialize;
use tokio::time::Instant;

use crate::features::Version;
use crate::names;
use crate::variant::Variant;

/// A Prometheus or a vmalert.
#[derive(Debug)]
pub(crate) struct Server {
    connection: Connection,
    variant: Variant,
    timeout: Duration,
    /// Our directory as the server sees it: another container may have it elsewhere.
    directory: Mutex<String>,
}

/// Why files were not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReloadError {
    /// The server does not take them, in its own words.
    Refused(String),
    /// It could not be asked, or not be understood.
    Failed(RulerError),
}

impl From<RulerError> for ReloadError {
    fn from(error: RulerError) -> Self {
        Self::Failed(error)
    }
}

/// What vmalert says of its reloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reloads {
    /// How many were begun.
    begun: u64,
    /// Whether the last that ended went well.
    good: bool,
}

/// What it answers when it is asked for its version.
#[derive(Debug, Deserialize)]
struct BuildInfo {
    data: BuildData,
}

#[derive(Debug, Deserialize)]
struct BuildData {
    version: String,
}

/// With a longer list of files than this, everything is read: an address must not become too long.
const QUERY_BYTES: usize = 6 * 1024;

/// The longest wait between two looks at vmalert's metrics.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// So much is kept of a line of its metrics.
const LINE_BYTES: usize = 1024;

/// What a message of the server is cut to.
const MESSAGE_BYTES: usize = 2048;

impl Server {
    pub(crate) fn new(
        connection: Connection,
        variant: Variant,
        timeout: Duration,
        directory: String,
    ) -> Self {
        Self { connection, variant, timeout, directory: Mutex::new(directory) }
    }

    /// What people call it.
    pub(crate) fn product(&self) -> &'static str {
        self.variant.product()
    }

    pub(crate) fn address(&self) -> &str {
        self.connection.address()
    }

    /// Its version, if it is a Prometheus that says it.
    pub(crate) async fn version(&self) -> Option<Version> {
        if self.variant != Variant::Prometheus {
            return None;
        }
        let (path, route) = ("/api/v1/status/buildinfo", "buildinfo");
        let answer =
            self.connection.send(PlainRequest { method: "GET", path, query: &[], route }).await.ok()?;
        if answer.status() != 200 {
            return None;
        }
        let answer: BuildInfo = serde_json::from_str(&answer.words().await).ok()?;
        Version::parse(&answer.data.version)
    }

    /// Has the files read again, and waits until it is known whether they are in use.
    pub(crate) async fn reload(&self) -> Result<(), ReloadError> {
        match self.variant {
            Variant::Prometheus => self.ask_to_reload().await,
            Variant::Vmalert => {
                let waiting = self.reload_vmalert();
                let late =
                    || RulerError::unavailable(format!("vmalert did not reload within {:?}", self.timeout));
                tokio::time::timeout(self.timeout, waiting).await.map_err(|_| late())?
            }
        }
    }

    /// vmalert answers before it reloads. But it reloads one after the other, and counts each as it begins it: when a
    /// second has begun, the first has ended, and what is said of the last that ended is about our files. What it says
    /// may be a second old, so each round may take as long.
    async fn reload_vmalert(&self) -> Result<(), ReloadError> {
        let before = self.reloads().await?;
        let mut seen = before;
        for round in 1..=2 {
            self.ask_to_reload().await?;
            let mut wait = Duration::from_millis(5);
            while seen.begun < before.begun + round {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LOOK_EVERY);
                seen = self.reloads().await?;
                if seen.begun < before.begun {
                    return Err(
                        RulerError::unavailable("vmalert was started anew meanwhile".to_owned()).into()
                    );
                }
            }
        }
        // It tells the reason only to its log and to people.
        let words = || "vmalert kept its former rules; its log says why".to_owned();
        if seen.good { Ok(()) } else { Err(ReloadError::Refused(words())) }
    }

    async fn ask_to_reload(&self) -> Result<(), ReloadError> {
        let request = PlainRequest { method: "POST", path: "/-/reload", query: &[], route: "reload" };
        let answer = self.connection.send(request).await?;
        let (status, words) = said(answer).await;
        reload_meaning(status, &words)
    }

    async fn reloads(&self) -> Result<Reloads, RulerError> {
        let request = PlainRequest { method: "GET", path: "/metrics", query: &[], route: "metrics" };
        let mut answer = self.connection.send(request).await?;
        if answer.status() != 200 {
            return Err(refused(answer).await);
        }
        let (mut begun, mut good, mut line) = (None, None, Vec::new());
        loop {
            let portion = answer.portion().await?;
            // The last line may lack its end.
            for &byte in portion.as_deref().unwrap_or(b"\n") {
                if byte != b'\n' {
                    // The beginning is enough to tell ours from others.
                    if line.len() < LINE_BYTES {
                        line.push(byte);
                    }
                    continue;
                }
                begun = begun.or_else(|| value(&line, "vmalert_config_last_reload_total"));
                good = good.or_else(|| value(&line, "vmalert_config_last_reload_successful"));
                line.clear();
            }
            if portion.is_none() {
                break;
            }
        }
        let (Some(begun), Some(good)) = (begun, good) else {
            let message =
                "its /metrics lack vmalert_config_last_reload_total and _successful: is this a vmalert?";
            return Err(RulerError::Misconfigured { message: message.to_owned() });
        };
        Ok(Reloads { begun, good: good == 1 })
    }

    /// Passes on the loaded groups of these namespaces, with the namespace of each. If none is found although there
    /// `should` be some, everything is looked through, in case the server sees the directory elsewhere.
    pub(crate) async fn loaded(
        &self,
        namespaces: &[&str],
        should: bool,
        found: &mut (dyn FnMut(String, LoadedGroup) + Send),
    ) -> Result<(), RulerError> {
        let directory = self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let files: Vec<String> =
            namespaces.iter().map(|name| format!("{directory}/{}", names::file_name(name))).collect();
        let wanted: HashSet<&str> = namespaces.iter().copied().collect();
        let short = files.iter().map(|file| file.len() * 2 + 10).sum::<usize>() <= QUERY_BYTES;
        let filters = [short.then_some(files.as_slice()), (should || !short).then_some(&[])];
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

    /// What is loaded from these files, or from all. Servers that do not know the filter answer with everything.
    async fn rules(
        &self,
        files: &[String],
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<(), RulerError> {
        let mut query = vec![("exclude_alerts", "true")];
        query.extend(files.iter().map(|file| ("file[]", file.as_str())));
        let request = PlainRequest { method: "GET", path: "/api/v1/rules", query: &query, route: "rules" };
        let mut answer = self.connection.send(request).await?;
        if answer.status() != 200 {
            return Err(refused(answer).await);
        }
        let mut reader = answer.loaded();
        let mut turn = Instant::now();
        while let Some(portion) = answer.portion().await? {
            reader.push(&portion, found).map_err(|error| answer.redacted(error))?;
            // A long answer must not keep other tasks from their turn.
            if turn.elapsed() > Duration::from_millis(5) {
                tokio::task::yield_now().await;
                turn = Instant::now();
            }
        }
        reader.finish().map(drop).map_err(|error| answer.redacted(error))
    }
}

/// What the answer to a request to reload says.
fn reload_meaning(status: u16, words: &str) -> Result<(), ReloadError> {
    let words = shortened(words);
    Err(match status {
        200..=299 => return Ok(()),
        500 if words.contains("reload") => return Err(ReloadError::Refused(words)),
        403 if words.contains("Lifecycle API is not enabled") => RulerError::Misconfigured {
            message: format!("{words} Start Prometheus with --web.enable-lifecycle."),
        },
        401 | 403 | 407 => RulerError::Denied { message: described(status, &words) },
        300..=399 | 404 | 405 => {
            RulerError::Misconfigured { message: format!("{}: check the address", described(status, &words)) }
        }
        _ => RulerError::unavailable(described(status, &words)),
    }
    .into())
}

/// Status and words of an answer: of a page none, of a redirect where it leads.
async fn said(answer: PlainAnswer) -> (u16, String) {
    let status = answer.status();
    let words = match answer.redirection() {
        Some(redirection) => format!("redirected {redirection}"),
        None if answer.content_type() == "text/html" => String::new(),
        None => answer.words().await,
    };
    (status, words)
}

async fn refused(answer: PlainAnswer) -> RulerError {
    let (status, words) = said(answer).await;
    let message = described(status, &shortened(&words));
    match status {
        401 | 403 | 407 => RulerError::Denied { message },
        408 | 425 | 429 | 500..=599 => RulerError::unavailable(message),
        _ => RulerError::Misconfigured { message: format!("{message}: check the address") },
    }
}

fn described(status: u16, words: &str) -> String {
    if words.is_empty() { format!("status {status}") } else { format!("{words} ({status})") }
}

fn shortened(words: &str) -> String {
    cut(words.trim(), MESSAGE_BYTES)
}

/// A text of so many bytes at most, about.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    match text.char_indices().find(|(index, _)| *index >= bytes) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The value of a metric, if the line is its.
fn value(line: &[u8], name: &str) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix(name)?.strip_prefix(' ')?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_to_a_reload_has_a_meaning() {
        let class = |status, words: &str| match reload_meaning(status, words) {
            Ok(()) => "done",
            Err(ReloadError::Refused(_)) => "refused",
            Err(ReloadError::Failed(error)) => error.class(),
        };
        for (status, words, expected) in [
            (200, "", "done"),
            (204, "", "done"),
            (
                500,
                "failed to reload config: one or more errors occurred while applying the new configuration",
                "refused",
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
            assert_eq!(class(status, words), expected, "{status} {words}");
        }
    }

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        assert_eq!(value(b"vmalert_x_total 12", "vmalert_x_total"), Some(12));
        assert_eq!(value(b"vmalert_x_total_more 12", "vmalert_x_total"), None);
        assert_eq!(value(b"# TYPE vmalert_x_total counter", "vmalert_x_total"), None);
        assert_eq!(value(b"vmalert_x_total \xff", "vmalert_x_total"), None);
    }
}
