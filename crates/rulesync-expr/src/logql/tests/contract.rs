//! Responses of a real Loki, in the order of docs/contracts/ruler-api.md 7, and from its recordings.

use super::{parse_error, parsed};
use crate::error::ErrorKind;
use crate::logql::{looks_like_promql, ruler_check};

const EMPTY_COMPATIBLE: &str = "parse error : queries require at least one regexp or equality matcher that \
    does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but \
    app=~\".+\" will";

#[test]
fn ruler_check_accepts_evaluable_expressions() {
    for input in [
        r#"sum by (cluster, job, pod) (rate({namespace=~"x"} |~ "http(s?)://(\\w+):(\\w+)@" [5m]) > 0)"#,
        r#"sum(rate({job="nginx"}[5m])) by (x) > 10"#,
        r#"count_over_time({job="nginx"}[5m] |= "e")"#,
        r#"count_over_time({job="nginx"}[5m] offset 1h)"#,
        r#"absent_over_time({a="b"}[5m])"#,
        r#"bytes_rate({a="b"}[5m])"#,
        r#"topk(5, rate({a="b"}[5m]))"#,
        r#"sort(rate({a="b"}[5m]))"#,
        r#"label_replace(rate({a="b"}[5m]), "to", "$1", "from", "(.*)")"#,
        r#"quantile_over_time(0.99, {a="b"} | json | unwrap latency [5m])"#,
        r#"rate({a="b"}[5m]) > on(x) group_left rate({a="c"}[5m])"#,
        "vector(1)",
        "1",
        "1 > 0",
        "# comment\nrate({a=\"b\"}[5m]) > 0",
    ] {
        assert!(parsed(input).is_metric(), "{input}");
        assert!(ruler_check(input).is_ok(), "{input}");
    }
}

#[test]
fn ruler_check_rejects_expressions_that_never_evaluate() {
    for (input, reason) in [
        (r#"{job="nginx"}"#, "1:1: a log query has no number to alert on"),
        (r#"{job="nginx"} |= "error""#, "1:1: a log query has no number to alert on"),
        (r#"{a="b"} | json | line_format "{{.x""#, "1:1: a log query has no number to alert on"),
        (
            r#"count_over_time({a="b"} | line_format "{{.x" [5m])"#,
            "1:39: invalid line template: template: line:1: unclosed action",
        ),
        (
            r#"rate({a="b"} | line_format "{{ $labels.x }}" [5m])"#,
            "1:28: invalid line template: template: line:1: undefined variable \"$labels\"",
        ),
        (
            r#"rate({a="b"} | label_format x="{{ if .y }}", z="{{ .y }}" [5m])"#,
            "1:31: invalid template for label 'x': template: label:1: unexpected EOF",
        ),
        (r#"rate({a="b"} |~ "(" [5m])"#, "1:18: error parsing regexp: missing closing ): `(`"),
    ] {
        parsed(input);
        let error = ruler_check(input).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{input}: {error}");
    }
}

#[test]
fn ruler_check_reports_unknown_template_functions_last() {
    let error = |input: &str| {
        let error = ruler_check(input).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (unknown, message) = error(r#"rate({a="b"} | line_format "{{ newer .x }}" [5m])"#);
    assert_eq!(unknown, ErrorKind::UnknownFunction);
    assert_eq!(message, "1:28: invalid line template: template: line:1: function \"newer\" not defined");
    let (broken, message) = error(r#"rate({a="b"} | line_format "{{ newer }}" | label_format x="{{" [5m])"#);
    assert_eq!(broken, ErrorKind::NeverEvaluates, "{message}");
    for format in
        ["{{ __line__ | trunc 10 }}", "{{ .x | default `-` | ToUpper }}", "{{ __timestamp__ | date `2006` }}"]
    {
        let input = format!("rate({{a=\"b\"}} | line_format {format:?} [5m])");
        assert!(ruler_check(&input).is_ok(), "{input}");
    }
}

#[test]
fn parse_errors_match_loki() {
    let unwrap = "parse error : invalid aggregation sum_over_time without unwrap";
    let grouping = "parse error : grouping not allowed for rate aggregation";
    let leg = "parse error : unexpected type for left leg of binary operation (>): *syntax.MatchersExpr";
    let labels = "parse error at line 1, col 29: syntax error: unexpected $end, expecting , or )";
    for (input, message) in [
        ("{}", EMPTY_COMPATIBLE),
        ("rate({}[5m])", EMPTY_COMPATIBLE),
        (r#"rate({a=~".*"}[5m])"#, EMPTY_COMPATIBLE),
        (r#"rate({a!="b"}[5m])"#, EMPTY_COMPATIBLE),
        (r#"rate({a=""}[5m])"#, EMPTY_COMPATIBLE),
        (r#"rate({a="b"})"#, "parse error at line 1, col 13: syntax error: unexpected )"),
        (r#"rate({a="b"}[5x])"#, r#"parse error at line 0, col 13: unknown unit "x" in duration "5x""#),
        (r#"sum(rate({a="b"}[5m])) by (x"#, labels),
        (r#"sum_over_time({a="b"} [5m])"#, unwrap),
        (r#"rate({a="b"} | json | unwrap x [5m]) by (y)"#, grouping),
        (r#"{a="b"} > 5"#, leg),
        (r#"rate({a=~"("}[5m])"#, "parse error : error parsing regexp: missing closing ): `(`"),
        ("  ", "parse error at line 1, col 3: syntax error: unexpected $end"),
        (
            "sum by (",
            "parse error at line 1, col 9: syntax error: unexpected $end, expecting IDENTIFIER or )",
        ),
        (
            "sum(rate(http_requests_total[5m]))",
            "parse error at line 1, col 10: syntax error: unexpected IDENTIFIER, expecting NUMBER or { or (",
        ),
    ] {
        assert_eq!(parse_error(input), message, "{input}");
    }
}

#[test]
fn promql_is_recognised() {
    for input in [
        "up",
        "up == 0",
        "garbage",
        "time()",
        "absent(rate(x[5m]))",
        "histogram_quantile(0.9, rate(x_bucket[5m]))",
    ] {
        assert_eq!(parse_error(input), "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER");
        assert!(looks_like_promql(input), "{input}");
    }
}

#[test]
fn parse_rejects_oversized_input() {
    let long = |length: usize| format!("{}{}", "1", " ".repeat(length - 1));
    assert!(parsed(&long(131_071)).is_metric());
    assert_eq!(parse_error(&long(131_072)), "parse error : input size too long (131072 > 131072)");
    assert_eq!(parse_error(&long(131_092)), "parse error : input size too long (131092 > 131072)");
}
