//! The web pages: metrics, health and status. How they are served is in `serve.rs`.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ask::{Asking, NoAnswer};
use crate::origin;
use crate::printable::Printable;

/// How many answers of many objects may be in memory at once, however slowly they are read.
const STATUSES: usize = 2;

/// The same for metrics, which are smaller.
const EXPOSITIONS: usize = 4;

/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Pages {
    engine: Asking,
    registry: Arc<Registry>,
    /// Whether requests that change something are served.
    admin: bool,
    statuses: Arc<Semaphore>,
    expositions: Arc<Semaphore>,
}

impl Pages {
    pub(crate) fn new(engine: Asking, registry: Registry, admin: bool) -> Self {
        let (statuses, expositions) = (Semaphore::new(STATUSES), Semaphore::new(EXPOSITIONS));
        let (statuses, expositions) = (Arc::new(statuses), Arc::new(expositions));
        Self { engine, registry: Arc::new(registry), admin, statuses, expositions }
    }
}

/// All pages.
pub(crate) fn router(pages: Pages) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/healthz", get(healthy))
        .route("/-/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/api/v1/status", get(status))
        .route("/api/v1/targets/{ruler}/release-deletes", post(release_without_tenant))
        .route("/api/v1/targets/{ruler}/{tenant}/release-deletes", post(release))
        .layer(middleware::from_fn(origin::refuse_others))
        .with_state(pages)
}

async fn index() -> &'static str {
    "rulesyncd\n\n/metrics        metrics\n/-/healthy      the process lives\n/-/ready        every source has shown all it has\n/api/v1/status  sources, targets and objects, as JSON\n"
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let Some(permit) = turn(&pages.expositions).await else { return too_many() };
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &pages.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], counted(text.into_bytes(), permit)).into_response()
        }
        Err(error) => failed(error),
    }
}

async fn healthy() -> &'static str {
    "healthy\n"
}

async fn ready(State(pages): State<Pages>) -> Response {
    match pages.engine.sources().await {
        Ok(sources) if sources.iter().all(|source| source.ready) => "ready\n".into_response(),
        Ok(sources) => {
            let waiting = sources.iter().filter(|source| !source.ready).map(|source| {
                let why = source.unavailable.as_deref().unwrap_or("first snapshot");
                format!("{}\n", Printable(format_args!("waiting for source {}: {why}", source.name)))
            });
            (StatusCode::SERVICE_UNAVAILABLE, waiting.collect::<String>()).into_response()
        }
        Err(no_answer) => no_answer.into_response(),
    }
}

async fn status(State(pages): State<Pages>) -> Response {
    let Some(permit) = turn(&pages.statuses).await else { return too_many() };
    let status = match pages.engine.status().await {
        Ok(status) => status,
        Err(no_answer) => return no_answer.into_response(),
    };
    match serde_json::to_vec(&status) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], counted(json, permit)).into_response(),
        Err(error) => failed(error),
    }
}

async fn release_without_tenant(State(pages): State<Pages>, Path(ruler): Path<String>) -> Response {
    release_deletes(pages, &ruler, None).await
}

async fn release(State(pages): State<Pages>, Path((ruler, tenant)): Path<(String, String)>) -> Response {
    release_deletes(pages, &ruler, Some(&tenant)).await
}

/// Lets the deletes pass that the guard holds back.
async fn release_deletes(pages: Pages, ruler: &str, tenant: Option<&str>) -> Response {
    if !pages.admin {
        let hint = "the admin API is off: start rulesyncd with --web.enable-admin-api\n";
        return (StatusCode::FORBIDDEN, hint).into_response();
    }
    let Some(target) = target(ruler, tenant) else {
        let hint = "neither a ruler nor a tenant holds a `/`: write POST /api/v1/targets/RULER/TENANT/release-deletes\n";
        return (StatusCode::NOT_FOUND, hint).into_response();
    };
    match pages.engine.release_deletes(&target).await {
        Ok(Some(namespaces)) => {
            tracing::info!(target, namespaces, "held deletes are released");
            format!("released the deletes in {namespaces} namespaces\n").into_response()
        }
        Ok(None) => {
            let text = format!("{}\n", Printable(format_args!("there is no target {target}")));
            (StatusCode::NOT_FOUND, text).into_response()
        }
        Err(no_answer @ NoAnswer::Busy { .. }) => {
            let text = format!("{no_answer}; the deletes may be released when it answers again\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        Err(no_answer) => no_answer.into_response(),
    }
}

/// The target's name, in which `/` stands between ruler and tenant and nowhere else.
fn target(ruler: &str, tenant: Option<&str>) -> Option<String> {
    let is_part = |part: &str| !part.is_empty() && !part.contains('/');
    match tenant {
        None => is_part(ruler).then(|| ruler.to_owned()),
        Some(tenant) => (is_part(ruler) && is_part(tenant)).then(|| format!("{ruler}/{tenant}")),
    }
}

impl IntoResponse for NoAnswer {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{self}\n")).into_response()
    }
}

async fn turn(of: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    tokio::time::timeout(TURN, Arc::clone(of).acquire_owned()).await.ok()?.ok()
}

fn too_many() -> Response {
    let text = "other clients are reading this page, as many as there may be at once: try again\n";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

fn failed(error: impl Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}

/// A body that counts as in memory until its last byte is sent or given up.
fn counted(bytes: Vec<u8>, permit: OwnedSemaphorePermit) -> Bytes {
    struct Counted(Vec<u8>, #[expect(dead_code, reason = "it is there to be dropped")] OwnedSemaphorePermit);
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Counted(bytes, permit))
}

#[cfg(test)]
pub(crate) mod tests;
