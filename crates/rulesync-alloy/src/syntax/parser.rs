//! Tokens to statements. After an error, reading goes on at the next statement.

use super::cursor::{Cursor, Failed, MAX_DEPTH};
use super::error::SyntaxError;
use super::expression::expression;
use super::header::{Header, header};
use super::lexer::{Tokens, tokens};
use super::position::{Placement, Position};
use super::token::{Symbol, TokenKind};
use super::tree::{Attribute, Block, Body, Statement};

/// A text as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The statements without errors, and blocks with the statements in them that have none.
    pub body: Body,
    /// The errors, in the order of the text, at most one for a line.
    pub errors: Vec<SyntaxError>,
}

/// Reads a text as far as possible.
#[must_use]
pub fn parse(text: &str, placement: Placement) -> Parsed {
    let Tokens { tokens, errors } = tokens(text, placement);
    let mut cursor = Cursor::new(&tokens, errors);
    let body = body(&mut cursor, None, 0);
    let mut errors = cursor.into_errors();
    errors.sort_by_key(|error| error.position);
    errors.dedup_by_key(|error| (error.position.file, error.position.line));
    Parsed { body, errors }
}

/// Reads statements up to the closing brace of the block that was opened there, or to the end.
fn body(cursor: &mut Cursor<'_>, opened: Option<(&Header, Position)>, depth: usize) -> Body {
    let mut statements = Vec::new();
    loop {
        match cursor.kind() {
            TokenKind::Symbol(Symbol::CloseBrace) if opened.is_some() => {
                cursor.advance();
                break;
            }
            TokenKind::End => {
                if let Some((header, position)) = opened {
                    let message = format!("the block `{}` is not closed", header.name);
                    cursor.error(SyntaxError { position, message });
                }
                break;
            }
            TokenKind::Terminator => {
                cursor.advance();
                continue;
            }
            _ if cursor.resumed_at_margin() && opened.is_some() => break,
            _ => {}
        }
        cursor.begin_statement();
        let start = cursor.place();
        match statement(cursor, depth) {
            Ok(statement) => statements.push(statement),
            Err(Failed) => {
                cursor.resume(start);
                // A brace that closes nothing stops nobody.
                if opened.is_none() {
                    cursor.take(Symbol::CloseBrace);
                }
                continue;
            }
        }
        if cursor.resumed_at_margin() {
            continue;
        }
        match cursor.kind() {
            TokenKind::Terminator | TokenKind::End => {}
            TokenKind::Symbol(Symbol::CloseBrace) if opened.is_some() => {}
            _ => {
                cursor.unexpected("the end of the line");
                cursor.resume(cursor.place());
            }
        }
    }
    Body { statements }
}

fn statement(cursor: &mut Cursor<'_>, depth: usize) -> Result<Statement, Failed> {
    let header = header(cursor)?;
    if cursor.is(Symbol::Assign) {
        if header.name.contains('.') || header.label.is_some() {
            let message = "the name of an attribute has no dots and no label".to_owned();
            cursor.error(SyntaxError { position: header.position, message });
            return Err(Failed);
        }
        cursor.advance();
        let value = expression(cursor)?;
        return Ok(Statement::Attribute(Attribute { name: header.name, position: header.position, value }));
    }
    let position = cursor.position();
    if !cursor.take(Symbol::OpenBrace) {
        let expected = if header.label.is_some() || header.name.contains('.') { "`{`" } else { "`=` or `{`" };
        return Err(cursor.unexpected(expected));
    }
    if depth >= MAX_DEPTH {
        return Err(cursor.fail("blocks are nested too deeply"));
    }
    let body = body(cursor, Some((&header, position)), depth + 1);
    let end = cursor.last_position();
    let Header { name, position, label } = header;
    Ok(Statement::Block(Block { name, position, label, body, end }))
}
