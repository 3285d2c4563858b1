//! Go's verdicts on patterns, as `tests/data/regex/oracle.go` has asked for them, are ours.

use proptest::prelude::*;

use super::parse;
use crate::quote::unescape_bytes;
use crate::span::Span;
use crate::{logql, promql};

const PUBLISHED: &str = include_str!("../../tests/data/regex/published.txt");
const GENERATED: &str = include_str!("../../tests/data/regex/generated.txt");
const LIMITS: &str = include_str!("../../tests/data/regex/limits.txt");
const UNICODE: &str = include_str!("../../tests/data/regex/unicode.txt");

/// A Go string in quotes at the beginning of a text, and what follows it.
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

/// A pattern: strings with blanks between them, each perhaps with `*n` behind it.
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

/// What is said of a pattern, as the oracle writes it.
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

/// What Go says of a pattern.
fn golden(pattern: &[u8], verdict: &str) -> String {
    let Some((reason, part)) = verdict.split_once(": ") else { return verdict.to_owned() };
    let part = match part {
        "=" => pattern.to_vec(),
        part => quoted(part).unwrap().0,
    };
    format!("error parsing regexp: {reason}: `{}`", String::from_utf8_lossy(&part))
}

/// How many lines of a table are about valid patterns, and how many about others; and where we differ.
fn compare(table: &str, ours: impl Fn(&[u8], &str) -> String) -> (usize, usize, Vec<String>) {
    let (mut valid, mut invalid, mut differences) = (0, 0, Vec::new());
    for line in table.lines() {
        let (written, verdict) = line.rsplit_once('\t').unwrap();
        let pattern = pattern(written);
        let (ours, golden) = (ours(&pattern, verdict), golden(&pattern, verdict));
        if ours != golden {
            let cut = |text: &str| text.chars().take(200).collect::<String>();
            differences.push(format!("{written}: Go says {}, we say {}", cut(&golden), cut(&ours)));
        }
        *(if verdict.contains(':') { &mut invalid } else { &mut valid }) += 1;
    }
    (valid, invalid, differences)
}

/// As [`compare`] of what we say to what Go says, which has to be the same.
fn counts(table: &str) -> (usize, usize) {
    let (valid, invalid, differences) = compare(table, |pattern, _| verdict(pattern));
    assert!(differences.is_empty(), "{} differences, the first: {}", differences.len(), differences[0]);
    (valid, invalid)
}

#[test]
fn patterns_of_gos_own_tests() {
    assert_eq!(counts(PUBLISHED), (413, 61));
}

#[test]
fn generated_patterns() {
    assert_eq!(counts(GENERATED), (10_000, 3667));
}

#[test]
fn names_of_classes() {
    assert_eq!(counts(UNICODE), (1244, 501));
}

/// What may have been rewritten before it was counted is not refused; nothing is refused that Go takes.
#[test]
fn limits() {
    let ours = |pattern: &[u8], golden: &str| match (verdict(pattern).as_str(), golden) {
        // Go was not asked whether these match the empty text.
        ("empty", _) => "valid".to_owned(),
        (verdict, _) => verdict.to_owned(),
    };
    let (valid, invalid, differences) = compare(LIMITS, ours);
    assert_eq!((valid, invalid), (496, 534));
    let mild = differences.iter().filter(|difference| difference.ends_with("we say valid"));
    assert_eq!((differences.len(), mild.count()), (8, 8), "{differences:#?}");
}

/// A pattern is judged the same wherever it stands. Matchers take plain words unread, whatever bytes they have.
#[test]
fn verdicts_in_promql_and_logql() {
    let (mut valid, mut invalid) = (0, 0);
    for line in PUBLISHED.lines().chain(GENERATED.lines()) {
        let (written, verdict) = line.rsplit_once('\t').unwrap();
        // A string of Go is one of PromQL and LogQL, if it is one and no sum of them.
        if !written.ends_with('"') || written.contains("\" \"") {
            continue;
        }
        let is_valid = !verdict.contains(':');
        let is_taken = is_valid || !pattern(written).iter().any(|byte| br"\.+*?()[]{}^$".contains(byte));
        let promql = promql::ruler_check(&format!("up{{a=~{written}}}"), &promql::Options::default());
        assert_eq!(promql.is_ok(), is_taken, "{line}: {promql:?}");
        for (expr, is_taken) in [
            (format!("rate({{a=\"b\", c!~{written}}}[5m])"), is_taken),
            (format!("rate({{a=\"b\"}} | c=~{written} [5m])"), is_taken),
            (format!("rate({{a=\"b\"}} | keep c=~{written} [5m])"), is_taken),
            (format!("rate({{a=\"b\"}} |~ {written} [5m])"), is_valid),
        ] {
            let logql = logql::ruler_check(&expr);
            assert_eq!(logql.is_ok(), is_taken, "{expr}: {logql:?}");
        }
        *(if is_valid { &mut valid } else { &mut invalid }) += 1;
    }
    assert_eq!((valid, invalid), (10_408, 3723));
}

/// Selectors need a matcher that the empty text does not satisfy, and Go says which these are.
#[test]
fn empty_matches_in_promql_and_logql() {
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
fn errors_point_at_what_is_wrong() {
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
    fn any_bytes_get_an_answer(pattern in proptest::collection::vec(any::<u8>(), 0..60)) {
        verdict(&pattern);
    }

    /// An anchored group around a pattern changes neither that it is one nor that it matches nothing.
    #[test]
    fn a_group_is_what_it_holds(pattern in r"[a-c()\[\]{}*+?|^$.0-9,\\-]{0,20}") {
        if let Ok(regex) = parse(pattern.as_bytes()) {
            let group = format!("^(?:{pattern})$");
            prop_assert_eq!(parse(group.as_bytes()).map(|group| group.matches_empty), Ok(regex.matches_empty));
        }
    }
}
