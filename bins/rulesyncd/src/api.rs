//! The API: JSON twins of the pages, and what changes as it happens.

mod answer;
mod events;
mod release;
mod status;

use axum::Router;
use axum::routing::{get, post};

use crate::context::Context;

/// The API's own paths.
pub(crate) fn router() -> Router<Context> {
    Router::new()
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/explain", get(status::explain))
        .route("/api/v1/events", get(events::stream))
        .route("/api/v1/release-deletes", post(release::all))
        .route("/api/v1/destinations/{ruler}/release-deletes", post(release::without_tenant))
        .route("/api/v1/destinations/{ruler}/{tenant}/release-deletes", post(release::of_tenant))
}

#[cfg(test)]
mod tests;
