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
use axum::extract::{Path, State};
use axum::routing::{get, post};

use crate::context::Context;
use crate::view::action::Action;
use destinations::of_tenant_named;

/// The API, by its paths.
pub(crate) fn router() -> Router<Context> {
    let mut api = Router::new()
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
        .route("/api/v1/release-deletes", post(admin::release_all));
    for action in Action::ALL {
        // A tenant may have the name of an action.
        let named = move |state, path, headers| of_tenant_named(action.name(), state, path, headers);
        let without_tenant = move |State(context): State<Context>, Path(ruler): Path<String>| async move {
            admin::act(&context, action, &ruler, None).await
        };
        let of_tenant = move |State(context): State<Context>,
                              Path((ruler, tenant)): Path<(String, String)>| async move {
            admin::act(&context, action, &ruler, Some(&tenant)).await
        };
        let (path, name) = ("/api/v1/destinations/{ruler}", action.name());
        api = api.route(&format!("{path}/{name}"), post(without_tenant).get(named));
        api = api.route(&format!("{path}/{{tenant}}/{name}"), post(of_tenant));
    }
    api
}

#[cfg(test)]
mod tests;
