//! Tests of expressions that Prometheus accepts, and their value types.

use super::parsed;
use crate::promql::ValueType;
use ValueType::{InstantVector, RangeVector, Scalar};

fn check(expected: ValueType, inputs: &[&str]) {
    for input in inputs {
        assert_eq!(parsed(input).value_type(), expected, "{input}");
    }
}

#[test]
fn scalars() {
    check(
        Scalar,
        &[
            "1",
            "0x1f",
            "1_000.5",
            "1e-3",
            ".5",
            "5.",
            "+Inf",
            "-inf",
            "NaN",
            "5m",
            "1h30m + 90",
            "-1^2",
            "--1",
            "1 + 2 / (3 * 4) % 5 ^ 6 atan2 7",
            "1 == bool 2",
            "1 + on() 2",
            "(1)",
            "time()",
            "pi() * 2",
            "scalar(up)",
            "start() + end() + step() + range()",
            "max_of(1, min_of(2, 3))",
            "1 # comment\n + # another\r\n 2",
        ],
    );
    check(ValueType::String, &[r#""a""#, "'a'", "`a`", r#"("a")"#]);
}

#[test]
fn selectors() {
    check(
        InstantVector,
        &[
            "up",
            ":colon:first",
            ":",
            "up{}",
            r#"up{job="a"}"#,
            r#"up{job="a",}"#,
            r#"up { job != 'a' , job =~ "a.+" , job !~ `b.*` , }"#,
            r#"{__name__="up"}"#,
            r#"{"my.metric"}"#,
            r#"{"my.metric", "my.label"="x", plain='y'}"#,
            r#"{job=~".+"}"#,
            r#"{job!=""}"#,
            r#"{job!~""}"#,
            r#"{job=~"a|b", x=""}"#,
            "up{# a comment\n}",
            r#"foo{bar=~`\d+\.`}"#,
            r#"foo{inf="1", by="2", sum="3", offset="4"}"#,
        ],
    );
}

#[test]
fn keywords_as_metric_and_label_names() {
    for metric in [
        "sum",
        "avg",
        "count",
        "topk",
        "limitk",
        "and",
        "or",
        "unless",
        "by",
        "without",
        "offset",
        "anchored",
        "smoothed",
        "start",
        "end",
        "step",
        "range",
        "min_of",
        "fill",
        "fill_left",
        "fill_right",
    ] {
        assert_eq!(parsed(metric).selectors().next().and_then(|selector| selector.name()), Some(metric));
        check(InstantVector, &[&format!("{metric}{{a=\"b\"}} + {metric}"), &format!("sum({metric}) by (a)")]);
    }
    for label in [
        "sum",
        "and",
        "or",
        "unless",
        "by",
        "on",
        "ignoring",
        "bool",
        "group_left",
        "offset",
        "atan2",
        "start",
        "end",
        "step",
        "range",
        "anchored",
        "smoothed",
        "fill",
        "limit_ratio",
    ] {
        check(InstantVector, &[&format!("sum by ({label}, {label},) (x)"), &format!("a * on ({label}) b")]);
    }
}

#[test]
fn ranges_and_modifiers() {
    check(
        RangeVector,
        &[
            "up[5m]",
            "up[ 5m ]",
            "up[300]",
            "up[1.5]",
            "up[1d2h3m4s5ms]",
            "up[5m] offset 1h",
            "up[5m] offset -1h",
            "up[5m] offset 3600",
            "up[5m] @ 1700000000.5",
            "up[5m] @ start() offset 5m",
            "up[5m] offset 5m @ end()",
            "up[1h:]",
            "up[1h:5m]",
            "up[1h:5m] @ -1 offset +1m",
            "(up > 1)[1h:5m]",
            "up offset 5m [1h:]",
            "rate(up[5m])[1h:5m]",
            "vector(1)[1h:]",
            "up[5m * 2]",
            "up[(5m + 1s) * 2 - 3 ^ 2]",
            "up[step()]",
            "up[step() + 1:range() / 4]",
            "up[max(step(), 5s)]",
            "up[min_of(2 * step() + 5s, max_of(5m, 1))]",
            "up[-(-5m)]",
            "up[5m] anchored",
            "up[5m] smoothed",
            "up[5m] anchored offset 1m @ 5",
            "up offset 0s [5m]",
        ],
    );
    check(
        InstantVector,
        &[
            "up offset 5m",
            "up OFFSET 5m",
            "up offset (1h / 2)",
            "up offset -(step() * 2)",
            "up offset step()",
            "up offset -range()",
            "up offset min_of(1m, step())",
            "up offset 1m + 1m",
            "up offset -2 ^ 2",
            "up @ 5m",
            "up @ +5 offset 1m",
            "up @ start ()",
            "up anchored",
            "up offset 0 offset 5m",
            "-up offset 5m",
            "up + up offset 5m",
        ],
    );
}

#[test]
fn operations() {
    check(
        InstantVector,
        &[
            "a + b",
            "a +b-1",
            "a</b",
            "a >/ 1",
            "a == 1",
            "1 != a",
            "a and b or c unless d",
            "a AND b",
            "a > bool b",
            "a > bool on (x) b",
            "a / on(x, y,) group_left b",
            "a / on(x) group_left (z) b",
            "a / ignoring(x) group_right(x) b",
            r#"a / on("x.y") group_left("z.z") b"#,
            "a and ignoring() b",
            "a + fill(0) b",
            "a == bool on(x) group_left() fill_left(1) fill_right(-5m) b",
            "a + ignoring(x) fill_right (0) b",
            "fill + fill_left",
            "a ^ -b ^ c",
            "- - + a",
            "-(a)",
        ],
    );
}

#[test]
fn aggregations_and_calls() {
    check(
        InstantVector,
        &[
            "sum(a)",
            "SUM BY (x) (a)",
            "sum (a) without (x, y)",
            "sum by () (a)",
            "count_values(\"v\", a)",
            "quantile(0.9, a) by (b)",
            "topk(scalar(b), a)",
            "limitk(5, a)",
            "limit_ratio(-0.5, a)",
            r#"sum by ("a.b", c) (a)"#,
            "absent(a)",
            "hour()",
            "hour(a)",
            "round(a)",
            "round(a, 5)",
            r#"label_replace(a, "b", "$1", "c", "(.*)")"#,
            r#"label_join(a, "b", "-")"#,
            r#"label_join(a, "b", "-", "c", "d", "e")"#,
            "sort_by_label(a)",
            r#"sort_by_label_desc(a, "b", "c")"#,
            "histogram_quantile(0.9, sum by (le) (rate(b[5m])))",
            r#"histogram_quantiles(a, "q", 0.5, 0.9, 0.99)"#,
            "holt_winters(a[5m], 0.5, 0.5)",
            "info(a)",
            r#"info(a, {job=~".*"})"#,
            r#"info(a, {})"#,
            r#"info(a, {__name__="build_info", x=~".+"})"#,
            "timeseries_gen(`x`)",
            "predict_linear(a[1h], 4 * 3600) < 0",
            "time() - a > 1h",
        ],
    );
}
