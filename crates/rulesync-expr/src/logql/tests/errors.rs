//! Tests of expressions that Loki rejects, with its message and position.

use super::parse_error;
use crate::logql::{looks_like_promql, parse, ruler_check};
use crate::{ErrorKind, Position};

/// Checks expressions against Loki's syntax errors: `line:column token, expecting tokens`.
fn check_syntax_errors(table: &[(&str, &str)]) {
    for (input, expected) in table {
        let (position, message) = expected.split_once(' ').unwrap();
        let (line, column) = position.split_once(':').unwrap();
        let message = format!("parse error at line {line}, col {column}: syntax error: unexpected {message}");
        assert_eq!(parse_error(input), message, "{input}");
    }
}

/// Checks syntactically valid expressions against Loki's semantic errors.
fn check_semantic_errors(table: &[(&str, &str)]) {
    for (input, reason) in table {
        assert_eq!(parse_error(input), format!("parse error : {reason}"), "{input}");
        assert_eq!(parse(input).unwrap_err().kind(), ErrorKind::Type);
    }
}

#[test]
fn errors_in_literals() {
    for (input, message) in [
        ("", "parse error : syntax error: unexpected $end"),
        (r#"{a="b"#, "parse error at line 1, col 4: literal not terminated"),
        ("{a=\"b\n\"}", "parse error at line 1, col 4: literal not terminated"),
        ("{a=`b}", "parse error at line 1, col 4: literal not terminated"),
        (r#"{a="\d"}"#, "parse error at line 1, col 4: invalid char escape"),
        (r#"{a="\x4"}"#, "parse error at line 1, col 4: invalid char escape"),
        (r#"{a="\ud800"}"#, "parse error at line 1, col 4: invalid syntax"),
        ("{a='bc'}", "parse error at line 1, col 4: invalid char literal"),
        ("1 /* x", "parse error at line 1, col 3: comment not terminated"),
        ("1 # x\r + 2\n", "parse error at line 1, col 3: carriage return within a comment"),
        ("1e", "parse error at line 1, col 1: exponent has no digits"),
        ("1 \0", "parse error at line 1, col 3: invalid character NUL"),
        (r#"rate({a="b"}[5m"#, "parse error at line 0, col 13: missing closing ']' in duration"),
        (r#"rate({a="b"}[])"#, "parse error at line 0, col 13: invalid duration \"\""),
        (r#"rate({a="b"}[5])"#, "parse error at line 0, col 13: missing unit in duration \"5\""),
        (
            r#"rate({a="b"}[5m:1m])"#,
            "parse error at line 0, col 13: unknown unit \"m:\" in duration \"5m:1m\"",
        ),
        (r#"rate({a="b"}[ 5m])"#, "parse error at line 0, col 13: invalid duration \" 5m\""),
    ] {
        assert_eq!(parse_error(input), message, "{input}");
    }
}

#[test]
fn errors_in_selectors() {
    check_syntax_errors(&[
        ("{", "1:2 $end, expecting IDENTIFIER or }"),
        ("{.}", "1:2 ., expecting IDENTIFIER or }"),
        ("{json=\"x\"}", "1:2 json, expecting IDENTIFIER or }"),
        ("{a}", "1:3 }, expecting = or =~ or !~ or !="),
        ("{a.b=\"c\"}", "1:3 ., expecting = or =~ or !~ or !="),
        ("{a==\"b\"}", "0:3 ==, expecting = or =~ or !~ or !="),
        ("{a=b}", "1:4 IDENTIFIER, expecting STRING"),
        ("{a='b'}", "1:4 IDENTIFIER, expecting STRING"),
        ("{a=\"b\"", "1:7 $end, expecting } or ,"),
        ("{a=\"b\" c=\"d\"}", "1:8 IDENTIFIER, expecting } or ,"),
        ("{a=\"b\",}", "1:8 }, expecting IDENTIFIER"),
        ("{a=\"b\",\n json=\"c\"}", "2:2 json, expecting IDENTIFIER"),
        ("{a=\"é\" é}", "1:8 IDENTIFIER, expecting } or ,"),
    ]);
}

#[test]
fn errors_in_pipelines() {
    check_syntax_errors(&[
        ("|= \"x\"", "0:1 |="),
        ("{a=\"b\"} x", "1:9 IDENTIFIER"),
        ("{a=\"b\"} \"x\"", "1:9 STRING"),
        ("{a=\"b\"} |=", "1:11 $end, expecting STRING or ip"),
        ("{a=\"b\"} |= |= \"x\"", "0:12 |=, expecting STRING or ip"),
        ("{a=\"b\"} != 5", "1:12 NUMBER, expecting STRING or ip"),
        ("{a=\"b\"} |= \"x\" or", "1:18 $end, expecting STRING or ip"),
        ("{a=\"b\"} |= ip(x)", "1:15 IDENTIFIER, expecting STRING"),
        ("{a=\"b\"} |= ip(\"x\"", "1:18 $end, expecting )"),
        ("{a=\"b\"} |", "1:10 $end"),
        ("{a=\"b\"} | 5", "1:11 NUMBER"),
        ("{a=\"b\"} | unwrap x", "1:11 unwrap"),
        ("{a=\"b\"} | by", "1:11 by"),
        ("{a=\"b\"} | json x.y", "1:17 ."),
        ("{a=\"b\"} | json x=y", "1:18 IDENTIFIER, expecting STRING"),
        ("{a=\"b\"} | json x,", "1:18 $end, expecting IDENTIFIER"),
        ("{a=\"b\"} | logfmt --lazy", "1:20 IDENTIFIER, expecting NUMBER"),
        ("{a=\"b\"} | regexp x", "1:18 IDENTIFIER, expecting STRING"),
        ("{a=\"b\"} | pattern", "1:18 $end, expecting STRING"),
        ("{a=\"b\"} | line_format x", "1:23 IDENTIFIER, expecting STRING"),
        ("{a=\"b\"} | label_format", "1:23 $end, expecting IDENTIFIER"),
        ("{a=\"b\"} | label_format x", "1:25 $end, expecting ="),
        ("{a=\"b\"} | label_format x=5", "1:26 NUMBER, expecting IDENTIFIER or STRING"),
        ("{a=\"b\"} | drop", "1:15 $end, expecting IDENTIFIER"),
        ("{a=\"b\"} | keep x=5", "1:18 NUMBER, expecting STRING"),
        ("{a=\"b\"} | unpack x", "1:18 IDENTIFIER"),
    ]);
}

#[test]
fn errors_in_label_filters() {
    check_syntax_errors(&[
        ("{a=\"b\"} | x", "1:12 $end"),
        ("{a=\"b\"} | x.y=\"z\"", "1:12 ."),
        ("{a=\"b\"} | x=y", "1:13 IDENTIFIER"),
        ("{a=\"b\"} | x=~5", "1:14 NUMBER, expecting STRING"),
        ("{a=\"b\"} | x>\"5\"", "1:13 STRING"),
        ("{a=\"b\"} | x>ip(\"::1\")", "1:13 ip"),
        ("{a=\"b\"} | x> -y", "1:15 IDENTIFIER, expecting NUMBER"),
        ("{a=\"b\"} | ()", "1:12 ), expecting IDENTIFIER or ("),
        ("{a=\"b\"} | (x=\"y\"", "1:17 $end"),
        ("{a=\"b\"} | x=\"y\" and", "1:20 $end, expecting IDENTIFIER or ("),
        ("{a=\"b\"} | x=\"y\" or rate({a=\"c\"}[5m])", "1:20 RATE, expecting IDENTIFIER or ("),
        ("{a=\"b\"} | x=\"y\",", "1:17 $end, expecting IDENTIFIER or ("),
        ("{a=\"b\"} | x=\"y\")", "1:16 )"),
    ]);
}

#[test]
fn errors_in_ranges() {
    check_syntax_errors(&[
        ("rate", "1:1 IDENTIFIER"),
        ("rate(", "1:6 $end, expecting NUMBER or { or ("),
        ("rate by (x) ({a=\"b\"}[5m])", "1:6 by, expecting ("),
        ("rate(5 {a=\"b\"}[5m])", "1:8 {, expecting ,"),
        ("rate(5, x)", "1:9 IDENTIFIER, expecting { or ("),
        ("rate(sum_over_time({a=\"b\"}[5m])[1h:5m])", "1:6 SUM_OVER_TIME, expecting NUMBER or { or ("),
        ("rate((label_replace(1)))", "1:7 label_replace, expecting { or ("),
        ("rate(vector(1))", "1:6 VECTOR, expecting NUMBER or { or ("),
        ("rate((x))", "1:7 IDENTIFIER, expecting { or ("),
        ("rate({a=\"b\"} | json)", "1:20 )"),
        ("rate(({a=\"b\"}))", "1:15 ), expecting RANGE"),
        ("rate((({a=\"b\"}))[5m])", "1:16 ), expecting RANGE"),
        ("rate({a=\"b\"}[5m] x)", "1:18 IDENTIFIER, expecting )"),
        ("rate({a=\"b\"}[5m][5m])", "0:17 RANGE, expecting )"),
        ("rate({a=\"b\"}[5m] offset x)", "1:25 IDENTIFIER, expecting DURATION"),
        ("rate({a=\"b\"}[5m]) offset 5m", "1:19 offset"),
        ("rate({a=\"b\"}[5m] | json [5m])", "0:25 RANGE"),
        ("rate({a=\"b\"} | json [5m] | json)", "1:26 |, expecting )"),
        ("rate(({a=\"b\"} | json)[5m] | json)", "1:27 |, expecting )"),
        (
            "rate({a=\"b\"} | unwrap [5m])",
            "0:23 RANGE, expecting IDENTIFIER or BYTES_CONV or DURATION_CONV or DURATION_SECONDS_CONV",
        ),
        (
            "rate({a=\"b\"} | unwrap offset [5m])",
            "1:23 offset, expecting IDENTIFIER or BYTES_CONV or DURATION_CONV or DURATION_SECONDS_CONV",
        ),
        ("rate({a=\"b\"} | unwrap x y [5m])", "1:25 IDENTIFIER, expecting RANGE or |"),
        ("rate({a=\"b\"} | unwrap bytes(5) [5m])", "1:29 NUMBER, expecting IDENTIFIER"),
        ("rate({a=\"b\"} | unwrap bytes(x.y) [5m])", "1:30 ., expecting )"),
        ("rate({a=\"b\"} | unwrap x | json [5m])", "1:27 json, expecting IDENTIFIER or ("),
        ("rate({a=\"b\"} | unwrap x |= \"y\" [5m])", "0:25 |=, expecting RANGE or |"),
    ]);
}

#[test]
fn errors_in_aggregations_and_operations() {
    check_syntax_errors(&[
        ("sum", "1:1 IDENTIFIER"),
        ("sum()", "1:5 )"),
        ("sum({a=\"b\"})", "1:12 )"),
        ("sum(({a=\"b\"} | json))", "1:21 )"),
        ("sum by", "1:7 $end, expecting ("),
        ("sum by (x y) (1)", "1:11 IDENTIFIER, expecting , or )"),
        ("sum by (x,) (1)", "1:11 ), expecting IDENTIFIER"),
        ("sum by (x) rate({a=\"b\"}[5m])", "1:12 RATE, expecting ("),
        ("sum by (x) (1) by (y)", "1:16 by"),
        ("topk(5, )", "1:9 )"),
        ("topk(rate({a=\"b\"}[5m]), 5)", "1:23 ,"),
        ("1 +", "1:4 $end"),
        ("1 2", "1:3 NUMBER"),
        ("1)", "1:2 )"),
        ("(1", "1:3 $end"),
        ("- rate({a=\"b\"}[5m])", "1:3 RATE, expecting NUMBER"),
        ("1 > bool", "1:9 $end"),
        ("1 + on x", "1:8 IDENTIFIER, expecting ("),
        ("1 + on(x) group_left(5) 1", "1:22 NUMBER, expecting IDENTIFIER or )"),
        ("1 == = 1", "1:6 ="),
        ("1 >= >= 1", "0:6 >="),
        ("1\n+ @", "2:3 IDENTIFIER"),
        ("vector(x)", "1:8 IDENTIFIER, expecting NUMBER"),
        ("vector(1", "1:9 $end, expecting )"),
        ("label_replace(1)", "1:16 )"),
        ("label_replace(1, x)", "1:18 IDENTIFIER, expecting STRING"),
        ("label_replace(1, \"x\" \"y\")", "1:22 STRING, expecting ,"),
        ("label_replace({a=\"b\"}, \"x\", \"y\", \"z\", \"\")", "1:22 ,"),
        ("variants(1) of", "1:15 $end, expecting ("),
        ("1 + variants(1) of ({a=\"b\"}[5m])", "1:5 VARIANTS"),
        ("a:b:c", "1:1 IDENTIFIER"),
    ]);
}

#[test]
fn semantic_errors() {
    check_semantic_errors(&[
        (
            r#"rate({a="b"} | unwrap x [5m]) > 1 or count_over_time({a="b"} | unwrap x [5m])"#,
            "invalid aggregation count_over_time with unwrap",
        ),
        (
            r#"quantile_over_time({a="b"} | unwrap x [5m])"#,
            "parameter required for operation quantile_over_time",
        ),
        (r#"rate(5, {a="b"}[5m])"#, "parameter 5 not supported for operation rate"),
        (r#"topk(rate({a="b"}[5m]))"#, "parameter required for operation topk"),
        (r#"topk(1.2, rate({a="b"}[5m]))"#, "invalid parameter topk(1.2,"),
        (r#"topk(0, rate({a="b"}[5m]))"#, "invalid parameter (must be greater than 0) topk(0"),
        (r#"sum(5, rate({a="b"}[5m]))"#, "unsupported parameter for operation sum(5,"),
        (r#"approx_topk(5, rate({a="b"}[5m])) by (x)"#, "grouping not allowed for approx_topk aggregation"),
        (
            r#"1 + ({a="b"} | json)"#,
            "unexpected type for right leg of binary operation (+): *syntax.PipelineExpr",
        ),
        (
            r#"rate({a="b"}[5m]) or (1 + 1)"#,
            "unexpected literal for right leg of logical/set binary operation (or): 2.000000",
        ),
        ("0x10", r#"unable to parse literal as a float: strconv.ParseFloat: parsing "0x10": invalid syntax"#),
        (r#"{a="b"} | json | x=~"[""#, "error parsing regexp: missing closing ]: `[`"),
        (r#"{a="b"} | drop x=~"*""#, "error parsing regexp: missing argument to repetition operator: `*`"),
        (r#"{a="b"} | regexp "(""#, "invalid regexp parser: error parsing regexp: missing closing ): `(`"),
        (r#"{a="b"} | pattern "x""#, "invalid pattern parser: at least one capture is required"),
        (r#"{a="b"} | regexp "x""#, "invalid regexp parser: at least one named capture must be supplied"),
        (
            r#"label_replace(rate({a="b"}[5m]), "x", "y", "z", ")")"#,
            "invalid regex in label_replace: error parsing regexp: unexpected ): `^(?:))$`",
        ),
    ]);
}

#[test]
fn error_span_and_position_in_bytes() {
    let input = "rate({a=\"é\"}[5m])\n  or x";
    let error = parse(input).unwrap_err();
    assert_eq!(error.span().text(input), "x");
    assert_eq!(error.position(), Position { offset: 24, line: 2, column: 6 });
    assert_eq!(error.message(), "syntax error: unexpected IDENTIFIER");
    let input = r#"sum(rate({a="b"}[5m])) / sum(rate({}[5m]))"#;
    assert_eq!(parse(input).unwrap_err().span().text(input), "{}");
}

#[test]
fn ruler_check_marks_part_that_never_evaluates() {
    for (input, marked) in [
        (r#"rate({a="b"} != "x" or "y" !~ "x" or "(" [5m])"#, "("),
        (r#"rate({a="b"} | json | label_format x=y, z="{{if .x}}" [5m])"#, r#""{{if .x}}""#),
        ("sum(1) + rate({a=\"b\"}[5m] | line_format `{{`)", "`{{`"),
        (r#"rate({a="b"} | label_format x=y, z=w, x="v" [5m])"#, r#"| label_format x=y, z=w, x="v""#),
        (r#"rate({a="b"} | label_format __error__="" [5m])"#, r#"| label_format __error__="""#),
        (r#"rate({a="b"} |= ip("::1") or ip("10.0.0.256") [5m])"#, r#""10.0.0.256""#),
        (r#"rate({a="b"} |~ ip("::1") [5m])"#, r#""::1""#),
        (r#"rate({a="b"} | x=ip("::1") or y!=ip("all") [5m])"#, r#""all""#),
    ] {
        let error = ruler_check(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NeverEvaluates, "{input}");
        assert_eq!(error.span().text(input), marked);
    }
    // Brackets have a meaning only in regular expressions.
    assert!(ruler_check(r#"rate({a="b"} |= "(" or "[" != "*" |~ "\\(" |= ip("::1") [5m])"#).is_ok());
}

#[test]
fn looks_like_promql_is_false_for_logql() {
    for input in ["1 > 0", "vector(1)", r#"rate({a="b"}[5m])"#, "sum(", "", r#"{a="b"}[5m]"#] {
        assert!(!looks_like_promql(input), "{input}");
    }
    for input in ["sum(rate(x[5m])) by (job)", "avg_over_time(x[5m:1m])", "-vector(1)", "up{a='b'}"] {
        assert!(looks_like_promql(input), "{input}");
    }
    // These select streams: a newer Loki may accept them, and reports the wrong quotes itself.
    for input in
        ["count_over_time({product='cbs'}[1m])", r#"mad_over_time({a="b"}[5m])"#, r#"up + {a="b"}[5m:]"#]
    {
        assert!(parse(input).is_err() && !looks_like_promql(input), "{input}");
    }
}
