//! Reads the text and the actions of a template: blocks, definitions, and which variables are known where. What is
//! within an action is for `pipeline`. Blocks that are open are kept in a list, so that nesting costs no stack.

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
        returned: Vec::new(),
        scope: Scope::new(Cow::Owned(name.to_owned())),
        outer: Vec::new(),
        blocks: Vec::new(),
        defined: HashMap::new(),
        nodes: Vec::new(),
    };
    // What a server sets before the template begins are actions in front of it.
    parser.scope.has_content = !environment.variables().is_empty();
    match parser.items() {
        Ok(()) => Ok(Template { nodes: parser.nodes }),
        Err(failure) => {
            let Failure { fault, span, read, action } = *failure;
            Err(TemplateError::new(fault, span, name, text, read, action))
        }
    }
}

/// A fault and where it is; see [`TemplateError::new`].
struct Failure {
    fault: Fault,
    span: Span,
    read: usize,
    action: Option<usize>,
}

type Parsed<T = ()> = Result<T, Box<Failure>>;

/// A block whose end has not come yet.
struct Block {
    kind: BlockKind,
    /// Its node.
    node: usize,
    /// The node of what it does, or does otherwise.
    body: usize,
    /// The `{{` that begins it.
    start: Span,
    /// How many variables there were before it.
    variables: usize,
    in_else: bool,
    /// Whether it is the `if` of an `else if`, which ends together with the block that it is the else of.
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
    const fn word(self) -> &'static str {
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
    /// Tokens that were looked at and come once more, the next one last. Three at most.
    returned: Vec<Token>,
    /// The template that is being read, and those that it is defined in, outermost first.
    scope: Scope<'t>,
    outer: Vec<Scope<'t>>,
    blocks: Vec<Block>,
    /// The templates defined so far, and whether there is more to them than white space.
    defined: HashMap<Cow<'t, str>, bool>,
    nodes: Vec<Node<'t>>,
}

impl<'t> Parser<'t, '_> {
    fn items(&mut self) -> Parsed {
        loop {
            let token = self.peek_dense();
            match (token.kind, self.blocks.last()) {
                (TokenKind::Eof, None) => return self.finish_definition(),
                (TokenKind::Eof, Some(block)) => {
                    return self.fail(Fault::UnclosedBlock(block.kind.word()), block.start);
                }
                (TokenKind::LeftDelimiter, None) => {
                    let delimiter = self.next();
                    let token = self.next_dense();
                    if token.kind == TokenKind::Keyword(Keyword::Define) {
                        self.define(delimiter)?;
                        continue;
                    }
                    self.give_back(token);
                    self.give_back(delimiter);
                }
                _ => {}
            }
            self.item()?;
        }
    }

    fn item(&mut self) -> Parsed {
        let token = self.next_dense();
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

    /// An action, of which `start` was read.
    fn action(&mut self, start: Span) -> Parsed {
        let token = self.next_dense();
        let TokenKind::Keyword(keyword) = token.kind else {
            self.give_back(token);
            return self.simple(start);
        };
        match keyword {
            Keyword::If => self.control(BlockKind::If, start, false),
            Keyword::With => self.control(BlockKind::With, start, false),
            Keyword::Range => self.control(BlockKind::Range, start, false),
            Keyword::Else => self.otherwise(start),
            Keyword::End => self.end(start),
            Keyword::Block => self.block(start),
            Keyword::Template => self.template(start),
            Keyword::Break => self.jump(start, "break", Context::Break, NodeKind::Break),
            Keyword::Continue => self.jump(start, "continue", Context::Continue, NodeKind::Continue),
            Keyword::Define => {
                self.give_back(token);
                self.simple(start)
            }
        }
    }

    /// An action that is a pipeline.
    fn simple(&mut self, start: Span) -> Parsed {
        let node = self.open(NodeKind::Action, start);
        let end = self.pipeline(Context::Command)?;
        self.close(node, end);
        self.ends_action();
        Ok(())
    }

    fn jump(&mut self, start: Span, word: &'static str, context: Context, kind: NodeKind<'t>) -> Parsed {
        let end = self.expect(TokenKind::RightDelimiter, context)?;
        if self.scope.ranges == 0 {
            return self.fail(Fault::OutsideRange(word), start);
        }
        self.leaf(kind, Span::new(start.start, end.span.end));
        self.ends_action();
        Ok(())
    }

    /// The beginning of an `if`, `with` or `range`, up to its body.
    fn control(&mut self, kind: BlockKind, start: Span, is_chained: bool) -> Parsed {
        let (node, context) = match kind {
            BlockKind::With => (NodeKind::With, Context::With),
            BlockKind::Range => (NodeKind::Range, Context::Range),
            _ => (NodeKind::If, Context::If),
        };
        let variables = self.scope.declared();
        let node = self.open(node, start);
        let end = self.pipeline(context)?;
        self.scope.ranges += usize::from(kind == BlockKind::Range);
        let body = self.open(NodeKind::Body, Span::new(end, end));
        self.blocks.push(Block { kind, node, body, start, variables, in_else: false, is_chained });
        Ok(())
    }

    fn otherwise(&mut self, start: Span) -> Parsed {
        let token = self.peek_dense();
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
                // Go has gone back to the template around it when it notices.
                self.leave_scope();
                return self.fail(Fault::ElseInDefinition(Context::BlockClause), start);
            }
            _ if block.in_else => return self.fail(Fault::SecondElse, start),
            BlockKind::Range => self.scope.ranges -= 1,
            BlockKind::If | BlockKind::With => {}
        }
        block.in_else = true;
        let (kind, body) = (block.kind, block.body);
        self.ends_action();
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
                    self.scope.forget_variables(block.variables);
                }
            }
            if !block.is_chained {
                break;
            }
        }
        self.ends_action();
        Ok(())
    }

    /// The beginning of a definition, up to its body.
    fn define(&mut self, delimiter: Token) -> Parsed {
        self.enter_scope(Cow::Borrowed(""));
        let token = self.next_dense();
        let name = self.template_name(token, Context::DefineClause)?;
        let end = self.expect(TokenKind::RightDelimiter, Context::DefineClause)?.span.end;
        self.scope.name = name.clone();
        let node = self.open(NodeKind::Define { name }, delimiter.span);
        self.body_of_definition(BlockKind::Define, node, delimiter.span, end);
        Ok(())
    }

    fn block(&mut self, start: Span) -> Parsed {
        let token = self.next_dense();
        let name = self.template_name(token, Context::BlockClause)?;
        let node = self.open(NodeKind::Block { name: name.clone() }, start);
        let end = self.pipeline(Context::BlockClause)?;
        self.enter_scope(name);
        self.body_of_definition(BlockKind::Block, node, start, end);
        Ok(())
    }

    fn body_of_definition(&mut self, kind: BlockKind, node: usize, start: Span, end: usize) {
        let body = self.open(NodeKind::Body, Span::new(end, end));
        let block = Block { kind, node, body, start, variables: 0, in_else: false, is_chained: false };
        self.blocks.push(block);
    }

    fn template(&mut self, start: Span) -> Parsed {
        let token = self.next_dense();
        let name = self.template_name(token, Context::TemplateClause)?;
        let node = self.open(NodeKind::Template { name }, start);
        let token = self.next_dense();
        let mut end = token.span.end;
        if token.kind != TokenKind::RightDelimiter {
            self.give_back(token);
            end = self.pipeline(Context::TemplateClause)?;
        }
        self.close(node, end);
        self.ends_action();
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

    /// Keeps the name of the template that has been read. White space defines nothing that could be in the way.
    fn finish_definition(&mut self) -> Parsed {
        // As a rule nothing is defined within a template, and its own name is of no interest.
        if self.outer.is_empty() && self.defined.is_empty() {
            return Ok(());
        }
        let Scope { name, has_content, .. } = &self.scope;
        match self.defined.get_mut(name) {
            Some(true) if *has_content => {
                let fault = Fault::DefinedTwice(name.to_string());
                let place = self.defined_at();
                return self.fail(fault, place);
            }
            Some(true) => {}
            Some(before) => *before = *has_content,
            None => {
                self.defined.insert(name.clone(), *has_content);
            }
        }
        Ok(())
    }

    /// Where the template that has been read begins.
    fn defined_at(&self) -> Span {
        let definition = self.nodes.iter().rev().find(|node| match &node.kind {
            NodeKind::Define { name } | NodeKind::Block { name } => *name == self.scope.name,
            _ => false,
        });
        definition.map_or(Span::new(0, 0), |node| node.span)
    }

    fn ends_action(&mut self) {
        self.scope.action = None;
    }

    /// A node that others will be within, up to [`Parser::close`].
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
        if let Some(node_) = self.nodes.get_mut(node) {
            node_.descendants = last - node - 1;
            node_.span.end = end;
        }
    }

    fn next(&mut self) -> Token {
        self.returned.pop().unwrap_or_else(|| {
            let token = self.lexer.next();
            self.scope.read = token.span.start;
            token
        })
    }

    fn give_back(&mut self, token: Token) {
        self.returned.push(token);
    }

    fn peek(&mut self) -> Token {
        let token = self.next();
        self.give_back(token);
        token
    }

    /// The next token that is no space.
    fn next_dense(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_dense(&mut self) -> Token {
        let token = self.next_dense();
        self.give_back(token);
        token
    }

    fn expect(&mut self, kind: TokenKind, context: Context) -> Parsed<Token> {
        let token = self.next_dense();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    fn fail<T>(&self, fault: Fault, span: Span) -> Parsed<T> {
        Err(Box::new(Failure { fault, span, read: self.scope.read, action: None }))
    }

    /// The error that a token stands where it cannot, or what the lexer found.
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

/// A token as Go prints it.
fn printed(token: Token, written: &str) -> String {
    match token.kind {
        TokenKind::Eof => "EOF".to_owned(),
        TokenKind::Keyword(_) | TokenKind::Dot | TokenKind::Nil => format!("<{written}>"),
        _ => shortened(written),
    }
}
