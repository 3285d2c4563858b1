//! Modifiers of an operand: ranges in brackets, `offset`, `@`, `anchored`, `smoothed`.
//! They bind more tightly than any operator.

use super::parser::{Parser, Result};
use crate::promql::ast::{At, Duration, ExprKind, Modifiers, NodeId, Subquery, VectorSelector};
use crate::promql::feature::Feature;
use crate::promql::operator::BinaryOp;
use crate::promql::token::{Keyword, Preprocessor, TokenKind};
use crate::promql::value_type::ValueType;
use crate::span::Span;

/// From this value on, in seconds, the milliseconds of a timestamp do not fit Prometheus' integers.
const LATEST_TIMESTAMP: f64 = 9_223_372_036_854_775_807.0;

impl Parser<'_> {
    /// Parses all modifiers of `operand`.
    pub(super) fn modifiers(&mut self, operand: NodeId) -> Result<NodeId> {
        let mut operand = operand;
        loop {
            match self.token.kind {
                TokenKind::LeftBracket => operand = self.brackets(operand)?,
                TokenKind::Keyword(Keyword::Offset) => self.offset(operand)?,
                TokenKind::At => self.at(operand)?,
                TokenKind::Keyword(Keyword::Anchored) => self.anchored(operand)?,
                TokenKind::Keyword(Keyword::Smoothed) => self.smoothed(operand)?,
                _ => return Ok(operand),
            }
        }
    }

    /// Parses `[range]` or `[range:step]`.
    fn brackets(&mut self, operand: NodeId) -> Result<NodeId> {
        const RANGE: &str = "number, duration, step(), or range()";
        const STEP: &str = "number, duration, step(), range(), or \"]\"";
        let start = self.token.span.start;
        self.advance();
        let range = self.duration_expr("subquery or range selector", RANGE)?;
        self.require_positive(range)?;
        let operand_start = self.span_of(operand).start;
        match self.token.kind {
            TokenKind::RightBracket => {
                self.advance();
                let brackets = Span::new(start, self.last_end);
                if let Some(message) = self.range_error(operand) {
                    return Err(self.syntax(brackets, message));
                }
                let span = Span::new(operand_start, brackets.end);
                let kind = ExprKind::MatrixSelector { selector: operand, range };
                Ok(self.push(span, kind, ValueType::RangeVector))
            }
            TokenKind::Colon => {
                self.advance();
                let mut step = None;
                if self.token.kind != TokenKind::RightBracket {
                    let duration = self.duration_expr("subquery selector", STEP)?;
                    self.require_positive(duration)?;
                    step = Some(duration);
                }
                if !self.accept(TokenKind::RightBracket) {
                    return Err(self.unexpected("subquery selector", "\"]\""));
                }
                let span = Span::new(operand_start, self.last_end);
                let subquery = Subquery { expr: operand, range, step, modifiers: Modifiers::default() };
                Ok(self.push(span, ExprKind::Subquery(Box::new(subquery)), ValueType::RangeVector))
            }
            _ => Err(self.unexpected("subquery or range", "\":\" or \"]\"")),
        }
    }

    /// The error message if `operand` cannot be followed by a range.
    fn range_error(&self, operand: NodeId) -> Option<&'static str> {
        let ExprKind::VectorSelector(selector) = &self.nodes[operand.0].kind else {
            return Some("ranges only allowed for vector selectors");
        };
        if selector.modifiers.offset.is_some_and(counts_as_set) {
            Some("no offset modifiers allowed before range")
        } else if selector.modifiers.at.is_some() {
            Some("no @ modifiers allowed before range")
        } else {
            None
        }
    }

    fn offset(&mut self, operand: NodeId) -> Result<()> {
        self.advance();
        let offset = self.offset_duration()?;
        let span = self.span_of(operand);
        let Some(modifiers) = self.modifiers_of(operand) else {
            return Err(self.syntax(span, misplaced("offset modifier")));
        };
        if modifiers.offset.is_some_and(counts_as_set) {
            return Err(self.syntax(span, "offset may not be set multiple times"));
        }
        modifiers.offset = Some(offset);
        self.extend(operand);
        Ok(())
    }

    fn at(&mut self, operand: NodeId) -> Result<()> {
        self.advance();
        let at = self.timestamp()?;
        let span = self.span_of(operand);
        if let At::Timestamp(seconds) = at
            && (seconds.is_nan() || seconds.abs() >= LATEST_TIMESTAMP)
        {
            let shown = go_float(seconds);
            return Err(self.syntax(span, format!("timestamp out of bounds for @ modifier: {shown}")));
        }
        let Some(modifiers) = self.modifiers_of(operand) else {
            return Err(self.syntax(span, misplaced("@ modifier")));
        };
        if modifiers.at.is_some() {
            return Err(self.syntax(span, "@ <timestamp> may not be set multiple times"));
        }
        modifiers.at = Some(at);
        self.extend(operand);
        Ok(())
    }

    /// Parses a signed number, `start()` or `end()`.
    fn timestamp(&mut self) -> Result<At> {
        const EXPECTED: (&str, &str) = ("@", "timestamp");
        let pinned = match self.token.kind {
            TokenKind::Preprocessor(Preprocessor::Start) => Some(At::Start),
            TokenKind::Preprocessor(Preprocessor::End) => Some(At::End),
            _ => None,
        };
        if let Some(at) = pinned {
            self.advance();
            if self.accept(TokenKind::LeftParen) && self.accept(TokenKind::RightParen) {
                return Ok(at);
            }
            return Err(self.unexpected(EXPECTED.0, EXPECTED.1));
        }
        let negative = self.sign();
        if !matches!(self.token.kind, TokenKind::Number | TokenKind::Duration) {
            return Err(self.unexpected(EXPECTED.0, EXPECTED.1));
        }
        let seconds = self.number()?;
        Ok(At::Timestamp(if negative { -seconds } else { seconds }))
    }

    /// Consumes a sign, if present, and returns `true` if it was a minus.
    pub(super) fn sign(&mut self) -> bool {
        let negative = self.accept(TokenKind::Operator(BinaryOp::Sub));
        if !negative {
            self.accept(TokenKind::Operator(BinaryOp::Add));
        }
        negative
    }

    fn anchored(&mut self, operand: NodeId) -> Result<()> {
        self.extended_range(operand, "anchored", |modifiers| {
            modifiers.anchored = true;
            modifiers.smoothed
        })
    }

    fn smoothed(&mut self, operand: NodeId) -> Result<()> {
        self.extended_range(operand, "smoothed", |modifiers| {
            modifiers.smoothed = true;
            modifiers.anchored
        })
    }

    /// Sets one of the two modifiers; `set` returns `true` if the other one was set before.
    fn extended_range(
        &mut self,
        operand: NodeId,
        word: &str,
        set: impl FnOnce(&mut Modifiers) -> bool,
    ) -> Result<()> {
        let span = self.span_of(operand);
        self.uses(Feature::ExtendedRangeSelectors, span, || {
            format!("{word} modifier is experimental and not enabled")
        })?;
        if matches!(self.nodes[operand.0].kind, ExprKind::Subquery(_)) {
            return Err(self.syntax(span, format!("{word} modifier is not supported for subqueries")));
        }
        let Some(modifiers) = self.modifiers_of(operand) else {
            return Err(self.syntax(span, format!("{word} modifier not implemented")));
        };
        if set(modifiers) {
            return Err(self.syntax(span, "anchored and smoothed modifiers cannot be used together"));
        }
        self.advance();
        self.extend(operand);
        Ok(())
    }

    /// The modifiers of `operand`. Those of a range are stored in its selector, as in the server.
    fn modifiers_of(&mut self, operand: NodeId) -> Option<&mut Modifiers> {
        let target = match &self.nodes[operand.0].kind {
            ExprKind::MatrixSelector { selector, .. } => *selector,
            _ => operand,
        };
        match &mut self.nodes[target.0].kind {
            ExprKind::VectorSelector(selector) => {
                let VectorSelector { modifiers, .. } = &mut **selector;
                Some(modifiers)
            }
            ExprKind::Subquery(subquery) => Some(&mut subquery.modifiers),
            _ => None,
        }
    }

    /// Extends the span of `operand` to the last consumed token.
    fn extend(&mut self, operand: NodeId) {
        self.nodes[operand.0].span.end = self.last_end;
    }
}

/// Prometheus does not distinguish a zero offset from no offset.
fn counts_as_set(offset: Duration) -> bool {
    offset.seconds != Some(0.0)
}

fn misplaced(modifier: &str) -> String {
    format!(
        "{modifier} must be preceded by an instant vector selector or range vector selector or a subquery"
    )
}

/// Go's `%f`.
fn go_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{value:.6}")
    }
}
