//! Destinations: the list of all, and one with its plan.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use rulesync_core::status::DestinationStatus;
use serde::Serialize;

use super::answer::{bad_request, not_found, tagged};
use crate::context::Context;
use crate::question::destination;
use crate::view::destination::DestinationView;
use crate::view::destination_query::DestinationQuery;

#[derive(Debug, Serialize)]
struct List<'a> {
    /// The number of destinations that are selected, on all pages.
    total: usize,
    destinations: &'a [DestinationStatus],
    /// What to ask for as `after` to get the next ones; none if there are no more.
    next: Option<String>,
}

/// Returns the destinations that are asked for.
pub(super) async fn list(
    State(context): State<Context>,
    headers: HeaderMap,
    asked: Result<Query<DestinationQuery>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).map_err(|rejection| rejection.body_text());
    let (after, limit, asked) = match asked.and_then(|asked| Ok((asked.after()?, asked.limit()?, asked))) {
        Ok(asked) => asked,
        Err(problem) => return bad_request(problem),
    };
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    match context.engine().overview().await {
        Ok(status) => {
            let all = asked.select(status.destinations);
            let rest = all.get(after..).unwrap_or_default();
            let destinations = rest.get(..limit).unwrap_or(rest);
            let next = (rest.len() > limit).then(|| (after + limit).to_string());
            tagged(&headers, &List { total: all.len(), destinations, next }, turn)
        }
        Err(no_answer) => no_answer.into_response(),
    }
}

/// Returns a destination without a tenant.
pub(super) async fn without_tenant(
    State(context): State<Context>,
    Path(ruler): Path<String>,
    headers: HeaderMap,
) -> Response {
    one(&context, &headers, &ruler, None).await
}

/// Returns a destination.
pub(super) async fn of_tenant(
    State(context): State<Context>,
    Path((ruler, tenant)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    one(&context, &headers, &ruler, Some(&tenant)).await
}

/// Returns the destination of a tenant with a name that is an action otherwise.
pub(super) async fn of_tenant_named(
    tenant: &'static str,
    State(context): State<Context>,
    Path(ruler): Path<String>,
    headers: HeaderMap,
) -> Response {
    one(&context, &headers, &ruler, Some(tenant)).await
}

async fn one(context: &Context, headers: &HeaderMap, ruler: &str, tenant: Option<&str>) -> Response {
    let id = match destination(ruler, tenant) {
        Ok(id) => id,
        Err(problem) => return not_found(format_args!("such destination: {problem}")),
    };
    // A plan may be long.
    let turn = match context.turns().status().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    match DestinationView::of(context, &id).await {
        Ok(Some(view)) => tagged(headers, &view, turn),
        Ok(None) => not_found(format_args!("destination {id}")),
        Err(no_answer) => no_answer.into_response(),
    }
}
