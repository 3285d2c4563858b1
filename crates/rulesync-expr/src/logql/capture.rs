//! Checks the captures of the parsers `regexp` and `pattern`: each parser must have a named capture, and names must be
//! unique.

use std::collections::BTreeSet;

/// Loki's error for the group names of a `regexp` parameter, if it rejects them.
pub(super) fn names_error(names: &[String]) -> Option<String> {
    if names.is_empty() {
        return Some("at least one named capture must be supplied".to_owned());
    }
    first_duplicate(names.iter().map(String::as_str))
        .map(|name| format!("duplicate extracted label name '{name}'"))
}

/// Loki's error for the parameter of `pattern`, if it rejects it.
pub(super) fn pattern_error(pattern: &str) -> Option<String> {
    if pattern.is_empty() {
        let expected = "expecting IDENTIFIER or LITERAL";
        return Some(format!("parse error at line 1, col 1: syntax error: unexpected $end, {expected}"));
    }
    let captures = captures(pattern);
    let names: Vec<&str> = captures.iter().map(|capture| capture.name).filter(|name| *name != "_").collect();
    if names.is_empty() {
        return Some("at least one capture is required".to_owned());
    }
    for pair in captures.windows(2) {
        if let [first, second] = pair
            && first.end == second.start
        {
            let both = format!("<{}><{}>", first.name, second.name);
            return Some(format!("found consecutive capture '{both}': invalid expression"));
        }
    }
    first_duplicate(names.into_iter())
        .map(|name| format!("duplicate capture name ({name}): invalid expression"))
}

/// The first name that occurs twice.
fn first_duplicate<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}

/// A `<name>` in a pattern.
struct Capture<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

/// The captures of a pattern: names in angle brackets. Everything else is literal text.
fn captures(pattern: &str) -> Vec<Capture<'_>> {
    let mut captures = Vec::new();
    for (start, _) in pattern.match_indices('<') {
        let rest = &pattern[start + 1..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let name = &rest[..length];
        if length > 0 && !name.starts_with(|c: char| c.is_ascii_digit()) && rest[length..].starts_with('>') {
            captures.push(Capture { name, start, end: start + length + 2 });
        }
    }
    captures
}

#[cfg(test)]
mod tests {
    use super::{names_error, pattern_error};

    #[test]
    fn capture_checks_accept_valid_parameters() {
        for pattern in ["<ip> - <_> <path>", "<_> <a> <_>", "< <a>> 5<6", "<a>é<b>", "<<a>"] {
            assert_eq!(pattern_error(pattern), None, "{pattern}");
        }
        assert_eq!(names_error(&["a".to_owned(), "1b".to_owned()]), None);
    }

    #[test]
    fn capture_checks_reject_invalid_parameters() {
        for (pattern, reason) in [
            ("text", "at least one capture is required"),
            ("<_><_>", "at least one capture is required"),
            ("<5a>", "at least one capture is required"),
            ("x <a><_>", "found consecutive capture '<a><_>': invalid expression"),
            ("<a> <_> <a>", "duplicate capture name (a): invalid expression"),
        ] {
            assert_eq!(pattern_error(pattern).as_deref(), Some(reason), "{pattern}");
        }
        let duplicate = ["a", "b", "a"].map(str::to_owned);
        assert_eq!(names_error(&duplicate).as_deref(), Some("duplicate extracted label name 'a'"));
        assert_eq!(names_error(&[]).as_deref(), Some("at least one named capture must be supplied"));
    }
}
