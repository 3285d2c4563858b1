//! What can be done by a page: forms with a token, for processes that were started with `--web.enable-admin-api`.
//!
//! The token is random for each process. A page of another origin cannot read it, so that a form with it is one of ours;
//! where the request comes from is checked besides (`origin.rs`).

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Router};
use maud::{Markup, html};
use rulesync_core::model::DestinationId;
use serde::Deserialize;

use super::frame::Frame;
use super::link::{self, Query};
use super::look::number;
use super::refusal::{self, refusal};
use crate::context::Context;
use crate::question::destination;
use crate::view::action::{Action, Done};

/// What a form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Posted {
    token: String,
}

/// What an action has done, as the page after it is told by its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    /// The number of namespaces whose held deletes were released.
    released: Option<usize>,
    /// Whether a sync was requested.
    sync: Option<String>,
}

impl From<Done> for Note {
    fn from(done: Done) -> Self {
        match done {
            Done::Released(namespaces) => Self { released: Some(namespaces), sync: None },
            Done::Syncing => Self { released: None, sync: Some("now".to_owned()) },
        }
    }
}

impl Note {
    fn query(&self) -> Query {
        Query::default().with("released", self.released).with("sync", self.sync.as_ref())
    }

    /// Shows what was done.
    pub(super) fn render(&self) -> Markup {
        html! {
            @if let Some(namespaces) = self.released {
                p.note role="status" {
                    "Released the held deletes in " (number(namespaces, "namespace", "namespaces")) "."
                }
            }
            @if self.sync.is_some() {
                p.note role="status" { "The ruler is being listed and compared." }
            }
        }
    }
}

/// Shows the button of an action at a destination; nothing if actions are off.
pub(super) fn button(frame: &Frame, action: Action, ruler: &str, tenant: Option<&str>) -> Markup {
    let text = match action {
        Action::ReleaseDeletes => "Release held deletes",
        Action::Sync => "Sync now",
    };
    html! {
        @if let (Some(token), Some(path)) = (&frame.token, link::destination(ruler, tenant)) {
            form.action method="post" action=(frame.root.to(format_args!("actions/{}/{path}", action.name()))) {
                input type="hidden" name="token" value=(token);
                button type="submit" { (text) }
            }
        }
    }
}

type PostedForm = Result<Form<Posted>, FormRejection>;

/// Adds the forms of all actions to the pages.
pub(super) fn route(mut pages: Router<Context>) -> Router<Context> {
    for action in Action::ALL {
        let path = format!("/actions/{}/destinations/{{ruler}}", action.name());
        let without_tenant =
            move |State(context): State<Context>, uri: Uri, Path(ruler): Path<String>, form| async move {
                posted(&context, &uri, action, &ruler, None, form).await
            };
        let of_tenant = move |State(context): State<Context>,
                              uri: Uri,
                              Path((ruler, tenant)): Path<(String, String)>,
                              form| async move {
            posted(&context, &uri, action, &ruler, Some(&tenant), form).await
        };
        pages =
            pages.route(&format!("{path}/{{tenant}}"), post(of_tenant)).route(&path, post(without_tenant));
    }
    pages
}

async fn posted(
    context: &Context,
    uri: &Uri,
    action: Action,
    ruler: &str,
    tenant: Option<&str>,
    form: PostedForm,
) -> Response {
    let frame = Frame::of(context, uri);
    let destination = match allowed(context, &frame, ruler, tenant, form) {
        Ok(destination) => destination,
        Err(refused) => return *refused,
    };
    match action.carry_out(context, &destination).await {
        Ok(Some(done)) => back(&frame, ruler, tenant, &Note::from(done).query()),
        Ok(None) => refusal::no_destination(&frame, &destination),
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
fn back(frame: &Frame, ruler: &str, tenant: Option<&str>, query: &Query) -> Response {
    let page = link::destination(ruler, tenant).unwrap_or_default();
    let to = frame.root.to(format_args!("{page}{query}"));
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}
