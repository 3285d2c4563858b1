//! The web pages: metrics, health and status.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prometheus_client::registry::Registry;
use rulesync_core::EngineHandle;

/// What the pages show.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) engine: EngineHandle,
    pub(crate) registry: Arc<Registry>,
    /// Whether requests that change something are served.
    pub(crate) admin: bool,
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
        .with_state(pages)
}

async fn index() -> &'static str {
    "rulesyncd\n\n/metrics        metrics\n/-/healthy      the process lives\n/-/ready        every source has shown all it has\n/api/v1/status  sources, targets and objects, as JSON\n"
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &pages.registry) {
        Ok(()) => ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn healthy() -> &'static str {
    "healthy\n"
}

async fn ready(State(pages): State<Pages>) -> Response {
    match pages.engine.sources().await {
        Some(sources) if sources.iter().all(|source| source.ready) => "ready\n".into_response(),
        Some(sources) => {
            let waiting = sources.iter().filter(|source| !source.ready).map(|source| {
                format!(
                    "waiting for source {}: {}\n",
                    source.name,
                    source.unavailable.as_deref().unwrap_or("first snapshot")
                )
            });
            (StatusCode::SERVICE_UNAVAILABLE, waiting.collect::<String>()).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "the engine does not run\n").into_response(),
    }
}

async fn release_without_tenant(State(pages): State<Pages>, Path(ruler): Path<String>) -> Response {
    release_deletes(pages, ruler).await
}

async fn release(State(pages): State<Pages>, Path((ruler, tenant)): Path<(String, String)>) -> Response {
    release_deletes(pages, format!("{ruler}/{tenant}")).await
}

/// Lets the deletes pass that the guard holds back.
async fn release_deletes(pages: Pages, target: String) -> Response {
    if !pages.admin {
        let hint = "the admin API is off: start rulesyncd with --web.enable-admin-api\n";
        return (StatusCode::FORBIDDEN, hint).into_response();
    }
    match pages.engine.release_deletes(&target).await {
        Some(namespaces) => {
            tracing::info!(target, namespaces, "held deletes are released");
            format!("released the deletes in {namespaces} namespaces\n").into_response()
        }
        None => (StatusCode::NOT_FOUND, format!("there is no target {target}\n")).into_response(),
    }
}

async fn status(State(pages): State<Pages>) -> Response {
    match pages.engine.status().await {
        Some(status) => axum::Json(status).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the engine does not run\n").into_response(),
    }
}
