//! The labels that all series of a result have, each with the same value: those that the stream selectors fix and nothing
//! on the way removes or changes.

use std::collections::BTreeMap;

use super::ast::{Binary, Expr, ExprKind, Grouping, LogQuery, NodeId, RangeAggregate, VectorAggregate};
use super::operator::{RangeOp, VectorOp};
use super::pipeline::StageKind;
use crate::promql::{BinaryOp, MatchOp};

/// Labels with their values.
type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// Returns labels that every series of the result certainly has, each with the one value that it has there. A label may be
/// missing here although it is constant, never the other way round.
///
/// ```
/// use rulesync_expr::logql::{constant_labels, parse};
///
/// let expr = parse(r#"sum by (cluster, job) (rate({cluster="eu", env="prod"} |= "error" [5m])) > 0"#)?;
/// assert_eq!(constant_labels(&expr), [("cluster", "eu")].into());
/// # Ok::<(), rulesync_expr::ParseError>(())
/// ```
#[must_use]
pub fn constant_labels(expr: &Expr) -> BTreeMap<&str, &str> {
    // Children stand before their parents, and the root is the last.
    let mut known = Vec::with_capacity(expr.nodes().len());
    for node in expr.nodes() {
        let labels = match &node.kind {
            ExprKind::Number(_) | ExprKind::Constant(_) | ExprKind::Variants(_) => Labels::new(),
            ExprKind::Log(query) => of_query(query),
            ExprKind::Range(aggregate) => of_range(aggregate),
            ExprKind::Vector(aggregate) => of_vector(aggregate, &known),
            ExprKind::Binary(binary) => of_binary(binary, expr, &known),
            ExprKind::LabelReplace(replace) => {
                let mut labels = of(replace.expr, &known).clone();
                labels.remove(replace.to.as_str());
                labels
            }
            ExprKind::Paren(inner) => of(*inner, &known).clone(),
        };
        known.push(labels);
    }
    known.pop().unwrap_or_default()
}

fn of<'k, 'a>(id: NodeId, known: &'k [Labels<'a>]) -> &'k Labels<'a> {
    &known[id.0]
}

fn of_query(query: &LogQuery) -> Labels<'_> {
    // Parsers give another name to what they find under the name of a stream's label.
    let keeps_labels = |kind: &StageKind| {
        !matches!(
            kind,
            StageKind::LabelFormat(_) | StageKind::Drop(_) | StageKind::Keep(_) | StageKind::Unpack
        )
    };
    if !query.stages.iter().all(|stage| keeps_labels(&stage.kind)) {
        return Labels::new();
    }
    let matchers = query.selector.matchers.iter();
    let fixed = matchers.filter(|matcher| matcher.op == MatchOp::Equal && !matcher.value.is_empty());
    let mut labels: Labels<'_> =
        fixed.map(|matcher| (matcher.label.as_str(), matcher.value.as_str())).collect();
    for stage in &query.stages {
        // It is the value then.
        if let StageKind::Unwrap { label, .. } = &stage.kind {
            labels.remove(label.as_str());
        }
    }
    labels
}

fn of_range(aggregate: &RangeAggregate) -> Labels<'_> {
    match (aggregate.op, &aggregate.grouping) {
        (RangeOp::Absent, _) => Labels::new(),
        (_, None) => of_query(&aggregate.range.query),
        (_, Some(grouping)) => grouped(of_query(&aggregate.range.query), grouping),
    }
}

fn of_vector<'a>(aggregate: &'a VectorAggregate, known: &[Labels<'a>]) -> Labels<'a> {
    let labels = of(aggregate.expr, known).clone();
    match (aggregate.op, &aggregate.grouping) {
        // These select series as they are.
        (VectorOp::Topk | VectorOp::Bottomk | VectorOp::Sort | VectorOp::SortDesc, _) => labels,
        (_, None) => Labels::new(),
        (_, Some(grouping)) => grouped(labels, grouping),
    }
}

fn grouped<'a>(mut labels: Labels<'a>, grouping: &Grouping) -> Labels<'a> {
    labels.retain(|label, _| grouping.labels.iter().any(|name| name == label) != grouping.without);
    labels
}

fn of_binary<'a>(binary: &'a Binary, expr: &Expr, known: &[Labels<'a>]) -> Labels<'a> {
    let is_number = |id: NodeId| matches!(expr.within_parens(id).kind, ExprKind::Number(_));
    let (lhs, rhs) = (of(binary.lhs, known), of(binary.rhs, known));
    match binary.op {
        _ if is_number(binary.rhs) => lhs.clone(),
        BinaryOp::And | BinaryOp::Unless => lhs.clone(),
        _ if is_number(binary.lhs) => rhs.clone(),
        BinaryOp::Or => {
            let in_both = lhs.iter().filter(|(label, value)| rhs.get(*label) == Some(*value));
            in_both.map(|(label, value)| (*label, *value)).collect()
        }
        // All labels match, so that each side has those of the other.
        _ if binary.matching.labels.is_none() && binary.matching.group.is_none() => {
            lhs.iter().chain(rhs).map(|(label, value)| (*label, *value)).collect()
        }
        _ => Labels::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn constant_labels_of_logs_are_those_that_selectors_fix_and_nothing_changes() {
        for (expr, expected) in [
            (r#"rate({a="1", b=~"2", c!="3"}[5m])"#, "a=1"),
            (r#"rate({a="1"} |= "x" | json | level="error" | line_format "{{.m}}" [5m])"#, "a=1"),
            (r#"rate({a="1"} | label_format a="{{.b}}" [5m])"#, ""),
            (r#"rate({a="1"} | drop a [5m])"#, ""),
            (r#"absent_over_time({a="1"}[5m])"#, ""),
            (r#"max_over_time({a="1", b="2"} | unwrap x [5m]) by (b)"#, "b=2"),
            (r#"sum_over_time({a="1", b="2"} | unwrap b [5m])"#, "a=1"),
            (r#"sum(rate({a="1"}[5m]))"#, ""),
            (r#"rate({a="1"}[5m]) or vector(0)"#, ""),
            (r#"sum by (a, c) (rate({a="1", b="2"}[5m])) > 0"#, "a=1"),
            (r#"sum without (a) (rate({a="1", b="2"}[5m]))"#, "b=2"),
            (r#"topk(5, (rate({a="1"}[5m])))"#, "a=1"),
            (r#"1 - rate({a="1"}[5m])"#, "a=1"),
            (r#"rate({a="1"}[5m]) / rate({b="2"}[5m])"#, "a=1 b=2"),
            (r#"rate({a="1"}[5m]) / on (b) rate({b="2"}[5m])"#, ""),
            (r#"rate({a="1", b="2"}[5m]) or rate({a="1", b="3"}[5m])"#, "a=1"),
            (r#"rate({a="1"}[5m]) unless rate({a="2"}[5m])"#, "a=1"),
            (r#"label_replace(rate({a="1", b="2"}[5m]), "a", "$1", "b", "(.*)")"#, "b=2"),
            ("vector(1)", ""),
        ] {
            let parsed = parse(expr).unwrap();
            let labels: Vec<String> = constant_labels(&parsed)
                .into_iter()
                .map(|(label, value)| format!("{label}={value}"))
                .collect();
            assert_eq!(labels.join(" "), expected, "{expr}");
        }
    }
}
