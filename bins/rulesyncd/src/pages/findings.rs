//! Findings, for the author of a rule: what is wrong, where, and what to do.

use maud::{Markup, html};
use rulesync_core::Finding;
use rulesync_core::explain::ObjectText;

use super::excerpt;
use super::look::{Look, foreign, number};

/// The longest message that is shown whole, in characters: a ruler may answer with a page of text.
const MAX_MESSAGE: usize = 600;

/// The number of findings that are shown of an object on its page, and of each of its destinations.
pub(super) const MAX_OF_OBJECT: usize = 20;

/// Shows findings, at most `limit`, and the number of others. `text` is that of the object that they are about.
pub(super) fn list<'a>(
    findings: impl ExactSizeIterator<Item = &'a Finding>,
    text: Option<&ObjectText>,
    limit: usize,
) -> Markup {
    let more = findings.len().saturating_sub(limit);
    html! {
        ul.findings {
            @for finding in findings.take(limit) { li.finding { (one(finding, text)) } }
        }
        @if more > 0 { p.dim { "and " (number(more, "more finding", "more findings")) } }
    }
}

fn one(finding: &Finding, text: Option<&ObjectText>) -> Markup {
    let place = finding.location.to_string();
    html! {
        p { (finding.severity.badge()) " " (foreign(cut(&finding.message))) }
        @if !place.is_empty() { p.dim { "At " (foreign(place)) } }
        @if let Some((text, position)) = text.and_then(|text| text.field(&finding.location)) {
            (excerpt::render(&text, position))
        }
        @if let Some(hint) = &finding.hint { p { "Hint: " (foreign(cut(hint))) } }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
