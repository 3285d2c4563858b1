//! The whole status, and explanations.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rulesync_core::finding::Printable;

use super::answer::json;
use crate::context::Context;
use crate::question::{Parameters, Question};

/// Returns the status of everything.
pub(super) async fn status(State(context): State<Context>) -> Response {
    let turn = match context.turns().status().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    let status = match context.engine().status().await {
        Ok(status) => status,
        Err(no_answer) => return no_answer.into_response(),
    };
    json(&status, turn)
}

/// Explains one object or one ruler namespace. Unlike the status, it contains rules, as they are sent to rulers.
pub(super) async fn explain(
    State(context): State<Context>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let parameters = parameters.map_err(|rejection| rejection.body_text());
    let question = match parameters.and_then(|Query(parameters)| Question::try_from(parameters)) {
        Ok(question) => question,
        Err(problem) => {
            return (StatusCode::BAD_REQUEST, format!("{}\n", Printable(problem))).into_response();
        }
    };
    let turn = match context.turns().status().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    match context.engine().explain(question).await {
        Ok(explained) => json(&explained, turn),
        Err(no_answer) => no_answer.into_response(),
    }
}
