//! What the parsers `regexp` and `pattern` take out of a line: each of them must name something, and nothing
//! twice. Not for matching lines.

use std::collections::BTreeSet;

use crate::regex;

/// What Loki says of the parameter of `regexp`, if it refuses it.
pub(super) fn regexp_error(pattern: &str) -> Option<String> {
    if let Some(reason) = regex::syntax_error(pattern) {
        return Some(reason);
    }
    let names = regex::capture_names(pattern);
    if names.is_empty() {
        return Some("at least one named capture must be supplied".to_owned());
    }
    twice(names.iter().map(String::as_str)).map(|name| format!("duplicate extracted label name '{name}'"))
}

/// What Loki says of the parameter of `pattern`, if it refuses it.
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
    twice(names.into_iter()).map(|name| format!("duplicate capture name ({name}): invalid expression"))
}

/// The first name that stands there a second time.
fn twice<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}

/// One `<name>` of a pattern.
struct Capture<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

/// What stands in angle brackets and is a name; everything else is text to be found in the line.
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
    use super::{pattern_error, regexp_error};

    #[test]
    fn sound_parameters() {
        for pattern in ["<ip> - <_> <path>", "<_> <a> <_>", "< <a>> 5<6", "<a>é<b>", "<<a>"] {
            assert_eq!(pattern_error(pattern), None, "{pattern}");
        }
        for pattern in ["(?P<a>x)(y)", "(?P<1a>x)", "(?<a>x)|(?P<b>y)", r"\(?P<a>(?P<b>x)"] {
            assert_eq!(regexp_error(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn refused_parameters() {
        for (pattern, reason) in [
            ("text", "at least one capture is required"),
            ("<_><_>", "at least one capture is required"),
            ("<5a>", "at least one capture is required"),
            ("x <a><_>", "found consecutive capture '<a><_>': invalid expression"),
            ("<a> <_> <a>", "duplicate capture name (a): invalid expression"),
        ] {
            assert_eq!(pattern_error(pattern).as_deref(), Some(reason), "{pattern}");
        }
        for (pattern, reason) in [
            ("(x)", "at least one named capture must be supplied"),
            ("[(?P<a>]", "at least one named capture must be supplied"),
            ("(?P<a>x)(?<a>y)", "duplicate extracted label name 'a'"),
            ("([", "error parsing regexp: missing closing ]: `[`"),
        ] {
            assert_eq!(regexp_error(pattern).as_deref(), Some(reason), "{pattern}");
        }
    }
}
