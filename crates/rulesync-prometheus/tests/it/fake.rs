//! A fake server that reads rule files like Prometheus or vmalert: strictly, all files or none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rulesync_prometheus::Variant;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

/// The behaviour and state of the fake server. May be changed at any time.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    /// The number of reload requests.
    pub(crate) reloads: usize,
    /// Set if the last reload succeeded.
    pub(crate) last_good: bool,
    /// Set if reloading over HTTP is disabled.
    pub(crate) lifecycle_off: bool,
    /// Set if responses contain the reason of a rejection, as newer servers may.
    pub(crate) explains: bool,
    /// Set if the server does not know `file[]`, like Prometheus 2.42.
    pub(crate) ignores_filters: bool,
    /// Set if the API for loaded rules is unavailable.
    pub(crate) api_down: bool,
    /// The reported version, if any.
    pub(crate) version: Option<&'static str>,
    /// The number of groups in responses.
    pub(crate) groups_answered: usize,
    started: usize,
    /// Parsed files by their text.
    parsed: HashMap<String, RuleFile>,
    /// The response of `/metrics`, and how often it is repeated: vmalert updates it at most once a second.
    page: (String, usize),
    loaded: Vec<(String, Group)>,
}

#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The directory, and its path as the server reports it.
    directory: PathBuf,
    seen_as: String,
    variant: Variant,
    behaviour: Mutex<Behaviour>,
    /// A permit for each reload that may proceed.
    gate: Semaphore,
    signal: mpsc::Sender<()>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    groups: Vec<Group>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    #[allow(dead_code, reason = "parsed but not used")]
    interval: Option<String>,
    query_offset: Option<String>,
    #[serde(default)]
    #[allow(dead_code, reason = "parsed but not used")]
    limit: Option<i64>,
    #[serde(default)]
    #[allow(dead_code, reason = "parsed but not used")]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "parsed but not used")]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(rename = "for")]
    hold: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Fake {
    /// Starts a server that reads `directory`, and reports its path as `seen_as`.
    pub(crate) async fn start(directory: &Path, seen_as: &str, variant: Variant) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (signal, mut signals) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            seen_as: seen_as.to_owned(),
            variant,
            behaviour: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            signal,
        });
        let worker = Arc::clone(&shared);
        tokio::spawn(async move {
            // vmalert: sequential reloads, each counted when it starts.
            while signals.recv().await.is_some() {
                worker.behaviour().started += 1;
                worker.gate.acquire().await.unwrap().forget();
                // vmalert reports the reason only in its log.
                let _ = worker.load();
            }
        });
        let routes = axum::Router::new()
            .route("/-/reload", post(reload))
            .route("/api/v1/rules", get(rules))
            .route("/api/v1/status/buildinfo", get(build_info))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, shared }
    }

    pub(crate) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.shared.behaviour()
    }

    /// Blocks reloads until [`Self::release_reloads`].
    pub(crate) fn hold_reloads(&self) {
        self.shared.gate.forget_permits(usize::MAX);
    }

    /// Lets all reloads proceed.
    pub(crate) fn release_reloads(&self) {
        self.shared.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// The loaded groups, as `file/group`.
    pub(crate) fn loaded(&self) -> Vec<String> {
        let behaviour = self.behaviour();
        let mut names: Vec<String> =
            behaviour.loaded.iter().map(|(file, group)| format!("{file}/{}", group.name)).collect();
        names.sort();
        names
    }
}

impl Shared {
    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().unwrap()
    }

    /// Loads all files, or keeps the loaded groups; the error names the file.
    fn load(&self) -> Result<(), String> {
        let mut loaded = Vec::new();
        let result = std::fs::read_dir(&self.directory).unwrap().try_for_each(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.ends_with(".yaml") {
                return Ok(());
            }
            let text = std::fs::read_to_string(self.directory.join(&name)).unwrap();
            let parsed = self.behaviour().parsed.get(&text).cloned();
            let file: RuleFile = match parsed {
                Some(file) => file,
                None => serde_saphyr::from_str(&text)
                    .map_err(|error| format!("{}/{name}: {error}", self.seen_as))?,
            };
            self.behaviour().parsed.insert(text, file.clone());
            let mut names = HashSet::new();
            for group in file.groups {
                let wrong = |what: &str| {
                    Err(format!(
                        "{}/{name}: 1:1: group {:?}, rule 1, \"A\": {what}",
                        self.seen_as, group.name
                    ))
                };
                if !names.insert(group.name.clone()) {
                    return wrong("repeated in the same file");
                }
                let is_old = self.behaviour().version.is_some_and(|version| version.starts_with("2."));
                if is_old && !group.labels.is_empty() {
                    return wrong("field labels not found in type rulefmt.RuleGroup");
                }
                if group.rules.iter().any(|rule| rule.expr.contains("BROKEN") || rule.expr == "sum(") {
                    return wrong("could not parse expression");
                }
                if self.variant == Variant::Vmalert && group.query_offset.is_some() {
                    return wrong("unknown fields in group: query_offset");
                }
                loaded.push((name.clone(), group));
            }
            Ok(())
        });
        let mut behaviour = self.behaviour();
        behaviour.last_good = result.is_ok();
        if result.is_ok() {
            behaviour.loaded = loaded;
        }
        result
    }
}

async fn reload(State(shared): State<Arc<Shared>>) -> Response {
    let explains = {
        let mut behaviour = shared.behaviour();
        if behaviour.lifecycle_off {
            return (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response();
        }
        behaviour.reloads += 1;
        behaviour.explains
    };
    if shared.variant == Variant::Vmalert {
        // One pending signal is enough.
        let _ = shared.signal.try_send(());
        return StatusCode::OK.into_response();
    }
    shared.gate.acquire().await.unwrap().forget();
    match shared.load() {
        Ok(()) => StatusCode::OK.into_response(),
        Err(why) => {
            let words =
                "failed to reload config: one or more errors occurred while applying the new configuration";
            let why = if explains { format!(": {why}") } else { String::new() };
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{words} (--config.file=\"prometheus.yml\"){why}\n"))
                .into_response()
        }
    }
}

async fn rules(State(shared): State<Arc<Shared>>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let mut behaviour = shared.behaviour();
    if behaviour.api_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let files: HashSet<&str> =
        query.iter().filter(|(key, _)| key == "file[]").map(|(_, file)| file.as_str()).collect();
    let everything = files.is_empty() || behaviour.ignores_filters;
    let rule = |rule: &Rule| {
        let name = rule.alert.as_ref().or(rule.record.as_ref());
        if rule.expr.contains("FAILING") {
            json!({"name": name, "health": "err", "lastError": "many-to-many", "lastEvaluation": "2026-11-23T03:27:26Z"})
        } else {
            json!({"name": name, "health": "ok", "lastEvaluation": "2026-11-23T03:27:26Z"})
        }
    };
    let groups: Vec<Value> = behaviour
        .loaded
        .iter()
        .map(|(name, group)| (format!("{}/{name}", shared.seen_as), group))
        .filter(|(file, _)| everything || files.contains(file.as_str()))
        .map(|(file, group)| {
            json!({"name": group.name, "file": file, "rules": group.rules.iter().map(rule).collect::<Vec<_>>()})
        })
        .collect();
    behaviour.groups_answered += groups.len();
    axum::Json(json!({"status": "success", "data": {"groups": groups}})).into_response()
}

async fn build_info(State(shared): State<Arc<Shared>>) -> Response {
    match shared.behaviour().version {
        Some(version) => {
            axum::Json(json!({"status": "success", "data": {"version": version}})).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let mut behaviour = shared.behaviour();
    if behaviour.page.1 == 0 {
        let good = u8::from(behaviour.last_good);
        let text = format!(
            "vmalert_config_last_reload_errors_total 7\nvmalert_config_last_reload_successful {good}\nvmalert_config_last_reload_total {}\nother 1",
            behaviour.started
        );
        behaviour.page = (text, 3);
    }
    behaviour.page.1 -= 1;
    ([(header::CONTENT_TYPE, "text/plain")], behaviour.page.0.clone()).into_response()
}
