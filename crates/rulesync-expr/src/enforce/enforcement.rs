//! What is enforced: the matchers on one label, and what becomes of the author's own.

use crate::names;
use crate::promql::{METRIC_NAME, MatchOp};
use crate::quote::quoted;
use crate::regex;

/// The matchers that every selector must have on one label, such as `team="payments"`, or `team!="a"` and `team!="b"`.
/// A selector matches what all of its matchers match, so each further one restricts it further, whatever its operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enforcement {
    label: String,
    mode: Mode,
    /// At least one, and none twice.
    matchers: Vec<(MatchOp, String)>,
}

/// The treatment of existing matchers on the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// All matchers on the label, whatever their operators, are replaced by the enforced ones, which are added if there
    /// are none.
    Override,
    /// The matchers are added to selectors without a matcher on the label; other selectors are unchanged.
    AddIfAbsent,
    /// Nothing is changed; a selector without exactly these matchers is an error. It may have others beside them, which
    /// can only restrict it further.
    Require,
}

/// The reason why a matcher cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidEnforcement {
    /// The label is not `[a-zA-Z_][a-zA-Z0-9_]*`; some rulers accept no others.
    Label,
    /// The label is `__name__`, which selects the metric.
    MetricName,
    /// The value is empty, which matches all series without the label.
    EmptyValue,
    /// The value is not a regular expression, for this reason, in Go's words.
    Regex(String),
}

impl std::fmt::Display for InvalidEnforcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Label => "the label must be letters, digits and underscores and not begin with a digit",
            Self::MetricName => "the label `__name__` cannot be enforced: it selects the metric",
            Self::EmptyValue => "the value is empty, which would match all series that do not have the label",
            Self::Regex(error) => return write!(f, "the value is not a regular expression: {error}"),
        })
    }
}

impl std::error::Error for InvalidEnforcement {}

impl Enforcement {
    /// Creates the enforcement of one matcher.
    ///
    /// # Errors
    ///
    /// Returns an error if rulers would reject the matcher, or if it would not isolate series.
    pub fn new(label: &str, op: MatchOp, value: &str, mode: Mode) -> Result<Self, InvalidEnforcement> {
        if !names::is_legacy_label(label) {
            return Err(InvalidEnforcement::Label);
        }
        if label == METRIC_NAME {
            return Err(InvalidEnforcement::MetricName);
        }
        Self { label: label.to_owned(), mode, matchers: Vec::with_capacity(1) }.and(op, value)
    }

    /// Adds another matcher on the same label.
    ///
    /// # Errors
    ///
    /// Returns an error if rulers would reject the matcher, or if it would not isolate series.
    pub fn and(mut self, op: MatchOp, value: &str) -> Result<Self, InvalidEnforcement> {
        // `!=""` selects series that have the label, while `=""` selects those that do not.
        if value.is_empty() && matches!(op, MatchOp::Equal | MatchOp::Regex) {
            return Err(InvalidEnforcement::EmptyValue);
        }
        if op.is_regex() {
            regex::pattern(value).map_err(|error| InvalidEnforcement::Regex(error.to_string()))?;
        }
        if !self.matchers.iter().any(|known| known.0 == op && known.1 == value) {
            self.matchers.push((op, value.to_owned()));
        }
        Ok(self)
    }

    /// The label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The treatment of existing matchers on the label.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The operators and values of the matchers.
    pub fn matchers(&self) -> impl ExactSizeIterator<Item = (MatchOp, &str)> {
        self.matchers.iter().map(|(op, value)| (*op, value.as_str()))
    }

    /// Formats a matcher on the label as in an expression.
    pub(super) fn written(&self, (op, value): (MatchOp, &str)) -> String {
        format!("{}{op}{}", self.label, quoted(value))
    }
}

/// Returns a regular expression that matches each of the words of a list exactly, or the first character that has
/// another meaning in regular expressions. Words are separated by `|`, and a dot is a dot.
///
/// For texts whose authors may choose a word and nothing broader: [`Enforcement`] takes any regular expression.
///
/// ```
/// use rulesync_expr::{WordListError, regex_of_words};
///
/// assert_eq!(regex_of_words("eu-1|eu.2").as_deref(), Ok(r"eu-1|eu\.2"));
/// assert_eq!(regex_of_words("eu-.*"), Err(WordListError::Special('*')));
/// ```
///
/// # Errors
///
/// Returns an error if a word is empty or holds a special character.
pub fn regex_of_words(list: &str) -> Result<String, WordListError> {
    if let Some(special) = list.chars().find(|c| !matches!(c, '.' | '|') && regex::is_special(*c)) {
        return Err(WordListError::Special(special));
    }
    if list.split('|').any(str::is_empty) {
        return Err(WordListError::Empty);
    }
    Ok(list.replace('.', r"\."))
}

/// The reason why a text is not a list of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordListError {
    /// It holds this character, which is special in regular expressions.
    Special(char),
    /// One of the words is empty, which would match all series without the label.
    Empty,
}

impl std::fmt::Display for WordListError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Special(c) => write!(f, "holds {c:?}, which is special in regular expressions"),
            Self::Empty => f.write_str("holds an empty word beside a `|`"),
        }
    }
}

impl std::error::Error for WordListError {}
