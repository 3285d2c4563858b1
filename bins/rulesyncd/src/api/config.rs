//! The configuration in force, without secrets.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::answer::tagged;
use crate::context::Context;

/// Returns the configuration in force.
pub(super) async fn config(State(context): State<Context>, headers: HeaderMap) -> Response {
    match context.turns().page().await {
        Ok(turn) => tagged(&headers, &context.configuration().json(), turn),
        Err(busy) => busy.into_response(),
    }
}
