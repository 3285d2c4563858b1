//! An object at each of its destinations: what is sent there, and what the ruler has.

use maud::{Markup, html};
use rulesync_core::Group;
use rulesync_core::explain::{DestinationExplanation, ExplainedGroup, HeldGroups, ObjectText, StoredState};

use super::stored::{self, Stored};

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
            Self::Missing => ("not in the ruler", Tone::Busy),
            _ => ("unknown", Tone::Warning),
        }
    }
}

/// Shows the destinations of an object.
pub(super) fn render(
    frame: &Frame,
    destinations: &[DestinationExplanation],
    text: Option<&ObjectText>,
    stored: &[Stored],
) -> Markup {
    let mut left = MAX_TEXT;
    html! {
        @if stored.is_empty() && destinations.iter().any(stored::differs) {
            p { a href="?compare=now" { "Compare with what the rulers have now" } }
        }
        @if destinations.is_empty() { p { "It is not sent to any ruler. The routes below say why." } }
        @for here in destinations.iter().take(MAX_DESTINATIONS) {
            (one(frame, here, text, stored.iter().find(|stored| stored.is_of(here)), &mut left))
        }
        (more(destinations.len().saturating_sub(MAX_DESTINATIONS), "more destination", "more destinations"))
    }
}

fn one(
    frame: &Frame,
    here: &DestinationExplanation,
    text: Option<&ObjectText>,
    stored: Option<&Stored>,
    left: &mut usize,
) -> Markup {
    html! {
        h3 {
            (frame.destination(&here.ruler, here.tenant.as_deref())) " "
            @match here.state {
                Some(state) => (state.badge()),
                None => (badge("not sent there any more", Tone::Quiet)),
            }
            @if let Some(evaluation) = here.evaluation { " " (evaluation.badge()) }
        }
        @if !here.findings.is_empty() { (findings::list(here.findings.iter(), text, findings::MAX_OF_OBJECT)) }
        dl {
            dt { "Ruler namespace" } dd { code { (foreign(&here.namespace)) } }
            @if let Some(naming) = &here.naming { dt { "Naming" } dd { (foreign(naming)) } }
            @if let Some(route) = &here.route { dt { "Route" } dd { (foreign(route)) } }
            @if let Some(state) = here.destination_state {
                dt { "Destination" }
                dd {
                    (state.badge())
                    @if let Some(error) = &here.destination_error { " " (foreign(error)) }
                }
            }
        }
        @if !here.not_sent.is_empty() {
            p {
                (badge("not sent", Tone::Bad)) " " (names(&here.not_sent))
                ": the ruler keeps the version that it has, if any."
            }
        }
        @for held in &here.held { (of_held(held)) }
        @if let Some(Err(error)) = stored.map(|stored| &stored.groups) {
            p { (badge("The ruler does not say what it has", Tone::Warning)) " " (foreign(error)) }
        }
        @for group in &here.groups {
            @let groups = stored.and_then(|stored| stored.groups.as_ref().ok());
            (of_group(group, groups.and_then(|groups| groups.iter().find(|other| other.name == group.group.name)), left))
        }
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

fn of_group(
    ExplainedGroup { group, stored, .. }: &ExplainedGroup,
    other: Option<&Group>,
    left: &mut usize,
) -> Markup {
    let sent = yaml(group, left);
    let other = other.filter(|_| *stored == Some(StoredState::Differs)).map(|other| yaml(other, left));
    html! {
        details open[other.is_some()] {
            summary {
                "Group " (foreign(&group.name)) " (" (number(group.rules.len(), "rule", "rules")) ")"
                @if let Some(stored) = stored { " " (stored.badge()) }
            }
            div.beside {
                (text_of("As it is sent", sent.as_deref()))
                @if let Some(other) = &other { (text_of("As the ruler has it", other.as_deref())) }
            }
        }
    }
}

/// Returns a group as YAML, if there is room for it.
fn yaml(group: &Group, left: &mut usize) -> Option<String> {
    let yaml = serde_saphyr::to_string(group).ok()?;
    let fits = yaml.len() <= *left;
    *left = left.saturating_sub(yaml.len());
    fits.then_some(yaml)
}

fn text_of(title: &str, yaml: Option<&str>) -> Markup {
    html! {
        div {
            p.dim { (title) }
            @match yaml {
                Some(yaml) => pre tabindex="0" role="group" aria-label=(title) { (lines(yaml)) },
                None => p { "Too long for this page; the API has it." },
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
