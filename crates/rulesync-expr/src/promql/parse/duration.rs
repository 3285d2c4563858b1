//! Durations in brackets and after `offset`: literals, and arithmetic on them.
//! The arithmetic is only recognised, not stored: only the span and the value of a literal are needed.

use super::parser::{Parser, Result};
use crate::promql::ast::Duration;
use crate::promql::feature::Feature;
use crate::promql::literal::LONGEST_DURATION;
use crate::promql::operator::{Aggregator, BinaryOp, Precedence};
use crate::promql::token::{Preprocessor, TokenKind};
use crate::span::Span;

/// An incomplete part of a duration. As in expressions, a stack of these replaces recursion.
enum Part {
    Sign {
        negative: bool,
        start: usize,
    },
    Operator {
        lhs: Duration,
        op: BinaryOp,
        span: Span,
    },
    Paren {
        start: usize,
    },
    /// `min_of(` or `max_of(`.
    Extreme {
        start: usize,
        first: bool,
    },
}

/// The parts of the error message for a missing duration.
#[derive(Clone, Copy)]
struct Expected<'e> {
    context: &'e str,
    expected: &'e str,
}

impl Parser<'_> {
    /// Parses a duration with arithmetic, as in brackets.
    pub(super) fn duration_expr(&mut self, context: &str, expected: &str) -> Result<Duration> {
        let expected = Expected { context, expected };
        let mut parts = Vec::new();
        loop {
            let Some(operand) = self.duration_operand(&mut parts, expected)? else { continue };
            if let Some(whole) = self.after_duration(&mut parts, operand, expected, true)? {
                return Ok(whole);
            }
        }
    }

    /// Parses the duration after `offset`. Arithmetic has to be in parentheses there: an operator directly after the
    /// first duration belongs to the enclosing expression.
    pub(super) fn offset_duration(&mut self) -> Result<Duration> {
        let expected = Expected { context: "offset", expected: "number, duration, step(), or range()" };
        let mut parts = Vec::new();
        loop {
            let Some(operand) = self.duration_operand(&mut parts, expected)? else { continue };
            if let Some(whole) = self.after_duration(&mut parts, operand, expected, false)? {
                return Ok(whole);
            }
        }
    }

    /// Returns an error for a literal that is not greater than zero.
    pub(super) fn require_positive(&self, duration: Duration) -> Result<()> {
        if duration.seconds.is_some_and(|seconds| seconds <= 0.0 || seconds.is_nan()) {
            return Err(self.syntax(duration.span, "duration must be greater than 0"));
        }
        Ok(())
    }

    fn duration_operand(
        &mut self,
        parts: &mut Vec<Part>,
        expected: Expected<'_>,
    ) -> Result<Option<Duration>> {
        let (kind, start) = (self.token.kind, self.token.span.start);
        match kind {
            TokenKind::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                self.advance();
                parts.push(Part::Sign { negative: op == BinaryOp::Sub, start });
                Ok(None)
            }
            TokenKind::LeftParen => {
                self.advance();
                parts.push(Part::Paren { start });
                Ok(None)
            }
            TokenKind::Number | TokenKind::Duration => {
                let seconds = self.number()?;
                let span = Span::new(start, self.last_end);
                if seconds.abs() > LONGEST_DURATION {
                    return Err(self.syntax(span, "duration out of range"));
                }
                Ok(Some(Duration { span, seconds: Some(seconds) }))
            }
            TokenKind::Preprocessor(Preprocessor::Step | Preprocessor::Range) => {
                self.advance();
                if !(self.accept(TokenKind::LeftParen) && self.accept(TokenKind::RightParen)) {
                    return Err(self.unexpected(expected.context, expected.expected));
                }
                let span = Span::new(start, self.last_end);
                self.require_experimental(span)?;
                Ok(Some(Duration { span, seconds: None }))
            }
            TokenKind::Preprocessor(Preprocessor::Extreme)
            | TokenKind::Aggregator(Aggregator::Min | Aggregator::Max) => {
                self.advance();
                if !self.accept(TokenKind::LeftParen) {
                    return Err(self.unexpected(expected.context, expected.expected));
                }
                parts.push(Part::Extreme { start, first: true });
                Ok(None)
            }
            _ => Err(self.unexpected(expected.context, expected.expected)),
        }
    }

    /// Continues after an operand. Returns the whole duration if it ends here.
    fn after_duration(
        &mut self,
        parts: &mut Vec<Part>,
        operand: Duration,
        expected: Expected<'_>,
        operators_at_top: bool,
    ) -> Result<Option<Duration>> {
        let mut operand = operand;
        loop {
            let opens = |part: &Part| matches!(part, Part::Paren { .. } | Part::Extreme { .. });
            let nested = parts.iter().rev().any(opens);
            match self.token.kind {
                TokenKind::Operator(op) if (nested || operators_at_top) && is_arithmetic(op) => {
                    let lhs = self.complete_duration(parts, operand, Some(op.precedence()))?;
                    self.require_experimental(lhs.span)?;
                    parts.push(Part::Operator { lhs, op, span: self.token.span });
                    self.advance();
                    return Ok(None);
                }
                TokenKind::RightParen if nested => {
                    let inner = self.complete_duration(parts, operand, None)?;
                    operand = match parts.pop() {
                        Some(Part::Paren { start }) => {
                            self.require_experimental(inner.span)?;
                            self.advance();
                            Duration { span: Span::new(start, self.last_end), ..inner }
                        }
                        Some(Part::Extreme { start, first: false }) => {
                            self.advance();
                            let span = Span::new(start, self.last_end);
                            self.require_experimental(span)?;
                            Duration { span, seconds: None }
                        }
                        _ => return Err(self.unexpected(expected.context, expected.expected)),
                    };
                }
                TokenKind::Comma if nested => {
                    self.complete_duration(parts, operand, None)?;
                    let Some(Part::Extreme { first: first @ true, .. }) = parts.last_mut() else {
                        return Err(self.unexpected(expected.context, expected.expected));
                    };
                    *first = false;
                    self.advance();
                    return Ok(None);
                }
                _ if nested => return Err(self.unexpected(expected.context, expected.expected)),
                _ => return self.complete_duration(parts, operand, None).map(Some),
            }
        }
    }

    fn complete_duration(
        &self,
        parts: &mut Vec<Part>,
        operand: Duration,
        next: Option<Precedence>,
    ) -> Result<Duration> {
        let completes = |precedence: Precedence| next.is_none_or(|next| precedence.completes_before(next));
        let mut operand = operand;
        loop {
            operand = match parts.pop() {
                Some(Part::Sign { negative, start }) if completes(Precedence::Product) => Duration {
                    span: Span::new(start, operand.span.end),
                    seconds: operand.seconds.map(|seconds| if negative { -seconds } else { seconds }),
                },
                Some(Part::Operator { lhs, op, span }) if completes(op.precedence()) => {
                    let is_zero = operand.seconds == Some(0.0);
                    match op {
                        BinaryOp::Div if is_zero => return Err(self.syntax(span, "division by zero")),
                        BinaryOp::Mod if is_zero => return Err(self.syntax(span, "modulo by zero")),
                        _ => Duration { span: Span::new(lhs.span.start, operand.span.end), seconds: None },
                    }
                }
                other => {
                    parts.extend(other);
                    return Ok(operand);
                }
            };
        }
    }

    fn require_experimental(&mut self, span: Span) -> Result<()> {
        self.uses(Feature::DurationExpressions, span, || {
            "experimental duration expression is not enabled".to_owned()
        })
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(op, B::Add | B::Sub | B::Mul | B::Div | B::Mod | B::Pow)
}
