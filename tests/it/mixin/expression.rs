//! Which labels a PromQL expression reads and returns.

use std::collections::BTreeSet;

use rulesync_expr::promql::{self, BinaryOp, Expr, ExprKind, LabelList, MatchOp, NodeId};

use super::metrics::Metrics;

/// Returns the labels of the result of an expression, or what it reads that is not there.
pub(super) fn read(expr: &str, metrics: &Metrics) -> Result<BTreeSet<String>, Vec<String>> {
    let strict = promql::Options { experimental: false, legacy_functions: false, utf8_names: false };
    let expr = promql::parse(expr, &strict).map_err(|error| vec![format!("{expr}: {error:?}")])?;
    let mut reader = Reader { expr: &expr, metrics, problems: Vec::new() };
    let labels = reader.labels(expr.root_id());
    if reader.problems.is_empty() { Ok(labels) } else { Err(reader.problems) }
}

struct Reader<'a> {
    expr: &'a Expr,
    metrics: &'a Metrics,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// The labels that the result of a part may have.
    fn labels(&mut self, id: NodeId) -> BTreeSet<String> {
        let expr = self.expr;
        match &expr.node(id).kind {
            ExprKind::VectorSelector(selector) => {
                let name = selector.name().unwrap_or_default();
                let Some(labels) = self.metrics.labels(name) else {
                    self.problems.push(format!("there is no metric {name:?}"));
                    return BTreeSet::new();
                };
                for matcher in selector.matchers.iter().filter(|matcher| matcher.label != "__name__") {
                    self.need(&labels, &matcher.label);
                    let values: Vec<&str> = match matcher.op {
                        MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
                        _ => matcher.value.split('|').collect(),
                    };
                    for value in values {
                        if !self.metrics.has_value(&matcher.label, value) {
                            self.problems.push(format!("{} is never {value:?}", matcher.label));
                        }
                    }
                }
                labels
            }
            ExprKind::Aggregate(aggregate) => {
                let inner = self.labels(aggregate.expr);
                let Some(grouping) = &aggregate.grouping else { return BTreeSet::new() };
                let listed = self.listed(&inner, &grouping.labels);
                match grouping.without {
                    true => inner.difference(&listed).cloned().collect(),
                    false => listed,
                }
            }
            ExprKind::Call(call) => {
                let mut labels: BTreeSet<String> =
                    call.args.iter().flat_map(|argument| self.labels(*argument)).collect();
                match call.function.name {
                    "absent" => equal_matchers(expr, call.args[0]),
                    "histogram_quantile" => {
                        self.need(&labels, "le");
                        labels.remove("le");
                        labels
                    }
                    _ => labels,
                }
            }
            ExprKind::Binary(binary) => {
                let (left, right) = (self.labels(binary.lhs), self.labels(binary.rhs));
                if let Some(labels) = &binary.matching.labels {
                    self.listed(&left, &labels.list);
                    self.listed(&right, &labels.list);
                }
                match binary.op {
                    BinaryOp::And | BinaryOp::Unless => left,
                    _ => left.union(&right).cloned().collect(),
                }
            }
            _ => {
                let parts = expr.children(id);
                parts.into_iter().flat_map(|part| self.labels(part)).collect()
            }
        }
    }

    fn need(&mut self, labels: &BTreeSet<String>, label: &str) {
        if !labels.contains(label) {
            self.problems.push(format!("there is no label {label:?} beside {labels:?}"));
        }
    }

    fn listed(&mut self, labels: &BTreeSet<String>, list: &LabelList) -> BTreeSet<String> {
        for label in &list.labels {
            self.need(labels, &label.text);
        }
        list.labels.iter().map(|label| label.text.clone()).collect()
    }
}

/// The labels that `absent` gives to its result: those that the selector sets to one value.
fn equal_matchers(expr: &Expr, selector: NodeId) -> BTreeSet<String> {
    let ExprKind::VectorSelector(selector) = &expr.node(selector).kind else { return BTreeSet::new() };
    let equal = selector.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal);
    equal.map(|matcher| matcher.label.clone()).collect()
}

#[test]
fn mixin_expressions_with_faults_are_found() {
    let metrics = Metrics::described();
    let found = |expr: &str| read(expr, &metrics).unwrap_err().join("; ");
    assert!(found("sum by (ruler) (rulesync_group)").contains(r#"no metric "rulesync_group""#));
    assert!(found("sum by (rular) (rulesync_groups)").contains(r#"no label "rular""#));
    assert!(found("rulesync_groups{stat=\"refused\"}").contains(r#"no label "stat""#));
    assert!(found("rulesync_groups{state=\"refuse\"}").contains(r#"state is never "refuse""#));
    assert!(found("sum by (le) (rate(rulesync_propagation_seconds_count[5m]))").contains(r#"no label "le""#));
    assert!(found("rulesync_leader and on (ruler) rulesync_groups").contains(r#"no label "ruler""#));
    let labels = read("max by (ruler) (rulesync_groups{state=\"refused\"}) > 0", &metrics).unwrap();
    assert_eq!(labels, BTreeSet::from(["ruler".to_owned()]));
}
