//! Answers as JSON.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::turns::{Turn, counted};

/// Returns a value as JSON, which holds its turn until it is sent.
pub(super) fn json(value: &impl Serialize, turn: Turn) -> Response {
    match serde_json::to_vec(value) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], counted(json, turn)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
