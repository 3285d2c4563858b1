//! Rules whose regular expressions are none, as authors wrote them: found, with the place; and one that is sound.

use rulesync_expr::{ParseError, logql, promql};

/// The inputs of `cases/regex` that a promtool takes or refuses without a word.
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
const LOGQL_SOUND: &str = include_str!("../../../../tests/data/cases/regex/logql-false-refusal.txt");

fn wrong(error: &ParseError, expr: &str) -> (String, String) {
    (error.to_string(), error.span().text(expr).to_owned())
}

#[test]
fn promql_cases() {
    for (rules, message, marked) in PROMQL {
        let rules: serde_json::Value = serde_json::from_str(rules).unwrap();
        let expr = rules.pointer("/groups/0/rules/0/expr").unwrap().as_str().unwrap();
        let error = promql::ruler_check(expr, &promql::Options::default()).unwrap_err();
        assert_eq!(wrong(&error, expr), (message.to_owned(), marked.to_owned()));
    }
}

#[test]
fn logql_cases() {
    let said: Vec<_> =
        LOGQL_MISSED.lines().map(|expr| wrong(&logql::ruler_check(expr).unwrap_err(), expr)).collect();
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
    assert_eq!(said, expected.map(|(message, marked)| (message.to_owned(), marked.to_owned())));
    assert!(logql::ruler_check(LOGQL_SOUND).is_ok());
}

/// Prometheus loads what it cannot evaluate, so that only the check for rulers minds.
#[test]
fn label_replace_is_read_when_it_is_evaluated() {
    let options = promql::Options::default();
    for (pattern, is_sound) in
        [("'(c'", false), ("('(c')", false), ("'a)(b'", true), (r"`\Qa`", false), ("'(.*)'", true)]
    {
        let expr = format!("sum(label_replace(up, 'a', '$1', 'b', {pattern})) > 0");
        assert!(promql::parse(&expr, &options).is_ok());
        assert_eq!(promql::ruler_check(&expr, &options).is_ok(), is_sound, "{expr}");
    }
}
