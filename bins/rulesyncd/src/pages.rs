//! The pages for people: rendered here, readable without scripts, and refreshed by a script where there is one.
//!
//! | path | page |
//! |---|---|
//! | `/` | what is wrong now, and what there is (`overview.rs`) |
//! | `/objects` | the list of objects (`objects.rs`) |
//! | `/objects/{source}/{kind}/{namespace}/{name}` | one object (`object.rs`) |
//! | `/destinations` | the list of destinations (`destinations.rs`) |
//! | `/destinations/{ruler}/{tenant}` | one destination (`destination.rs`) |
//! | `/config` | the configuration in force (`configuration.rs`) |
//! | `/assets/…` | style sheet, script, icon (`assets.rs`) |
//! | `POST /actions/…` | what can be done by a page (`action.rs`) |
//!
//! Everything that an author, a ruler or a cluster wrote passes `look::foreign` or `look::plain`.

mod action;
mod assets;
mod configuration;
mod destination;
mod destinations;
mod excerpt;
mod filter;
mod findings;
mod frame;
mod index;
mod link;
mod look;
mod object;
mod objects;
mod overview;
mod paging;
mod refusal;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::context::Context;
use frame::Frame;
use refusal::refusal;

/// The pages, by their paths.
pub(crate) fn router() -> Router<Context> {
    let pages = Router::new()
        .route("/", get(overview::page))
        .route("/objects", get(objects::page))
        .route("/objects/{source}/{kind}/{namespace}/{name}", get(object::page))
        .route("/destinations", get(destinations::page))
        .route("/destinations/{ruler}", get(destination::without_tenant))
        .route("/destinations/{ruler}/{tenant}", get(destination::of_tenant))
        .route("/config", get(configuration::page))
        .route("/assets/{name}", get(assets::asset));
    action::route(pages)
}

/// What is answered where there is no page.
pub(crate) async fn nowhere(State(context): State<Context>, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return (StatusCode::NOT_FOUND, "there is nothing here: / lists all pages\n").into_response();
    }
    refusal(
        &Frame::of(&context, &uri),
        StatusCode::NOT_FOUND,
        "No such page",
        "there is nothing at this address",
    )
}

#[cfg(test)]
pub(crate) mod tests;
