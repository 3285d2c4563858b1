//! Parses the text and the actions of a template: blocks, definitions, and the scopes of variables. `pipeline` parses
//! the contents of actions. Open blocks are kept in a list, so that nesting uses no stack.

mod pipeline;
mod scope;

use std::borrow::Cow;
use std::collections::HashMap;

use super::environment::Environment;
use super::error::TemplateError;
use super::fault::{Context, Fault};
use super::lex::Lexer;
use super::literal;
use super::token::{Keyword, Token, TokenKind};
use super::tree::{Node, NodeKind, Template};
use crate::quote::shortened;
use crate::span::Span;
use scope::Scope;

/// See [`parse`](super::parse).
pub(super) fn parse<'t>(
    name: &str,
    text: &'t str,
    environment: &Environment,
) -> Result<Template<'t>, TemplateError> {
    let mut parser = Parser {
        text,
        environment,
        lexer: Lexer::new(text),
        pushed_back: Vec::new(),
        scope: Scope::new(Cow::Owned(name.to_owned())),
        outer: Vec::new(),
        blocks: Vec::new(),
        defined: HashMap::new(),
        nodes: Vec::new(),
    };
    // Servers prepend actions that set their variables, which count as content.
    parser.scope.has_content = !environment.variables().is_empty();
    match parser.items() {
        Ok(()) => Ok(Template { nodes: parser.nodes }),
        Err(failure) => {
            let Failure { fault, span, read, action } = *failure;
            Err(TemplateError::new(fault, span, name, text, read, action))
        }
    }
}

/// An error and its position; see [`TemplateError::new`].
struct Failure {
    fault: Fault,
    span: Span,
    read: usize,
    action: Option<usize>,
}

type Parsed<T = ()> = Result<T, Box<Failure>>;

/// An open block.
struct Block {
    kind: BlockKind,
    /// The index of the node of the block.
    node: usize,
    /// The index of the node of the current body: [`NodeKind::Body`] or [`NodeKind::Else`].
    body: usize,
    /// The opening `{{`.
    start: Span,
    /// The number of variables declared before the block.
    variables: usize,
    in_else: bool,
    /// `true` for the inner block of an `else if` or `else with`, which ends together with the outer block.
    is_chained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockKind {
    If,
    With,
    Range,
    Define,
    Block,
}

impl BlockKind {
    const fn keyword(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
            Self::Define => "define",
            Self::Block => "block",
        }
    }
}

struct Parser<'t, 'e> {
    text: &'t str,
    environment: &'e Environment,
    lexer: Lexer<'t>,
    /// Tokens that were pushed back, the next one last. At most three.
    pushed_back: Vec<Token>,
    /// The template being read, and the enclosing ones, outermost first.
    scope: Scope<'t>,
    outer: Vec<Scope<'t>>,
    blocks: Vec<Block>,
    /// The templates defined so far, with `true` if they contain more than white space.
    defined: HashMap<Cow<'t, str>, bool>,
    nodes: Vec<Node<'t>>,
}

impl<'t> Parser<'t, '_> {
    fn items(&mut self) -> Parsed {
        loop {
            let token = self.peek_non_space();
            match (token.kind, self.blocks.last()) {
                (TokenKind::Eof, None) => return self.finish_definition(),
                (TokenKind::Eof, Some(block)) => {
                    return self.fail(Fault::UnclosedBlock(block.kind.keyword()), block.start);
                }
                (TokenKind::LeftDelimiter, None) => {
                    let delimiter = self.next();
                    let token = self.next_non_space();
                    if token.kind == TokenKind::Keyword(Keyword::Define) {
                        self.define(delimiter)?;
                        continue;
                    }
                    self.push_back(token);
                    self.push_back(delimiter);
                }
                _ => {}
            }
            self.item()?;
        }
    }

    fn item(&mut self) -> Parsed {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Text => {
                self.scope.has_content |= !token.span.text(self.text).trim().is_empty();
                self.leaf(NodeKind::Text, token.span);
                Ok(())
            }
            TokenKind::LeftDelimiter => {
                self.scope.action = Some(token.span.start);
                self.action(token.span)
            }
            _ => self.unexpected(token, Context::Text),
        }
    }

    /// Parses an action, of which `start` has been read.
    fn action(&mut self, start: Span) -> Parsed {
        let token = self.next_non_space();
        let TokenKind::Keyword(keyword) = token.kind else {
            self.push_back(token);
            return self.simple(start);
        };
        match keyword {
            Keyword::If => self.control(BlockKind::If, start, false),
            Keyword::With => self.control(BlockKind::With, start, false),
            Keyword::Range => self.control(BlockKind::Range, start, false),
            Keyword::Else => self.else_clause(start),
            Keyword::End => self.end(start),
            Keyword::Block => self.block(start),
            Keyword::Template => self.template(start),
            Keyword::Break => self.jump(start, "break", Context::Break, NodeKind::Break),
            Keyword::Continue => self.jump(start, "continue", Context::Continue, NodeKind::Continue),
            Keyword::Define => {
                self.push_back(token);
                self.simple(start)
            }
        }
    }

    /// Parses an action that is a pipeline.
    fn simple(&mut self, start: Span) -> Parsed {
        let node = self.open(NodeKind::Action, start);
        let end = self.pipeline(Context::Command)?;
        self.close(node, end);
        self.end_action();
        Ok(())
    }

    fn jump(&mut self, start: Span, keyword: &'static str, context: Context, kind: NodeKind<'t>) -> Parsed {
        let end = self.expect(TokenKind::RightDelimiter, context)?;
        if self.scope.ranges == 0 {
            return self.fail(Fault::OutsideRange(keyword), start);
        }
        self.leaf(kind, Span::new(start.start, end.span.end));
        self.end_action();
        Ok(())
    }

    /// Parses the beginning of an `if`, `with` or `range`, up to its body.
    fn control(&mut self, kind: BlockKind, start: Span, is_chained: bool) -> Parsed {
        let (node, context) = match kind {
            BlockKind::With => (NodeKind::With, Context::With),
            BlockKind::Range => (NodeKind::Range, Context::Range),
            _ => (NodeKind::If, Context::If),
        };
        let variables = self.scope.variable_count();
        let node = self.open(node, start);
        let end = self.pipeline(context)?;
        self.scope.ranges += usize::from(kind == BlockKind::Range);
        let body = self.open(NodeKind::Body, Span::new(end, end));
        self.blocks.push(Block { kind, node, body, start, variables, in_else: false, is_chained });
        Ok(())
    }

    fn else_clause(&mut self, start: Span) -> Parsed {
        let token = self.peek_non_space();
        let chained = match token.kind {
            TokenKind::Keyword(Keyword::If) => Some(BlockKind::If),
            TokenKind::Keyword(Keyword::With) => Some(BlockKind::With),
            _ => {
                self.expect(TokenKind::RightDelimiter, Context::Else)?;
                None
            }
        };
        let Some(block) = self.blocks.last_mut() else { return self.fail(Fault::ElseWithoutBlock, start) };
        match block.kind {
            BlockKind::Define => return self.fail(Fault::ElseInDefinition(Context::DefineClause), start),
            BlockKind::Block => {
                // Go returns to the enclosing template before it detects the error.
                self.leave_scope();
                return self.fail(Fault::ElseInDefinition(Context::BlockClause), start);
            }
            _ if block.in_else => return self.fail(Fault::SecondElse, start),
            BlockKind::Range => self.scope.ranges -= 1,
            BlockKind::If | BlockKind::With => {}
        }
        block.in_else = true;
        let (kind, body) = (block.kind, block.body);
        self.end_action();
        self.close(body, start.start);
        let body = self.open(NodeKind::Else, Span::new(start.start, start.start));
        if let Some(block) = self.blocks.last_mut() {
            block.body = body;
        }
        if chained == Some(kind) {
            self.next();
            return self.control(kind, start, true);
        }
        Ok(())
    }

    fn end(&mut self, start: Span) -> Parsed {
        let end = self.expect(TokenKind::RightDelimiter, Context::End)?.span.end;
        if self.blocks.is_empty() {
            return self.fail(Fault::EndWithoutBlock, start);
        }
        while let Some(block) = self.blocks.pop() {
            self.close(block.body, start.start);
            self.close(block.node, end);
            match block.kind {
                BlockKind::Define | BlockKind::Block => {
                    self.finish_definition()?;
                    self.leave_scope();
                }
                kind => {
                    self.scope.ranges -= usize::from(kind == BlockKind::Range && !block.in_else);
                    self.scope.truncate_variables(block.variables);
                }
            }
            if !block.is_chained {
                break;
            }
        }
        self.end_action();
        Ok(())
    }

    /// Parses the beginning of a definition, up to its body.
    fn define(&mut self, delimiter: Token) -> Parsed {
        self.enter_scope(Cow::Borrowed(""));
        let token = self.next_non_space();
        let name = self.template_name(token, Context::DefineClause)?;
        let end = self.expect(TokenKind::RightDelimiter, Context::DefineClause)?.span.end;
        self.scope.name = name.clone();
        let node = self.open(NodeKind::Define { name }, delimiter.span);
        self.definition_body(BlockKind::Define, node, delimiter.span, end);
        Ok(())
    }

    fn block(&mut self, start: Span) -> Parsed {
        let token = self.next_non_space();
        let name = self.template_name(token, Context::BlockClause)?;
        let node = self.open(NodeKind::Block { name: name.clone() }, start);
        let end = self.pipeline(Context::BlockClause)?;
        self.enter_scope(name);
        self.definition_body(BlockKind::Block, node, start, end);
        Ok(())
    }

    fn definition_body(&mut self, kind: BlockKind, node: usize, start: Span, end: usize) {
        let body = self.open(NodeKind::Body, Span::new(end, end));
        let block = Block { kind, node, body, start, variables: 0, in_else: false, is_chained: false };
        self.blocks.push(block);
    }

    fn template(&mut self, start: Span) -> Parsed {
        let token = self.next_non_space();
        let name = self.template_name(token, Context::TemplateClause)?;
        let node = self.open(NodeKind::Template { name }, start);
        let token = self.next_non_space();
        let mut end = token.span.end;
        if token.kind != TokenKind::RightDelimiter {
            self.push_back(token);
            end = self.pipeline(Context::TemplateClause)?;
        }
        self.close(node, end);
        self.end_action();
        Ok(())
    }

    fn template_name(&self, token: Token, context: Context) -> Parsed<Cow<'t, str>> {
        match token.kind {
            TokenKind::String | TokenKind::RawString => {
                literal::string(token.span.text(self.text)).or_else(|fault| self.fail(fault, token.span))
            }
            _ => self.unexpected(token, context),
        }
    }

    fn enter_scope(&mut self, name: Cow<'t, str>) {
        self.outer.push(std::mem::replace(&mut self.scope, Scope::new(name)));
    }

    fn leave_scope(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.scope = outer;
        }
    }

    /// Records the name of the template that has been read. Templates of only white space do not conflict.
    fn finish_definition(&mut self) -> Parsed {
        // The usual case: without definitions in the template, its own name cannot conflict.
        if self.outer.is_empty() && self.defined.is_empty() {
            return Ok(());
        }
        let Scope { name, has_content, .. } = &self.scope;
        match self.defined.get_mut(name) {
            Some(true) if *has_content => {
                let fault = Fault::DefinedTwice(name.to_string());
                let span = self.definition_span();
                return self.fail(fault, span);
            }
            Some(true) => {}
            Some(before) => *before = *has_content,
            None => {
                self.defined.insert(name.clone(), *has_content);
            }
        }
        Ok(())
    }

    /// Returns the position of the definition of the template that has been read.
    fn definition_span(&self) -> Span {
        let definition = self.nodes.iter().rev().find(|node| match &node.kind {
            NodeKind::Define { name } | NodeKind::Block { name } => *name == self.scope.name,
            _ => false,
        });
        definition.map_or(Span::new(0, 0), |node| node.span)
    }

    fn end_action(&mut self) {
        self.scope.action = None;
    }

    /// Adds a node whose descendants follow, up to [`Parser::close`], and returns its index.
    fn open(&mut self, kind: NodeKind<'t>, span: Span) -> usize {
        if !matches!(kind, NodeKind::Define { .. } | NodeKind::Body | NodeKind::Else) {
            self.scope.has_content = true;
        }
        self.leaf(kind, span);
        self.nodes.len() - 1
    }

    fn leaf(&mut self, kind: NodeKind<'t>, span: Span) {
        self.nodes.push(Node { kind, span, descendants: 0 });
    }

    fn close(&mut self, node: usize, end: usize) {
        let last = self.nodes.len();
        if let Some(closed) = self.nodes.get_mut(node) {
            closed.descendants = last - node - 1;
            closed.span.end = end;
        }
    }

    fn next(&mut self) -> Token {
        self.pushed_back.pop().unwrap_or_else(|| {
            let token = self.lexer.next();
            self.scope.read = token.span.start;
            token
        })
    }

    fn push_back(&mut self, token: Token) {
        self.pushed_back.push(token);
    }

    fn peek(&mut self) -> Token {
        let token = self.next();
        self.push_back(token);
        token
    }

    /// Returns the next token that is not white space.
    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.push_back(token);
        token
    }

    fn expect(&mut self, kind: TokenKind, context: Context) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    fn fail<T>(&self, fault: Fault, span: Span) -> Parsed<T> {
        Err(Box::new(Failure { fault, span, read: self.scope.read, action: None }))
    }

    /// Returns the lexer's error, or an error for an unexpected token.
    fn unexpected<T>(&self, token: Token, context: Context) -> Parsed<T> {
        if let Some((fault, span)) = self.lexer.fault().filter(|_| token.kind == TokenKind::Error) {
            let (fault, span, read) = (fault.clone(), *span, self.scope.read);
            return Err(Box::new(Failure { fault, span, read, action: self.scope.action }));
        }
        let written = token.span.text(self.text);
        let fault =
            Fault::Unexpected { printed: printed(token, written), written: written.to_owned(), context };
        self.fail(fault, token.span)
    }
}

/// Formats a token as Go prints it.
fn printed(token: Token, written: &str) -> String {
    match token.kind {
        TokenKind::Eof => "EOF".to_owned(),
        TokenKind::Keyword(_) | TokenKind::Dot | TokenKind::Nil => format!("<{written}>"),
        _ => shortened(written),
    }
}
