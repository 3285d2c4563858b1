//! Findings, for the author of a rule: what is wrong, where, and what to do.

use maud::{Markup, html};
use rulesync_core::Finding;
use rulesync_core::explain::ObjectText;
use rulesync_core::finding::Location;

use super::excerpt;
use super::look::{Look, foreign, number};

/// The longest message that is shown whole, in characters: a ruler may answer with a page of text.
const MAX_MESSAGE: usize = 600;

/// The longest name of a group, a rule or a field that is shown whole where a finding is, in characters.
const MAX_NAME: usize = 80;

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
    let place = place(&finding.location);
    html! {
        p { (finding.severity.badge()) " " (foreign(cut(&finding.message, MAX_MESSAGE))) }
        @if !place.is_empty() { p.dim { "At " (foreign(place)) } }
        @if let Some((text, position)) = text.and_then(|text| text.field(&finding.location)) {
            (excerpt::render(&text, position))
        }
        @if let Some(hint) = &finding.hint { p { "Hint: " (foreign(cut(hint, MAX_MESSAGE))) } }
    }
}

/// Returns where a finding is, with its names cut where they are long.
fn place(location: &Location) -> String {
    let short = |name: &Option<String>| name.as_deref().map(|name| cut(name, MAX_NAME));
    let Location { group, rule_name, field, .. } = location;
    let (group, rule_name, field) = (short(group), short(rule_name), short(field));
    Location { group, rule_name, field, ..location.clone() }.to_string()
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_keeps_the_field_beside_a_long_name() {
        let location = Location {
            group: Some("n".repeat(300)),
            rule: Some(2),
            field: Some("expr".to_owned()),
            ..Location::default()
        };
        assert_eq!(place(&location), format!("group \"{}…\", rule 2, expr", "n".repeat(80)));
    }
}
