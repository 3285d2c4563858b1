//! What programs may do, with `--web.enable-admin-api`: release held deletes, and have a destination compared now. The
//! pages have forms of their own (`pages/action.rs`), which do the same (`view/action.rs`).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rulesync_core::finding::Printable;

use super::answer::not_found;
use crate::ask::NoAnswer;
use crate::context::Context;
use crate::question::destination;
use crate::view::action::{Action, Done};

/// Releases the held deletes of all destinations.
pub(super) async fn release_all(State(context): State<Context>) -> Response {
    if !context.admin() {
        return admin_is_off();
    }
    match context.engine().release_all_deletes().await {
        Ok(namespaces) => {
            tracing::info!(namespaces, "Held deletes of all destinations released");
            released(namespaces)
        }
        Err(no_answer) => not_yet_released(no_answer),
    }
}

/// Does something at a destination.
pub(super) async fn act(context: &Context, action: Action, ruler: &str, tenant: Option<&str>) -> Response {
    if !context.admin() {
        return admin_is_off();
    }
    let destination = match destination(ruler, tenant) {
        Ok(destination) => destination,
        Err(problem) => {
            let problem = Printable(problem);
            let text = format!("{problem}: write POST /api/v1/destinations/RULER/TENANT/{}\n", action.name());
            return (StatusCode::NOT_FOUND, text).into_response();
        }
    };
    match action.carry_out(context, &destination).await {
        Ok(Some(Done::Released(namespaces))) => released(namespaces),
        Ok(Some(Done::Syncing)) => "the ruler is being listed and compared\n".into_response(),
        Ok(None) => not_found(format_args!("destination {destination}")),
        Err(no_answer) if action == Action::ReleaseDeletes => not_yet_released(no_answer),
        Err(no_answer) => no_answer.into_response(),
    }
}

fn admin_is_off() -> Response {
    let hint = "the admin API is off: start rulesyncd with --web.enable-admin-api\n";
    (StatusCode::FORBIDDEN, hint).into_response()
}

fn released(namespaces: usize) -> Response {
    format!("released the deletes in {namespaces} namespaces\n").into_response()
}

fn not_yet_released(no_answer: NoAnswer) -> Response {
    match no_answer {
        NoAnswer::Busy { .. } => {
            let text = format!("{no_answer}; the deletes may be released when it answers again\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        NoAnswer::Ended => no_answer.into_response(),
    }
}
