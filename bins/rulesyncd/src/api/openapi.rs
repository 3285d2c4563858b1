//! The description of the API, for programs that make clients and tests of it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::tagged;
use crate::context::Context;

/// Written by hand; a test compares it with all answers.
const DESCRIPTION: &str = include_str!("openapi.yaml");

/// Returns the description as OpenAPI 3.1.
pub(super) fn document() -> Value {
    // It is valid, as a test shows.
    let mut document: Value = serde_saphyr::from_str(DESCRIPTION).unwrap_or_default();
    if let Some(version) = document.pointer_mut("/info/version") {
        *version = Value::from(env!("CARGO_PKG_VERSION"));
    }
    document
}

/// Returns the description.
pub(super) async fn openapi(State(context): State<Context>, headers: HeaderMap) -> Response {
    match context.turns().page().await {
        Ok(turn) => tagged(&headers, &document(), turn),
        Err(busy) => busy.into_response(),
    }
}
