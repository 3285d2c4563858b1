//! What there is: objects by state, sources, rulers.

use std::collections::BTreeMap;

use maud::{Markup, html};
use rulesync_core::status::{DestinationState, DestinationStatus, ObjectState, SourceStatus};

use crate::pages::frame::Frame;
use crate::pages::link::Query;
use crate::pages::look::{Look, Tone, badge, foreign};
use crate::view::object_query;

/// Shows the number of objects in each state, with links to them. `with_problems` is the number of those with problems.
pub(super) fn counts(frame: &Frame, counts: &BTreeMap<ObjectState, usize>, with_problems: usize) -> Markup {
    let all: usize = counts.values().sum();
    html! {
        ul.counts {
            li { a href=(frame.root.to("objects")) { b { (all) } (if all == 1 { " object" } else { " objects" }) } }
            @for (state, count) in counts.iter().rev() {
                li {
                    @let query = Query::default().with("state", Some(object_query::word(*state)));
                    a href=(frame.root.to(format_args!("objects{query}"))) { b { (count) } " " (state.badge()) }
                }
            }
            @if with_problems > 0 {
                li {
                    a href=(frame.root.to("objects?state=problem")) { b { (with_problems) } " with a problem" }
                }
            }
        }
    }
}

/// Shows the rulers, with the states of their destinations.
pub(super) fn rulers(frame: &Frame, all: &[DestinationStatus]) -> Markup {
    let mut rulers: BTreeMap<&str, Vec<&DestinationStatus>> = BTreeMap::new();
    for destination in all {
        rulers.entry(&destination.ruler).or_default().push(destination);
    }
    html! {
        @if rulers.is_empty() { p { "No object is sent to a ruler yet: a route has to select it." } }
        @else {
            table.narrow {
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

/// Shows the sources.
pub(super) fn sources(sources: &[SourceStatus]) -> Markup {
    html! {
        table.narrow {
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
