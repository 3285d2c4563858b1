//! What is wrong now: sources that cannot be read, rulers that are down, deletes that are held, and objects with problems.

use maud::{Markup, html};
use rulesync_core::status::{DestinationState, DestinationStatus, SourceStatus, Status};

use crate::pages::frame::Frame;
use crate::pages::link::{self, Query};
use crate::pages::look::{Look, Tone, badge, badges, foreign, lasting, number, time, why};
use crate::pages::{action, findings};
use crate::view::action::Action;
use crate::view::overview::{MAX_PROBLEMS, Problem};

/// The size of what is shown of problems, in bytes: names and messages may be long.
const MAX_BYTES: usize = 72_000;

/// The number of findings that are shown of one object.
const MAX_FINDINGS: usize = 3;

/// The number of tenants that are named of a ruler that is down.
const MAX_TENANTS: usize = 5;

/// Shows what is wrong now, or that nothing is. `with_problems` is the number of objects with problems, shown or not.
pub(super) fn render(frame: &Frame, status: &Status, objects: &[Problem], with_problems: usize) -> Markup {
    let mut problems: Vec<Markup> = Vec::new();
    problems.extend(status.sources.iter().filter_map(of_source));
    problems.extend(down(&status.destinations).iter().map(|down| down.render(frame)));
    problems.extend(status.destinations.iter().filter_map(|one| of_holding(frame, one)));
    let all = problems.len() + with_problems;
    problems.extend(objects.iter().map(|problem| of_object(frame, problem)));
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
                    @else { (badge("Starting", Tone::Busy)) " " (number(waiting.len(), "source has", "sources have")) " not listed all objects yet." }
                }
            } @else {
                ol.problems { @for problem in &shown { li { (problem) } } }
                @if shown.len() < all {
                    p {
                        a href=(frame.root.to("objects?state=problem")) { "All objects with a problem" }
                        " (" (with_problems) "); "
                        a href=(frame.root.to("destinations")) { "all destinations" }
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
            p.dim { "Its objects as last read still count, and nothing of it is deleted." }
        });
    }
    source.hides_objects.then(|| {
        html! {
            h3 { (badge("partly unreadable", Tone::Warning)) " Source " (name) }
            p { "Something in it cannot be read and may declare objects. Until that is mended, no rules are deleted as orphans." }
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
        let last_success = &tenants.iter().filter_map(|one| one.last_success).max();
        let more = tenants.len().saturating_sub(MAX_TENANTS);
        html! {
            h3 { (first.state.badge()) " Ruler " (foreign(&first.ruler)) }
            p { (foreign(first.error.as_deref().unwrap_or("no reason is known"))) }
            p {
                @if let Some(at) = retry_at { "Next attempt " (time(*at, frame.now)) ", " }
                @match last_success {
                    Some(at) => { "last in sync " (time(*at, frame.now)) ". " }
                    None => "not in sync since this process started. ",
                }
                (if tenants.len() == 1 { "Destination " } else { "Destinations " })
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
                ", such as " code { (foreign(&held.example)) } ": " (why(held.reason)) ". "
                @match held.until {
                    Some(until) => { "Deleted " (time(until, frame.now)) " unless declared again." },
                    None => "Kept until released or declared again.",
                }
            }
        }
        @if let Some(page) = link::destination(&one.ruler, one.tenant.as_deref()) {
            p { a href=(frame.root.to(format_args!("{page}#held"))) { "All groups that would be deleted" } }
        }
        (action::button(frame, Action::ReleaseDeletes, &one.ruler, one.tenant.as_deref()))
    })
}

fn of_object(frame: &Frame, problem: &Problem) -> Markup {
    let Problem { summary, status, text } = problem;
    let found = problem.findings();
    let delays = status.iter().flat_map(|status| &status.destinations).filter_map(|here| here.delay.as_ref());
    let message = delays.filter_map(|delay| delay.message.as_deref()).next();
    html! {
        h3 {
            (badges(summary)) " " (frame.object(&summary.object))
        }
        // Not in the heading, which is the same as long as the problem.
        p.dim { (foreign(summary.object.kind())) ", " (lasting(summary.since, frame.now)) }
        @if found.is_empty() {
            @if let Some(message) = message { p { (foreign(message)) } }
        } @else {
            (findings::list(found.iter().copied(), text.as_ref(), MAX_FINDINGS))
        }
    }
}
