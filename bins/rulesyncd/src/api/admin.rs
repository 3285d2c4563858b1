//! What programs may do, with `--web.enable-admin-api`: release held deletes, and have a destination compared now. The
//! pages have their own (`pages/action.rs`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rulesync_core::finding::Printable;

use super::answer::not_found;
use crate::ask::NoAnswer;
use crate::context::Context;
use crate::question::destination;

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

/// Releases those of a ruler without tenants.
pub(super) async fn release_without_tenant(
    State(context): State<Context>,
    Path(ruler): Path<String>,
) -> Response {
    release_at(context, &ruler, None).await
}

/// Releases those of a tenant.
pub(super) async fn release_of_tenant(
    State(context): State<Context>,
    Path((ruler, tenant)): Path<(String, String)>,
) -> Response {
    release_at(context, &ruler, Some(&tenant)).await
}

/// Releases the deletes that the guard holds at a destination.
async fn release_at(context: Context, ruler: &str, tenant: Option<&str>) -> Response {
    if !context.admin() {
        return admin_is_off();
    }
    let destination = match destination(ruler, tenant) {
        Ok(destination) => destination,
        Err(problem) => {
            let problem = Printable(problem);
            let text = format!("{problem}: write POST /api/v1/destinations/RULER/TENANT/release-deletes\n");
            return (StatusCode::NOT_FOUND, text).into_response();
        }
    };
    match context.engine().release_deletes(&destination).await {
        Ok(Some(namespaces)) => {
            tracing::info!(%destination, namespaces, "Held deletes released");
            released(namespaces)
        }
        Ok(None) => not_found(format_args!("destination {destination}")),
        Err(no_answer) => not_yet_released(no_answer),
    }
}

/// Has a destination of a ruler without tenants compared now.
pub(super) async fn sync_without_tenant(
    State(context): State<Context>,
    Path(ruler): Path<String>,
) -> Response {
    sync_at(&context, &ruler, None).await
}

/// Has the destination of a tenant compared now.
pub(super) async fn sync_of_tenant(
    State(context): State<Context>,
    Path((ruler, tenant)): Path<(String, String)>,
) -> Response {
    sync_at(&context, &ruler, Some(&tenant)).await
}

async fn sync_at(context: &Context, ruler: &str, tenant: Option<&str>) -> Response {
    if !context.admin() {
        return admin_is_off();
    }
    let destination = match destination(ruler, tenant) {
        Ok(destination) => destination,
        Err(problem) => return not_found(format_args!("such destination: {problem}")),
    };
    match context.engine().sync_now(&destination).await {
        Ok(true) => "the ruler is listed and compared now\n".into_response(),
        Ok(false) => not_found(format_args!("destination {destination}")),
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
