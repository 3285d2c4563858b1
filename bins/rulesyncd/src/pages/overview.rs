//! The first page: what is wrong now, then what there is.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header::{ACCEPT, VARY};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rulesync_core::status::{
    DestinationState, DestinationStatus, ObjectFilter, ObjectState, ObjectStates, ObjectStatus,
    ObjectSummary, SourceStatus, Status,
};

use super::frame::{Frame, Section, answer};
use super::link::Query;
use super::look::{Look, Tone, badge, badges, foreign, lasting, number, time, why};
use super::refusal;
use super::{action, filter, findings, index};
use crate::context::Context;

/// The number of problems that are shown; the others are behind a link.
const MAX_PROBLEMS: usize = 50;

/// The size of what is shown of problems, in bytes: names and messages may be long.
const MAX_BYTES: usize = 72_000;

/// The number of findings that are shown of one object.
const MAX_FINDINGS: usize = 3;

/// The number of tenants that are named of a ruler that is down.
const MAX_TENANTS: usize = 5;

/// What the page is made of.
#[derive(Debug)]
pub(super) struct Overview {
    pub(super) status: Status,
    pub(super) counts: BTreeMap<ObjectState, usize>,
    /// Objects with problems, the latest first, and the whole status of each.
    pub(super) problems: Vec<(ObjectSummary, Option<ObjectStatus>)>,
    /// The number of objects with problems, shown or not.
    pub(super) all_problems: usize,
    /// Whether this process writes; none if it is the only one.
    pub(super) leads: Option<bool>,
    /// When the process began, in seconds since 1970.
    pub(super) started: u64,
}

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
    match gather(context).await {
        Ok(overview) => {
            let main = overview.render(&frame);
            answer(frame.page(Some(Section::Overview), "Overview", &main), turn)
        }
        Err(no_answer) => refusal::unanswered(&frame, &no_answer),
    }
}

async fn gather(context: &Context) -> Result<Overview, crate::ask::NoAnswer> {
    let status = context.engine().overview().await?;
    let states: &ObjectStates = context.states();
    let (summaries, all_problems) = states.problems(&ObjectFilter::default(), MAX_PROBLEMS);
    let ids = summaries.iter().map(|summary| summary.object.clone()).collect();
    let mut known = context.engine().objects(ids).await?.into_iter().peekable();
    // In the order of the request, without those that are gone meanwhile.
    let with_status = |summary: ObjectSummary| {
        let id = &summary.object;
        let whole = known.next_if(|status| {
            status.name == id.name()
                && status.namespace == id.namespace()
                && status.kind == id.kind()
                && status.source == id.source()
        });
        (summary, whole)
    };
    Ok(Overview {
        problems: summaries.into_iter().map(with_status).collect(),
        all_problems,
        counts: states.counts().0,
        status,
        leads: context.leads(),
        started: context.started(),
    })
}

impl Overview {
    pub(super) fn render(&self, frame: &Frame) -> Markup {
        html! {
            h1 { "Overview" }
            (self.wrong(frame))
            section aria-labelledby="objects" {
                h2 #objects { "Objects" }
                (self.counts(frame))
            }
            section aria-labelledby="sources" {
                h2 #sources { "Sources" }
                (sources(&self.status.sources))
            }
            section aria-labelledby="rulers" {
                h2 #rulers { "Rulers" }
                (self.rulers(frame))
            }
            section aria-labelledby="process" {
                h2 #process { "This process" }
                dl {
                    dt { "Owner" } dd { (foreign(&self.status.owner)) }
                    dt { "Leader" }
                    dd {
                        @match self.leads {
                            None => "yes, the only one",
                            Some(true) => "yes: it writes",
                            Some(false) => "no: another process writes, and this one is ready to take over",
                        }
                    }
                    dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
                    dt { "Started" } dd { (time(self.started, frame.now)) }
                }
            }
        }
    }

    /// Shows what is wrong now, or that nothing is.
    fn wrong(&self, frame: &Frame) -> Markup {
        let status = &self.status;
        let mut problems: Vec<Markup> = Vec::new();
        problems.extend(status.sources.iter().filter_map(of_source));
        problems.extend(down(&status.destinations).iter().map(|down| down.render(frame)));
        problems.extend(status.destinations.iter().filter_map(|one| of_holding(frame, one)));
        let all = problems.len() + self.all_problems;
        problems
            .extend(self.problems.iter().map(|(summary, status)| of_object(frame, summary, status.as_ref())));
        let mut bytes = 0;
        let fit = |problem: &&Markup| {
            bytes += problem.0.len();
            bytes <= MAX_BYTES
        };
        let shown: Vec<&Markup> = problems.iter().take(MAX_PROBLEMS).take_while(fit).collect();
        let waiting: Vec<&SourceStatus> = status.sources.iter().filter(|source| !source.ready).collect();
        html! {
            section aria-labelledby="wrong" {
                h2 #wrong {
                    @if all == 0 { "What is wrong now" }
                    @else { "What is wrong now: " (number(all, "problem", "problems")) }
                }
                @if all == 0 {
                    p.note {
                        @if waiting.is_empty() { (badge("Nothing is wrong", Tone::Good)) }
                        @else { (badge("Starting", Tone::Busy)) " " (number(waiting.len(), "source has", "sources have")) " not yet shown all objects." }
                    }
                } @else {
                    ol.problems { @for problem in &shown { li { (problem) } } }
                    @if shown.len() < all {
                        p {
                            a href=(frame.root.to("objects?state=problem")) { "All objects with a problem" }
                            " (" (self.all_problems) "); "
                            a href=(frame.root.to("destinations")) { "all destinations" }
                        }
                    }
                }
            }
        }
    }

    fn counts(&self, frame: &Frame) -> Markup {
        let all: usize = self.counts.values().sum();
        html! {
            p { a href=(frame.root.to("objects")) { (number(all, "object", "objects")) } }
            ul.counts {
                @for (state, count) in self.counts.iter().rev() {
                    li {
                        @let query = Query::default().with("state", Some(filter::word(*state)));
                        a href=(frame.root.to(format_args!("objects{query}"))) {
                            (count) " " (state.badge())
                        }
                    }
                }
                @if self.all_problems > 0 {
                    li {
                        a href=(frame.root.to("objects?state=problem")) { (self.all_problems) " with a problem" }
                    }
                }
            }
        }
    }

    fn rulers(&self, frame: &Frame) -> Markup {
        let mut rulers: BTreeMap<&str, Vec<&DestinationStatus>> = BTreeMap::new();
        for destination in &self.status.destinations {
            rulers.entry(&destination.ruler).or_default().push(destination);
        }
        html! {
            @if rulers.is_empty() { p { "No object goes anywhere." } }
            @else {
                table {
                    caption { "Rulers, and the destinations at each" }
                    thead {
                        tr {
                            th scope="col" { "Ruler" }
                            th scope="col" { "State" }
                            th.number scope="col" { "Destinations" }
                            th.number.optional scope="col" { "Groups" }
                            th.number.optional scope="col" { "Rules" }
                        }
                    }
                    tbody {
                        @for (ruler, destinations) in rulers {
                            tr {
                                th scope="row" {
                                    @let query = Query::default().with("ruler", Some(ruler));
                                    a href=(frame.root.to(format_args!("destinations{query}"))) { (foreign(ruler)) }
                                }
                                td { (states(&destinations)) }
                                td.number { (destinations.len()) }
                                td.number.optional { (destinations.iter().map(|one| one.groups).sum::<usize>()) }
                                td.number.optional { (destinations.iter().map(|one| one.rules).sum::<usize>()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Shows the states of destinations, the most serious first, each once with its number.
fn states(destinations: &[&DestinationStatus]) -> Markup {
    let mut counts: Vec<(DestinationState, usize)> = Vec::new();
    for destination in destinations {
        match counts.iter_mut().find(|(state, _)| *state == destination.state) {
            Some((_, count)) => *count += 1,
            None => counts.push((destination.state, 1)),
        }
    }
    counts.sort_by_key(|(state, _)| std::cmp::Reverse(state.look().1));
    html! {
        @for (state, count) in &counts {
            // Together on one line.
            @if counts.len() > 1 { (count) "\u{a0}" }
            (state.badge()) " "
        }
    }
}

fn sources(sources: &[SourceStatus]) -> Markup {
    html! {
        table {
            caption { "Where objects are declared" }
            thead {
                tr {
                    th scope="col" { "Source" }
                    th scope="col" { "State" }
                    th.number scope="col" { "Objects" }
                }
            }
            tbody {
                @for source in sources {
                    tr {
                        th scope="row" { (foreign(&source.name)) }
                        td {
                            @match (&source.unavailable, source.ready) {
                                (Some(_), _) => (badge("unavailable", Tone::Bad)),
                                (None, false) => (badge("starting", Tone::Busy)),
                                (None, true) => (badge("complete", Tone::Good)),
                            }
                            @if source.hides_objects { " " (badge("partly unreadable", Tone::Warning)) }
                        }
                        td.number { (source.objects) }
                    }
                }
            }
        }
    }
}

fn of_source(source: &SourceStatus) -> Option<Markup> {
    let name = foreign(&source.name);
    if let Some(why) = &source.unavailable {
        return Some(html! {
            h3 { (badge("unavailable", Tone::Bad)) " Source " (name) }
            p { (foreign(why)) }
            p.dim { "What it has shown before counts, and nothing of it is deleted." }
        });
    }
    source.hides_objects.then(|| {
        html! {
            h3 { (badge("partly unreadable", Tone::Warning)) " Source " (name) }
            p { "Something in it cannot be read and may declare objects: as long as that is so, nothing counts as orphaned and is deleted." }
        }
    })
}

/// Destinations of one ruler that cannot be worked on for the same reason.
struct Down<'a> {
    first: &'a DestinationStatus,
    tenants: Vec<&'a DestinationStatus>,
    retry_at: Option<u64>,
}

/// Returns the destinations that cannot be worked on, those of one ruler and reason together.
fn down(destinations: &[DestinationStatus]) -> Vec<Down<'_>> {
    let mut all: Vec<Down<'_>> = Vec::new();
    let is_down = |one: &&DestinationStatus| {
        matches!(one.state, DestinationState::Failing | DestinationState::Conflict)
    };
    for one in destinations.iter().filter(is_down) {
        let is_same = |down: &&mut Down<'_>| {
            let first = down.first;
            first.ruler == one.ruler && first.state == one.state && first.error == one.error
        };
        match all.iter_mut().find(is_same) {
            Some(down) => {
                down.retry_at = down.retry_at.into_iter().chain(one.retry_at).min();
                down.tenants.push(one);
            }
            None => all.push(Down { first: one, tenants: vec![one], retry_at: one.retry_at }),
        }
    }
    all
}

impl Down<'_> {
    fn render(&self, frame: &Frame) -> Markup {
        let Self { first, tenants, retry_at } = self;
        let more = tenants.len().saturating_sub(MAX_TENANTS);
        html! {
            h3 { (first.state.badge()) " Ruler " (foreign(&first.ruler)) }
            p { (foreign(first.error.as_deref().unwrap_or("no reason is known"))) }
            p {
                @if let Some(at) = retry_at { "Next attempt " (time(*at, frame.now)) ". " }
                @for (index, one) in tenants.iter().take(MAX_TENANTS).enumerate() {
                    @if index > 0 { ", " }
                    (frame.destination(&one.ruler, one.tenant.as_deref()))
                }
                @if more > 0 {
                    @let query = Query::default().with("ruler", Some(&first.ruler));
                    " and " a href=(frame.root.to(format_args!("destinations{query}"))) { (more) " more" }
                }
            }
        }
    }
}

/// Shows the deletes of a destination that wait for somebody.
fn of_holding(frame: &Frame, one: &DestinationStatus) -> Option<Markup> {
    let releasable: Vec<_> = one.holds.iter().filter(|held| held.reason.is_releasable()).collect();
    if releasable.is_empty() {
        return None;
    }
    Some(html! {
        h3 { (badge("deletes held", Tone::Warning)) " " (frame.destination(&one.ruler, one.tenant.as_deref())) }
        @for held in releasable {
            p {
                (number(held.groups, "group", "groups")) " in " (number(held.namespaces, "namespace", "namespaces"))
                ", such as " (foreign(&held.example)) ": " (why(held.reason)) ". "
                @match held.until {
                    Some(until) => { "Deleted " (time(until, frame.now)) " unless declared again." },
                    None => "Kept until released or declared again.",
                }
            }
        }
        (action::release(frame, &one.ruler, one.tenant.as_deref()))
    })
}

fn of_object(frame: &Frame, summary: &ObjectSummary, status: Option<&ObjectStatus>) -> Markup {
    let found = status.map(findings::of_object).unwrap_or_default();
    let delays = status.iter().flat_map(|status| &status.destinations).filter_map(|here| here.delay.as_ref());
    let message = delays.filter_map(|delay| delay.message.as_deref()).next();
    html! {
        h3 {
            (badges(summary)) " " (foreign(summary.object.kind())) " " (frame.object(&summary.object))
        }
        p.dim { "Has been so " (lasting(summary.since, frame.now)) }
        @if found.is_empty() {
            @if let Some(message) = message { p { (foreign(message)) } }
        } @else {
            (findings::list(found.iter().copied(), MAX_FINDINGS))
        }
    }
}
