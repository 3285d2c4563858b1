//! The syntax tree.

use std::fmt;

use super::position::Position;

/// The statements of a file or of a block, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// The statements.
    pub statements: Vec<Statement>,
}

/// An attribute or a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// An attribute.
    Attribute(Attribute),
    /// A block.
    Block(Block),
}

/// `name = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The position of the name.
    pub position: Position,
    /// The value.
    pub value: Expression,
}

/// `name.of.several.parts "label" { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The name, with dots.
    pub name: String,
    /// The position of the name.
    pub position: Position,
    /// The label.
    pub label: Option<Label>,
    /// What is between the braces.
    pub body: Body,
    /// The position of the closing brace, or of whatever else ends it.
    pub end: Position,
}

/// The label of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// An identifier, or nothing.
    pub text: String,
    /// The position of its first quote.
    pub position: Position,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// Where it begins; for an operator between two operands, the left operand.
    pub position: Position,
    /// What it is.
    pub kind: ExpressionKind,
}

/// A kind of expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExpressionKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written: digits with an optional fraction and exponent.
    Number(String),
    /// A string, without quotes and escapes.
    String(StringLiteral),
    /// A name.
    Identifier(String),
    /// `[a, b]`.
    Array(Vec<Expression>),
    /// `{a = b}`.
    Object(Vec<Field>),
    /// `value.name`.
    Access {
        /// What has the field.
        value: Box<Expression>,
        /// The field.
        name: String,
    },
    /// `value[index]`.
    Index {
        /// What has the element.
        value: Box<Expression>,
        /// Which element.
        index: Box<Expression>,
    },
    /// `function(a, b)`.
    Call {
        /// The function.
        function: Box<Expression>,
        /// Its arguments.
        arguments: Vec<Expression>,
    },
    /// An operator before its operand.
    Unary {
        /// The operator.
        operator: UnaryOperator,
        /// The operand.
        operand: Box<Expression>,
    },
    /// An operator between its operands.
    Binary {
        /// The operator.
        operator: BinaryOperator,
        /// The left operand.
        left: Box<Expression>,
        /// The right operand.
        right: Box<Expression>,
    },
    /// `(a)`.
    Parenthesis(Box<Expression>),
}

/// One field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name, without quotes.
    pub name: String,
    /// The position of the name.
    pub position: Position,
    /// The value.
    pub value: Expression,
}

/// The text of a string. It may be a secret, and so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct StringLiteral(pub String);

impl fmt::Debug for StringLiteral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StringLiteral(..)")
    }
}

/// An operator before its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `!`
    Not,
    /// `-`
    Negate,
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the symbols are in `BinaryOperator::symbol`")]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

impl UnaryOperator {
    /// The operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Not => "!",
            Self::Negate => "-",
        }
    }
}

impl BinaryOperator {
    /// The operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Power => "^",
        }
    }

    /// How tightly it binds, from 1.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
            Self::Power => 6,
        }
    }
}

impl Body {
    /// The blocks, in their order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.statements.iter().filter_map(|statement| match statement {
            Statement::Block(block) => Some(block),
            Statement::Attribute(_) => None,
        })
    }

    /// The attributes, in their order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.statements.iter().filter_map(|statement| match statement {
            Statement::Attribute(attribute) => Some(attribute),
            Statement::Block(_) => None,
        })
    }
}

impl Block {
    /// Whether a position is in this block, from the name to the end.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        self.position <= position && position <= self.end
    }

    /// The label, or nothing.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_ref().map_or("", |label| &label.text)
    }
}
