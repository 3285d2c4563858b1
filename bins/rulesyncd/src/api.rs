//! The API: JSON twins of the pages, what changes as it happens, and what programs may do. `openapi.yaml` describes it.

mod admin;
mod answer;
mod config;
mod destinations;
mod events;
mod objects;
mod openapi;
mod overview;
mod status;

use axum::Router;
use axum::routing::{get, post};

use crate::context::Context;
use destinations::of_tenant_named;

/// The API, by its paths.
pub(crate) fn router() -> Router<Context> {
    // A tenant may have the name of an action.
    let named_release = |state, path, headers| of_tenant_named("release-deletes", state, path, headers);
    let named_sync = |state, path, headers| of_tenant_named("sync", state, path, headers);
    Router::new()
        .route("/api/v1/openapi.json", get(openapi::openapi))
        .route("/api/v1/overview", get(overview::overview))
        .route("/api/v1/objects", get(objects::list))
        .route("/api/v1/objects/{source}/{kind}/{namespace}/{name}", get(objects::one))
        .route("/api/v1/destinations", get(destinations::list))
        .route("/api/v1/destinations/{ruler}", get(destinations::without_tenant))
        .route("/api/v1/destinations/{ruler}/{tenant}", get(destinations::of_tenant))
        .route("/api/v1/config", get(config::config))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/explain", get(status::explain))
        .route("/api/v1/events", get(events::stream))
        .route("/api/v1/release-deletes", post(admin::release_all))
        .route(
            "/api/v1/destinations/{ruler}/release-deletes",
            post(admin::release_without_tenant).get(named_release),
        )
        .route("/api/v1/destinations/{ruler}/{tenant}/release-deletes", post(admin::release_of_tenant))
        .route("/api/v1/destinations/{ruler}/sync", post(admin::sync_without_tenant).get(named_sync))
        .route("/api/v1/destinations/{ruler}/{tenant}/sync", post(admin::sync_of_tenant))
}

#[cfg(test)]
mod tests;
