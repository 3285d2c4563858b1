//! The list of objects: filtered by a form, a hundred on a page.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use rulesync_core::model::DestinationId;
use rulesync_core::status::{ObjectPage, ObjectSummary};

use super::frame::{Frame, Section, answer};
use super::look::{badges, foreign, number, time};
use super::refusal::{self, refusal};
use super::{filter, paging};
use crate::context::Context;
use crate::view::object_query::ObjectQuery;

/// The number of objects on a page.
const PAGE: usize = 100;

/// The number of destinations that are named of an object.
const MAX_DESTINATIONS: usize = 3;

/// The list of objects.
pub(super) async fn page(
    State(context): State<Context>,
    uri: Uri,
    parameters: Result<Query<ObjectQuery>, QueryRejection>,
) -> Response {
    let frame = Frame::of(&context, &uri);
    let parameters =
        parameters.map(|Query(parameters)| parameters).map_err(|rejection| rejection.body_text());
    let asked = parameters.and_then(|asked| Ok((asked.filter()?, asked.page()?, asked)));
    let (filter, number, asked) = match asked {
        Ok(asked) => asked,
        Err(problem) => return refusal(&frame, StatusCode::BAD_REQUEST, "No such list", &problem),
    };
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return refusal::busy(&frame, &busy),
    };
    let page = context.states().page_at(&filter, (number - 1).saturating_mul(PAGE), PAGE);
    let main = render(&frame, &asked, number, &page);
    answer(frame.page(Some(Section::Objects), "Objects", &main), turn)
}

fn render(frame: &Frame, asked: &ObjectQuery, number: usize, page: &ObjectPage) -> Markup {
    html! {
        h1 { "Objects" }
        (filter::form(asked, &frame.root.to("objects")))
        (summary(frame, asked, page))
        @if !page.objects.is_empty() {
            table {
                caption { "Sorted by namespace and name" }
                thead {
                    tr {
                        th scope="col" { "Object" }
                        th scope="col" { "State" }
                        th.optional scope="col" { "Destinations" }
                        th.optional scope="col" { "Since" }
                    }
                }
                tbody { @for object in &page.objects { (row(frame, object)) } }
            }
        }
        (paging::links(number, page.total.div_ceil(PAGE), |other| {
            frame.root.to(format_args!("objects{}", filter::query(asked, other)))
        }))
    }
}

fn summary(frame: &Frame, asked: &ObjectQuery, page: &ObjectPage) -> Markup {
    let last = page.offset + page.objects.len();
    html! {
        p role="status" {
            @if page.objects.is_empty() && page.total > 0 {
                (number(page.total, "object", "objects")) ", fewer than this page begins with. "
                a href=(frame.root.to(format_args!("objects{}", filter::query(asked, 1)))) { "To the first page" }
            } @else if page.objects.is_empty() && asked.is_empty() {
                "No source has declared an object yet. " a href=(frame.root.to("")) { "Sources" }
            } @else if page.objects.is_empty() {
                "No object matches these filters. "
                a href=(frame.root.to("objects")) { "Clear filters" }
            } @else {
                (page.offset + 1) "–" (last) " of " (number(page.total, "object", "objects"))
            }
        }
    }
}

fn row(frame: &Frame, object: &ObjectSummary) -> Markup {
    let id = &object.object;
    html! {
        tr {
            th scope="row" {
                (frame.object(id))
                " " small { (foreign(id.kind())) }
            }
            td { (badges(object)) }
            td.optional { (destinations(&object.destinations)) }
            td.optional { (time(object.since, frame.now)) }
        }
    }
}

fn destinations(all: &[DestinationId]) -> Markup {
    let more = all.len().saturating_sub(MAX_DESTINATIONS);
    html! {
        @for (index, destination) in all.iter().take(MAX_DESTINATIONS).enumerate() {
            @if index > 0 { ", " }
            (foreign(destination))
        }
        @if more > 0 { " and " (more) " more" }
    }
}
