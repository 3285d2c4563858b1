//! Short pages that say why there is no other.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::html;
use rulesync_core::model::DestinationId;

use super::frame::{Frame, with_headers};
use super::look::foreign;
use crate::ask::NoAnswer;
use crate::turns::Busy;

/// Returns a short page that says why there is no other.
pub(super) fn refusal(frame: &Frame, status: StatusCode, title: &str, why: &str) -> Response {
    let main = html! {
        h1 { (title) }
        p { (foreign(why)) }
        p { a href=(frame.root.to("")) { "To the overview" } }
    };
    (status, with_headers(frame.page(None, title, &main).into_string().into_response())).into_response()
}

/// What every page says when the engine does not answer.
pub(super) fn unanswered(frame: &Frame, no_answer: &NoAnswer) -> Response {
    refusal(frame, StatusCode::SERVICE_UNAVAILABLE, "No answer", &no_answer.to_string())
}

/// What every page says when as many are being read as there may be.
pub(super) fn busy(frame: &Frame, busy: &Busy) -> Response {
    refusal(frame, StatusCode::SERVICE_UNAVAILABLE, "Busy", &busy.to_string())
}

/// What is said of a destination that is not there.
pub(super) fn no_destination(frame: &Frame, id: &DestinationId) -> Response {
    let why = format!("there is no destination {id}");
    refusal(frame, StatusCode::NOT_FOUND, "No such destination", &why)
}
