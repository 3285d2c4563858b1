//! What a statement begins with: the name of an attribute, or name and label of a block.

use super::cursor::{Cursor, Failed};
use super::error::SyntaxError;
use super::lexer::is_identifier;
use super::position::Position;
use super::token::{Symbol, TokenKind};
use super::tree::Label;

/// The name and the label at the beginning of a statement.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) position: Position,
    pub(super) label: Option<Label>,
}

/// Reads the beginning of a statement.
pub(super) fn header(cursor: &mut Cursor<'_>) -> Result<Header, Failed> {
    let position = cursor.position();
    let mut name = identifier(cursor, "the name of an attribute or a block")?;
    while cursor.take(Symbol::Dot) {
        name = format!("{name}.{}", identifier(cursor, "the next part of the name")?);
    }
    let at = cursor.position();
    let label = match cursor.kind() {
        TokenKind::String { value, is_raw } => {
            let mut text = value.0.clone();
            let problem = if *is_raw {
                Some("a label is in double quotes")
            } else if !text.is_empty() && !is_identifier(&text) {
                Some("a label consists of letters, digits and `_`, and begins with no digit")
            } else {
                None
            };
            if let Some(problem) = problem {
                cursor.error(SyntaxError { position: at, message: problem.to_owned() });
                text.clear();
            }
            cursor.advance();
            Some(Label { text, position: at })
        }
        _ => None,
    };
    Ok(Header { name, position, label })
}

fn identifier(cursor: &mut Cursor<'_>, expected: &str) -> Result<String, Failed> {
    match cursor.kind() {
        TokenKind::Identifier(name) => {
            let name = name.clone();
            cursor.advance();
            Ok(name)
        }
        _ => Err(cursor.unexpected(expected)),
    }
}
