//! Tokens to expressions: operators by precedence, then access, index and call, then operands.

use super::cursor::{Cursor, Failed, MAX_DEPTH};
use super::token::{Symbol, TokenKind};
use super::tree::{BinaryOperator, Expression, ExpressionKind, Field, UnaryOperator};

/// Reads an expression.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Result<Expression, Failed> {
    binary(cursor, 1, 0).map(|measured| measured.expression)
}

/// An expression, and how deep it is. What is deep without brackets, such as a long sum, is as hard on the stack of whoever
/// reads it later.
struct Measured {
    expression: Expression,
    height: usize,
}

/// How deep an expression may be.
const MAX_HEIGHT: usize = 1000;

impl Measured {
    fn leaf(expression: Expression) -> Self {
        Self { expression, height: 1 }
    }

    /// Makes an expression of parts, of which the deepest has this height.
    fn above(height: usize, expression: Expression, cursor: &mut Cursor<'_>) -> Result<Self, Failed> {
        if height >= MAX_HEIGHT {
            return Err(cursor.fail("the expression is too long"));
        }
        Ok(Self { expression, height: height + 1 })
    }
}

/// Reads operands with operators of at least this precedence between them. All but `^` are grouped from the left.
fn binary(cursor: &mut Cursor<'_>, lowest: u8, depth: usize) -> Result<Measured, Failed> {
    let mut left = power(cursor, depth)?;
    while let Some(operator) = binary_operator(cursor.kind()).filter(|o| o.precedence() >= lowest) {
        cursor.advance();
        let right = binary(cursor, operator.precedence() + 1, depth)?;
        left = joined(operator, left, right, cursor)?;
    }
    Ok(left)
}

fn power(cursor: &mut Cursor<'_>, depth: usize) -> Result<Measured, Failed> {
    let left = unary(cursor, depth)?;
    if !cursor.take(Symbol::Power) {
        return Ok(left);
    }
    let deeper = deeper(cursor, depth)?;
    let right = power(cursor, deeper)?;
    joined(BinaryOperator::Power, left, right, cursor)
}

fn joined(
    operator: BinaryOperator,
    left: Measured,
    right: Measured,
    cursor: &mut Cursor<'_>,
) -> Result<Measured, Failed> {
    let position = left.expression.position;
    let height = left.height.max(right.height);
    let kind = ExpressionKind::Binary {
        operator,
        left: Box::new(left.expression),
        right: Box::new(right.expression),
    };
    Measured::above(height, Expression { position, kind }, cursor)
}

fn unary(cursor: &mut Cursor<'_>, depth: usize) -> Result<Measured, Failed> {
    let position = cursor.position();
    let operator = match cursor.kind() {
        TokenKind::Symbol(Symbol::Not) => UnaryOperator::Not,
        TokenKind::Symbol(Symbol::Minus) => UnaryOperator::Negate,
        _ => return postfix(cursor, depth),
    };
    cursor.advance();
    let deeper = deeper(cursor, depth)?;
    let Measured { expression, height } = unary(cursor, deeper)?;
    let kind = ExpressionKind::Unary { operator, operand: Box::new(expression) };
    Measured::above(height, Expression { position, kind }, cursor)
}

/// Reads an operand with what follows it: `.name`, `[index]`, `(arguments)`.
fn postfix(cursor: &mut Cursor<'_>, depth: usize) -> Result<Measured, Failed> {
    let mut value = operand(cursor, depth)?;
    loop {
        let position = value.expression.position;
        let inner = Box::new(value.expression);
        let (height, kind) = match cursor.kind() {
            TokenKind::Symbol(Symbol::Dot) => {
                cursor.advance();
                let TokenKind::Identifier(name) = cursor.kind() else {
                    return Err(cursor.unexpected("the name of a field"));
                };
                let name = name.clone();
                cursor.advance();
                (value.height, ExpressionKind::Access { value: inner, name })
            }
            TokenKind::Symbol(Symbol::OpenBracket) => {
                cursor.advance();
                let deeper = deeper(cursor, depth)?;
                let index = binary(cursor, 1, deeper)?;
                cursor.expect(Symbol::CloseBracket)?;
                let kind = ExpressionKind::Index { value: inner, index: Box::new(index.expression) };
                (value.height.max(index.height), kind)
            }
            TokenKind::Symbol(Symbol::OpenParenthesis) => {
                cursor.advance();
                let (arguments, height) = list(cursor, Symbol::CloseParenthesis, depth)?;
                (value.height.max(height), ExpressionKind::Call { function: inner, arguments })
            }
            TokenKind::Symbol(Symbol::OpenBrace) | TokenKind::String { .. } => {
                return Err(
                    cursor.fail("a block is no expression: it stands on a line of its own, without `=`")
                );
            }
            _ => return Ok(Measured { expression: *inner, height: value.height }),
        };
        value = Measured::above(height, Expression { position, kind }, cursor)?;
    }
}

fn operand(cursor: &mut Cursor<'_>, depth: usize) -> Result<Measured, Failed> {
    let position = cursor.position();
    let simple = match cursor.kind() {
        TokenKind::Identifier(name) => ExpressionKind::Identifier(name.clone()),
        TokenKind::Number(text) => ExpressionKind::Number(text.clone()),
        TokenKind::String { value, .. } => ExpressionKind::String(value.clone()),
        TokenKind::Bool(value) => ExpressionKind::Bool(*value),
        TokenKind::Null => ExpressionKind::Null,
        TokenKind::Symbol(Symbol::OpenParenthesis) => {
            cursor.advance();
            let deeper = deeper(cursor, depth)?;
            let Measured { expression, height } = binary(cursor, 1, deeper)?;
            cursor.expect(Symbol::CloseParenthesis)?;
            let kind = ExpressionKind::Parenthesis(Box::new(expression));
            return Measured::above(height, Expression { position, kind }, cursor);
        }
        TokenKind::Symbol(Symbol::OpenBracket) => {
            cursor.advance();
            let (items, height) = list(cursor, Symbol::CloseBracket, depth)?;
            let kind = ExpressionKind::Array(items);
            return Measured::above(height, Expression { position, kind }, cursor);
        }
        TokenKind::Symbol(Symbol::OpenBrace) => {
            cursor.advance();
            let (fields, height) = fields(cursor, depth)?;
            let kind = ExpressionKind::Object(fields);
            return Measured::above(height, Expression { position, kind }, cursor);
        }
        _ => return Err(cursor.unexpected("an expression")),
    };
    cursor.advance();
    Ok(Measured::leaf(Expression { position, kind: simple }))
}

/// Reads expressions with commas between them, up to and with the closing bracket. The last one may have a comma.
fn list(cursor: &mut Cursor<'_>, close: Symbol, depth: usize) -> Result<(Vec<Expression>, usize), Failed> {
    let depth = deeper(cursor, depth)?;
    let (mut items, mut height) = (Vec::new(), 0);
    while !cursor.take(close) {
        let item = binary(cursor, 1, depth)?;
        height = height.max(item.height);
        items.push(item.expression);
        separator(cursor, close)?;
    }
    Ok((items, height))
}

fn fields(cursor: &mut Cursor<'_>, depth: usize) -> Result<(Vec<Field>, usize), Failed> {
    let depth = deeper(cursor, depth)?;
    let (mut fields, mut height) = (Vec::new(), 0);
    while !cursor.take(Symbol::CloseBrace) {
        let position = cursor.position();
        let name = match cursor.kind() {
            TokenKind::Identifier(name) => name.clone(),
            TokenKind::String { value, .. } => value.0.clone(),
            _ => return Err(cursor.unexpected("the name of a field")),
        };
        cursor.advance();
        cursor.expect(Symbol::Assign)?;
        let value = binary(cursor, 1, depth)?;
        height = height.max(value.height);
        fields.push(Field { name, position, value: value.expression });
        separator(cursor, Symbol::CloseBrace)?;
    }
    Ok((fields, height))
}

fn separator(cursor: &mut Cursor<'_>, close: Symbol) -> Result<(), Failed> {
    if cursor.take(Symbol::Comma) || cursor.is(close) {
        return Ok(());
    }
    Err(match cursor.kind() {
        TokenKind::Terminator => {
            cursor.fail("a `,` is missing: each item whose line ends needs one, the last one too")
        }
        _ => cursor.unexpected(&format!("`,` or {close}")),
    })
}

fn deeper(cursor: &mut Cursor<'_>, depth: usize) -> Result<usize, Failed> {
    if depth >= MAX_DEPTH { Err(cursor.fail("expressions are nested too deeply")) } else { Ok(depth + 1) }
}

fn binary_operator(kind: &TokenKind) -> Option<BinaryOperator> {
    let TokenKind::Symbol(symbol) = kind else { return None };
    Some(match symbol {
        Symbol::Or => BinaryOperator::Or,
        Symbol::And => BinaryOperator::And,
        Symbol::Equal => BinaryOperator::Equal,
        Symbol::NotEqual => BinaryOperator::NotEqual,
        Symbol::Less => BinaryOperator::Less,
        Symbol::LessOrEqual => BinaryOperator::LessOrEqual,
        Symbol::Greater => BinaryOperator::Greater,
        Symbol::GreaterOrEqual => BinaryOperator::GreaterOrEqual,
        Symbol::Plus => BinaryOperator::Add,
        Symbol::Minus => BinaryOperator::Subtract,
        Symbol::Times => BinaryOperator::Multiply,
        Symbol::Divide => BinaryOperator::Divide,
        Symbol::Modulo => BinaryOperator::Modulo,
        // From the right: see `power`.
        _ => return None,
    })
}
