//! Objects: the list of all in brief, and one with the reasons.

use std::str::FromStr;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rulesync_core::explain::ObjectExplanation;
use rulesync_core::model::{DestinationId, ObjectId};
use rulesync_core::status::{DelayReason, EvaluationState, ObjectState, ObjectSummary};
use serde::Serialize;

use super::answer::{bad_request, not_found, tagged};
use crate::context::Context;
use crate::view::object::explanation_of;
use crate::view::object_query::ObjectQuery;

/// An object in brief.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    source: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    state: ObjectState,
    evaluation: Option<EvaluationState>,
    delay: Option<DelayReason>,
    held: bool,
    problem: bool,
    since: u64,
    destinations: Vec<Destination<'a>>,
    past: Vec<Past>,
}

#[derive(Debug, Serialize)]
struct Destination<'a> {
    ruler: &'a str,
    tenant: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Past {
    since: u64,
    state: ObjectState,
    evaluation: Option<EvaluationState>,
}

impl<'a> From<&'a ObjectSummary> for Summary<'a> {
    fn from(summary: &'a ObjectSummary) -> Self {
        let id = &summary.object;
        let destination = |id: &'a DestinationId| Destination {
            ruler: &id.ruler,
            tenant: id.tenant.as_ref().map(|tenant| tenant.as_str()),
        };
        let past = summary.past.iter();
        Self {
            source: id.source(),
            kind: id.kind(),
            namespace: id.namespace(),
            name: id.name(),
            state: summary.state,
            evaluation: summary.evaluation,
            delay: summary.delay,
            held: summary.held,
            problem: summary.problem,
            since: summary.since,
            destinations: summary.destinations.iter().map(destination).collect(),
            past: past
                .map(|past| Past { since: past.since, state: past.state, evaluation: past.evaluation })
                .collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct List<'a> {
    /// The number of objects that are selected, on all pages.
    total: usize,
    objects: Vec<Summary<'a>>,
    /// What to ask for as `after` to get the next ones; none if there are no more.
    next: Option<String>,
}

/// The place of an object in the list, which clients hand back as they got it.
#[derive(Debug, PartialEq, Eq)]
struct Cursor(ObjectId);

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(id) = self;
        let encoded = |part| utf8_percent_encode(part, NON_ALPHANUMERIC);
        let (namespace, name) = (encoded(id.namespace()), encoded(id.name()));
        write!(f, "{namespace}/{name}/{}/{}", encoded(id.kind()), encoded(id.source()))
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let decoded = |part| percent_decode_str(part).decode_utf8().map_err(|error| error.to_string());
        let parts = text.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        match parts.as_slice() {
            [namespace, name, kind, source] => {
                let kind: std::sync::Arc<str> = (&**kind).into();
                Ok(Self(ObjectId::new(&(&**source).into(), &kind, namespace, name)))
            }
            _ => Err("`after` must be `next` of an answer before".to_owned()),
        }
    }
}

/// Returns the objects that are asked for.
pub(super) async fn list(
    State(context): State<Context>,
    headers: HeaderMap,
    asked: Result<Query<ObjectQuery>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).map_err(|rejection| rejection.body_text());
    let asked = asked.and_then(|asked| {
        let after = Some(asked.after.as_str()).filter(|after| !after.is_empty());
        let after = after.map(str::parse::<Cursor>).transpose()?;
        Ok((asked.filter()?, after, asked.limit()?))
    });
    let (filter, after, limit) = match asked {
        Ok(asked) => asked,
        Err(problem) => return bad_request(problem),
    };
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    let page = context.states().page(&filter, after.as_ref().map(|Cursor(id)| id), limit);
    let last = page.objects.last().filter(|_| page.more);
    let next = last.map(|last| Cursor(last.object.clone()).to_string());
    let objects = page.objects.iter().map(Summary::from).collect();
    tagged(&headers, &List { total: page.total, objects, next }, turn)
}

#[derive(Debug, Serialize)]
struct One<'a> {
    /// None if no source declares it.
    summary: Option<Summary<'a>>,
    explanation: ObjectExplanation,
}

/// Returns one object, with the reasons.
pub(super) async fn one(
    State(context): State<Context>,
    Path((source, kind, namespace, name)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let id = ObjectId::new(&source.as_str().into(), &kind.as_str().into(), &namespace, &name);
    let turn = match context.turns().status().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    match explanation_of(&context, &id).await {
        Ok(Some(explanation)) => {
            let summary = context.states().get(&id);
            let summary = summary.as_ref().map(Summary::from);
            tagged(&headers, &One { summary, explanation }, turn)
        }
        Ok(None) => not_found(format_args!("{id} of source {source}")),
        Err(no_answer) => no_answer.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_leads_back_to_its_object() {
        for name in ["checkout", "a/b.yaml", "ü \u{202e}%2F", ".."] {
            let id = ObjectId::new(&"files".into(), &"RuleFile".into(), "_file", name);
            let text = Cursor(id.clone()).to_string();
            assert_eq!(text.parse(), Ok(Cursor(id)), "{text}");
        }
        for text in ["", "a", "a/b/c", "a/b/c/d/e", "a/b/c/%ff"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
