//! Reads pipelines: declarations, commands, operands. Parentheses that are open are kept in a list, as many as Go
//! allows.

use super::super::fault::{Context, Fault};
use super::super::literal;
use super::super::token::{Token, TokenKind};
use super::super::tree::NodeKind;
use super::{Parsed, Parser};
use crate::span::Span;

/// How many parentheses Go lets be open at once.
const MAX_PARENS: usize = 10_000;

/// A pipeline that is being read.
struct Open {
    node: usize,
    context: Context,
    /// What it ends with.
    end: TokenKind,
    /// How many commands have begun.
    commands: usize,
    /// The command that is being read.
    command: usize,
    /// Where in it the first literal is that something is piped into.
    not_callable: Option<(usize, Span)>,
}

/// What is read next.
enum Step {
    Command,
    Operand,
    AfterOperand,
}

impl<'t> Parser<'t, '_> {
    /// A pipeline that ends with its action. Answers with the offset behind it.
    pub(super) fn pipeline(&mut self, context: Context) -> Parsed<usize> {
        let mut open = self.begin(context, TokenKind::RightDelimiter)?;
        let mut outer: Vec<Open> = Vec::new();
        let mut step = Step::Command;
        loop {
            step = match step {
                Step::Command => {
                    let token = self.next_dense();
                    if token.kind == open.end {
                        self.finish(&open, token)?;
                        let Some(around) = outer.pop() else { return Ok(token.span.end) };
                        self.scope.parens -= 1;
                        self.fields(open.node)?;
                        open = around;
                        Step::AfterOperand
                    } else if token.kind.begins_operand() {
                        self.give_back(token);
                        open.commands += 1;
                        open.command = self.open(NodeKind::Command, token.span);
                        Step::Operand
                    } else {
                        return self.unexpected(token, open.context);
                    }
                }
                Step::Operand => {
                    let token = self.next_dense();
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
                        self.give_back(token);
                        Step::AfterOperand
                    }
                }
                Step::AfterOperand => {
                    let token = self.next();
                    match token.kind {
                        TokenKind::Space => {
                            self.peek_dense();
                            Step::Operand
                        }
                        TokenKind::RightDelimiter | TokenKind::RightParen => {
                            self.give_back(token);
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

    /// The beginning of a pipeline, with the variables that it sets.
    fn begin(&mut self, context: Context, end: TokenKind) -> Parsed<Open> {
        let start = self.peek_dense().span.start;
        let (mut sets, mut assigns) = (Vec::new(), false);
        while let Some(variable) = self.next_if_variable() {
            let behind = self.peek();
            let next = self.peek_dense();
            let comma = next.kind == TokenKind::Other && next.span.text(self.text) == ",";
            let sets_it = matches!(next.kind, TokenKind::Assign | TokenKind::Declare);
            if !sets_it && !comma {
                if behind.kind == TokenKind::Space {
                    self.give_back(behind);
                }
                self.give_back(variable);
                break;
            }
            self.next_dense();
            let name = variable.span.text(self.text);
            sets.push(name);
            self.scope.declare(name);
            if sets_it {
                assigns = next.kind == TokenKind::Assign;
                break;
            }
            if context != Context::Range || sets.len() > 1 {
                return self.fail(Fault::TooManyDeclarations(context), next.span);
            }
            let second = self.peek_dense();
            if !matches!(second.kind, TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen)
            {
                return self.fail(Fault::RangeOfNoVariables, second.span);
            }
        }
        let node = self.open(NodeKind::Pipeline { sets, assigns }, Span::new(start, start));
        Ok(Open { node, context, end, commands: 0, command: node, not_callable: None })
    }

    fn next_if_variable(&mut self) -> Option<Token> {
        let is_variable = self.peek_dense().kind == TokenKind::Variable;
        is_variable.then(|| self.next())
    }

    /// The end of a pipeline, which `end` has come for.
    fn finish(&mut self, open: &Open, end: Token) -> Parsed {
        if open.commands == 0 {
            return self.fail(Fault::MissingValue(open.context), end.span);
        }
        if let Some((stage, place)) = open.not_callable {
            return self.fail(Fault::NotCallable(stage), place);
        }
        let behind = if end.kind == TokenKind::RightParen { end.span.end } else { end.span.start };
        self.close(open.node, behind);
        Ok(())
    }

    /// An operand that is one token, with the fields behind it.
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
        // A definition starts with nothing but `$`.
        let set_before =
            if self.outer.is_empty() { self.environment.has_variable(name) } else { name == "$" };
        set_before || self.environment.allows_any_variable() || self.scope.has_declared(name)
    }

    /// The fields behind an operand, which only what is no literal can have.
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
