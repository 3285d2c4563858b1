//! Patterns where they stand in an expression: string literals that a server takes for regular expressions, as they
//! are or with something around them. Not for the patterns themselves.

use std::borrow::Cow;

use super::{Regex, RegexError, parse};
use crate::quote::unescape_bytes;
use crate::span::Span;

/// What Go gives a meaning to outside of classes, but for the bar.
const SPECIAL: &[u8] = br"\.+*?()[]{}^$";

/// What a server writes around a pattern before it reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrapping {
    Nothing,
    /// `^(?:...)$`, as Loki reads the pattern of `label_replace`, and Prometheus with an `s`.
    Anchored,
}

impl Wrapping {
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Nothing => ("", ""),
            Self::Anchored => ("^(?:", ")$"),
        }
    }
}

/// An error, and the part of the expression that it is about.
#[derive(Debug)]
pub(crate) struct Misplaced {
    pub(crate) error: RegexError,
    pub(crate) span: Span,
}

/// Reads the pattern that `input` holds as the string literal at `span`, whose value is `value`.
pub(crate) fn literal(input: &str, span: Span, value: &str, wrapping: Wrapping) -> Result<Regex, Misplaced> {
    let pattern = bytes(input, span, value);
    let (before, after) = wrapping.parts();
    let result = match wrapping {
        Wrapping::Nothing => parse(&pattern),
        _ => parse(&[before.as_bytes(), &pattern, after.as_bytes()].concat()),
    };
    result.map_err(|error| Misplaced { span: place(input, span, value, error.span, before.len()), error })
}

/// Reads the pattern of a matcher. Prometheus and Loki, which has its matchers from there, read no pattern that is a
/// list of plain words, and so take it whatever bytes it has.
pub(crate) fn matcher(input: &str, span: Span, value: &str) -> Result<Regex, Misplaced> {
    match matches_empty_word(value) {
        Some(matches_empty) => Ok(Regex { names: Vec::new(), matches_empty }),
        None => literal(input, span, value, Wrapping::Nothing),
    }
}

/// Whether the pattern of a matcher matches the empty text; false if Go does not take it.
pub(crate) fn matches_empty(pattern: &str) -> bool {
    matches_empty_word(pattern)
        .unwrap_or_else(|| parse(pattern.as_bytes()).is_ok_and(|regex| regex.matches_empty))
}

/// Whether one of the words that a pattern lists is empty; none if it is more than a list.
fn matches_empty_word(pattern: &str) -> Option<bool> {
    let is_list = !pattern.bytes().any(|byte| SPECIAL.contains(&byte));
    is_list.then(|| pattern.split('|').any(str::is_empty))
}

/// The bytes of a pattern. What was no UTF-8 is a replacement character in the value.
fn bytes<'a>(input: &'a str, span: Span, value: &'a str) -> Cow<'a, [u8]> {
    let body = body(input, span);
    if value.contains(char::REPLACEMENT_CHARACTER) && body != value && !span.text(input).starts_with('`') {
        Cow::Owned(unescape_bytes(body))
    } else {
        Cow::Borrowed(value.as_bytes())
    }
}

/// Where in the expression a part of a pattern stands: the whole literal if it has escapes.
fn place(input: &str, literal: Span, value: &str, part: Span, before: usize) -> Span {
    let body = body(input, literal);
    if body != value {
        return literal;
    }
    let offset = |offset: usize| literal.start + 1 + offset.saturating_sub(before).min(body.len());
    Span::new(offset(part.start), offset(part.end))
}

/// A literal without its quotes.
fn body(input: &str, literal: Span) -> &str {
    let text = literal.text(input);
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Wrapping, literal, matcher, matches_empty};
    use crate::quote::unescape;
    use crate::span::Span;

    /// What is marked of an expression that is one string literal.
    fn marked(input: &str, wrapping: Wrapping) -> Option<&str> {
        let body = &input[1..input.len() - 1];
        let value = if input.starts_with('`') { body.to_owned() } else { unescape(body) };
        let result = literal(input, Span::new(0, input.len()), &value, wrapping);
        result.err().map(|misplaced| misplaced.span.text(input))
    }

    #[test]
    fn an_error_is_placed_in_the_literal_or_is_all_of_it() {
        assert_eq!(marked(r#""é[b-a]""#, Wrapping::Nothing), Some("b-a"));
        assert_eq!(marked(r"`\d+(\k)`", Wrapping::Nothing), Some(r"\k"));
        assert_eq!(marked(r#""\\d+(\\k)""#, Wrapping::Nothing), Some(r#""\\d+(\\k)""#));
        assert_eq!(marked("'a(b'", Wrapping::Nothing), Some("(b"));
    }

    #[test]
    fn what_is_written_around_a_pattern_counts() {
        assert_eq!(marked("'[b-a]'", Wrapping::Anchored), Some("b-a"));
        // The parenthesis behind it closes the group, and leaves open what is around.
        assert_eq!(marked("'a(b'", Wrapping::Anchored), Some("a(b"));
        assert_eq!(marked("'a)(b'", Wrapping::Anchored), None);
        assert_eq!(marked("'a)(b'", Wrapping::Nothing), Some(")(b"));
        assert_eq!(marked(r"`\Qa`", Wrapping::Nothing), None);
        assert_eq!(marked(r"`\Qa`", Wrapping::Anchored), Some(r"\Qa"));
    }

    #[test]
    fn words_need_not_be_utf8() {
        for (input, is_taken) in [(r#""a|\xff""#, true), (r#""a.\xff""#, false), (r#""a.\ufffd""#, true)] {
            let value = unescape(&input[1..input.len() - 1]);
            assert_eq!(matcher(input, Span::new(0, input.len()), &value).is_ok(), is_taken, "{input}");
        }
    }

    #[test]
    fn lists_of_words() {
        for (pattern, expected) in [("", true), ("a|b", false), ("a||b", true), ("a|", true), ("(", false)] {
            assert_eq!(matches_empty(pattern), expected, "{pattern}");
        }
    }
}
