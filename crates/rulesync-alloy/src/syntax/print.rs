//! The syntax tree as text, in one form of the many that mean the same.

use std::fmt::{self, Display, Formatter, Write};

use super::lexer::is_identifier;
use super::tree::{Attribute, Block, Body, Expression, ExpressionKind, Field, Statement, StringLiteral};

/// Each statement on a line of its own, those in blocks indented.
impl Display for Body {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        body(self, 0, f)
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExpressionKind::Null => f.write_str("null"),
            ExpressionKind::Bool(value) => value.fmt(f),
            ExpressionKind::Number(text) | ExpressionKind::Identifier(text) => f.write_str(text),
            ExpressionKind::String(StringLiteral(text)) => string(text, f),
            ExpressionKind::Array(items) => {
                f.write_char('[')?;
                separated(items, f)?;
                f.write_char(']')
            }
            ExpressionKind::Object(fields) => {
                f.write_char('{')?;
                separated(fields, f)?;
                f.write_char('}')
            }
            ExpressionKind::Access { value, name } => write!(f, "{value}.{name}"),
            ExpressionKind::Index { value, index } => write!(f, "{value}[{index}]"),
            ExpressionKind::Call { function, arguments } => {
                write!(f, "{function}(")?;
                separated(arguments, f)?;
                f.write_char(')')
            }
            ExpressionKind::Unary { operator, operand } => write!(f, "{}{operand}", operator.symbol()),
            ExpressionKind::Binary { operator, left, right } => {
                write!(f, "{left} {} {right}", operator.symbol())
            }
            ExpressionKind::Parenthesis(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_identifier(&self.name) && !matches!(self.name.as_str(), "true" | "false" | "null") {
            f.write_str(&self.name)?;
        } else {
            string(&self.name, f)?;
        }
        write!(f, " = {}", self.value)
    }
}

fn body(body: &Body, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    for statement in &body.statements {
        let indent = "  ".repeat(depth);
        match statement {
            Statement::Attribute(Attribute { name, value, .. }) => writeln!(f, "{indent}{name} = {value}")?,
            Statement::Block(Block { name, label, body, .. }) => {
                write!(f, "{indent}{name} ")?;
                if let Some(label) = label {
                    write!(f, "\"{}\" ", label.text)?;
                }
                f.write_str("{\n")?;
                self::body(body, depth + 1, f)?;
                writeln!(f, "{indent}}}")?;
            }
        }
    }
    Ok(())
}

fn separated<T: Display>(items: &[T], f: &mut Formatter<'_>) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

fn string(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            control if control.is_control() => write!(f, "\\U{:08x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}
