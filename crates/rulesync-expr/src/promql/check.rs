//! The type checks, in Prometheus' order and words, so that the same error of several is reported first.
//! Syntax and anything that depends on data are not checked here.

use std::collections::BTreeSet;

use super::ast::{Aggregate, Binary, Call, Expr, ExprKind, METRIC_NAME, NodeId, VectorSelector};
use super::functions::{Arity, Function};
use super::operator::Aggregator;
use super::value_type::ValueType;
use crate::error::{ErrorKind, ParseError};
use crate::quote::quoted;
use crate::span::Span;

use ValueType::{InstantVector, RangeVector, Scalar};

/// Checks the types of a whole expression.
pub(super) fn check(input: &str, expr: &Expr) -> Result<(), ParseError> {
    Checker { input, expr, steps: vec![Step::Enter(expr.root_id())] }.run()
}

/// A pending check. A stack of these replaces recursion.
enum Step {
    /// Check a node and its descendants.
    Enter(NodeId),
    /// Check a node whose operands have been checked.
    Leave(NodeId),
    /// Require the type of a node that has been checked.
    Expect { node: NodeId, wanted: ValueType, role: Role },
    /// Check only the name in the label selector of `info`, which may match everything.
    EnterLabels(NodeId),
}

/// The construct that requires a node of a certain type.
#[derive(Clone, Copy)]
enum Role {
    Aggregated,
    Parameter,
    Argument(&'static Function),
}

struct Checker<'a> {
    input: &'a str,
    expr: &'a Expr,
    steps: Vec<Step>,
}

impl Checker<'_> {
    fn run(mut self) -> Result<(), ParseError> {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Enter(node) => self.enter(node)?,
                Step::EnterLabels(node) => self.enter_labels(node)?,
                Step::Leave(node) => self.leave(node)?,
                Step::Expect { node, wanted, role } => self.expect(node, wanted, role)?,
            }
        }
        Ok(())
    }

    /// Schedules `steps` in the given order.
    fn schedule(&mut self, steps: impl DoubleEndedIterator<Item = Step>) {
        self.steps.extend(steps.rev());
    }

    fn enter(&mut self, id: NodeId) -> Result<(), ParseError> {
        let node = self.expr.node(id);
        match &node.kind {
            ExprKind::Number(_) | ExprKind::String(_) => {}
            ExprKind::VectorSelector(selector) => {
                self.check_single_name(selector, node.span)?;
                if selector.metric.is_none()
                    && selector.matchers.iter().all(|matcher| matcher.op.matches_empty(&matcher.value))
                {
                    let message = "vector selector must contain at least one non-empty matcher";
                    return Err(self.type_error(node.span, message));
                }
            }
            ExprKind::MatrixSelector { selector, .. } => self.steps.push(Step::Enter(*selector)),
            ExprKind::Paren(inner) => self.steps.push(Step::Enter(*inner)),
            ExprKind::Subquery(subquery) => {
                self.schedule([Step::Enter(subquery.expr), Step::Leave(id)].into_iter());
            }
            ExprKind::Unary { operand, .. } => {
                self.schedule([Step::Enter(*operand), Step::Leave(id)].into_iter());
            }
            ExprKind::Binary(binary) => {
                self.schedule(
                    [Step::Enter(binary.lhs), Step::Enter(binary.rhs), Step::Leave(id)].into_iter(),
                );
            }
            ExprKind::Aggregate(aggregate) => self.enter_aggregate(aggregate),
            ExprKind::Call(call) => self.enter_call(call, node.span)?,
        }
        Ok(())
    }

    fn enter_aggregate(&mut self, aggregate: &Aggregate) {
        let expr = aggregate.expr;
        let aggregated =
            [Step::Enter(expr), Step::Expect { node: expr, wanted: InstantVector, role: Role::Aggregated }];
        let wanted = if aggregate.op == Aggregator::CountValues { ValueType::String } else { Scalar };
        let parameter = aggregate
            .param
            .map(|node| [Step::Enter(node), Step::Expect { node, wanted, role: Role::Parameter }]);
        self.schedule(aggregated.into_iter().chain(parameter.into_iter().flatten()));
    }

    fn enter_call(&mut self, call: &Call, span: Span) -> Result<(), ParseError> {
        let function = call.function;
        self.check_arity(function, call.args.len(), span)?;
        let labels_only = if function.name == "info" { call.args.get(1).copied() } else { None };
        if let Some(labels) = labels_only {
            self.check_label_selector(labels, span)?;
        }
        let Some(last) = function.args.last() else { return Ok(()) };
        let steps = call.args.iter().enumerate().flat_map(|(at, &node)| {
            let wanted = *function.args.get(at).unwrap_or(last);
            let enter = if Some(node) == labels_only { Step::EnterLabels(node) } else { Step::Enter(node) };
            [enter, Step::Expect { node, wanted, role: Role::Argument(function) }]
        });
        self.schedule(steps.collect::<Vec<_>>().into_iter());
        Ok(())
    }

    fn check_arity(&self, function: &Function, given: usize, span: Span) -> Result<(), ParseError> {
        let listed = function.args.len();
        let fewest = listed.saturating_sub(1);
        let (bound, wanted) = match function.arity {
            Arity::Exact if given != listed => ("", listed),
            Arity::UpTo(_) | Arity::AtLeast if given < fewest => ("at least ", fewest),
            Arity::UpTo(more) if given > fewest + more => ("at most ", fewest + more),
            _ => return Ok(()),
        };
        let name = quoted(function.name);
        Err(self
            .type_error(span, format!("expected {bound}{wanted} argument(s) in call to {name}, got {given}")))
    }

    /// The second argument of `info` looks like a selector but is a list of labels.
    fn check_label_selector(&self, node: NodeId, call: Span) -> Result<(), ParseError> {
        let argument = self.expr.node(node);
        if argument.value_type != InstantVector {
            let got = argument.value_type.name();
            let message = format!("expected type instant vector in call to function \"info\", got {got}");
            return Err(self.type_error(call, message));
        }
        match &argument.kind {
            ExprKind::VectorSelector(selector) if selector.metric.is_none() => Ok(()),
            ExprKind::VectorSelector(_) => {
                let message = "expected label selectors only, got vector selector instead";
                Err(self.type_error(argument.span, message))
            }
            _ => Err(self.type_error(argument.span, "expected label selectors only")),
        }
    }

    fn enter_labels(&self, id: NodeId) -> Result<(), ParseError> {
        let node = self.expr.node(id);
        match &node.kind {
            ExprKind::VectorSelector(selector) => self.check_single_name(selector, node.span),
            _ => Ok(()),
        }
    }

    fn check_single_name(&self, selector: &VectorSelector, span: Span) -> Result<(), ParseError> {
        let Some(metric) = &selector.metric else { return Ok(()) };
        let Some(second) = selector.matchers.iter().find(|matcher| matcher.label == METRIC_NAME) else {
            return Ok(());
        };
        let (first, second) = (quoted(&metric.text), quoted(&second.value));
        Err(self.type_error(span, format!("metric name must not be set twice: {first} or {second}")))
    }

    fn leave(&self, id: NodeId) -> Result<(), ParseError> {
        let node = self.expr.node(id);
        match &node.kind {
            ExprKind::Subquery(subquery) => {
                let got = self.type_of(subquery.expr);
                if got != InstantVector {
                    let got = short_name(got);
                    let message = format!("subquery is only allowed on instant vector, got {got} instead");
                    return Err(self.type_error(node.span, message));
                }
            }
            ExprKind::Unary { operand, .. } => {
                let got = self.type_of(*operand);
                if !matches!(got, Scalar | InstantVector) {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {}",
                        quoted(got.name())
                    );
                    return Err(self.type_error(node.span, message));
                }
            }
            ExprKind::Binary(binary) => return self.binary(binary, node.span),
            _ => {}
        }
        Ok(())
    }

    fn binary(&self, binary: &Binary, span: Span) -> Result<(), ParseError> {
        let (op, matching) = (binary.op, &binary.matching);
        let (left, right) = (self.type_of(binary.lhs), self.type_of(binary.rhs));
        if matching.returns_bool && !op.is_comparison() {
            let message = "bool modifier can only be used on comparison operators";
            return Err(self.type_error(binary.op_span, message));
        }
        if op.is_comparison() && !matching.returns_bool && left == Scalar && right == Scalar {
            return Err(self.type_error(binary.op_span, "comparisons between scalars must use BOOL modifier"));
        }
        self.check_include_labels(binary)?;
        for operand in [binary.lhs, binary.rhs] {
            if !matches!(self.type_of(operand), Scalar | InstantVector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return Err(self.type_error(self.expr.node(operand).span, message));
            }
        }
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        let symbol = quoted(op.symbol());
        if left != InstantVector || right != InstantVector {
            if matching.labels.as_ref().is_some_and(|labels| !labels.list.labels.is_empty()) {
                return Err(self.type_error(span, "vector matching only allowed between instant vectors"));
            }
            if fills {
                let message = "filling in missing series only allowed between instant vectors";
                return Err(self.type_error(span, message));
            }
            if op.is_set_operator() {
                let message = format!("set operator {symbol} not allowed in binary scalar expression");
                return Err(self.type_error(span, message));
            }
        } else if op.is_set_operator() {
            if matching.group.is_some() {
                return Err(self.type_error(span, format!("no grouping allowed for {symbol} operation")));
            }
            if fills {
                return Err(self.type_error(span, "filling in missing series not allowed for set operators"));
            }
        }
        Ok(())
    }

    fn check_include_labels(&self, binary: &Binary) -> Result<(), ParseError> {
        let Some(labels) = binary.matching.labels.as_ref().filter(|labels| labels.on) else { return Ok(()) };
        let Some(include) = binary.matching.group.as_ref().and_then(|group| group.include.as_ref()) else {
            return Ok(());
        };
        let included: BTreeSet<&str> = include.labels.iter().map(|name| name.text.as_str()).collect();
        match labels.list.labels.iter().find(|name| included.contains(name.text.as_str())) {
            Some(duplicate) => {
                let label = quoted(&duplicate.text);
                let message = format!("label {label} must not occur in ON and GROUP clause at once");
                Err(self.type_error(binary.op_span, message))
            }
            None => Ok(()),
        }
    }

    fn expect(&self, id: NodeId, wanted: ValueType, role: Role) -> Result<(), ParseError> {
        let node = self.expr.node(id);
        if node.value_type == wanted {
            return Ok(());
        }
        let place = match role {
            Role::Aggregated => "aggregation expression".to_owned(),
            Role::Parameter => "aggregation parameter".to_owned(),
            Role::Argument(function) => format!("call to function {}", quoted(function.name)),
        };
        let (wanted, got) = (wanted.name(), node.value_type.name());
        Err(self.type_error(node.span, format!("expected type {wanted} in {place}, got {got}")))
    }

    fn type_of(&self, id: NodeId) -> ValueType {
        self.expr.node(id).value_type
    }

    fn type_error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(ErrorKind::Type, self.input, span, message)
    }
}

/// The type name in Prometheus' code, which one of its messages contains.
fn short_name(value_type: ValueType) -> &'static str {
    match value_type {
        InstantVector => "vector",
        RangeVector => "matrix",
        other => other.name(),
    }
}
