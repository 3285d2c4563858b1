//! Label enforcement: adds matchers to every selector of an expression and leaves the rest of the source unchanged,
//! including white space, comments and order. The parser of each language locates the selectors.
//!
//! Enforcement fails closed. The result is parsed again to verify that every selector has every matcher; otherwise an
//! error is returned instead of an expression.

#[cfg(test)]
mod tests;

use crate::error::ParseError;
use crate::logql;
use crate::names;
use crate::promql::{self, ExprKind, MatchOp};
use crate::quote::quoted;
use crate::span::{Position, Span};

/// A matcher that every selector must have: `label="value"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enforcement {
    label: String,
    value: String,
    mode: Mode,
}

/// The treatment of existing matchers on the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// All matchers on the label are replaced by the enforced one, which is added if there are none.
    Override,
    /// The matcher is added to selectors without a matcher on the label; other selectors are unchanged.
    AddIfAbsent,
    /// Nothing is changed; a selector without exactly this matcher is an error.
    Require,
}

/// The reason why a matcher cannot be enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidEnforcement {
    /// The label is not `[a-zA-Z_][a-zA-Z0-9_]*`; some rulers accept no others.
    Label,
    /// The label is `__name__`, which selects the metric.
    MetricName,
    /// The value is empty, which matches all series without the label.
    EmptyValue,
}

impl std::fmt::Display for InvalidEnforcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Label => "the label must be letters, digits and underscores and not begin with a digit",
            Self::MetricName => "the label `__name__` cannot be enforced: it selects the metric",
            Self::EmptyValue => "the value is empty, which would match all series that do not have the label",
        })
    }
}

impl std::error::Error for InvalidEnforcement {}

impl Enforcement {
    /// Creates the enforcement of `label="value"`.
    ///
    /// # Errors
    ///
    /// Returns an error if the label or value would not isolate series.
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

    fn matches(&self, matcher: &Matcher) -> bool {
        matcher.label == self.label && matcher.op == MatchOp::Equal && matcher.value == self.value
    }

    /// Returns `true` if a selector satisfies the enforcement.
    fn is_satisfied_by(&self, selector: &Selector) -> bool {
        let mut on_label = selector.matchers.iter().filter(|matcher| matcher.label == self.label);
        match self.mode {
            Mode::Override => {
                on_label.next().is_some_and(|matcher| self.matches(matcher)) && on_label.next().is_none()
            }
            Mode::AddIfAbsent => on_label.next().is_some(),
            Mode::Require => on_label.any(|matcher| self.matches(matcher)),
        }
    }
}

/// The reason why matchers cannot be enforced in an expression. The rule must not be used without them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnforceError {
    /// The expression cannot be parsed, so its selectors are unknown.
    Unparsed(ParseError),
    /// A selector lacks a required matcher.
    Missing {
        /// The matcher as written in an expression.
        matcher: String,
        /// The position of the selector.
        position: Position,
    },
    /// A function reads series that no selector specifies, as `info` does.
    Unnamed {
        /// The function.
        function: &'static str,
        /// The position of the call.
        position: Position,
    },
    /// The result failed verification, which would be a bug in this crate.
    Unproven,
}

impl EnforceError {
    /// The position in the expression, if known.
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
                    "matchers cannot be added to an expression that cannot be parsed: {}",
                    error.message()
                )
            }
            Self::Missing { matcher, .. } => write!(f, "a selector lacks the matcher {matcher}"),
            Self::Unnamed { function, .. } => {
                write!(f, "{function}() reads series that no selector specifies, so no matcher can be added")
            }
            Self::Unproven => f.write_str("the expression with the added matchers failed verification"),
        }
    }
}

impl std::error::Error for EnforceError {}

/// Adds the matchers to every selector of a PromQL expression.
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
/// Returns [`EnforceError`] if not every selector can have every matcher.
pub fn enforce_promql(input: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
    splice(input, matchers, |text| {
        let expr = promql::parse(text, &promql::Options::default()).map_err(EnforceError::Unparsed)?;
        expr.nodes().map(|node| &node.kind).try_for_each(|kind| match kind {
            // With one argument `info` reads `target_info` of all tenants; the second one also selects labels to copy.
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
                // The parser returns no such selector.
                (None, None) => Braces::MissingAt(0),
            },
            matchers: selector
                .matchers
                .iter()
                .map(|matcher| Matcher {
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

/// Adds the matchers to every stream selector of a LogQL expression.
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
/// Returns [`EnforceError`] if not every selector can have every matcher.
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
                .map(|matcher| Matcher {
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

/// The parts of a selector that splicing needs.
struct Selector {
    start: usize,
    /// The end of the metric name, which may be quoted among the matchers.
    name_end: Option<usize>,
    braces: Braces,
    matchers: Vec<Matcher>,
}

enum Braces {
    /// The offset after `{`.
    At(usize),
    /// The offset at which to insert braces.
    MissingAt(usize),
}

struct Matcher {
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

fn splice(
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
    let verified = after.len() == before.len()
        && after
            .iter()
            .all(|selector| enforcements.iter().all(|enforced| enforced.is_satisfied_by(selector)));
    if verified { Ok(text) } else { Err(EnforceError::Unproven) }
}

fn plan_edits(
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
            Mode::Require if on_label.any(|matcher| enforced.matches(matcher)) => {}
            Mode::Require => {
                let (matcher, position) = (enforced.matcher(), selector.position(input));
                return Err(EnforceError::Missing { matcher, position });
            }
            Mode::AddIfAbsent if on_label.peek().is_some() => {}
            Mode::Override => match on_label.next() {
                Some(first) => {
                    if !enforced.matches(first) {
                        edits.push(Edit { span: first.span, text: enforced.matcher() });
                    }
                    on_label.for_each(|other| selector.remove(input, other, edits));
                }
                None => added.push(enforced.matcher()),
            },
            Mode::AddIfAbsent => added.push(enforced.matcher()),
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
