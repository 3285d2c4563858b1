//! Judges whether the parts of a tree fit together, in Loki's words. Not for syntax, and not for what Loki
//! takes and cannot evaluate: that is `ruler`.

use super::ast::{
    Binary, Expr, ExprKind, LogQuery, Matcher, Node, RangeAggregate, Selector, VectorAggregate,
};
use super::capture;
use super::operator::{RangeOp, VectorOp};
use super::pipeline::{LabelChoice, LabelTest, StageKind, Text};
use super::wording::{meaning_error, regex_error};
use crate::error::ParseError;
use crate::promql::{BinaryOp, MatchOp};
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
    // Loki comes to this last.
    for selector in expr.selectors() {
        if !selector.matchers.iter().any(requires_something) {
            return Err(meaning_error(input, selector.span, EMPTY_COMPATIBLE));
        }
    }
    Ok(())
}

/// What is to be known of an operand, parentheses seen through.
#[derive(Clone, Copy)]
enum Operand {
    /// Lines, and what Loki calls them.
    Log(&'static str),
    /// A number known already: Loki works out what it can while it reads.
    Literal(f64),
    /// Anything else.
    Series,
}

struct Checker<'a> {
    input: &'a str,
    /// What each node so far is; the operands of a node come before it.
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
                    .map_err(|wrong| regex_error(self.input, "invalid regex in label_replace: ", &wrong))?;
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
                        .map_err(|wrong| regex_error(self.input, "invalid regexp parser: ", &wrong))?;
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
            .map_err(|wrong| regex_error(self.input, "", &wrong))
    }

    /// Both parsers have to name what they take out, each thing once.
    fn captures(&self, parser: &str, text: &Text, problem: Option<String>) -> Result {
        match problem {
            Some(reason) => Err(self.wrong(text.span, format!("invalid {parser} parser: {reason}"))),
            None => Ok(()),
        }
    }

    fn range(&self, aggregate: &RangeAggregate, span: Span) -> Result {
        let op = aggregate.op;
        match &aggregate.param {
            None if op == RangeOp::Quantile => {
                return Err(self.wrong(span, format!("parameter required for operation {op}")));
            }
            Some(param) if op != RangeOp::Quantile => {
                let message = format!("parameter {} not supported for operation {op}", param.text);
                return Err(self.wrong(param.span, message));
            }
            Some(param) => {
                if let Err(reason) = super::literal::number(&param.text) {
                    let message = format!("invalid parameter for operation {op}: {reason}");
                    return Err(self.wrong(param.span, message));
                }
            }
            None => {}
        }
        if let Some(grouping) = &aggregate.grouping
            && !op.takes_grouping()
        {
            return Err(self.wrong(grouping.span, format!("grouping not allowed for {op} aggregation")));
        }
        let unwraps = |kind: &StageKind| matches!(kind, StageKind::Unwrap { .. });
        let unwrapped = aggregate.range.query.stages.iter().any(|stage| unwraps(&stage.kind));
        if unwrapped && !op.takes_unwrapped() {
            return Err(self.wrong(span, format!("invalid aggregation {op} with unwrap")));
        }
        if !unwrapped && !op.takes_lines() {
            return Err(self.wrong(span, format!("invalid aggregation {op} without unwrap")));
        }
        Ok(())
    }

    fn vector(&self, aggregate: &VectorAggregate, span: Span) -> Result {
        let op = aggregate.op;
        match &aggregate.param {
            None if op.takes_parameter() => {
                return Err(self.wrong(span, format!("parameter required for operation {op}")));
            }
            Some(param) if !op.takes_parameter() => {
                let message = format!("unsupported parameter for operation {op}({},", param.text);
                return Err(self.wrong(param.span, message));
            }
            Some(param) => match param.text.parse::<i64>() {
                Ok(1..) => {}
                Ok(_) => {
                    let message = format!("invalid parameter (must be greater than 0) {op}({}", param.text);
                    return Err(self.wrong(param.span, message));
                }
                Err(_) => {
                    let message = format!("invalid parameter {op}({},", param.text);
                    return Err(self.wrong(param.span, message));
                }
            },
            None => {}
        }
        match &aggregate.grouping {
            Some(grouping) if op == VectorOp::ApproxTopk => {
                Err(self.wrong(grouping.span, format!("grouping not allowed for {op} aggregation")))
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
                return Err(self.wrong(span, message));
            }
        }
        for (leg, operand) in [("left", left), ("right", right)] {
            if let Operand::Literal(value) = operand
                && op.is_set_operator()
            {
                let message = format!(
                    "unexpected literal for {leg} leg of logical/set binary operation ({symbol}): {value:.6}"
                );
                return Err(self.wrong(span, message));
            }
        }
        Ok(match (left, right) {
            (Operand::Literal(left), Operand::Literal(right)) => Operand::Literal(apply(op, left, right)),
            _ => Operand::Series,
        })
    }

    fn wrong(&self, span: Span, message: impl Into<String>) -> ParseError {
        meaning_error(self.input, span, message)
    }
}

/// What an operation on two numbers comes to.
fn apply(op: BinaryOp, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Equal => truth(left == right),
        BinaryOp::NotEqual => truth(left != right),
        BinaryOp::Less => truth(left < right),
        BinaryOp::LessOrEqual => truth(left <= right),
        BinaryOp::Greater => truth(left > right),
        BinaryOp::GreaterOrEqual => truth(left >= right),
        // The others never come to two numbers.
        _ => f64::NAN,
    }
}

/// Whether a stream without the label is refused by the matcher.
fn requires_something(matcher: &Matcher) -> bool {
    match matcher.op {
        MatchOp::Equal => !matcher.value.is_empty(),
        MatchOp::NotEqual => matcher.value.is_empty(),
        MatchOp::Regex => !regex::matches_empty(&matcher.value),
        MatchOp::NotRegex => regex::matches_empty(&matcher.value),
    }
}
