//! The web pages: metrics, health and status. How they are served is in `serve.rs`.

use rulesync_core::engine::Metrics;
use rulesync_core::finding::Printable;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rulesync_core::model::{DestinationId, TenantError};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ask::{Asking, NoAnswer};
use crate::location::Location;
use crate::origin;
use crate::question::{Parameters, Question};

/// The number of status pages that may be in memory at once, however slowly they are read.
const STATUSES: usize = 2;

/// The number of metrics pages, which are smaller.
const EXPOSITIONS: usize = 4;

/// How long a request waits while that many are in memory.
const TURN: Duration = Duration::from_secs(5);

/// The state that the pages share.
#[derive(Clone)]
pub(crate) struct Pages {
    engine: Asking,
    metrics: Metrics,
    /// Whether requests that change something are allowed.
    admin: bool,
    location: Arc<Location>,
    statuses: Arc<Semaphore>,
    expositions: Arc<Semaphore>,
}

impl Pages {
    pub(crate) fn new(engine: Asking, metrics: Metrics, admin: bool, location: Location) -> Self {
        let (statuses, expositions) = (Semaphore::new(STATUSES), Semaphore::new(EXPOSITIONS));
        let (statuses, expositions) = (Arc::new(statuses), Arc::new(expositions));
        Self { engine, metrics, admin, location: Arc::new(location), statuses, expositions }
    }

    /// Where the pages are reached.
    pub(crate) fn location(&self) -> &Arc<Location> {
        &self.location
    }
}

/// All pages, below the route prefix.
pub(crate) fn router(pages: Pages) -> Router {
    let location = Arc::clone(pages.location());
    let pages = Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(healthy))
        .route("/healthz", get(healthy))
        .route("/-/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/api/v1/status", get(status))
        .route("/api/v1/explain", get(explain))
        .route("/api/v1/release-deletes", post(release_all))
        .route("/api/v1/destinations/{ruler}/release-deletes", post(release_without_tenant))
        .route("/api/v1/destinations/{ruler}/{tenant}/release-deletes", post(release))
        .layer(middleware::from_fn_with_state(Arc::clone(&location), origin::refuse_others))
        .with_state(pages);
    location.route_prefix().serve(pages)
}

/// The text of the index page.
const INDEX: &str = "\
rulesyncd

GET  /metrics             metrics
GET  /-/healthy           the process is alive (/healthz is the same)
GET  /-/ready             every source has listed its objects (/readyz is the same)
GET  /api/v1/status       sources, destinations and objects, as JSON
GET  /api/v1/explain      why an object is where it is (?object=NAMESPACE/NAME), or whose a
                          ruler namespace is (?ruler_namespace=NAME), as JSON

With --web.enable-admin-api:
POST /api/v1/release-deletes                                release the held deletes of all destinations
POST /api/v1/destinations/{ruler}/release-deletes           of a ruler without tenants
POST /api/v1/destinations/{ruler}/{tenant}/release-deletes  of a tenant
";

async fn index(State(pages): State<Pages>) -> String {
    let prefix = pages.location().route_prefix();
    if prefix.is_root() { INDEX.to_owned() } else { format!("{INDEX}\nAll of them are below {prefix}\n") }
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let Some(permit) = turn(&pages.expositions).await else { return too_many() };
    let mut text = String::new();
    match pages.metrics.encode(&mut text) {
        Ok(()) => {
            text.push_str("# EOF\n");
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
    json(&status, permit)
}

/// Explains one object or one ruler namespace. Unlike the status, it contains rules, as they are sent to rulers.
async fn explain(
    State(pages): State<Pages>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let parameters = parameters.map_err(|rejection| rejection.body_text());
    let question = match parameters.and_then(|Query(parameters)| Question::try_from(parameters)) {
        Ok(question) => question,
        Err(problem) => {
            return (StatusCode::BAD_REQUEST, format!("{}\n", Printable(problem))).into_response();
        }
    };
    let Some(permit) = turn(&pages.statuses).await else { return too_many() };
    match pages.engine.explain(question).await {
        Ok(explained) => json(&explained, permit),
        Err(no_answer) => no_answer.into_response(),
    }
}

fn json(value: &impl Serialize, permit: OwnedSemaphorePermit) -> Response {
    match serde_json::to_vec(value) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], counted(json, permit)).into_response(),
        Err(error) => failed(error),
    }
}

async fn release_all(State(pages): State<Pages>) -> Response {
    if !pages.admin {
        return admin_is_off();
    }
    match pages.engine.release_all_deletes().await {
        Ok(namespaces) => {
            tracing::info!(namespaces, "Held deletes of all destinations released");
            released(namespaces)
        }
        Err(no_answer) => not_yet_released(no_answer),
    }
}

async fn release_without_tenant(State(pages): State<Pages>, Path(ruler): Path<String>) -> Response {
    release_at(pages, &ruler, None).await
}

async fn release(State(pages): State<Pages>, Path((ruler, tenant)): Path<(String, String)>) -> Response {
    release_at(pages, &ruler, Some(&tenant)).await
}

/// Releases the deletes that the guard holds at a destination.
async fn release_at(pages: Pages, ruler: &str, tenant: Option<&str>) -> Response {
    if !pages.admin {
        return admin_is_off();
    }
    let destination = match destination(ruler, tenant) {
        Ok(destination) => destination,
        Err(problem) => {
            let problem = Printable(problem);
            let text = format!("{problem}: write POST /api/v1/destinations/RULER/TENANT/release-deletes\n");
            return (StatusCode::NOT_FOUND, text).into_response();
        }
    };
    match pages.engine.release_deletes(&destination).await {
        Ok(Some(namespaces)) => {
            tracing::info!(%destination, namespaces, "Held deletes released");
            released(namespaces)
        }
        Ok(None) => {
            let text = format!("{}\n", Printable(format_args!("there is no destination {destination}")));
            (StatusCode::NOT_FOUND, text).into_response()
        }
        Err(no_answer) => not_yet_released(no_answer),
    }
}

fn admin_is_off() -> Response {
    let hint = "the admin API is off: start rulesyncd with --web.enable-admin-api\n";
    (StatusCode::FORBIDDEN, hint).into_response()
}

fn released(namespaces: usize) -> Response {
    format!("released the deletes in {namespaces} namespaces\n").into_response()
}

fn not_yet_released(no_answer: NoAnswer) -> Response {
    match no_answer {
        NoAnswer::Busy { .. } => {
            let text = format!("{no_answer}; the deletes may be released when it answers again\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        NoAnswer::Ended => no_answer.into_response(),
    }
}

/// Returns the destination that a path names. Names of rulers are not empty and contain no `/`, however they are encoded.
fn destination(ruler: &str, tenant: Option<&str>) -> Result<DestinationId, String> {
    if ruler.is_empty() || ruler.contains('/') {
        return Err(format!("`{ruler}` is not the name of a ruler"));
    }
    let tenant = tenant.map(str::parse).transpose().map_err(|error: TenantError| error.to_string())?;
    Ok(DestinationId { ruler: ruler.into(), tenant })
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

/// Returns a body that holds its permit until its last byte is sent or the connection is closed.
fn counted(bytes: Vec<u8>, permit: OwnedSemaphorePermit) -> Bytes {
    struct Counted(Vec<u8>, #[expect(dead_code, reason = "dropped with the body")] OwnedSemaphorePermit);
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Counted(bytes, permit))
}

#[cfg(test)]
pub(crate) mod tests;
