//! Calls and aggregations: their start, separators and end. The arguments are ordinary expressions.

use super::frame::{Clause, Frame};
use super::parser::{Parser, Result};
use crate::error::{ErrorKind, ParseError};
use crate::promql::ast::{Aggregate, Call, ExprKind, Grouping, LabelList, Name, NodeId};
use crate::promql::feature::Feature;
use crate::promql::functions::{self, Availability, Function};
use crate::promql::literal;
use crate::promql::operator::Aggregator;
use crate::promql::token::{Keyword, Token, TokenKind};
use crate::promql::value_type::ValueType;
use crate::quote::quoted;
use crate::span::Span;

impl Parser<'_> {
    /// Begins a call whose name has been read. Returns the call if it has no arguments.
    pub(super) fn open_call(&mut self, name: Span) -> Result<Option<NodeId>> {
        self.advance();
        if self.accept(TokenKind::RightParen) {
            return self.finish_call(name, Vec::new()).map(Some);
        }
        self.frames.push(Frame::Call { name, args: Vec::new() });
        Ok(None)
    }

    /// Begins an aggregation whose operator has been read. It is not complete yet, as it must have arguments.
    pub(super) fn open_aggregate(&mut self, op: Aggregator, op_span: Span) -> Result<Option<NodeId>> {
        let grouping = self.grouping()?;
        if self.token.kind != TokenKind::LeftParen {
            return Err(self.unexpected("aggregation", ""));
        }
        self.advance();
        let clause = Clause { op_span, grouping };
        if self.accept(TokenKind::RightParen) {
            return self.finish_aggregate(op, clause, Vec::new()).map(Some);
        }
        self.frames.push(Frame::Aggregate { op, clause, args: Vec::new() });
        Ok(None)
    }

    /// Adds `argument`, which is followed by a comma.
    pub(super) fn argument(&mut self, argument: NodeId) -> Result<()> {
        let Some(Frame::Call { args, .. } | Frame::Aggregate { args, .. }) = self.frames.last_mut() else {
            return Err(self.unexpected_here());
        };
        args.push(argument);
        let comma = self.token.span;
        self.advance();
        if let Some(error) = self.lexer.take_error() {
            return Err(error);
        }
        if !self.token.kind.starts_operand() {
            return Err(self.syntax(comma, "trailing commas not allowed in function call args"));
        }
        Ok(())
    }

    /// Completes the innermost open frame with `inner`; the current token is the closing parenthesis.
    pub(super) fn close(&mut self, inner: NodeId) -> Result<NodeId> {
        match self.frames.pop() {
            Some(Frame::Paren { start }) => {
                self.advance();
                let value_type = self.nodes[inner.0].value_type;
                Ok(self.push(Span::new(start, self.last_end), ExprKind::Paren(inner), value_type))
            }
            Some(Frame::Call { name, mut args }) => {
                self.advance();
                args.push(inner);
                self.finish_call(name, args)
            }
            Some(Frame::Aggregate { op, clause, mut args }) => {
                self.advance();
                args.push(inner);
                self.finish_aggregate(op, clause, args)
            }
            other => {
                self.frames.extend(other);
                Err(self.unexpected_here())
            }
        }
    }

    fn finish_call(&mut self, name_span: Span, args: Vec<NodeId>) -> Result<NodeId> {
        let function = self.function(name_span)?;
        let span = Span::new(name_span.start, self.last_end);
        Ok(self.push(span, ExprKind::Call(Call { function, name_span, args }), function.returns))
    }

    fn function(&mut self, name_span: Span) -> Result<&'static Function> {
        let name = name_span.text(self.input);
        let known = functions::find(name).filter(|function| {
            self.options.legacy_functions || function.availability != Availability::Legacy
        });
        let Some(function) = known else {
            let message = format!("unknown function with name {}", quoted(name));
            return Err(ParseError::new(ErrorKind::UnknownFunction, self.input, name_span, message));
        };
        if function.availability == Availability::Experimental {
            let message = || format!("function {} is not enabled", quoted(name));
            self.uses(Feature::ExperimentalFunctions, name_span, message)?;
        }
        Ok(function)
    }

    fn finish_aggregate(&mut self, op: Aggregator, clause: Clause, args: Vec<NodeId>) -> Result<NodeId> {
        let Clause { op_span, mut grouping } = clause;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let span = Span::new(op_span.start, self.last_end);
        let type_error = |message: String| Err(ParseError::new(ErrorKind::Type, self.input, span, message));
        if args.is_empty() {
            return type_error("no arguments for aggregate expression provided".to_owned());
        }
        if let Some(name) = op.experimental_name() {
            let feature = Feature::ExperimentalFunctions;
            self.uses(feature, span, || {
                format!(
                    "{name}() is experimental and must be enabled with --enable-feature={}",
                    feature.flag()
                )
            })?;
        }
        let (param, expr) = match (op.takes_parameter(), args.as_slice()) {
            (true, &[param, expr]) => (Some(param), expr),
            (false, &[expr]) => (None, expr),
            (takes_parameter, args) => {
                return type_error(format!(
                    "wrong number of arguments for aggregate expression provided, expected {}, got {}",
                    1 + usize::from(takes_parameter),
                    args.len()
                ));
            }
        };
        let aggregate = Aggregate { op, op_span, grouping, param, expr };
        Ok(self.push(span, ExprKind::Aggregate(Box::new(aggregate)), ValueType::InstantVector))
    }

    /// Parses `by (...)` or `without (...)`, if present.
    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = match self.token.kind {
            TokenKind::Keyword(Keyword::By) => false,
            TokenKind::Keyword(Keyword::Without) => true,
            TokenKind::Error => return Err(self.unexpected_here()),
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Grouping { without, labels: self.labels()? }))
    }

    /// Parses labels in parentheses.
    pub(super) fn labels(&mut self) -> Result<LabelList> {
        const CONTEXT: &str = "grouping opts";
        let start = self.token.span.start;
        if !self.accept(TokenKind::LeftParen) {
            return Err(self.unexpected(CONTEXT, "\"(\""));
        }
        let mut labels = Vec::new();
        while !self.accept(TokenKind::RightParen) {
            labels.push(self.label(CONTEXT)?);
            if !self.accept(TokenKind::Comma) && self.token.kind != TokenKind::RightParen {
                return Err(self.unexpected(CONTEXT, "\",\" or \")\""));
            }
        }
        Ok(LabelList { span: Span::new(start, self.last_end), labels })
    }

    fn label(&mut self, context: &str) -> Result<Name> {
        let Token { kind, span } = self.token;
        let written = span.text(self.input);
        let (text, valid) = match kind {
            TokenKind::String if self.options.utf8_names => {
                let text = literal::string(written);
                let valid = !text.is_empty();
                (text, valid)
            }
            _ if kind.names_label() => (written.to_owned(), !written.contains(':')),
            _ => return Err(self.unexpected(context, "label")),
        };
        if !valid {
            return Err(self.syntax(span, format!("invalid label name for grouping: {}", quoted(&text))));
        }
        self.advance();
        Ok(Name { text, span })
    }
}
