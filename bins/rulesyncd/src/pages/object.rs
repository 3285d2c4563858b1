//! The page of one object: why it is where it is, what is sent, what the ruler has, and how it evaluates.

mod destinations;
mod routes;
mod stored;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use rulesync_core::explain::{ObjectExplanation, ObjectText};
use rulesync_core::model::ObjectId;
use rulesync_core::status::{EvaluationState, ObjectSummary};
use serde::Deserialize;

use super::frame::{Frame, Section, answer};
use super::look::{Look, badges, foreign, lasting, time};
use super::refusal::{self, refusal};
use super::{findings, link};
use crate::context::Context;
use crate::view::object::explanation_of;
use stored::Stored;

/// What the page is asked besides.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Set if rulers are to be asked what they have.
    compare: Option<String>,
}

/// The page of an object.
pub(super) async fn page(
    State(context): State<Context>,
    uri: Uri,
    Path((source, kind, namespace, name)): Path<(String, String, String, String)>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let frame = Frame::of(&context, &uri);
    let id = ObjectId::new(&source.as_str().into(), &kind.as_str().into(), &namespace, &name);
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return refusal::busy(&frame, &busy),
    };
    let explanation = match explanation_of(&context, &id).await {
        Ok(explanation) => explanation,
        Err(no_answer) => return refusal::unanswered(&frame, &no_answer),
    };
    let Some(explanation) = explanation else {
        let why = format!("no source declares {id}, and no ruler has anything of it");
        return refusal(&frame, StatusCode::NOT_FOUND, "No such object", &why);
    };
    let text = match context.engine().texts(vec![id.clone()]).await {
        Ok(texts) => texts.into_iter().next(),
        Err(no_answer) => return refusal::unanswered(&frame, &no_answer),
    };
    let compares = asked.is_ok_and(|Query(asked)| asked.compare.is_some());
    let stored = match compares {
        true => match Stored::read(&context, &explanation.destinations).await {
            Ok(stored) => stored,
            Err(no_answer) => return refusal::unanswered(&frame, &no_answer),
        },
        false => Vec::new(),
    };
    let summary = context.states().get(&id);
    let main = render(&frame, &explanation, summary.as_ref(), text.as_ref(), &stored);
    let title = format!("{namespace}/{name}");
    answer(frame.page(Some(Section::Objects), &title, &main), turn)
}

fn render(
    frame: &Frame,
    object: &ObjectExplanation,
    summary: Option<&ObjectSummary>,
    text: Option<&ObjectText>,
    stored: &[Stored],
) -> Markup {
    html! {
        h1 { (foreign(&object.namespace)) "/" (foreign(&object.name)) }
        (facts(frame, object, summary))
        @if !object.findings.is_empty() {
            section aria-labelledby="findings" {
                h2 #findings { "Findings" }
                (findings::list(object.findings.iter(), text, findings::MAX_OF_OBJECT))
            }
        }
        section aria-labelledby="destinations" {
            h2 #destinations { "Destinations" }
            (destinations::render(frame, &object.destinations, text, stored))
        }
        section aria-labelledby="routes" {
            h2 #routes { "Routes" }
            (routes::render(&object.routes))
        }
        @if let Some(summary) = summary { (history(frame, summary)) }
    }
}

fn facts(frame: &Frame, object: &ObjectExplanation, summary: Option<&ObjectSummary>) -> Markup {
    html! {
        dl {
            dt { "State" }
            dd {
                @match (summary, object.state) {
                    (Some(summary), _) => { (badges(summary)) " " (lasting(summary.since, frame.now)) }
                    (None, Some(state)) if object.declared => (state.badge()),
                    _ => "no source declares it any more",
                }
            }
            dt { "Kind" } dd { (foreign(&object.kind)) }
            @if !object.source.is_empty() { dt { "Source" } dd { (foreign(&object.source)) } }
            dt { "Namespace" }
            dd {
                @let query = link::Query::default().with("namespace", Some(&object.namespace));
                a href=(frame.root.to(format_args!("objects{query}"))) { "All objects in " (foreign(&object.namespace)) }
            }
        }
    }
}

fn history(frame: &Frame, summary: &ObjectSummary) -> Markup {
    html! {
        section aria-labelledby="history" {
            h2 #history { "History" }
            table {
                caption { "The latest states since this process began, the present one first" }
                thead {
                    tr {
                        th scope="col" { "State" }
                        th scope="col" { "Since" }
                    }
                }
                tbody {
                    tr {
                        td {
                            (badges(summary))
                            // Other states are among those already.
                            @if let Some(healthy @ EvaluationState::Healthy) = summary.evaluation {
                                " " (healthy.badge())
                            }
                        }
                        td { (time(summary.since, frame.now)) }
                    }
                    @for past in summary.past.iter().rev() {
                        tr {
                            td {
                                (past.state.badge())
                                @if let Some(evaluation) = past.evaluation { " " (evaluation.badge()) }
                            }
                            td { (time(past.since, frame.now)) }
                        }
                    }
                }
            }
        }
    }
}
