//! The whole status, and explanations.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use rulesync_core::model::ObjectId;
use rulesync_core::status::Status;

use super::answer::{Pieces, bad_request, json, streamed};
use crate::context::Context;
use crate::question::{Parameters, Question};

/// The number of objects that the engine is asked for at once.
const BATCH: usize = 500;

/// Returns the status of everything: one JSON document, of which a part at a time is in memory.
pub(super) async fn status(State(context): State<Context>) -> Response {
    let turn = match context.turns().status().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    let overview = match context.engine().overview().await {
        Ok(overview) => overview,
        Err(no_answer) => return no_answer.into_response(),
    };
    let (pieces, body) = streamed(turn);
    tokio::spawn(async move {
        // Without the objects, there is less of it than was said: then the answer is cut off.
        if send(&context, &overview, &pieces).await.is_some() {
            pieces.end().await;
        }
    });
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Sends a status piece by piece; returns none if a piece is missing.
async fn send(context: &Context, overview: &Status, pieces: &Pieces) -> Option<()> {
    let whole = serde_json::to_vec(overview).ok()?;
    // The objects come last, and are none so far.
    let open = whole.strip_suffix(b"]}")?;
    if !pieces.send(open.to_vec()).await {
        return None;
    }
    let (mut after, mut first): (Option<ObjectId>, bool) = (None, true);
    loop {
        let ids = context.states().ids(after.as_ref(), BATCH);
        let Some(last) = ids.last().cloned() else { break };
        after = Some(last);
        let objects = context.engine().objects(ids).await.ok()?;
        let mut piece = Vec::new();
        for object in &objects {
            if !std::mem::take(&mut first) {
                piece.push(b',');
            }
            serde_json::to_writer(&mut piece, object).ok()?;
        }
        if !piece.is_empty() && !pieces.send(piece).await {
            return None;
        }
    }
    pieces.send(&b"]}"[..]).await.then_some(())
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
            return bad_request(problem);
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
