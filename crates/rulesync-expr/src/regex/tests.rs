//! Compares the results with Go's own for the patterns in the tables written by `tests/data/regex/oracle.go`.

use proptest::prelude::*;

use super::parse::parse;
use crate::quote::unescape_bytes;
use crate::span::Span;
use crate::{logql, promql};

const PUBLISHED: &str = include_str!("../../tests/data/regex/published.txt");
const GENERATED: &str = include_str!("../../tests/data/regex/generated.txt");
const LIMITS: &str = include_str!("../../tests/data/regex/limits.txt");
const UNICODE: &str = include_str!("../../tests/data/regex/unicode.txt");

/// Splits a quoted Go string from the beginning of `text`, and returns its bytes and the rest.
fn quoted(text: &str) -> Option<(Vec<u8>, &str)> {
    let body = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = body.find(|c| {
        let is_end = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        is_end
    })?;
    Some((unescape_bytes(&body[..end]), &body[end + 1..]))
}

/// Decodes a pattern: strings separated by spaces, each with an optional `*n` suffix.
fn pattern(mut text: &str) -> Vec<u8> {
    let mut pattern = Vec::new();
    while let Some((part, rest)) = quoted(text.trim_start()) {
        let (times, rest) = match rest.strip_prefix('*') {
            Some(rest) => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
            None => ("1", rest),
        };
        pattern.extend(part.repeat(times.parse().unwrap()));
        text = rest;
    }
    pattern
}

/// Returns the result for a pattern, in the oracle's format.
fn verdict(pattern: &[u8]) -> String {
    match parse(pattern) {
        Ok(regex) if regex.matches_empty => "empty".to_owned(),
        Ok(_) => "valid".to_owned(),
        Err(error) => {
            let Span { start, end } = error.span;
            assert!(
                start <= end && end <= pattern.len(),
                "{:?}: {error:?}",
                String::from_utf8_lossy(pattern)
            );
            error.to_string()
        }
    }
}

/// Returns Go's result for a pattern.
fn expected(pattern: &[u8], verdict: &str) -> String {
    let Some((reason, part)) = verdict.split_once(": ") else { return verdict.to_owned() };
    let part = match part {
        "=" => pattern.to_vec(),
        part => quoted(part).unwrap().0,
    };
    format!("error parsing regexp: {reason}: `{}`", String::from_utf8_lossy(&part))
}

/// Returns the number of valid and of invalid patterns in a table, and the differences from Go.
fn compare(table: &str, actual: impl Fn(&[u8], &str) -> String) -> (usize, usize, Vec<String>) {
    let (mut valid, mut invalid, mut differences) = (0, 0, Vec::new());
    for line in table.lines() {
        let (written, verdict) = line.rsplit_once('\t').unwrap();
        let pattern = pattern(written);
        let (actual, expected) = (actual(&pattern, verdict), expected(&pattern, verdict));
        if actual != expected {
            let cut = |text: &str| text.chars().take(200).collect::<String>();
            differences.push(format!("{written}: Go returns {}, rulesync {}", cut(&expected), cut(&actual)));
        }
        *(if verdict.contains(':') { &mut invalid } else { &mut valid }) += 1;
    }
    (valid, invalid, differences)
}

/// Runs [`compare`] and asserts that there are no differences.
fn counts(table: &str) -> (usize, usize) {
    let (valid, invalid, differences) = compare(table, |pattern, _| verdict(pattern));
    assert!(differences.is_empty(), "{} differences, the first: {}", differences.len(), differences[0]);
    (valid, invalid)
}

#[test]
fn regex_results_match_go_for_gos_own_tests() {
    assert_eq!(counts(PUBLISHED), (413, 61));
}

#[test]
fn regex_results_match_go_for_generated_patterns() {
    assert_eq!(counts(GENERATED), (10_000, 3667));
}

#[test]
fn regex_results_match_go_for_class_names() {
    assert_eq!(counts(UNICODE), (1244, 501));
}

/// Patterns that Go may rewrite before counting are accepted; no pattern that Go accepts is rejected.
#[test]
fn regex_limits_match_go() {
    let actual = |pattern: &[u8], expected: &str| match (verdict(pattern).as_str(), expected) {
        // The table does not record whether these match the empty string.
        ("empty", _) => "valid".to_owned(),
        (verdict, _) => verdict.to_owned(),
    };
    let (valid, invalid, differences) = compare(LIMITS, actual);
    assert_eq!((valid, invalid), (496, 534));
    let accepted = differences.iter().filter(|difference| difference.ends_with("rulesync valid"));
    assert_eq!((differences.len(), accepted.count()), (8, 8), "{differences:#?}");
}

/// A pattern gets the same result in any position. Matchers do not compile plain words, and accept any bytes there.
#[test]
fn regex_results_are_the_same_in_promql_and_logql() {
    let (mut valid, mut invalid) = (0, 0);
    for line in PUBLISHED.lines().chain(GENERATED.lines()) {
        let (written, verdict) = line.rsplit_once('\t').unwrap();
        // A single Go string, not a concatenation, is also a string of PromQL and LogQL.
        if !written.ends_with('"') || written.contains("\" \"") {
            continue;
        }
        let is_valid = !verdict.contains(':');
        let is_accepted = is_valid || !pattern(written).iter().any(|byte| br"\.+*?()[]{}^$".contains(byte));
        let promql = promql::ruler_check(&format!("up{{a=~{written}}}"), &promql::Options::default());
        assert_eq!(promql.is_ok(), is_accepted, "{line}: {promql:?}");
        for (expr, is_accepted) in [
            (format!("rate({{a=\"b\", c!~{written}}}[5m])"), is_accepted),
            (format!("rate({{a=\"b\"}} | c=~{written} [5m])"), is_accepted),
            (format!("rate({{a=\"b\"}} | keep c=~{written} [5m])"), is_accepted),
            (format!("rate({{a=\"b\"}} |~ {written} [5m])"), is_valid),
        ] {
            let logql = logql::ruler_check(&expr);
            assert_eq!(logql.is_ok(), is_accepted, "{expr}: {logql:?}");
        }
        *(if is_valid { &mut valid } else { &mut invalid }) += 1;
    }
    assert_eq!((valid, invalid), (10_408, 3723));
}

/// Selectors need a matcher that the empty string does not satisfy; Go's results show which matchers these are.
#[test]
fn regex_empty_matches_are_detected_in_promql_and_logql() {
    let mut seen = [0; 2];
    for line in GENERATED.lines() {
        let (written, matches_empty) = match line.rsplit_once('\t').unwrap() {
            (written, "empty") => (written, true),
            (written, "valid") => (written, false),
            _ => continue,
        };
        let selector = format!("{{a=~{written}}}");
        let promql = promql::parse(&selector, &promql::Options::default());
        let logql = logql::parse(&selector);
        assert_eq!((promql.is_err(), logql.is_err()), (matches_empty, matches_empty), "{line}");
        seen[usize::from(matches_empty)] += 1;
    }
    assert_eq!(seen, [8270, 1730]);
}

#[test]
fn regex_error_span_covers_invalid_part() {
    for (pattern, wrong) in [
        ("a(b|(c)", "(b|(c)"),
        ("a(b))c)", ")c)"),
        ("é[b-a]", "b-a"),
        ("x{2,1}y", "{2,1}"),
        ("ab++c", "++"),
        (r"é\k.", r"\k"),
        ("a\\", "\\"),
        ("x(?P<a b>c)", "(?P<a b>"),
        ("x(?=y)", "(?="),
        (r"[a\p{Klingon}]", r"\p{Klingon}"),
        ("[x[:latin:]]", "[:latin:]"),
        ("a|*b", "*"),
    ] {
        let error = parse(pattern.as_bytes()).unwrap_err();
        assert_eq!(error.span.text(pattern), wrong, "{pattern}: {error}");
    }
}

proptest! {
    #[test]
    fn regex_parse_never_panics(pattern in proptest::collection::vec(any::<u8>(), 0..60)) {
        verdict(&pattern);
    }

    /// Wrapping a pattern in an anchored group changes neither its validity nor whether it matches the empty string.
    #[test]
    fn regex_anchored_group_keeps_properties(pattern in r"[a-c()\[\]{}*+?|^$.0-9,\\-]{0,20}") {
        if let Ok(regex) = parse(pattern.as_bytes()) {
            let group = format!("^(?:{pattern})$");
            prop_assert_eq!(parse(group.as_bytes()).map(|group| group.matches_empty), Ok(regex.matches_empty));
        }
    }
}
