//! Edits of an expression: what each selector has is compared with what it must have, and the author's text is changed
//! where they differ.

use super::enforcement::{Enforcement, Mode};
use super::error::EnforceError;
use crate::promql::MatchOp;
use crate::span::{Position, Span};

/// The parts of a selector that splicing needs.
pub(super) struct Selector {
    pub(super) start: usize,
    /// The end of the metric name, which may be quoted among the matchers.
    pub(super) name_end: Option<usize>,
    pub(super) braces: Braces,
    pub(super) matchers: Vec<Matcher>,
}

pub(super) enum Braces {
    /// The offset after `{`.
    At(usize),
    /// The offset at which to insert braces.
    MissingAt(usize),
}

pub(super) struct Matcher {
    pub(super) span: Span,
    pub(super) label: String,
    pub(super) op: MatchOp,
    pub(super) value: String,
}

impl Matcher {
    fn is(&self, (op, value): (MatchOp, &str)) -> bool {
        self.op == op && self.value == value
    }
}

impl Selector {
    /// Iterates over the matchers on the label of an enforcement.
    fn on_label<'a>(&'a self, enforced: &'a Enforcement) -> impl Iterator<Item = &'a Matcher> {
        self.matchers.iter().filter(|matcher| matcher.label == enforced.label())
    }

    /// Iterates over the matchers that no enforcement is about.
    fn others<'a>(&'a self, enforcements: &'a [Enforcement]) -> impl Iterator<Item = &'a Matcher> {
        self.matchers.iter().filter(|matcher| enforcements.iter().all(|e| e.label() != matcher.label))
    }

    /// Returns the first matcher of an enforcement that is absent.
    fn lacks<'a>(&self, enforced: &'a Enforcement) -> Option<(MatchOp, &'a str)> {
        enforced.matchers().find(|wanted| !self.on_label(enforced).any(|matcher| matcher.is(*wanted)))
    }

    /// Returns `true` if the selector has the matchers of an enforcement and no others on its label.
    fn has_exactly(&self, enforced: &Enforcement) -> bool {
        // None is wanted twice.
        self.on_label(enforced).count() == enforced.matchers().len() && self.lacks(enforced).is_none()
    }

    fn satisfies(&self, enforced: &Enforcement) -> bool {
        match enforced.mode() {
            Mode::Override => self.has_exactly(enforced),
            Mode::AddIfAbsent => self.on_label(enforced).next().is_some(),
            Mode::Require => self.lacks(enforced).is_none(),
        }
    }

    /// Returns the first matcher that replaces those of the author, if the selector would then match series without any
    /// label, which no ruler accepts.
    fn emptied_by(&self, enforcements: &[Enforcement]) -> Option<String> {
        let selects = |(op, value): (MatchOp, &str)| !op.matches_empty(value);
        let replaced = || {
            enforcements.iter().filter(|e| e.mode() == Mode::Override && self.on_label(e).next().is_some())
        };
        let first = replaced().next()?;
        let is_kept = |matcher: &&Matcher| replaced().all(|e| e.label() != matcher.label);
        let is_added = |e: &&Enforcement| match e.mode() {
            Mode::Override => true,
            Mode::AddIfAbsent => self.on_label(e).next().is_none(),
            Mode::Require => false,
        };
        let still_selects = self.name_end.is_some()
            || self.matchers.iter().filter(is_kept).any(|matcher| selects((matcher.op, &matcher.value)))
            || enforcements.iter().filter(is_added).flat_map(Enforcement::matchers).any(selects);
        (!still_selects).then(|| first.matchers().next().map(|matcher| first.written(matcher))).flatten()
    }

    fn position(&self, input: &str) -> Position {
        let braces = match self.braces {
            Braces::At(inside) => inside.saturating_sub(1),
            Braces::MissingAt(end) => end,
        };
        Position::of(input, if self.start == 0 { braces } else { self.start })
    }

    /// Removes a matcher that is not the first, with the comma before it. A comment between the two is kept.
    fn remove(&self, input: &str, matcher: &Matcher, edits: &mut Vec<Edit>) {
        let Span { start, end } = matcher.span;
        let ends = self.matchers.iter().map(|matcher| matcher.span.end).chain(self.name_end);
        let before = ends.filter(|end| *end <= start).max().unwrap_or(start);
        let mut in_comment = false;
        let comma = input.get(before..start).into_iter().flat_map(str::char_indices).find_map(|(at, c)| {
            in_comment = c == '#' || (in_comment && c != '\n');
            (c == ',' && !in_comment).then_some(before + at)
        });
        let comma = comma.unwrap_or(start);
        let between = input.get(comma..start).unwrap_or_default();
        let mut delete = |span| edits.push(Edit { span, text: String::new() });
        if between.contains('#') {
            delete(Span::new(comma, comma + 1));
            delete(matcher.span);
        } else {
            delete(Span::new(comma, end));
        }
    }
}

/// A replacement of a byte range.
struct Edit {
    span: Span,
    text: String,
}

/// Returns the text in which every selector has every matcher. `selectors` parses a text.
pub(super) fn splice(
    input: &str,
    enforcements: &[Enforcement],
    selectors: impl Fn(&str) -> Result<Vec<Selector>, EnforceError>,
) -> Result<String, EnforceError> {
    let before = selectors(input)?;
    let mut edits = Vec::new();
    for selector in &before {
        plan_edits(input, selector, enforcements, &mut edits)?;
    }
    // Selectors do not overlap, but need not be in source order.
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut text =
        String::with_capacity(input.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut copied = 0;
    for edit in &edits {
        text.push_str(input.get(copied..edit.span.start).ok_or(EnforceError::Unproven)?);
        text.push_str(&edit.text);
        copied = edit.span.end;
    }
    text.push_str(input.get(copied..).ok_or(EnforceError::Unproven)?);
    let after = selectors(&text).map_err(|_| EnforceError::Unproven)?;
    let is_verified = |(before, after): (&Selector, &Selector)| {
        let others = |selector: &Selector| {
            let parts = |matcher: &Matcher| (matcher.label.clone(), matcher.op, matcher.value.clone());
            selector.others(enforcements).map(parts).collect::<Vec<_>>()
        };
        others(before) == others(after) && enforcements.iter().all(|enforced| after.satisfies(enforced))
    };
    let verified = after.len() == before.len() && before.iter().zip(&after).all(is_verified);
    if verified { Ok(text) } else { Err(EnforceError::Unproven) }
}

fn plan_edits(
    input: &str,
    selector: &Selector,
    enforcements: &[Enforcement],
    edits: &mut Vec<Edit>,
) -> Result<(), EnforceError> {
    if let Some(matcher) = selector.emptied_by(enforcements) {
        return Err(EnforceError::MatchesEmpty { matcher, position: selector.position(input) });
    }
    let mut added = Vec::new();
    for enforced in enforcements {
        let mut on_label = selector.on_label(enforced).peekable();
        match enforced.mode() {
            Mode::Require => {
                if let Some(matcher) = selector.lacks(enforced) {
                    let (matcher, position) = (enforced.written(matcher), selector.position(input));
                    return Err(EnforceError::Missing { matcher, position });
                }
            }
            Mode::AddIfAbsent if on_label.peek().is_some() => {}
            // In the author's order.
            Mode::Override if selector.has_exactly(enforced) => {}
            Mode::AddIfAbsent | Mode::Override => {
                for wanted in enforced.matchers() {
                    match on_label.next() {
                        Some(matcher) if matcher.is(wanted) => {}
                        Some(matcher) => {
                            edits.push(Edit { span: matcher.span, text: enforced.written(wanted) });
                        }
                        None => added.push(enforced.written(wanted)),
                    }
                }
                on_label.for_each(|surplus| selector.remove(input, surplus, edits));
            }
        }
    }
    if added.is_empty() {
        return Ok(());
    }
    let added = added.join(",");
    let (at, text) = match (selector.matchers.iter().map(|matcher| matcher.span.end).max(), &selector.braces)
    {
        // After the last one, before a comma or comment that follows it.
        (Some(end), _) => (end, format!(",{added}")),
        (None, Braces::At(inside)) => (*inside, added),
        (None, Braces::MissingAt(end)) => (*end, format!("{{{added}}}")),
    };
    edits.push(Edit { span: Span::new(at, at), text });
    Ok(())
}
