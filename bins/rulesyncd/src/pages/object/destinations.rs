//! An object at each of its destinations: what is sent there, and what the ruler has.

use maud::{Markup, html};
use rulesync_core::explain::{DestinationExplanation, ExplainedGroup, HeldGroups, StoredState};

use crate::pages::findings;
use crate::pages::frame::Frame;
use crate::pages::look::{Look, Tone, badge, foreign, more, number, why};

/// The number of destinations that are shown.
const MAX_DESTINATIONS: usize = 50;

/// The size of what is shown of rules as they are sent, at all destinations together, in bytes.
const MAX_TEXT: usize = 128 << 10;

/// The number of names that are shown in a list of groups.
const MAX_NAMES: usize = 20;

impl Look for StoredState {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::Equal => ("the ruler has the same", Tone::Good),
            Self::Differs => ("the ruler has another version", Tone::Busy),
            Self::Missing => ("the ruler has none", Tone::Busy),
            _ => ("unknown", Tone::Warning),
        }
    }
}

/// Shows the destinations of an object.
pub(super) fn render(frame: &Frame, destinations: &[DestinationExplanation]) -> Markup {
    let mut left = MAX_TEXT;
    html! {
        @if destinations.is_empty() { p { "It goes nowhere." } }
        @for here in destinations.iter().take(MAX_DESTINATIONS) { (one(frame, here, &mut left)) }
        (more(destinations.len().saturating_sub(MAX_DESTINATIONS), "more destination", "more destinations"))
    }
}

fn one(frame: &Frame, here: &DestinationExplanation, left: &mut usize) -> Markup {
    html! {
        h3 { (frame.destination(&here.ruler, here.tenant.as_deref())) }
        dl {
            dt { "State" }
            dd {
                @match here.state {
                    Some(state) => (state.badge()),
                    None => "it does not go there any more",
                }
                @if let Some(evaluation) = here.evaluation { " " (evaluation.badge()) }
            }
            dt { "Ruler namespace" } dd { code { (foreign(&here.namespace)) } }
            @if let Some(naming) = &here.naming { dt { "Naming" } dd { (foreign(naming)) } }
            @if let Some(route) = &here.route { dt { "Route" } dd { (foreign(route)) } }
            @if let Some(state) = here.destination_state {
                dt { "The destination" }
                dd {
                    (state.badge())
                    @if let Some(error) = &here.destination_error { " " (foreign(error)) }
                }
            }
        }
        @if !here.findings.is_empty() { (findings::list(here.findings.iter(), findings::MAX_OF_OBJECT)) }
        @if !here.not_sent.is_empty() {
            p {
                (badge("not sent", Tone::Bad)) " " (names(&here.not_sent))
                ". What the ruler has of them stays."
            }
        }
        @for held in &here.held { (of_held(held)) }
        @for group in &here.groups { (of_group(group, left)) }
    }
}

fn of_held(held: &HeldGroups) -> Markup {
    html! {
        p {
            (badge("not deleted", Tone::Warning)) " " (names(&held.groups)) ": "
            @match held.reason {
                Some(reason) => (why(reason)),
                None => "to be deleted as soon as what replaces it is there",
            }
        }
    }
}

fn names(groups: &[String]) -> Markup {
    let left = groups.len().saturating_sub(MAX_NAMES);
    html! {
        @for (index, group) in groups.iter().take(MAX_NAMES).enumerate() {
            @if index > 0 { ", " }
            (foreign(group))
        }
        @if left > 0 { " and " (number(left, "more group", "more groups")) }
    }
}

fn of_group(ExplainedGroup { group, stored, .. }: &ExplainedGroup, left: &mut usize) -> Markup {
    let yaml = serde_saphyr::to_string(group).unwrap_or_default();
    let fits = yaml.len() <= *left;
    *left = left.saturating_sub(yaml.len());
    html! {
        details {
            summary {
                "Group " (foreign(&group.name)) " (" (number(group.rules.len(), "rule", "rules")) ")"
                @if let Some(stored) = stored { " " (stored.badge()) }
            }
            @if fits {
                p.dim { "As it is sent:" }
                pre tabindex="0" role="region" aria-label="The group as it is sent" { (lines(&yaml)) }
            } @else {
                p { "It is too long for this page; the API has it." }
            }
        }
    }
}

/// Shows a text of several lines.
fn lines(text: &str) -> Markup {
    html! {
        code { @for line in text.lines() { (foreign(line)) "\n" } }
    }
}
