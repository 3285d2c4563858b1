//! Tests of the structure of the tree and the spans of its parts.

use super::parsed;
use crate::logql::{
    BinaryOp, Conversion, Expr, ExprKind, FormatValue, LabelChoice, LabelTest, LineFilterOp, MatchOp,
    RangeAggregate, RangeOp, Stage, StageKind, VectorOp,
};

fn range(expr: &Expr) -> &RangeAggregate {
    let found = expr.nodes().find_map(|node| match &node.kind {
        ExprKind::Range(aggregate) => Some(&**aggregate),
        _ => None,
    });
    found.expect("an aggregation of lines")
}

fn stages(pipeline: &str) -> Vec<Stage> {
    let expr = parsed(&format!("count_over_time({{a=\"b\"}} {pipeline} [5m])"));
    range(&expr).range.query.stages.clone()
}

fn stage(pipeline: &str) -> StageKind {
    let [stage] = <[Stage; 1]>::try_from(stages(pipeline)).expect("one stage");
    stage.kind
}

/// The expression with parentheses around every operation.
fn grouped(input: &str) -> String {
    let expr = parsed(input);
    let mut texts: Vec<String> = Vec::new();
    for node in expr.nodes() {
        let text = match &node.kind {
            ExprKind::Binary(binary) => {
                let rhs = texts.pop().unwrap();
                let lhs = texts.pop().unwrap();
                format!("({lhs} {} {rhs})", binary.op.symbol())
            }
            _ => node.span.text(input).to_owned(),
        };
        texts.push(text);
    }
    texts.concat()
}

#[test]
fn operator_precedence() {
    for (input, expected) in [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("1 * 2 + 3", "((1 * 2) + 3)"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))"),
        ("2 ^ -1 * 4", "((2 ^ -1) * 4)"),
        ("1 + 2 > 3 == 4", "(((1 + 2) > 3) == 4)"),
        ("vector(1) or vector(2) and vector(3)", "(vector(1) or (vector(2) and vector(3)))"),
        ("vector(1) unless vector(2) > 3", "(vector(1) unless (vector(2) > 3))"),
    ] {
        assert_eq!(grouped(input), expected);
    }
}

#[test]
fn selectors_are_in_source_order() {
    let input = r#"# {no="1"}
        topk(5, sum(rate({n="1"} |= "{no=\"2\"}" [5m])) / on(x) (rate({n="2"}[5m] | line_format `{no="3"}`)
        + label_replace(rate(({n="3"})[5m]), "a", "{b}", "c", ""))) or vector(0)
        > sum_over_time({n="4"} | unwrap x [5m])"#;
    let expr = parsed(input);
    let values: Vec<&str> = expr.selectors().map(|selector| selector.matchers[0].value.as_str()).collect();
    assert_eq!(values, ["1", "2", "3", "4"]);
    for selector in expr.selectors() {
        let value = &selector.matchers[0].value;
        assert_eq!(selector.span.text(input), format!("{{n=\"{value}\"}}"));
        assert_eq!(selector.matchers[0].span.text(input), format!("n=\"{value}\""));
    }
    let input = r#"variants(count_over_time({n="1"}[5m]), rate({n="2"}[5m])) of ({n="3"}[5m])"#;
    let expr = parsed(input);
    let values: Vec<&str> = expr.selectors().map(|selector| selector.matchers[0].value.as_str()).collect();
    assert_eq!(values, ["1", "2", "3"]);
    let ExprKind::Variants(variants) = expr.kind() else { panic!("{expr:?}") };
    assert_eq!((variants.exprs.len(), variants.of.seconds), (2, 300.0));
}

#[test]
fn matchers() {
    let input = r#"{ a = "1" ,b!="\u00e9", c =~ `\d` , d!~"x" }"#;
    let expr = parsed(input);
    let [selector] = expr.selectors().collect::<Vec<_>>()[..] else { panic!("{expr:?}") };
    assert_eq!(selector.span.text(input), input);
    let found: Vec<_> = selector
        .matchers
        .iter()
        .map(|matcher| (matcher.label.as_str(), matcher.op, matcher.value.as_str(), matcher.span.text(input)))
        .collect();
    assert_eq!(
        found,
        [
            ("a", MatchOp::Equal, "1", r#"a = "1""#),
            ("b", MatchOp::NotEqual, "é", r#"b!="\u00e9""#),
            ("c", MatchOp::Regex, r"\d", r"c =~ `\d`"),
            ("d", MatchOp::NotRegex, "x", r#"d!~"x""#),
        ]
    );
}

#[test]
fn ranges() {
    for (input, seconds, offset) in [
        (r#"rate({a="b"}[5m])"#, 300.0, None),
        (r#"rate({a="b"} |= "x" [1h30m] offset 1d)"#, 5400.0, Some(86400.0)),
        (r#"rate(({a="b"}[1.5s] offset -10s | json))"#, 1.5, Some(-10.0)),
    ] {
        let expr = parsed(input);
        let range = &range(&expr).range;
        assert_eq!((range.seconds, range.offset), (seconds, offset), "{input}");
        assert!(range.brackets.text(input).starts_with('[') && range.brackets.text(input).ends_with(']'));
    }
    let expr = parsed(r#"quantile_over_time(0.99, {a="b"} | unwrap x [5m]) without (y, z)"#);
    let aggregate = range(&expr);
    assert_eq!(aggregate.op, RangeOp::Quantile);
    assert_eq!(aggregate.param.as_ref().unwrap().text, "0.99");
    let grouping = aggregate.grouping.as_ref().unwrap();
    assert!(grouping.without && grouping.labels == ["y", "z"]);
}

#[test]
fn aggregations() {
    let input = r#"topk by (x) (5, rate({a="b"}[5m]))"#;
    let expr = parsed(input);
    let ExprKind::Vector(aggregate) = expr.kind() else { panic!("{expr:?}") };
    assert_eq!((aggregate.op, aggregate.param.as_ref().unwrap().text.as_str()), (VectorOp::Topk, "5"));
    assert_eq!(aggregate.grouping.as_ref().unwrap().span.text(input), "by (x)");
    assert_eq!(expr.node(aggregate.expr).span.text(input), r#"rate({a="b"}[5m])"#);
    let expr = parsed(r#"vector(1) > bool on (x) group_right (y, z) vector(2)"#);
    let ExprKind::Binary(binary) = expr.kind() else { panic!("{expr:?}") };
    assert!(binary.op == BinaryOp::Greater && binary.matching.returns_bool);
    let labels = binary.matching.labels.as_ref().unwrap();
    assert!(labels.on && labels.labels == ["x"]);
    let group = binary.matching.group.as_ref().unwrap();
    assert!(!group.left && group.include == ["y", "z"]);
}

#[test]
fn line_filters() {
    for (pipeline, expected) in [
        (r#"|= "x""#, LineFilterOp::Contains),
        (r#"!= "x""#, LineFilterOp::NotContains),
        (r#"|~ "x""#, LineFilterOp::Regex),
        (r#"!~ "x""#, LineFilterOp::NotRegex),
        (r#"|> "x""#, LineFilterOp::Pattern),
        (r#"!> "x""#, LineFilterOp::NotPattern),
    ] {
        let StageKind::LineFilter { op, texts } = stage(pipeline) else { panic!("{pipeline}") };
        assert_eq!((op, texts[0].text.value.as_str(), texts.len()), (expected, "x", 1));
    }
    let StageKind::LineFilter { texts, .. } = stage(r#"|= "x" or ip("::1") or `y`"#) else { panic!() };
    let found: Vec<_> = texts.iter().map(|line| (line.text.value.as_str(), line.is_ip)).collect();
    assert_eq!(found, [("x", false), ("::1", true), ("y", false)]);
}

#[test]
fn label_filters() {
    let input = r#"| a="x" and (b>=20KB or c!=ip("::1")), d<-1.5s e==-5"#;
    let StageKind::LabelFilter(conditions) = stage(input) else { panic!("{input}") };
    let labels: Vec<&str> = conditions.iter().map(|condition| condition.label.as_str()).collect();
    assert_eq!(labels, ["a", "b", "c", "d", "e"]);
    assert!(matches!(&conditions[0].test, LabelTest::Text(MatchOp::Equal, text) if text.value == "x"));
    assert_eq!(conditions[1].test, LabelTest::Size(BinaryOp::GreaterOrEqual, "20KB".to_owned()));
    assert!(matches!(&conditions[2].test, LabelTest::Ip { negated: true, range } if range.value == "::1"));
    assert_eq!(conditions[3].test, LabelTest::Duration(BinaryOp::Less, -1.5));
    assert_eq!(conditions[4].test, LabelTest::Number(BinaryOp::Equal, -5.0));
}

#[test]
fn other_stages() {
    let StageKind::Json(extractions) = stage(r#"| json x="y[0]", z"#) else { panic!() };
    assert_eq!((extractions[0].path.as_deref(), extractions[1].path.as_deref()), (Some("y[0]"), None));
    let StageKind::Logfmt { strict, keep_empty, extractions } = stage("| logfmt --keep-empty x") else {
        panic!()
    };
    assert!(!strict && keep_empty && extractions.len() == 1);
    let StageKind::LabelFormat(formats) = stage(r#"| label_format x=y, z="{{.w}}""#) else { panic!() };
    assert_eq!(formats[0].value, FormatValue::Label("y".to_owned()));
    assert!(matches!(&formats[1].value, FormatValue::Template(text) if text.value == "{{.w}}"));
    let StageKind::Drop(choices) = stage(r#"| drop x, y=~"z""#) else { panic!() };
    assert_eq!(choices[0], LabelChoice::Name("x".to_owned()));
    assert!(matches!(&choices[1], LabelChoice::Matcher(matcher) if matcher.op == MatchOp::Regex));
    assert_eq!(stage("| unpack"), StageKind::Unpack);
    assert_eq!(stage("| decolorize"), StageKind::Decolorize);
    let expr = parsed(r#"sum_over_time({a="b"} | unwrap bytes(x) | y="z" [5m])"#);
    let kinds: Vec<&StageKind> = range(&expr).range.query.stages.iter().map(|stage| &stage.kind).collect();
    let bytes = StageKind::Unwrap { label: "x".to_owned(), conversion: Some(Conversion::Bytes) };
    assert!(*kinds[0] == bytes && matches!(kinds[1], StageKind::LabelFilter(_)));
}

#[test]
fn stage_spans() {
    let input = r#"{a="b"} |= "x" or "y" | json | c > 5 and (d="e") != "z""#;
    let expr = parsed(input);
    let ExprKind::Log(query) = expr.kind() else { panic!("{expr:?}") };
    let texts: Vec<&str> = query.stages.iter().map(|stage| stage.span.text(input)).collect();
    assert_eq!(texts, [r#"|= "x" or "y""#, "| json", r#"| c > 5 and (d="e")"#, r#"!= "z""#]);
}
