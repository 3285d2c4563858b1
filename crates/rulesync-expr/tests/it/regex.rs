//! Rules with invalid regular expressions as authors wrote them, which are rejected with the position; and a valid one.

use rulesync_expr::{ParseError, logql, promql};

/// The inputs of `cases/regex` that promtool accepts, or rejects without a message.
const PROMQL: [(&str, &str, &str); 2] = [
    (
        include_str!("../../../../tests/data/cases/regex/promql-matcher.yaml"),
        "1:4: parse error: error parsing regexp: invalid character class range: `b-a`",
        "b-a",
    ),
    (
        include_str!("../../../../tests/data/cases/regex/promql-label-replace.yaml"),
        "1:32: invalid regular expression in label_replace(): (c: missing closing )",
        "(c",
    ),
];

const LOGQL_MISSED: &str = include_str!("../../../../tests/data/cases/regex/logql-missed.txt");
const LOGQL_VALID: &str = include_str!("../../../../tests/data/cases/regex/logql-false-refusal.txt");

/// The message of an error, and the part of `expr` that it marks.
fn message_and_span(error: &ParseError, expr: &str) -> (String, String) {
    (error.to_string(), error.span().text(expr).to_owned())
}

#[test]
fn promql_ruler_check_rejects_invalid_regexes() {
    for (rules, message, marked) in PROMQL {
        let rules: serde_json::Value = serde_json::from_str(rules).unwrap();
        let expr = rules.pointer("/groups/0/rules/0/expr").unwrap().as_str().unwrap();
        let error = promql::ruler_check(expr, &promql::Options::default()).unwrap_err();
        assert_eq!(message_and_span(&error, expr), (message.to_owned(), marked.to_owned()));
    }
}

#[test]
fn logql_ruler_check_rejects_invalid_regexes() {
    let errors: Vec<_> = LOGQL_MISSED
        .lines()
        .map(|expr| message_and_span(&logql::ruler_check(expr).unwrap_err(), expr))
        .collect();
    let expected = [
        ("parse error : error parsing regexp: invalid character class range: `b-a`", "b-a"),
        ("parse error : error parsing regexp: invalid repeat count: `{2,1}`", "{2,1}"),
        (
            r"parse error : invalid regex in label_replace: error parsing regexp: invalid escape sequence: `\q`",
            r#""x\\q""#,
        ),
        (r"1:28: error parsing regexp: invalid escape sequence: `\k`", r#""\\k""#),
        ("parse error : error parsing regexp: invalid nested repetition operator: `++`", "++"),
    ];
    assert_eq!(errors, expected.map(|(message, marked)| (message.to_owned(), marked.to_owned())));
    assert!(logql::ruler_check(LOGQL_VALID).is_ok());
}

/// Prometheus loads these rules although it cannot evaluate them, so only `ruler_check` rejects them.
#[test]
fn promql_ruler_check_rejects_invalid_label_replace() {
    let options = promql::Options::default();
    for (pattern, is_valid) in
        [("'(c'", false), ("('(c')", false), ("'a)(b'", true), (r"`\Qa`", false), ("'(.*)'", true)]
    {
        let expr = format!("sum(label_replace(up, 'a', '$1', 'b', {pattern})) > 0");
        assert!(promql::parse(&expr, &options).is_ok());
        assert_eq!(promql::ruler_check(&expr, &options).is_ok(), is_valid, "{expr}");
    }
}
