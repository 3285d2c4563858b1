//! Tests of the structure of the tree and the spans of its parts.

use super::parsed;
use crate::promql::{At, Expr, ExprKind, MatchOp, Matching, NodeId};

/// The tree as an S-expression, which shows precedence.
fn shape(input: &str) -> String {
    let expr = parsed(input);
    render(&expr, expr.root_id(), input)
}

fn render(expr: &Expr, id: NodeId, input: &str) -> String {
    let node = expr.node(id);
    let children: Vec<String> =
        expr.children(id).into_iter().map(|child| render(expr, child, input)).collect();
    let children = children.join(" ");
    match &node.kind {
        ExprKind::Number(number) => number.value.to_string(),
        ExprKind::String(_) | ExprKind::VectorSelector(_) => node.span.text(input).to_owned(),
        ExprKind::MatrixSelector { range, .. } => format!("{children}[{}]", range.span.text(input)),
        ExprKind::Subquery(subquery) => format!("{children}[{}:]", subquery.range.span.text(input)),
        ExprKind::Call(call) => format!("{}({children})", call.function.name),
        ExprKind::Aggregate(aggregate) => format!("{:?}({children})", aggregate.op),
        ExprKind::Binary(binary) => format!("({} {children})", binary.op.symbol()),
        ExprKind::Unary { negative, .. } => format!("({} {children})", if *negative { "neg" } else { "pos" }),
        ExprKind::Paren(_) => format!("[{children}]"),
    }
}

#[test]
fn operator_precedence() {
    for (input, expected) in [
        ("a + b * c", "(+ a (* b c))"),
        ("a * b + c", "(+ (* a b) c)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a ^ b ^ c", "(^ a (^ b c))"),
        ("a or b and c unless d", "(or a (unless (and b c) d))"),
        ("a and b == c + 1", "(and a (== b (+ c 1)))"),
        ("a atan2 b % c", "(% (atan2 a b) c)"),
        ("a > b < c", "(< (> a b) c)"),
        ("-a ^ b", "(neg (^ a b))"),
        ("-a * b", "(* (neg a) b)"),
        ("-1 ^ 2", "(neg (^ 1 2))"),
        ("-1 * 2", "(* -1 2)"),
        ("1 + -2 * -3", "(+ 1 (* -2 -3))"),
        ("a ^ -b * c", "(* (^ a (neg b)) c)"),
        ("a ^ -b ^ c", "(^ a (neg (^ b c)))"),
        ("-(1)", "(neg [1])"),
        ("- -a", "(neg (neg a))"),
        ("(a + b) * c", "(* [(+ a b)] c)"),
        ("-a offset 5m", "(neg a offset 5m)"),
        ("a offset 5m ^ 2", "(^ a offset 5m 2)"),
        ("topk(1 + 2, a + b) by (c) / d", "(/ Topk((+ 1 2) (+ a b)) d)"),
        ("sum(rate(a[5m]))[1h:5m]", "Sum(rate(a[5m]))[1h:]"),
        ("clamp(a, -1, (1))", "clamp(a -1 [1])"),
    ] {
        assert_eq!(shape(input), expected, "{input}");
    }
}

#[test]
fn children_visit_every_node_once() {
    let expr = parsed(
        "topk(scalar(count(foo)), bar{a='b'}) + on(x) \
         label_replace(max_over_time(rate({baz='1'}[5m])[1h:]), 'a', 'b', 'c', 'd')",
    );
    let names: Vec<_> = expr
        .selectors()
        .map(|selector| selector.name().map_or_else(|| selector.matchers[0].value.clone(), str::to_owned))
        .collect();
    assert_eq!(names, ["foo", "bar", "1"]);

    // A traversal from the root visits every node once.
    let mut pending = vec![expr.root_id()];
    let mut visited = 0;
    while let Some(id) = pending.pop() {
        visited += 1;
        pending.extend(expr.children(id));
    }
    assert_eq!(visited, expr.nodes().len());
}

#[test]
fn node_spans() {
    let input = "  sum by (job)( -rate(foo{a=\"b\",} [5m] offset 1h) ^ 2 ) > 1 # end";
    let expr = parsed(input);
    let texts: Vec<_> = expr.nodes().map(|node| node.span.text(input)).collect();
    assert_eq!(
        texts,
        [
            "foo{a=\"b\",}",
            "foo{a=\"b\",} [5m] offset 1h",
            "rate(foo{a=\"b\",} [5m] offset 1h)",
            "2",
            "rate(foo{a=\"b\",} [5m] offset 1h) ^ 2",
            "-rate(foo{a=\"b\",} [5m] offset 1h) ^ 2",
            "sum by (job)( -rate(foo{a=\"b\",} [5m] offset 1h) ^ 2 )",
            "1",
            "sum by (job)( -rate(foo{a=\"b\",} [5m] offset 1h) ^ 2 ) > 1",
        ]
    );
    assert_eq!(expr.span(), expr.root().span);
}

#[test]
fn selector_parts() {
    let input = r#"foo { a = "x\ty" , "b.c" !~ `\d` } @ end() offset -5m"#;
    let expr = parsed(input);
    let selector = expr.selectors().next().unwrap();
    assert_eq!(selector.metric.as_ref().map(|name| name.span.text(input)), Some("foo"));
    assert_eq!(selector.braces.map(|span| span.text(input)), Some(r#"{ a = "x\ty" , "b.c" !~ `\d` }"#));
    let matchers: Vec<_> = selector
        .matchers
        .iter()
        .map(|m| (m.label.as_str(), m.op, m.value.as_str(), m.span.text(input), m.value_span.text(input)))
        .collect();
    assert_eq!(
        matchers,
        [
            ("a", MatchOp::Equal, "x\ty", r#"a = "x\ty""#, r#""x\ty""#),
            ("b.c", MatchOp::NotRegex, r"\d", r#""b.c" !~ `\d`"#, r"`\d`"),
        ]
    );
    assert_eq!(selector.modifiers.at, Some(At::End));
    let offset = selector.modifiers.offset.unwrap();
    assert_eq!((offset.seconds, offset.span.text(input)), (Some(-300.0), "-5m"));
    assert_eq!(expr.span().text(input), input);
}

#[test]
fn selector_with_quoted_metric_name() {
    let expr = parsed(r#"{"my.metric"}"#);
    let selector = expr.selectors().next().unwrap();
    assert_eq!(selector.name(), Some("my.metric"));
    assert_eq!((selector.metric.as_ref(), selector.matchers[0].label.as_str()), (None, "__name__"));
    assert_eq!(parsed(r#"{__name__=~"a.+"}"#).selectors().next().unwrap().name(), None);
}

#[test]
fn range_durations() {
    let seconds = |input: &str| match parsed(input).kind() {
        ExprKind::MatrixSelector { range, .. } => (range.seconds, range.span.text(input).to_owned()),
        other => panic!("{other:?}"),
    };
    assert_eq!(seconds("a[1h30m]"), (Some(5400.0), "1h30m".to_owned()));
    assert_eq!(seconds("a[ 90 ]"), (Some(90.0), "90".to_owned()));
    assert_eq!(seconds("a[(5m)]"), (Some(300.0), "(5m)".to_owned()));
    assert_eq!(seconds("a[- -5m]"), (Some(300.0), "- -5m".to_owned()));
    assert_eq!(seconds("a[5m + 2 * step()]"), (None, "5m + 2 * step()".to_owned()));
    assert_eq!(seconds("a[max_of(1, 2) / 3]"), (None, "max_of(1, 2) / 3".to_owned()));
}

#[test]
fn range_modifiers_are_stored_in_selector() {
    let expr = parsed("a[5m] @ 10 smoothed offset 1m");
    let modifiers = expr.selectors().next().unwrap().modifiers;
    assert_eq!((modifiers.at, modifiers.smoothed), (Some(At::Timestamp(10.0)), true));
    assert_eq!(modifiers.offset.and_then(|offset| offset.seconds), Some(60.0));
}

#[test]
fn binary_matching_parts() {
    let input = "a > bool on (x, \"y\") group_left (z) fill_left(1) fill_right(-2) b";
    let expr = parsed(input);
    let ExprKind::Binary(binary) = expr.kind() else { panic!("{expr:?}") };
    let Matching { returns_bool, labels, group, fill_left, fill_right } = &binary.matching;
    let (labels, group) = (labels.as_ref().unwrap(), group.as_ref().unwrap());
    let names: Vec<_> = labels.list.labels.iter().map(|name| name.text.as_str()).collect();
    assert!(*returns_bool && labels.on && group.left);
    assert_eq!(names, ["x", "y"]);
    assert_eq!(labels.list.span.text(input), "(x, \"y\")");
    assert_eq!(group.include.as_ref().map(|list| list.labels.len()), Some(1));
    assert_eq!((*fill_left, *fill_right), (Some(1.0), Some(-2.0)));
    assert_eq!(binary.op_span.text(input), ">");
}
