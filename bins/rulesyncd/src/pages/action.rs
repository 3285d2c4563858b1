//! What can be done by a page: forms with a token, for processes that were started with `--web.enable-admin-api`.
//!
//! The token is random for each process. A page of another origin cannot read it, so that a form with it is one of ours;
//! where the request comes from is checked besides (`origin.rs`).

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rulesync_core::model::DestinationId;
use serde::Deserialize;

use super::frame::Frame;
use super::link::{self, Query};
use super::look::number;
use super::refusal::{self, refusal};
use crate::context::Context;
use crate::question::destination;

/// What a form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Posted {
    token: String,
}

/// What an action has done, as the page after it is told by its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Done {
    /// The number of namespaces whose held deletes were released.
    released: Option<usize>,
    /// Whether a sync was asked for.
    sync: Option<String>,
}

impl Done {
    /// Shows what was done.
    pub(super) fn note(&self) -> Markup {
        html! {
            @if let Some(namespaces) = self.released {
                p.note role="status" {
                    "The held deletes in " (number(namespaces, "namespace", "namespaces")) " are released."
                }
            }
            @if self.sync.is_some() {
                p.note role="status" { "The ruler is listed and compared now." }
            }
        }
    }
}

/// Shows the button that releases the held deletes of a destination; nothing if actions are off.
pub(super) fn release(frame: &Frame, ruler: &str, tenant: Option<&str>) -> Markup {
    button(frame, ruler, tenant, "release-deletes", "Release held deletes")
}

/// Shows the button that has a destination compared now; nothing if actions are off.
pub(super) fn sync(frame: &Frame, ruler: &str, tenant: Option<&str>) -> Markup {
    button(frame, ruler, tenant, "sync", "Sync now")
}

fn button(frame: &Frame, ruler: &str, tenant: Option<&str>, action: &str, text: &str) -> Markup {
    html! {
        @if let (Some(token), Some(path)) = (&frame.token, link::destination(ruler, tenant)) {
            form.action method="post" action=(frame.root.to(format_args!("actions/{action}/{path}"))) {
                input type="hidden" name="token" value=(token);
                button type="submit" { (text) }
            }
        }
    }
}

type PostedForm = Result<Form<Posted>, FormRejection>;

/// Releases the held deletes of a destination without a tenant.
pub(super) async fn release_without_tenant(
    State(context): State<Context>,
    uri: Uri,
    Path(ruler): Path<String>,
    form: PostedForm,
) -> Response {
    release_at(&context, &uri, &ruler, None, form).await
}

/// Releases the held deletes of a destination.
pub(super) async fn release_of_tenant(
    State(context): State<Context>,
    uri: Uri,
    Path((ruler, tenant)): Path<(String, String)>,
    form: PostedForm,
) -> Response {
    release_at(&context, &uri, &ruler, Some(&tenant), form).await
}

/// Has a destination without a tenant compared.
pub(super) async fn sync_without_tenant(
    State(context): State<Context>,
    uri: Uri,
    Path(ruler): Path<String>,
    form: PostedForm,
) -> Response {
    sync_at(&context, &uri, &ruler, None, form).await
}

/// Has a destination compared.
pub(super) async fn sync_of_tenant(
    State(context): State<Context>,
    uri: Uri,
    Path((ruler, tenant)): Path<(String, String)>,
    form: PostedForm,
) -> Response {
    sync_at(&context, &uri, &ruler, Some(&tenant), form).await
}

async fn release_at(
    context: &Context,
    uri: &Uri,
    ruler: &str,
    tenant: Option<&str>,
    form: PostedForm,
) -> Response {
    let frame = Frame::of(context, uri);
    let destination = match allowed(context, &frame, ruler, tenant, form) {
        Ok(destination) => destination,
        Err(refused) => return *refused,
    };
    match context.engine().release_deletes(&destination).await {
        Ok(Some(namespaces)) => {
            tracing::info!(%destination, namespaces, "Held deletes released");
            back(&frame, ruler, tenant, Query::default().with("released", Some(namespaces)))
        }
        Ok(None) => refusal::no_destination(&frame, &destination),
        Err(no_answer) => refusal::unanswered(&frame, &no_answer),
    }
}

async fn sync_at(
    context: &Context,
    uri: &Uri,
    ruler: &str,
    tenant: Option<&str>,
    form: PostedForm,
) -> Response {
    let frame = Frame::of(context, uri);
    let destination = match allowed(context, &frame, ruler, tenant, form) {
        Ok(destination) => destination,
        Err(refused) => return *refused,
    };
    match context.engine().sync_now(&destination).await {
        Ok(true) => back(&frame, ruler, tenant, Query::default().with("sync", Some("now"))),
        Ok(false) => refusal::no_destination(&frame, &destination),
        Err(no_answer) => refusal::unanswered(&frame, &no_answer),
    }
}

/// Returns the destination that a form is about, if the form is one of ours.
fn allowed(
    context: &Context,
    frame: &Frame,
    ruler: &str,
    tenant: Option<&str>,
    form: PostedForm,
) -> Result<DestinationId, Box<Response>> {
    let refused = |status, why: &str| Box::new(refusal(frame, status, "Nothing was done", why));
    if !context.admin() {
        let why = "actions are off: rulesyncd was started without --web.enable-admin-api";
        return Err(refused(StatusCode::FORBIDDEN, why));
    }
    let Form(Posted { token }) =
        form.map_err(|rejection| refused(StatusCode::BAD_REQUEST, &rejection.body_text()))?;
    if !context.token().is(&token) {
        let why = "the form is from before a restart, or from elsewhere: go back, load the page again, and repeat it";
        return Err(refused(StatusCode::FORBIDDEN, why));
    }
    destination(ruler, tenant).map_err(|why| refused(StatusCode::NOT_FOUND, &why))
}

/// Leads back to the page of a destination.
fn back(frame: &Frame, ruler: &str, tenant: Option<&str>, query: Query) -> Response {
    let page = link::destination(ruler, tenant).unwrap_or_default();
    let to = frame.root.to(format_args!("{page}{query}"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}
