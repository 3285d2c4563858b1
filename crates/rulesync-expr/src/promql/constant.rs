//! The labels that all series of a result have, each with the same value: those that the selectors fix and nothing on the
//! way removes or changes.

use std::collections::BTreeMap;

use super::ast::{
    Aggregate, Binary, Call, Expr, ExprKind, GroupSide, LabelList, METRIC_NAME, NodeId, VectorSelector,
};
use super::operator::{Aggregator, BinaryOp, MatchOp};
use super::value_type::ValueType;

/// Labels with their values.
type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// Returns labels that every series of the result certainly has, each with the one value that it has there. The metric
/// name is not among them. A label may be missing here although it is constant, never the other way round.
///
/// ```
/// use rulesync_expr::promql::{Options, constant_labels, parse};
///
/// let expr = parse(r#"sum by (cluster, job) (rate(x{cluster="eu", env="prod"}[5m])) > 0"#, &Options::default())?;
/// assert_eq!(constant_labels(&expr), [("cluster", "eu")].into());
/// # Ok::<(), rulesync_expr::ParseError>(())
/// ```
#[must_use]
pub fn constant_labels(expr: &Expr) -> BTreeMap<&str, &str> {
    // Children stand before their parents.
    let mut known = Vec::with_capacity(expr.nodes().len());
    for node in expr.nodes() {
        let labels = of_node(&node.kind, expr, &known);
        known.push(labels);
    }
    of(expr.root_id(), &known).clone()
}

fn of<'k, 'a>(id: NodeId, known: &'k [Labels<'a>]) -> &'k Labels<'a> {
    &known[id.0]
}

fn of_node<'a>(kind: &'a ExprKind, expr: &'a Expr, known: &[Labels<'a>]) -> Labels<'a> {
    match kind {
        ExprKind::Number(_) | ExprKind::String(_) => Labels::new(),
        ExprKind::VectorSelector(selector) => of_selector(selector),
        ExprKind::MatrixSelector { selector: inner, .. }
        | ExprKind::Unary { operand: inner, .. }
        | ExprKind::Paren(inner) => of(*inner, known).clone(),
        ExprKind::Subquery(subquery) => of(subquery.expr, known).clone(),
        ExprKind::Call(call) => of_call(call, expr, known),
        ExprKind::Aggregate(aggregate) => of_aggregate(aggregate, expr, known),
        ExprKind::Binary(binary) => of_binary(binary, expr, known),
    }
}

fn of_selector(selector: &VectorSelector) -> Labels<'_> {
    let fixed = selector.matchers.iter().filter(|matcher| {
        // An empty value selects series without the label.
        matcher.op == MatchOp::Equal && matcher.label != METRIC_NAME && !matcher.value.is_empty()
    });
    fixed.map(|matcher| (matcher.label.as_str(), matcher.value.as_str())).collect()
}

fn of_call<'a>(call: &'a Call, expr: &'a Expr, known: &[Labels<'a>]) -> Labels<'a> {
    let is_vector = |id: &&NodeId| {
        matches!(expr.node(**id).value_type, ValueType::InstantVector | ValueType::RangeVector)
    };
    let text = |index: usize| call.args.get(index).and_then(|id| text(*id, expr));
    let mut labels = call.args.iter().find(is_vector).map(|id| of(*id, known).clone()).unwrap_or_default();
    match call.function.name {
        // They make labels of their own.
        "absent" | "absent_over_time" | "info" | "histogram_quantiles" => return Labels::new(),
        "histogram_quantile" | "histogram_fraction" => {
            labels.remove("le");
        }
        "label_join" => match text(1) {
            Some(target) => {
                labels.remove(target);
            }
            None => return Labels::new(),
        },
        "label_replace" => {
            let (Some(target), Some(value), Some(source), Some(pattern)) =
                (text(1), text(2), text(3), text(4))
            else {
                return Labels::new();
            };
            labels.remove(target);
            let always = matches!(pattern, ".*" | "(.*)") || (source.is_empty() && pattern.is_empty());
            if always && !value.is_empty() && !value.contains('$') && target != METRIC_NAME {
                labels.insert(target, value);
            }
        }
        _ => {}
    }
    labels
}

/// Returns a string literal.
fn text(id: NodeId, expr: &Expr) -> Option<&str> {
    match &expr.node(id).kind {
        ExprKind::String(text) => Some(text),
        ExprKind::Paren(inner) => text(*inner, expr),
        _ => None,
    }
}

fn of_aggregate<'a>(aggregate: &'a Aggregate, expr: &'a Expr, known: &[Labels<'a>]) -> Labels<'a> {
    use Aggregator as A;

    let mut labels = of(aggregate.expr, known).clone();
    // These select series as they are.
    if matches!(aggregate.op, A::Topk | A::Bottomk | A::Limitk | A::LimitRatio) {
        return labels;
    }
    match &aggregate.grouping {
        None => return Labels::new(),
        Some(grouping) => labels.retain(|label, _| has(&grouping.labels, label) != grouping.without),
    }
    if aggregate.op == A::CountValues {
        match aggregate.param.and_then(|id| text(id, expr)) {
            Some(added) => {
                labels.remove(added);
            }
            None => return Labels::new(),
        }
    }
    labels
}

fn of_binary<'a>(binary: &'a Binary, expr: &Expr, known: &[Labels<'a>]) -> Labels<'a> {
    let is_scalar = |id: NodeId| expr.node(id).value_type == ValueType::Scalar;
    let (lhs, rhs) = (of(binary.lhs, known), of(binary.rhs, known));
    match (is_scalar(binary.lhs), is_scalar(binary.rhs), binary.op) {
        (_, true, _) | (_, _, BinaryOp::And | BinaryOp::Unless) => return lhs.clone(),
        (true, ..) => return rhs.clone(),
        (.., BinaryOp::Or) => {
            let in_both = lhs.iter().filter(|(label, value)| rhs.get(*label) == Some(*value));
            return in_both.map(|(label, value)| (*label, *value)).collect();
        }
        _ => {}
    }
    let matching = &binary.matching;
    // What is filled in has the labels of the other side, as far as they are matched.
    if matching.fill_left.is_some() || matching.fill_right.is_some() {
        return Labels::new();
    }
    let is_matched = |label: &str| match &matching.labels {
        Some(labels) => has(&labels.list, label) == labels.on,
        None => true,
    };
    let (many, one, include) = match &matching.group {
        Some(GroupSide { left: false, include }) => (rhs, lhs, include.as_ref()),
        Some(GroupSide { left: true, include }) => (lhs, rhs, include.as_ref()),
        None => (lhs, rhs, None),
    };
    // Matched labels have the same value on both sides.
    let mut labels: Labels<'a> =
        one.iter().filter(|(label, _)| is_matched(label)).map(|(l, v)| (*l, *v)).collect();
    let kept = |label: &str| matching.group.is_some() || is_matched(label);
    labels.extend(many.iter().filter(|(label, _)| kept(label)).map(|(label, value)| (*label, *value)));
    for name in include.into_iter().flat_map(|include| &include.labels) {
        labels.remove(name.text.as_str());
        labels.extend(one.get_key_value(name.text.as_str()).map(|(label, value)| (*label, *value)));
    }
    labels
}

fn has(list: &LabelList, label: &str) -> bool {
    list.labels.iter().any(|name| name.text == label)
}

#[cfg(test)]
mod tests {
    use super::super::{Options, parse};
    use super::*;

    fn constant(text: &str) -> String {
        let expr = parse(text, &Options::default()).unwrap();
        let labels: Vec<String> =
            constant_labels(&expr).into_iter().map(|(label, value)| format!("{label}={value}")).collect();
        labels.join(" ")
    }

    #[test]
    fn constant_labels_are_those_that_selectors_fix() {
        for (expr, labels) in [
            (r#"up{a="1", b=~"2", c!="3", d=""}"#, "a=1"),
            (r#"{__name__="up", a="1"}"#, "a=1"),
            ("up", ""),
            ("1", ""),
            ("vector(1)", ""),
            (r#"-(up{a="1"} offset 5m)"#, "a=1"),
            (r#"max_over_time(rate(x{a="1"}[5m])[1h:])"#, "a=1"),
            (r#"quantile_over_time(0.9, x{a="1"}[5m])"#, "a=1"),
            (r#"clamp_min(x{a="1"}, 0)"#, "a=1"),
            (r#"hour(x{a="1"}) + hour()"#, "a=1"),
            (r#"absent(x{a="1"})"#, ""),
            (r#"histogram_quantile(0.9, x{a="1", le="5"})"#, "a=1"),
        ] {
            assert_eq!(constant(expr), labels, "{expr}");
        }
    }

    #[test]
    fn constant_labels_go_where_they_are_aggregated_away_or_changed() {
        for (expr, labels) in [
            (r#"sum(x{a="1"})"#, ""),
            (r#"sum by (a, c) (x{a="1", b="2"})"#, "a=1"),
            (r#"sum without (a) (x{a="1", b="2"})"#, "b=2"),
            (r#"topk by (c) (5, x{a="1"})"#, "a=1"),
            (r#"count_values by (a, v) ("v", x{a="1", v="2"})"#, "a=1"),
            (r#"label_replace(x{a="1", b="2"}, "a", "$1", "b", "(.*)")"#, "b=2"),
            (r#"label_replace(x{a="1"}, "b", "2", "", "")"#, "a=1 b=2"),
            (r#"label_replace(x{a="1"}, "a", "2", "b", "3")"#, ""),
            (r#"label_join(x{a="1", b="2"}, "a", "-", "b", "c")"#, "b=2"),
        ] {
            assert_eq!(constant(expr), labels, "{expr}");
        }
    }

    #[test]
    fn constant_labels_of_operations_follow_the_matching() {
        for (expr, labels) in [
            (r#"x{a="1"} > 0"#, "a=1"),
            (r#"1 - x{a="1"}"#, "a=1"),
            (r#"x{a="1"} / y{b="2"}"#, "a=1 b=2"),
            (r#"x{a="1"} / on (b) y{b="2"}"#, "b=2"),
            (r#"x{a="1", c="3"} / ignoring (a) y{b="2"}"#, "b=2 c=3"),
            (r#"x{a="1"} * on (c) group_left (b, d) y{b="2", c="3", e="4"}"#, "a=1 b=2 c=3"),
            (r#"x{a="1", b="0"} * on (c) group_left (b) y"#, "a=1"),
            (r#"y{b="2", e="4"} * on (e) group_right x{a="1"}"#, "a=1 e=4"),
            (r#"x{a="1"} and on (b) y{b="2"}"#, "a=1"),
            (r#"x{a="1"} unless y{a="2"}"#, "a=1"),
            (r#"x{a="1", b="2"} or y{a="1", b="3"}"#, "a=1"),
            (r#"x{a="1"} or vector(0)"#, ""),
        ] {
            assert_eq!(constant(expr), labels, "{expr}");
        }
    }
}
