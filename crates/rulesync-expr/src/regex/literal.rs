//! Patterns in expressions: string literals that a server compiles as regular expressions, unchanged or wrapped. The
//! patterns themselves are parsed in `parse`.

use std::borrow::Cow;

use super::error::RegexError;
use super::parse::{Regex, parse};
use crate::quote::unescape_bytes;
use crate::span::Span;

/// The characters with a special meaning outside of classes, except `|`.
const SPECIAL: &[u8] = br"\.+*?()[]{}^$";

/// The text that a server adds around a pattern before compiling it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wrapping {
    Nothing,
    /// `^(?:...)$`, which Loki adds to the pattern of `label_replace`; Prometheus adds `^(?s:...)$`.
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

/// An error with its position in the surrounding expression.
#[derive(Debug)]
pub(crate) struct Misplaced {
    pub(crate) error: RegexError,
    pub(crate) span: Span,
}

/// Parses the pattern in the string literal at `span` of `input`, whose value is `value`.
pub(crate) fn literal(input: &str, span: Span, value: &str, wrapping: Wrapping) -> Result<Regex, Misplaced> {
    let pattern = bytes(input, span, value);
    let (before, after) = wrapping.parts();
    let result = match wrapping {
        Wrapping::Nothing => parse(&pattern),
        _ => parse(&[before.as_bytes(), &pattern, after.as_bytes()].concat()),
    };
    result.map_err(|error| Misplaced { span: place(input, span, value, error.span, before.len()), error })
}

/// Parses the pattern of a matcher. Prometheus, and Loki, which uses the matchers of Prometheus, do not compile a
/// pattern that is a list of plain words, and therefore accept any bytes in it.
pub(crate) fn matcher(input: &str, span: Span, value: &str) -> Result<Regex, Misplaced> {
    match matches_empty_word(value) {
        Some(matches_empty) => Ok(Regex { names: Vec::new(), matches_empty }),
        None => literal(input, span, value, Wrapping::Nothing),
    }
}

/// Parses a pattern of a matcher that stands in no expression.
pub(crate) fn pattern(value: &str) -> Result<(), RegexError> {
    match matches_empty_word(value) {
        Some(_) => Ok(()),
        None => parse(value.as_bytes()).map(|_| ()),
    }
}

/// Returns `true` if a character has a meaning of its own in a pattern.
pub(crate) fn is_special(c: char) -> bool {
    c == '|' || c.is_ascii() && SPECIAL.contains(&(c as u8))
}

/// Returns `true` if the pattern of a matcher is valid and matches the empty string.
pub(crate) fn matches_empty(pattern: &str) -> bool {
    matches_empty_word(pattern)
        .unwrap_or_else(|| parse(pattern.as_bytes()).is_ok_and(|regex| regex.matches_empty))
}

/// Returns whether one of the words of a list is empty, or `None` if the pattern is not a plain list.
fn matches_empty_word(pattern: &str) -> Option<bool> {
    let is_list = !pattern.bytes().any(|byte| SPECIAL.contains(&byte));
    is_list.then(|| pattern.split('|').any(str::is_empty))
}

/// Returns the bytes of a pattern. The value has a replacement character in place of invalid UTF-8.
fn bytes<'a>(input: &'a str, span: Span, value: &'a str) -> Cow<'a, [u8]> {
    let body = body(input, span);
    if value.contains(char::REPLACEMENT_CHARACTER) && body != value && !span.text(input).starts_with('`') {
        Cow::Owned(unescape_bytes(body))
    } else {
        Cow::Borrowed(value.as_bytes())
    }
}

/// Returns the position of a part of a pattern in the expression: the whole literal if it has escapes.
fn place(input: &str, literal: Span, value: &str, part: Span, before: usize) -> Span {
    let body = body(input, literal);
    if body != value {
        return literal;
    }
    let offset = |offset: usize| literal.start + 1 + offset.saturating_sub(before).min(body.len());
    Span::new(offset(part.start), offset(part.end))
}

/// Returns a literal without its quotes.
fn body(input: &str, literal: Span) -> &str {
    let text = literal.text(input);
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Wrapping, literal, matcher, matches_empty};
    use crate::quote::unescape;
    use crate::span::Span;

    /// Returns the part of `input`, a single string literal, that an error points at.
    fn marked(input: &str, wrapping: Wrapping) -> Option<&str> {
        let body = &input[1..input.len() - 1];
        let value = if input.starts_with('`') { body.to_owned() } else { unescape(body) };
        let result = literal(input, Span::new(0, input.len()), &value, wrapping);
        result.err().map(|misplaced| misplaced.span.text(input))
    }

    #[test]
    fn literal_error_span_is_within_literal_without_escapes() {
        assert_eq!(marked(r#""é[b-a]""#, Wrapping::Nothing), Some("b-a"));
        assert_eq!(marked(r"`\d+(\k)`", Wrapping::Nothing), Some(r"\k"));
        assert_eq!(marked(r#""\\d+(\\k)""#, Wrapping::Nothing), Some(r#""\\d+(\\k)""#));
        assert_eq!(marked("'a(b'", Wrapping::Nothing), Some("(b"));
    }

    #[test]
    fn literal_wrapping_affects_result() {
        assert_eq!(marked("'[b-a]'", Wrapping::Anchored), Some("b-a"));
        // The wrapping's closing parenthesis closes the inner group, so the wrapping itself stays open.
        assert_eq!(marked("'a(b'", Wrapping::Anchored), Some("a(b"));
        assert_eq!(marked("'a)(b'", Wrapping::Anchored), None);
        assert_eq!(marked("'a)(b'", Wrapping::Nothing), Some(")(b"));
        assert_eq!(marked(r"`\Qa`", Wrapping::Nothing), None);
        assert_eq!(marked(r"`\Qa`", Wrapping::Anchored), Some(r"\Qa"));
    }

    #[test]
    fn matcher_accepts_invalid_utf8_in_plain_words() {
        for (input, is_accepted) in [(r#""a|\xff""#, true), (r#""a.\xff""#, false), (r#""a.\ufffd""#, true)] {
            let value = unescape(&input[1..input.len() - 1]);
            assert_eq!(matcher(input, Span::new(0, input.len()), &value).is_ok(), is_accepted, "{input}");
        }
    }

    #[test]
    fn matches_empty_checks_lists_of_words() {
        for (pattern, expected) in [("", true), ("a|b", false), ("a||b", true), ("a|", true), ("(", false)] {
            assert_eq!(matches_empty(pattern), expected, "{pattern}");
        }
    }
}
