//! The list of destinations, a hundred on a page.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use rulesync_core::status::DestinationStatus;

use super::frame::{Frame, Section, answer};
use super::link;
use super::look::{Look, Tone, badge, foreign, number, time};
use super::paging;
use super::refusal::{self, refusal};
use crate::context::Context;
use crate::view::destination_query::DestinationQuery;

/// The number of destinations on a page.
const PAGE: usize = 100;

/// Returns the query of another page of a list.
fn query(asked: &DestinationQuery, page: usize) -> link::Query {
    let query = link::Query::default().with("ruler", Some(&asked.ruler)).with("q", Some(&asked.q));
    query.with("page", (page > 1).then_some(page))
}

/// The list of destinations.
pub(super) async fn page(
    State(context): State<Context>,
    uri: Uri,
    parameters: Result<Query<DestinationQuery>, QueryRejection>,
) -> Response {
    let frame = Frame::of(&context, &uri);
    let parameters =
        parameters.map(|Query(parameters)| parameters).map_err(|rejection| rejection.body_text());
    let (number, asked) = match parameters.and_then(|asked| Ok((asked.page()?, asked))) {
        Ok(asked) => asked,
        Err(problem) => return refusal(&frame, StatusCode::BAD_REQUEST, "No such list", &problem),
    };
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return refusal::busy(&frame, &busy),
    };
    match context.engine().overview().await {
        Ok(status) => {
            let all = asked.select(status.destinations);
            let main = render(&frame, &asked, number, &all);
            answer(frame.page(Some(Section::Destinations), "Destinations", &main), turn)
        }
        Err(no_answer) => refusal::unanswered(&frame, &no_answer),
    }
}

fn render(frame: &Frame, asked: &DestinationQuery, page: usize, all: &[DestinationStatus]) -> Markup {
    let shown = all.iter().skip((page - 1).saturating_mul(PAGE)).take(PAGE);
    html! {
        h1 { "Destinations" }
        form.filter method="get" action=(frame.root.to("destinations")) role="search" aria-label="Destinations" {
            label.wide { "Search" input type="search" name="q" value=(asked.q) placeholder="part of a tenant's name"; }
            label { "Ruler" input name="ruler" value=(asked.ruler); }
            button type="submit" { "Filter" }
        }
        p role="status" {
            @if all.is_empty() && *asked == DestinationQuery::default() {
                "There are no destinations: no object is selected by a route, and the inventory has none. "
                a href=(frame.root.to("objects")) { "Objects" }
            } @else if all.is_empty() {
                "No destination matches these filters. "
                a href=(frame.root.to("destinations")) { "Clear filters" }
            } @else {
                (number(all.len(), "destination", "destinations"))
            }
        }
        @if !all.is_empty() {
            table {
                caption { "Sorted by ruler and tenant" }
                thead {
                    tr {
                        th scope="col" { "Destination" }
                        th scope="col" { "State" }
                        th.number.optional scope="col" { "Groups" }
                        th.number.optional scope="col" { "Refused" }
                        th.number.optional scope="col" { "Held" }
                        th.optional scope="col" { "Last in sync" }
                    }
                }
                tbody { @for one in shown { (row(frame, one)) } }
            }
        }
        (paging::links(page, all.len().div_ceil(PAGE), |other| {
            frame.root.to(format_args!("destinations{}", query(asked, other)))
        }))
    }
}

fn row(frame: &Frame, one: &DestinationStatus) -> Markup {
    html! {
        tr {
            th scope="row" { (frame.destination(&one.ruler, one.tenant.as_deref())) }
            td {
                (one.state.badge())
                @if one.retiring { " " (badge("retiring", Tone::Quiet)) }
                @if let Some(error) = &one.error { " " (foreign(error)) }
            }
            td.number.optional { (one.groups) }
            td.number.optional { (one.refused) }
            td.number.optional { (one.held) }
            td.optional { @match one.last_success { Some(at) => (time(at, frame.now)), None => "never" } }
        }
    }
}
