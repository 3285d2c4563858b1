//! Selectors of series: a metric name, matchers in braces, or both.

use super::parser::{Parser, Result};
use crate::error::{ErrorKind, ParseError, Wording};
use crate::promql::ast::{ExprKind, METRIC_NAME, Matcher, Modifiers, Name, NodeId, VectorSelector};
use crate::promql::literal;
use crate::promql::operator::{BinaryOp, MatchOp};
use crate::promql::token::{Token, TokenKind};
use crate::promql::value_type::ValueType;
use crate::regex::{self, Misplaced};
use crate::span::{Position, Span};

const CONTEXT: &str = "label matching";

impl Parser<'_> {
    /// Parses a selector whose metric name, if any, has been read.
    pub(super) fn selector(&mut self, metric: Option<Span>) -> Result<NodeId> {
        let start = metric.unwrap_or(self.token.span).start;
        let braces_start = self.token.span.start;
        let (mut braces, mut matchers) = (None, Vec::new());
        if self.accept(TokenKind::LeftBrace) {
            matchers = self.matchers()?;
            braces = Some(Span::new(braces_start, self.last_end));
        }
        let metric = metric.map(|span| Name { text: span.text(self.input).to_owned(), span });
        let selector = VectorSelector { metric, braces, matchers, modifiers: Modifiers::default() };
        let span = Span::new(start, self.last_end);
        Ok(self.push(span, ExprKind::VectorSelector(Box::new(selector)), ValueType::InstantVector))
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>> {
        let mut matchers = Vec::new();
        while !self.accept(TokenKind::RightBrace) {
            matchers.push(self.matcher()?);
            if !self.accept(TokenKind::Comma) && self.token.kind != TokenKind::RightBrace {
                return Err(self.unexpected(CONTEXT, "\",\" or \"}\""));
            }
        }
        Ok(matchers)
    }

    fn matcher(&mut self) -> Result<Matcher> {
        let Token { kind, span: label_span } = self.token;
        let written = label_span.text(self.input);
        let (label, quoted) = match kind {
            TokenKind::Identifier => (written.to_owned(), false),
            TokenKind::String if self.options.utf8_names => (literal::string(written), true),
            _ => return Err(self.unexpected(CONTEXT, "identifier or \"}\"")),
        };
        self.advance();
        let op = match self.token.kind {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::Operator(BinaryOp::NotEqual) => MatchOp::NotEqual,
            TokenKind::EqualRegex => MatchOp::Regex,
            TokenKind::NotEqualRegex => MatchOp::NotRegex,
            // A quoted string alone is the metric name.
            _ if quoted => {
                let (op, label_name) = (MatchOp::Equal, METRIC_NAME.to_owned());
                return Ok(Matcher {
                    span: label_span,
                    label: label_name,
                    op,
                    value: label,
                    value_span: label_span,
                });
            }
            _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
        };
        self.advance();
        let value_span = self.token.span;
        if self.token.kind != TokenKind::String {
            return Err(self.unexpected(CONTEXT, "string"));
        }
        self.advance();
        let value = literal::string(value_span.text(self.input));
        let matcher =
            Matcher { span: Span::new(label_span.start, value_span.end), label, op, value, value_span };
        self.check_regex(&matcher)?;
        Ok(matcher)
    }

    /// Prometheus compiles regular expressions while parsing, and reports the position of the whole matcher on error.
    fn check_regex(&self, matcher: &Matcher) -> Result<()> {
        if !matcher.op.is_regex() {
            return Ok(());
        }
        regex::matcher(self.input, matcher.value_span, &matcher.value).map(drop).map_err(
            |Misplaced { error, span }| {
                let named = Wording::PrometheusAt(Position::of(self.input, matcher.span.start));
                ParseError::worded(named, ErrorKind::Type, self.input, span, error.to_string())
            },
        )
    }
}
