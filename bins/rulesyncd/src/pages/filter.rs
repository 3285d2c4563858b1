//! The form by which objects are filtered, and links to other pages of what it selects.

use maud::{Markup, html};

use super::link::Query;
use crate::view::object_query::{DELAYS, EVALUATIONS, ObjectQuery, PROBLEM, STATES};

/// Returns the query of another page of a list.
pub(super) fn query(asked: &ObjectQuery, page: usize) -> Query {
    Query::default()
        .with("q", Some(&asked.q))
        .with("state", Some(&asked.state))
        .with("evaluation", Some(&asked.evaluation))
        .with("delay", Some(&asked.delay))
        .with("source", Some(&asked.source))
        .with("ruler", Some(&asked.ruler))
        .with("tenant", Some(&asked.tenant))
        .with("namespace", Some(&asked.namespace))
        .with("page", (page > 1).then_some(page))
}

/// Shows the form.
pub(super) fn form(asked: &ObjectQuery, action: &str) -> Markup {
    let states = std::iter::once(PROBLEM).chain(STATES.iter().map(|(word, _)| *word));
    html! {
        form.filter method="get" action=(action) role="search" aria-label="Objects" {
            label.wide { "Search" input type="search" name="q" value=(asked.q) placeholder="part of namespace/name"; }
            label { "State" (select("state", &asked.state, states)) }
            label {
                "Evaluation"
                (select("evaluation", &asked.evaluation, EVALUATIONS.iter().map(|(word, _)| *word)))
            }
            label { "Delay" (select("delay", &asked.delay, DELAYS.iter().map(|(word, _)| *word))) }
            label { "Namespace" input name="namespace" value=(asked.namespace); }
            label { "Ruler" input name="ruler" value=(asked.ruler); }
            label { "Tenant" input name="tenant" value=(asked.tenant); }
            @if !asked.source.is_empty() {
                label { "Source" input name="source" value=(asked.source); }
            }
            button type="submit" { "Filter" }
        }
    }
}

fn select<'a>(name: &str, chosen: &str, values: impl Iterator<Item = &'a str>) -> Markup {
    html! {
        select name=(name) {
            option value="" { "any" }
            @for value in values {
                option value=(value) selected[value == chosen] {
                    @if value == PROBLEM { "any problem" } @else { (value.replace('_', " ")) }
                }
            }
        }
    }
}
