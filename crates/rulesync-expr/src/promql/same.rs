//! Equivalence of expressions, ignoring white space, comments, redundant parentheses, the notation of numbers, strings
//! and durations, and the order of matchers.

use super::ast::{Duration, Expr, ExprKind, LabelList, Matching, Modifiers, NodeId, VectorSelector};
use super::options::Options;
use super::parse::parse;
use crate::span::Span;

/// Returns `true` if two expressions differ only in notation. Returns `false` if either does not parse, or contains
/// arithmetic on durations, which only the server evaluates.
///
/// ```
/// use rulesync_expr::promql::means_the_same;
///
/// assert!(means_the_same("sum by (job) (rate(x[5m])) > 1", "(sum(rate(x[300s])) by (job)) > 1.0"));
/// assert!(!means_the_same("a + b * c", "(a + b) * c"));
/// ```
#[must_use]
pub fn means_the_same(a: &str, b: &str) -> bool {
    if a.trim() == b.trim() {
        return true;
    }
    let options = Options::default();
    match (parse(a, &options), parse(b, &options)) {
        (Ok(a), Ok(b)) => matches!((shape(&a), shape(&b)), (Some(a), Some(b)) if a == b),
        _ => false,
    }
}

/// The nodes without their spans, children before parents. As the number of children of every node is known, this
/// determines the tree. `None` if the length of a duration is not known.
fn shape(expr: &Expr) -> Option<Vec<(ExprKind, usize)>> {
    let mut nodes = Vec::with_capacity(expr.nodes().len());
    for node in expr.nodes() {
        let children = match &node.kind {
            ExprKind::Paren(_) => continue,
            ExprKind::Call(call) => call.args.len(),
            ExprKind::Aggregate(aggregate) => 1 + usize::from(aggregate.param.is_some()),
            _ => 0,
        };
        nodes.push((without_spans(&node.kind)?, children));
    }
    Some(nodes)
}

/// Placeholders for spans and children.
const NO_SPAN: Span = Span { start: 0, end: 0 };
const CHILD: NodeId = NodeId(0);

fn without_spans(kind: &ExprKind) -> Option<ExprKind> {
    let mut kind = kind.clone();
    match &mut kind {
        ExprKind::Number(number) => number.is_duration = false,
        ExprKind::String(_) => {}
        ExprKind::VectorSelector(selector) => normalize_selector(selector)?,
        ExprKind::MatrixSelector { selector, range } => {
            *selector = CHILD;
            normalize_duration(range)?;
        }
        ExprKind::Subquery(subquery) => {
            subquery.expr = CHILD;
            normalize_duration(&mut subquery.range)?;
            subquery.step.as_mut().map_or(Some(()), normalize_duration)?;
            normalize_modifiers(&mut subquery.modifiers)?;
        }
        ExprKind::Call(call) => {
            call.name_span = NO_SPAN;
            call.args.fill(CHILD);
        }
        ExprKind::Aggregate(aggregate) => {
            aggregate.op_span = NO_SPAN;
            aggregate.expr = CHILD;
            aggregate.param = aggregate.param.map(|_| CHILD);
            if let Some(grouping) = &mut aggregate.grouping {
                normalize_labels(&mut grouping.labels);
            }
            // `sum by () (x)` is `sum(x)`.
            aggregate.grouping =
                aggregate.grouping.take().filter(|by| by.without || !by.labels.labels.is_empty());
        }
        ExprKind::Binary(binary) => {
            binary.op_span = NO_SPAN;
            (binary.lhs, binary.rhs) = (CHILD, CHILD);
            normalize_matching(&mut binary.matching);
        }
        ExprKind::Unary { operand, .. } | ExprKind::Paren(operand) => *operand = CHILD,
    }
    Some(kind)
}

fn normalize_selector(selector: &mut VectorSelector) -> Option<()> {
    selector.braces = None;
    if let Some(metric) = &mut selector.metric {
        metric.span = NO_SPAN;
    }
    for matcher in &mut selector.matchers {
        (matcher.span, matcher.value_span) = (NO_SPAN, NO_SPAN);
    }
    selector.matchers.sort_by(|a, b| {
        (&a.label, format!("{:?}", a.op), &a.value).cmp(&(&b.label, format!("{:?}", b.op), &b.value))
    });
    normalize_modifiers(&mut selector.modifiers)
}

fn normalize_modifiers(modifiers: &mut Modifiers) -> Option<()> {
    modifiers.offset.as_mut().map_or(Some(()), normalize_duration)
}

fn normalize_duration(duration: &mut Duration) -> Option<()> {
    duration.span = NO_SPAN;
    duration.seconds.map(|_| ())
}

fn normalize_matching(matching: &mut Matching) {
    if let Some(labels) = &mut matching.labels {
        normalize_labels(&mut labels.list);
    }
    if let Some(include) = matching.group.as_mut().and_then(|group| group.include.as_mut()) {
        normalize_labels(include);
    }
}

/// Sorts and deduplicates the labels, which are a set.
fn normalize_labels(list: &mut LabelList) {
    list.span = NO_SPAN;
    list.labels.iter_mut().for_each(|name| name.span = NO_SPAN);
    list.labels.sort_by(|a, b| a.text.cmp(&b.text));
    list.labels.dedup();
}

#[cfg(test)]
mod tests {
    use super::means_the_same;

    #[test]
    fn means_the_same_for_different_notations() {
        for (a, b) in [
            ("up", " up # all"),
            ("up == 1", "((up)) == 1.0"),
            ("rate(x[5m])", "rate(x[300s])"),
            ("x offset 1h", "x offset 60m"),
            ("x{a=\"b\",c=~'d'}", "x{c=~\"d\", a='b'}"),
            ("sum by (a, b) (x)", "sum(x) by (b,a)"),
            ("a / on (x, y) group_left (z) b", "a/on(y,x)group_left(z) b"),
            ("max_over_time(x[1h:5m])", "max_over_time(x[60m:300s])"),
            ("x > 0x10", "x > 16"),
            ("-x", "-(x)"),
            ("topk(5, x)", "topk(5,(x))"),
        ] {
            assert!(means_the_same(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn means_the_same_rejects_different_expressions() {
        for (a, b) in [
            ("up == 1", "up == 2"),
            ("up == 1", "up == bool 1"),
            ("a + b * c", "(a + b) * c"),
            ("a - b - c", "a - (b - c)"),
            ("x{a=\"b\"}", "x{a!=\"b\"}"),
            ("x{a=\"b\"}", "x"),
            ("sum by (a) (x)", "sum without (a) (x)"),
            ("sum by (a) (x)", "sum(x)"),
            ("rate(x[5m])", "rate(x[6m])"),
            ("x offset 1h", "x"),
            ("x @ start()", "x @ end()"),
            ("-x", "x"),
            ("-x ^ 2", "(-x) ^ 2"),
            ("label_join(a, \"d\", \",\", \"e\")", "label_join(a, \"d\", \",\")"),
            ("max_over_time(x[1h:5m])", "max_over_time(x[1h])"),
            ("not promql (", "not  promql ("),
        ] {
            assert!(!means_the_same(a, b), "{a} and {b}");
        }
    }
}
