//! Tests of expressions that Loki accepts.

use super::parsed;
use crate::logql::ruler_check;

/// Checks that every expression parses, spans the whole input, and is accepted by `ruler_check`.
fn check(inputs: &[&str]) {
    for input in inputs {
        let expr = parsed(input);
        assert!(expr.is_metric(), "{input}");
        assert_eq!(expr.span().text(input), input.trim(), "{input}");
        if let Err(error) = ruler_check(input) {
            panic!("{input}\n{error}");
        }
    }
}

/// Like [`check`], for pipelines within `count_over_time`.
fn check_pipelines(pipelines: &[&str]) {
    for pipeline in pipelines {
        check(&[
            &format!("count_over_time({{app=\"shop\"}} {pipeline} [5m])"),
            &format!("count_over_time({{app=\"shop\"}} [5m] offset 1h {pipeline})"),
            &format!("count_over_time(({{app=\"shop\"}} {pipeline})[5m] offset 1h)"),
        ]);
        assert!(!parsed(&format!("({{app=\"shop\"}} {pipeline})")).is_metric());
    }
}

#[test]
fn selectors() {
    check(&[
        r#"rate({app="shop"}[5m])"#,
        r#"rate({ app = "shop" , env != "dev" , zone =~ "eu-.+" , pod !~ `x\d+` } [5m])"#,
        r#"rate({app=~".+"}[1d12h])"#,
        r#"rate({app!=""}[90s])"#,
        r#"rate({app!~".*"}[1.5h])"#,
        r#"rate({rate="a", sum="b", ip="c", duration="d", bytes="e", vector="f"}[5m])"#,
        r#"rate({größe="\u00e9\x41\101\n"}[1w])"#,
        r#"rate({app="}"}[5m])"#,
    ]);
}

#[test]
fn line_filters() {
    check_pipelines(&[
        r#"|= "error""#,
        r#"!= "debug""#,
        r#"|~ "5\\d\\d" !~ `^GET /health`"#,
        r#"|> "<_> failed <_>" !> "<_> ok""#,
        r#"|= "error" or "warn" or "fatal" != "test""#,
        r#"|= "a" OR "b""#,
        r#"|= ip("10.0.0.0/8")"#,
        r#"!= ip("192.168.4.5-192.168.4.20") or "x" or ip("::1")"#,
        "|= \"[5m]\" |= \"{\" |= \")\" |= \"#\"",
    ]);
}

#[test]
fn parsers_and_formats() {
    check_pipelines(&[
        "| json",
        r#"| json first="servers[0]", agent="headers[\"User-Agent\"]", status"#,
        "| logfmt",
        "| logfmt --strict",
        r#"| logfmt --keep-empty --strict level, msg="message""#,
        r#"| regexp "(?P<method>\\w+) (?P<path>\\S+)""#,
        r#"| pattern "<ip> - <_> <method>""#,
        "| unpack | json",
        r#"| line_format "{{.method}} {{ if .slow }}slow{{ end }}""#,
        r#"| label_format severity=level, route="{{.method}} {{.path}}""#,
        "| decolorize",
        r#"| drop level, app=~"a.*", x!="y""#,
        "| keep level, method",
        r#"| JSON | Line_Format "x""#,
    ]);
}

#[test]
fn label_filters() {
    check_pipelines(&[
        r#"| json | level="error""#,
        r#"| level=~"err.*" | level!~"x" | level!="""#,
        "| status >= 500 and status < 600",
        "| status == 500 or status = 501 or status != -1 or status > +2",
        "| duration > 1m30s or latency <= 1.5s",
        "| size > 20KB and size <= 1.5MiB, size != 3B",
        r#"| (level="error" or (status >= 500 and method="GET")), path!~"/health""#,
        r#"| ((((a="b"))))"#,
        r#"| size == 20KB method!~"2..""#,
        r#"| addr = ip("10.0.0.0/8") or addr != ip("::1")"#,
        "| rate > 5 and bytes > 5",
        r#"| json | x > 5 |= "y" | z="w""#,
    ]);
}

#[test]
fn unwrapping() {
    check(&[
        r#"sum_over_time({a="b"} | json | unwrap size [5m])"#,
        r#"sum_over_time({a="b"} | unwrap size [5m])"#,
        r#"sum_over_time({a="b"} [5m] | unwrap size)"#,
        r#"sum_over_time({a="b"} [5m] offset 1h | json | unwrap size | __error__="")"#,
        r#"sum_over_time(({a="b"} | unwrap size)[5m] offset -1h)"#,
        r#"sum_over_time(({a="b"})[5m] | unwrap size)"#,
        r#"max_over_time({a="b"} | logfmt | unwrap duration(took) | __error__="" | took != "0s" [5m]) by (path)"#,
        r#"min_over_time({a="b"} | unwrap duration_seconds(took) [5m]) without (pod)"#,
        r#"avg_over_time({a="b"} | unwrap bytes(size) [5m])"#,
        r#"avg_over_time({a="b"} | unwrap bytes [5m]) by ()"#,
        r#"quantile_over_time(0.99, {a="b"} | unwrap x [5m]) by (a, b)"#,
        r#"first_over_time({a="b"} | unwrap x [5m])"#,
        r#"last_over_time({a="b"} | unwrap x [5m])"#,
        r#"stddev_over_time({a="b"} | unwrap x [5m])"#,
        r#"stdvar_over_time({a="b"} | unwrap x [5m])"#,
        r#"rate({a="b"} | unwrap x [5m])"#,
        r#"rate_counter({a="b"} | unwrap x [5m])"#,
        r#"absent_over_time({a="b"} | unwrap x [5m])"#,
        r#"bytes_over_time({a="b"}[5m])"#,
    ]);
}

#[test]
fn aggregations() {
    check(&[
        r#"sum(rate({a="b"}[5m]))"#,
        r#"SUM BY (x) (RATE({a="b"}[5m]))"#,
        r#"sum without () (rate({a="b"}[5m]))"#,
        r#"avg(min(max(count(stddev(stdvar(rate({a="b"}[5m])) by (x)) by (y)))))"#,
        r#"topk by (x) (5, rate({a="b"}[5m]))"#,
        r#"bottomk(1, rate({a="b"}[5m])) without (y)"#,
        r#"approx_topk(10, sum by (x) (rate({a="b"}[5m])))"#,
        r#"sort_desc(sum(rate({a="b"}[5m])) by (x))"#,
        "sum(1)",
        "sum(1 + 2)",
        r#"sum(label_replace(rate({a="b"}[5m]) > 1, "to", "$1", "from", "(.*)"))"#,
        r#"variants(count_over_time({a="b"}[5m]), bytes_over_time({a="b"}[5m])) of ({a="b"}[5m])"#,
    ]);
}

#[test]
fn operations() {
    check(&[
        "1 + 2 * 3 ^ -2 % 4 / 5 - 6",
        "-1",
        "+ 1.5e3",
        "((1))",
        r#"rate({a="b"}[5m]) > bool 1"#,
        r#"rate({a="b"}[5m]) == rate({a="c"}[5m]) != 3 >= 2 <= 1 < 0"#,
        r#"sum(rate({a="b"} |= "x" [5m])) / on (x, y) sum(rate({a="b"}[5m]))"#,
        r#"rate({a="b"}[5m]) * ignoring (x) group_left (y, z) rate({a="c"}[5m])"#,
        r#"rate({a="b"}[5m]) > bool on () group_right rate({a="c"}[5m])"#,
        r#"rate({a="b"}[5m]) and rate({a="c"}[5m]) or vector(0) unless on(x) vector(0.5)"#,
        r#"(rate({a="b"}[5m]) or vector(0)) > 1"#,
    ]);
}

#[test]
fn comments_and_layout() {
    for input in [
        "# what follows\n sum( # here\n rate({ # and there\n a=\"b\" }[5m]) // too\n) /* and\n here */ > 1 # end",
        "\u{feff}rate({a=\"b\"}[5m])",
        "\r\n\trate\r\n({a=\"b\"}\r\n[5m])\r\n",
        "# windows\r\nrate({a=\"b\"}[5m])",
    ] {
        assert_eq!(parsed(input).selectors().count(), 1, "{input}");
    }
}

#[test]
fn log_queries_are_not_metrics() {
    for input in [r#"{a="b"}"#, r#"(({a="b"}))"#, r#"({a="b"} | json) # x"#] {
        assert!(!parsed(input).is_metric(), "{input}");
    }
}
