//! The first page: what is wrong now, then what there is.

mod problems;
mod tables;

use axum::extract::State;
use axum::http::header::{ACCEPT, VARY};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::frame::{Frame, Section, answer};
use super::index;
use super::look::{foreign, time};
use super::refusal;
use crate::context::Context;
use crate::view::overview::Overview;

/// The first page, or a list of the pages for programs.
pub(super) async fn page(State(context): State<Context>, uri: Uri, headers: HeaderMap) -> Response {
    let answer = match wants_html(&headers) {
        true => of(&context, &uri).await,
        false => index::text(&context).into_response(),
    };
    ([(VARY, "accept")], answer).into_response()
}

/// Whether a client asks for HTML by name: programs such as curl take anything.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}

async fn of(context: &Context, uri: &Uri) -> Response {
    let frame = Frame::of(context, uri);
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return refusal::busy(&frame, &busy),
    };
    match Overview::of(context).await {
        Ok(overview) => {
            let main = render(&overview, &frame);
            answer(frame.page(Some(Section::Overview), "Overview", &main), turn)
        }
        Err(no_answer) => refusal::unanswered(&frame, &no_answer),
    }
}

fn render(overview: &Overview, frame: &Frame) -> Markup {
    html! {
        h1 { "Overview" }
        (problems::render(frame, &overview.status, &overview.problems, overview.all_problems))
        section aria-labelledby="objects" {
            h2 #objects { "Objects" }
            (tables::counts(frame, &overview.counts, overview.all_problems))
        }
        section aria-labelledby="sources" {
            h2 #sources { "Sources" }
            (tables::sources(&overview.status.sources))
        }
        section aria-labelledby="rulers" {
            h2 #rulers { "Rulers" }
            (tables::rulers(frame, &overview.status.destinations))
        }
        section aria-labelledby="process" {
            h2 #process { "This process" }
            dl {
                dt { "Owner" } dd { (foreign(&overview.status.owner)) }
                dt { "Leader" }
                dd {
                    @match overview.leads {
                        None => "yes, the only one",
                        Some(true) => "yes: it writes",
                        Some(false) => "no: another process writes, and this one is ready to take over",
                    }
                }
                dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
                dt { "Started" } dd { (time(overview.started, frame.now)) }
            }
        }
    }
}
