//! Puts matchers into every selector of an expression, in the author's own text: blanks, comments and the order of
//! things stay as they were written. Not for parsing: each language says where its selectors are.
//!
//! It fails closed. What it hands out has been parsed again, and every selector in it carries every matcher; where that
//! cannot be had, there is an error and no text.

#[cfg(test)]
mod tests;

use crate::error::ParseError;
use crate::logql;
use crate::names;
use crate::promql::{self, ExprKind, MatchOp};
use crate::quote::quoted;
use crate::span::{Position, Span};

/// What every selector is to carry: `label="value"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enforcement {
    label: String,
    value: String,
    mode: Mode,
}

/// What becomes of what the author wrote about the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The matchers on the label are replaced by one, and where there is none, one is added.
    Override,
    /// A selector that has any matcher on the label keeps it; one that has none gets ours.
    AddIfAbsent,
    /// Nothing is changed; a selector without just this matcher is an error.
    Require,
}

/// A matcher that would not do what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidEnforcement {
    /// Labels are `[a-zA-Z_][a-zA-Z0-9_]*`; some rulers take no others.
    Label,
    /// `__name__` is what a selector is about.
    MetricName,
    /// An empty value matches everything that has no such label.
    EmptyValue,
}

impl std::fmt::Display for InvalidEnforcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Label => "the label must be letters, digits and underscores and not begin with a digit",
            Self::MetricName => "the label `__name__` cannot be enforced: it is what a selector is about",
            Self::EmptyValue => "the value is empty, which would match all series that do not have the label",
        })
    }
}

impl std::error::Error for InvalidEnforcement {}

impl Enforcement {
    /// `label="value"` for every selector.
    ///
    /// # Errors
    ///
    /// A label or value that would not keep series apart.
    pub fn new(label: &str, value: &str, mode: Mode) -> Result<Self, InvalidEnforcement> {
        if !names::is_legacy_label(label) {
            return Err(InvalidEnforcement::Label);
        }
        if label == promql::METRIC_NAME {
            return Err(InvalidEnforcement::MetricName);
        }
        if value.is_empty() {
            return Err(InvalidEnforcement::EmptyValue);
        }
        Ok(Self { label: label.to_owned(), value: value.to_owned(), mode })
    }

    /// The label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    fn matcher(&self) -> String {
        format!("{}={}", self.label, quoted(&self.value))
    }

    fn is(&self, matcher: &Found) -> bool {
        matcher.label == self.label && matcher.op == MatchOp::Equal && matcher.value == self.value
    }

    /// Whether a selector is as it has to be in the end.
    fn holds(&self, selector: &Selector) -> bool {
        let mut on_label = selector.matchers.iter().filter(|matcher| matcher.label == self.label);
        match self.mode {
            Mode::Override => {
                on_label.next().is_some_and(|matcher| self.is(matcher)) && on_label.next().is_none()
            }
            Mode::AddIfAbsent => on_label.next().is_some(),
            Mode::Require => on_label.any(|matcher| self.is(matcher)),
        }
    }
}

/// Why an expression cannot carry the matchers. The rule must not be used without them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnforceError {
    /// The expression cannot be parsed, so that its selectors are not known.
    Unparsed(ParseError),
    /// A selector lacks a matcher that it must have.
    Missing {
        /// The matcher, as it would be written.
        matcher: String,
        /// Where the selector is.
        position: Position,
    },
    /// Something reads series that no selector names, as `info` does.
    Unnamed {
        /// The function.
        function: &'static str,
        /// Where it is called.
        position: Position,
    },
    /// The text with the matchers does not read as it should. It would be a defect of this crate, and is caught here.
    Unproven,
}

impl EnforceError {
    /// Where in the expression.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Unparsed(error) => Some(error.position()),
            Self::Missing { position, .. } | Self::Unnamed { position, .. } => Some(*position),
            Self::Unproven => None,
        }
    }
}

impl std::fmt::Display for EnforceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unparsed(error) => {
                write!(
                    f,
                    "matchers cannot be put into an expression that cannot be read: {}",
                    error.message()
                )
            }
            Self::Missing { matcher, .. } => write!(f, "a selector lacks the matcher {matcher}"),
            Self::Unnamed { function, .. } => {
                write!(f, "{function}() reads series that no selector names, so no matcher can be put there")
            }
            Self::Unproven => f.write_str("the expression with matchers cannot be read back"),
        }
    }
}

impl std::error::Error for EnforceError {}

/// Puts the matchers into every selector of a PromQL expression.
///
/// ```
/// use rulesync_expr::{Enforcement, Mode, enforce_promql};
///
/// let team = Enforcement::new("team", "payments", Mode::Override)?;
/// let text = r#"rate(errors[5m]) / on (job) up{team=~".*"} # of all"#;
/// let enforced = enforce_promql(text, &[team])?;
/// assert_eq!(enforced, r#"rate(errors{team="payments"}[5m]) / on (job) up{team="payments"} # of all"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EnforceError`] where not every selector can carry every matcher.
pub fn enforce_promql(input: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
    splice(input, matchers, |text| {
        let expr = promql::parse(text, &promql::Options::default()).map_err(EnforceError::Unparsed)?;
        expr.nodes().map(|node| &node.kind).try_for_each(|kind| match kind {
            // With one argument it reads `target_info` of everyone; the second one also chooses labels to copy.
            ExprKind::Call(call) if call.function.name == "info" => Err(EnforceError::Unnamed {
                function: call.function.name,
                position: Position::of(text, call.name_span.start),
            }),
            _ => Ok(()),
        })?;
        let selector = |selector: &promql::VectorSelector| Selector {
            start: selector.metric.as_ref().map_or(0, |name| name.span.start),
            name_end: selector.metric.as_ref().map(|name| name.span.end),
            braces: match (selector.braces, &selector.metric) {
                (Some(braces), _) => Braces::At(braces.start + 1),
                (None, Some(name)) => Braces::MissingAt(name.span.end),
                // There is no such selector.
                (None, None) => Braces::MissingAt(0),
            },
            matchers: selector
                .matchers
                .iter()
                .map(|matcher| Found {
                    span: matcher.span,
                    label: matcher.label.clone(),
                    op: matcher.op,
                    value: matcher.value.clone(),
                })
                .collect(),
        };
        Ok(expr.selectors().map(selector).collect())
    })
}

/// Puts the matchers into every stream selector of a LogQL expression.
///
/// ```
/// use rulesync_expr::{Enforcement, Mode, enforce_logql};
///
/// let team = Enforcement::new("team", "payments", Mode::Override)?;
/// let text = r#"sum(rate({job="nginx"} |= "error" [5m])) > 1"#;
/// let enforced = enforce_logql(text, &[team])?;
/// assert_eq!(enforced, r#"sum(rate({job="nginx",team="payments"} |= "error" [5m])) > 1"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EnforceError`] where not every selector can carry every matcher.
pub fn enforce_logql(input: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
    splice(input, matchers, |text| {
        let expr = logql::parse(text).map_err(EnforceError::Unparsed)?;
        let selector = |selector: &logql::Selector| Selector {
            start: selector.span.start,
            name_end: None,
            braces: Braces::At(selector.span.start + 1),
            matchers: selector
                .matchers
                .iter()
                .map(|matcher| Found {
                    span: matcher.span,
                    label: matcher.label.clone(),
                    op: matcher.op,
                    value: matcher.value.clone(),
                })
                .collect(),
        };
        Ok(expr.selectors().map(selector).collect())
    })
}

/// One selector, as far as splicing must know it.
struct Selector {
    start: usize,
    /// The end of the metric's name, which may stand in quotes among the matchers.
    name_end: Option<usize>,
    braces: Braces,
    matchers: Vec<Found>,
}

enum Braces {
    /// The byte behind `{`.
    At(usize),
    /// Where they would stand.
    MissingAt(usize),
}

struct Found {
    span: Span,
    label: String,
    op: MatchOp,
    value: String,
}

impl Selector {
    fn position(&self, input: &str) -> Position {
        let braces = match self.braces {
            Braces::At(inside) => inside.saturating_sub(1),
            Braces::MissingAt(end) => end,
        };
        Position::of(input, if self.start == 0 { braces } else { self.start })
    }

    /// Takes out a matcher that is not the first, with the comma before it. A comment between the two stays.
    fn take_out(&self, input: &str, matcher: &Found, edits: &mut Vec<Edit>) {
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
        let mut take = |span| edits.push(Edit { span, text: String::new() });
        if between.contains('#') {
            take(Span::new(comma, comma + 1));
            take(matcher.span);
        } else {
            take(Span::new(comma, end));
        }
    }
}

/// A piece of text in place of another.
struct Edit {
    span: Span,
    text: String,
}

fn splice(
    input: &str,
    enforcements: &[Enforcement],
    selectors: impl Fn(&str) -> Result<Vec<Selector>, EnforceError>,
) -> Result<String, EnforceError> {
    let before = selectors(input)?;
    let mut edits = Vec::new();
    for selector in &before {
        edits_of(input, selector, enforcements, &mut edits)?;
    }
    // Selectors do not overlap, but need not come in the order written.
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
    let proven = after.len() == before.len()
        && after.iter().all(|selector| enforcements.iter().all(|enforced| enforced.holds(selector)));
    if proven { Ok(text) } else { Err(EnforceError::Unproven) }
}

fn edits_of(
    input: &str,
    selector: &Selector,
    enforcements: &[Enforcement],
    edits: &mut Vec<Edit>,
) -> Result<(), EnforceError> {
    let mut added = Vec::new();
    for enforced in enforcements {
        let mut on_label =
            selector.matchers.iter().filter(|matcher| matcher.label == enforced.label).peekable();
        match enforced.mode {
            Mode::Require if on_label.any(|matcher| enforced.is(matcher)) => {}
            Mode::Require => {
                let (matcher, position) = (enforced.matcher(), selector.position(input));
                return Err(EnforceError::Missing { matcher, position });
            }
            Mode::AddIfAbsent if on_label.peek().is_some() => {}
            Mode::Override => match on_label.next() {
                Some(first) => {
                    if !enforced.is(first) {
                        edits.push(Edit { span: first.span, text: enforced.matcher() });
                    }
                    on_label.for_each(|other| selector.take_out(input, other, edits));
                }
                None => added.push(enforced.matcher()),
            },
            Mode::AddIfAbsent => added.push(enforced.matcher()),
        }
    }
    if added.is_empty() {
        return Ok(());
    }
    let ours = added.join(",");
    let (at, text) = match (selector.matchers.iter().map(|matcher| matcher.span.end).max(), &selector.braces)
    {
        // Behind the last one, before a comma or comment that follows it.
        (Some(end), _) => (end, format!(",{ours}")),
        (None, Braces::At(inside)) => (*inside, ours),
        (None, Braces::MissingAt(end)) => (*end, format!("{{{ours}}}")),
    };
    edits.push(Edit { span: Span::new(at, at), text });
    Ok(())
}
