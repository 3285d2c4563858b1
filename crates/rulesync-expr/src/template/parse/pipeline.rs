//! Parses pipelines: declarations, commands and operands. Open parentheses are kept in a list, up to Go's limit.

use super::super::fault::{Context, Fault};
use super::super::literal;
use super::super::token::{Token, TokenKind};
use super::super::tree::NodeKind;
use super::{Parsed, Parser};
use crate::span::Span;

/// Go's limit on open parentheses.
const MAX_PARENS: usize = 10_000;

/// A pipeline being read.
struct Open {
    node: usize,
    context: Context,
    /// The token that ends the pipeline.
    end: TokenKind,
    /// The number of commands begun.
    commands: usize,
    /// The index of the node of the current command.
    command: usize,
    /// The stage and position of the first literal that a value is piped into.
    not_callable: Option<(usize, Span)>,
}

/// The next item to read.
enum Step {
    Command,
    Operand,
    AfterOperand,
}

impl<'t> Parser<'t, '_> {
    /// Parses a pipeline that ends with its action, and returns the offset after the action.
    pub(super) fn pipeline(&mut self, context: Context) -> Parsed<usize> {
        let mut open = self.begin(context, TokenKind::RightDelimiter)?;
        let mut outer: Vec<Open> = Vec::new();
        let mut step = Step::Command;
        loop {
            step = match step {
                Step::Command => {
                    let token = self.next_non_space();
                    if token.kind == open.end {
                        self.finish(&open, token)?;
                        let Some(around) = outer.pop() else { return Ok(token.span.end) };
                        self.scope.parens -= 1;
                        self.fields(open.node)?;
                        open = around;
                        Step::AfterOperand
                    } else if token.kind.begins_operand() {
                        self.push_back(token);
                        open.commands += 1;
                        open.command = self.open(NodeKind::Command, token.span);
                        Step::Operand
                    } else {
                        return self.unexpected(token, open.context);
                    }
                }
                Step::Operand => {
                    let token = self.next_non_space();
                    if token.kind == TokenKind::LeftParen {
                        if self.scope.parens >= MAX_PARENS {
                            return self.fail(Fault::TooDeep, token.span);
                        }
                        self.scope.parens += 1;
                        let mut group = self.begin(Context::Group, TokenKind::RightParen)?;
                        if let Some(node) = self.nodes.get_mut(group.node) {
                            node.span.start = token.span.start;
                        }
                        std::mem::swap(&mut open, &mut group);
                        outer.push(group);
                        Step::Command
                    } else if token.kind.begins_operand() {
                        self.term(token, &mut open)?;
                        Step::AfterOperand
                    } else {
                        self.push_back(token);
                        Step::AfterOperand
                    }
                }
                Step::AfterOperand => {
                    let token = self.next();
                    match token.kind {
                        TokenKind::Space => {
                            self.peek_non_space();
                            Step::Operand
                        }
                        TokenKind::RightDelimiter | TokenKind::RightParen => {
                            self.push_back(token);
                            self.close(open.command, token.span.start);
                            Step::Command
                        }
                        TokenKind::Pipe => {
                            self.close(open.command, token.span.start);
                            Step::Command
                        }
                        _ => return self.unexpected(token, Context::Operand),
                    }
                }
            };
        }
    }

    /// Parses the beginning of a pipeline, including the variables that it sets.
    fn begin(&mut self, context: Context, end: TokenKind) -> Parsed<Open> {
        let start = self.peek_non_space().span.start;
        let (mut sets, mut assigns) = (Vec::new(), false);
        while let Some(variable) = self.next_if_variable() {
            let following = self.peek();
            let next = self.peek_non_space();
            let comma = next.kind == TokenKind::Other && next.span.text(self.text) == ",";
            let is_assignment = matches!(next.kind, TokenKind::Assign | TokenKind::Declare);
            if !is_assignment && !comma {
                if following.kind == TokenKind::Space {
                    self.push_back(following);
                }
                self.push_back(variable);
                break;
            }
            self.next_non_space();
            let name = variable.span.text(self.text);
            sets.push(name);
            self.scope.declare(name);
            if is_assignment {
                assigns = next.kind == TokenKind::Assign;
                break;
            }
            if context != Context::Range || sets.len() > 1 {
                return self.fail(Fault::TooManyDeclarations(context), next.span);
            }
            let second = self.peek_non_space();
            if !matches!(second.kind, TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen)
            {
                return self.fail(Fault::RangeWithoutVariable, second.span);
            }
        }
        let node = self.open(NodeKind::Pipeline { sets, assigns }, Span::new(start, start));
        Ok(Open { node, context, end, commands: 0, command: node, not_callable: None })
    }

    fn next_if_variable(&mut self) -> Option<Token> {
        let is_variable = self.peek_non_space().kind == TokenKind::Variable;
        is_variable.then(|| self.next())
    }

    /// Completes a pipeline at the token `end`.
    fn finish(&mut self, open: &Open, end: Token) -> Parsed {
        if open.commands == 0 {
            return self.fail(Fault::MissingValue(open.context), end.span);
        }
        if let Some((stage, span)) = open.not_callable {
            return self.fail(Fault::NotCallable(stage), span);
        }
        let offset = if end.kind == TokenKind::RightParen { end.span.end } else { end.span.start };
        self.close(open.node, offset);
        Ok(())
    }

    /// Parses an operand of one token, with the fields after it.
    fn term(&mut self, token: Token, open: &mut Open) -> Parsed {
        let Token { kind, span } = token;
        let written = span.text(self.text);
        let node = match kind {
            TokenKind::Identifier if self.environment.has_function(written) => {
                Ok(NodeKind::Function { name: written })
            }
            TokenKind::Identifier => Err(Fault::UndefinedFunction(written.to_owned())),
            TokenKind::Variable if self.knows_variable(written) => Ok(NodeKind::Variable { name: written }),
            TokenKind::Variable => Err(Fault::UndefinedVariable(written.to_owned())),
            TokenKind::String | TokenKind::RawString => {
                literal::string(written).map(|value| NodeKind::String { value })
            }
            TokenKind::Number => literal::number(written).map(|()| NodeKind::Number),
            TokenKind::Complex => literal::complex(written).map(|()| NodeKind::Number),
            TokenKind::Character => literal::character(written).map(|()| NodeKind::Number),
            TokenKind::Field => Ok(NodeKind::Field),
            TokenKind::Nil => Ok(NodeKind::Nil),
            TokenKind::Bool => Ok(NodeKind::Bool),
            _ => Ok(NodeKind::Dot),
        };
        let node: NodeKind<'t> = node.or_else(|fault| self.fail(fault, span))?;
        let is_literal =
            !matches!(node, NodeKind::Function { .. } | NodeKind::Variable { .. } | NodeKind::Field);
        let is_first = self.nodes.len() == open.command + 1;
        if is_literal && is_first && open.commands > 1 && open.not_callable.is_none() {
            open.not_callable = Some((open.commands, span));
        }
        let index = self.nodes.len();
        self.leaf(node, span);
        self.fields(index)
    }

    fn knows_variable(&self, name: &str) -> bool {
        // A definition starts with only `$`.
        let set_before =
            if self.outer.is_empty() { self.environment.has_variable(name) } else { name == "$" };
        set_before || self.environment.allows_any_variable() || self.scope.has_declared(name)
    }

    /// Parses the fields after an operand, which literals cannot have.
    fn fields(&mut self, operand: usize) -> Parsed {
        let mut end = None;
        while self.peek().kind == TokenKind::Field {
            end = Some(self.next().span);
        }
        let (Some(last), Some(node)) = (end, self.nodes.get_mut(operand)) else { return Ok(()) };
        match node.kind {
            NodeKind::Dot | NodeKind::Nil | NodeKind::Bool | NodeKind::Number | NodeKind::String { .. } => {
                let fault = Fault::FieldOfLiteral(node.span.text(self.text).to_owned());
                let span = node.span;
                self.fail(fault, span)
            }
            _ => {
                node.span.end = last.end;
                Ok(())
            }
        }
    }
}
