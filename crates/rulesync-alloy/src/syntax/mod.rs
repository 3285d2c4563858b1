//! Alloy's configuration language: blocks, attributes and expressions, each with its position. Knows the grammar and no
//! component.

mod cursor;
mod error;
mod expression;
mod header;
mod lexer;
mod literal;
mod parser;
mod position;
mod print;
mod token;
mod tree;

#[cfg(test)]
mod tests;

pub use error::SyntaxError;
pub use parser::{Parsed, parse};
pub use position::{Placement, Position};
pub use tree::{
    Attribute, BinaryOperator, Block, Body, Expression, ExpressionKind, Field, Label, Statement,
    StringLiteral, UnaryOperator,
};
