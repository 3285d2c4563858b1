//! The semantic checks, with Loki's messages. `ruler` finds expressions that Loki accepts but cannot evaluate.

use super::ast::{Binary, Expr, ExprKind, LogQuery, Node, RangeAggregate, VectorAggregate};
use super::capture;
use super::operator::{RangeOp, VectorOp};
use super::pipeline::{LabelChoice, LabelTest, StageKind, Text};
use super::selector::{Matcher, Selector};
use super::wording::{regex_error, semantic_error};
use crate::error::ParseError;
use crate::promql::BinaryOp;
use crate::regex::{self, Wrapping};
use crate::span::Span;

type Result = std::result::Result<(), ParseError>;

const EMPTY_COMPATIBLE: &str = "queries require at least one regexp or equality matcher that does not have \
    an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

/// Checks a whole expression.
pub(super) fn check(input: &str, expr: &Expr) -> Result {
    let mut checker = Checker { input, seen: Vec::with_capacity(expr.nodes().len()) };
    for node in expr.nodes() {
        checker.node(node)?;
    }
    // Loki checks this last.
    for selector in expr.selectors() {
        if selector.matchers.iter().all(|matcher| matcher.op.matches_empty(&matcher.value)) {
            return Err(semantic_error(input, selector.span, EMPTY_COMPATIBLE));
        }
    }
    Ok(())
}

/// The properties of an operand, ignoring parentheses.
#[derive(Clone, Copy)]
enum Operand {
    /// Log lines, with the name of their type in Loki.
    Log(&'static str),
    /// A constant: Loki evaluates constant expressions while parsing.
    Literal(f64),
    /// Anything else.
    Series,
}

struct Checker<'a> {
    input: &'a str,
    /// The operand properties of the nodes checked so far; the operands of a node come before it.
    seen: Vec<Operand>,
}

impl Checker<'_> {
    fn node(&mut self, node: &Node) -> Result {
        let operand = match &node.kind {
            ExprKind::Log(query) => {
                self.query(query)?;
                Operand::Log(if query.stages.is_empty() { "MatchersExpr" } else { "PipelineExpr" })
            }
            ExprKind::Range(aggregate) => {
                self.query(&aggregate.range.query)?;
                self.range(aggregate, node.span)?;
                Operand::Series
            }
            ExprKind::Vector(aggregate) => {
                self.vector(aggregate, node.span)?;
                Operand::Series
            }
            ExprKind::LabelReplace(replace) => {
                regex::literal(self.input, replace.regex_span, &replace.regex, Wrapping::Anchored)
                    .map_err(|error| regex_error(self.input, "invalid regex in label_replace: ", &error))?;
                Operand::Series
            }
            ExprKind::Variants(variants) => {
                self.query(&variants.of.query)?;
                Operand::Series
            }
            ExprKind::Binary(binary) => self.binary(binary, node.span)?,
            ExprKind::Number(value) => Operand::Literal(*value),
            ExprKind::Constant(_) => Operand::Series,
            ExprKind::Paren(inner) => self.seen[inner.0],
        };
        self.seen.push(operand);
        Ok(())
    }

    fn query(&self, query: &LogQuery) -> Result {
        self.selector(&query.selector)?;
        for stage in &query.stages {
            match &stage.kind {
                StageKind::LabelFilter(conditions) => {
                    for condition in conditions {
                        if let LabelTest::Text(op, text) = &condition.test
                            && op.is_regex()
                        {
                            self.regex(text.span, &text.value)?;
                        }
                    }
                }
                StageKind::Drop(choices) | StageKind::Keep(choices) => {
                    for choice in choices {
                        if let LabelChoice::Matcher(matcher) = choice {
                            self.matcher(matcher)?;
                        }
                    }
                }
                StageKind::Regexp(text) => {
                    let regex = regex::literal(self.input, text.span, &text.value, Wrapping::Nothing)
                        .map_err(|error| regex_error(self.input, "invalid regexp parser: ", &error))?;
                    self.captures("regexp", text, capture::names_error(&regex.names))?
                }
                StageKind::Pattern(text) => {
                    self.captures("pattern", text, capture::pattern_error(&text.value))?
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn selector(&self, selector: &Selector) -> Result {
        selector.matchers.iter().try_for_each(|matcher| self.matcher(matcher))
    }

    fn matcher(&self, matcher: &Matcher) -> Result {
        if matcher.op.is_regex() { self.regex(matcher.value_span, &matcher.value) } else { Ok(()) }
    }

    fn regex(&self, literal: Span, pattern: &str) -> Result {
        regex::matcher(self.input, literal, pattern)
            .map(drop)
            .map_err(|error| regex_error(self.input, "", &error))
    }

    /// Reports a problem with the captures of the parsers `regexp` and `pattern`.
    fn captures(&self, parser: &str, text: &Text, problem: Option<String>) -> Result {
        match problem {
            Some(reason) => Err(self.error(text.span, format!("invalid {parser} parser: {reason}"))),
            None => Ok(()),
        }
    }

    fn range(&self, aggregate: &RangeAggregate, span: Span) -> Result {
        let op = aggregate.op;
        match &aggregate.param {
            None if op == RangeOp::Quantile => {
                return Err(self.error(span, format!("parameter required for operation {op}")));
            }
            Some(param) if op != RangeOp::Quantile => {
                let message = format!("parameter {} not supported for operation {op}", param.text);
                return Err(self.error(param.span, message));
            }
            Some(param) => {
                if let Err(reason) = super::literal::number(&param.text) {
                    let message = format!("invalid parameter for operation {op}: {reason}");
                    return Err(self.error(param.span, message));
                }
            }
            None => {}
        }
        if let Some(grouping) = &aggregate.grouping
            && !op.takes_grouping()
        {
            return Err(self.error(grouping.span, format!("grouping not allowed for {op} aggregation")));
        }
        let unwraps = |kind: &StageKind| matches!(kind, StageKind::Unwrap { .. });
        let unwrapped = aggregate.range.query.stages.iter().any(|stage| unwraps(&stage.kind));
        if unwrapped && !op.takes_unwrapped() {
            return Err(self.error(span, format!("invalid aggregation {op} with unwrap")));
        }
        if !unwrapped && !op.takes_lines() {
            return Err(self.error(span, format!("invalid aggregation {op} without unwrap")));
        }
        Ok(())
    }

    fn vector(&self, aggregate: &VectorAggregate, span: Span) -> Result {
        let op = aggregate.op;
        match &aggregate.param {
            None if op.takes_parameter() => {
                return Err(self.error(span, format!("parameter required for operation {op}")));
            }
            Some(param) if !op.takes_parameter() => {
                let message = format!("unsupported parameter for operation {op}({},", param.text);
                return Err(self.error(param.span, message));
            }
            Some(param) => match param.text.parse::<i64>() {
                Ok(1..) => {}
                Ok(_) => {
                    let message = format!("invalid parameter (must be greater than 0) {op}({}", param.text);
                    return Err(self.error(param.span, message));
                }
                Err(_) => {
                    let message = format!("invalid parameter {op}({},", param.text);
                    return Err(self.error(param.span, message));
                }
            },
            None => {}
        }
        match &aggregate.grouping {
            Some(grouping) if op == VectorOp::ApproxTopk => {
                Err(self.error(grouping.span, format!("grouping not allowed for {op} aggregation")))
            }
            _ => Ok(()),
        }
    }

    fn binary(&self, binary: &Binary, span: Span) -> std::result::Result<Operand, ParseError> {
        let (op, symbol) = (binary.op, binary.op.symbol());
        let (left, right) = (self.seen[binary.lhs.0], self.seen[binary.rhs.0]);
        for (leg, operand) in [("left", left), ("right", right)] {
            if let Operand::Log(name) = operand {
                let message =
                    format!("unexpected type for {leg} leg of binary operation ({symbol}): *syntax.{name}");
                return Err(self.error(span, message));
            }
        }
        for (leg, operand) in [("left", left), ("right", right)] {
            if let Operand::Literal(value) = operand
                && op.is_set_operator()
            {
                let message = format!(
                    "unexpected literal for {leg} leg of logical/set binary operation ({symbol}): {value:.6}"
                );
                return Err(self.error(span, message));
            }
        }
        Ok(match (left, right) {
            (Operand::Literal(left), Operand::Literal(right)) => Operand::Literal(apply(op, left, right)),
            _ => Operand::Series,
        })
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        semantic_error(self.input, span, message)
    }
}

/// The result of an operation on two numbers.
fn apply(op: BinaryOp, left: f64, right: f64) -> f64 {
    let boolean = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Equal => boolean(left == right),
        BinaryOp::NotEqual => boolean(left != right),
        BinaryOp::Less => boolean(left < right),
        BinaryOp::LessOrEqual => boolean(left <= right),
        BinaryOp::Greater => boolean(left > right),
        BinaryOp::GreaterOrEqual => boolean(left >= right),
        // The other operators are not applied to two numbers.
        _ => f64::NAN,
    }
}
