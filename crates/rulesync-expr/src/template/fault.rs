//! The errors in templates: in the words of Go's parser, which rulers repeat, and in plain words for rule authors who
//! may not know Go.

use std::fmt;

use crate::quote::{code_point, quoted};

/// An error in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    UnclosedAction,
    UnclosedComment,
    /// A comment is not directly followed by the end of its action.
    CommentWithoutEnd,
    UnclosedParen,
    UnopenedParen,
    ColonWithoutEquals,
    UnterminatedString,
    UnterminatedCharacter,
    UnterminatedRawString,
    /// A character that cannot begin a token.
    UnknownCharacter(char),
    /// A character that cannot follow a name.
    MisplacedCharacter(char),
    BadNumber(String),
    /// An unexpected token as Go prints it and as it is written, and the construct being read.
    Unexpected {
        printed: String,
        written: String,
        context: Context,
    },
    EndWithoutBlock,
    ElseWithoutBlock,
    /// In a `define` or a `block`.
    ElseInDefinition(Context),
    SecondElse,
    /// With the keyword of the block.
    UnclosedBlock(&'static str),
    MissingValue(Context),
    /// A literal that a value is piped into, with its stage in the pipeline, counted from 1.
    NotCallable(usize),
    UndefinedVariable(String),
    UndefinedFunction(String),
    TooManyDeclarations(Context),
    RangeWithoutVariable,
    /// `break` or `continue`.
    OutsideRange(&'static str),
    /// With the literal as written.
    FieldOfLiteral(String),
    TooDeep,
    DefinedTwice(String),
    /// An invalid escape sequence in a string or a character.
    InvalidEscape,
    MalformedCharacter(String),
    IllegalNumber(String),
    IntegerOverflow(String),
    /// Go's error for one or both parts of a complex number.
    BadComplex(String),
}

/// The construct being read when an unexpected token is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Command,
    If,
    Range,
    With,
    BlockClause,
    TemplateClause,
    DefineClause,
    Group,
    Text,
    Operand,
    Break,
    Continue,
    Else,
    End,
}

impl Context {
    /// Returns Go's name for the construct.
    const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
            Self::BlockClause => "block clause",
            Self::TemplateClause => "template clause",
            Self::DefineClause => "define clause",
            Self::Group => "parenthesized pipeline",
            Self::Text => "input",
            Self::Operand => "operand",
            Self::Break => "{{break}}",
            Self::Continue => "{{continue}}",
            Self::Else => "else",
            Self::End => "end",
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Prints Go's error text.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnclosedAction => f.write_str("unclosed action"),
            Self::UnclosedComment => f.write_str("unclosed comment"),
            Self::CommentWithoutEnd => f.write_str("comment ends before closing delimiter"),
            Self::UnclosedParen => f.write_str("unclosed left paren"),
            Self::UnopenedParen => f.write_str("unexpected right paren"),
            Self::ColonWithoutEquals => f.write_str("expected :="),
            Self::UnterminatedString => f.write_str("unterminated quoted string"),
            Self::UnterminatedCharacter => f.write_str("unterminated character constant"),
            Self::UnterminatedRawString => f.write_str("unterminated raw quoted string"),
            Self::UnknownCharacter(c) => write!(f, "unrecognized character in action: {}", code_point(*c)),
            Self::MisplacedCharacter(c) => write!(f, "bad character {}", code_point(*c)),
            Self::BadNumber(text) => write!(f, "bad number syntax: {}", quoted(text)),
            Self::Unexpected { printed, context, .. } => write!(f, "unexpected {printed} in {context}"),
            Self::EndWithoutBlock => f.write_str("unexpected {{end}}"),
            Self::ElseWithoutBlock => f.write_str("unexpected {{else}}"),
            Self::ElseInDefinition(context) => write!(f, "unexpected {{{{else}}}} in {context}"),
            Self::SecondElse => f.write_str("expected end; found {{else}}"),
            Self::UnclosedBlock(_) => f.write_str("unexpected EOF"),
            Self::MissingValue(context) => write!(f, "missing value for {context}"),
            Self::NotCallable(stage) => write!(f, "non executable command in pipeline stage {stage}"),
            Self::UndefinedVariable(name) => write!(f, "undefined variable {}", quoted(name)),
            Self::UndefinedFunction(name) => write!(f, "function {} not defined", quoted(name)),
            Self::TooManyDeclarations(context) => write!(f, "too many declarations in {context}"),
            Self::RangeWithoutVariable => f.write_str("range can only initialize variables"),
            Self::OutsideRange(word) => write!(f, "{{{{{word}}}}} outside {{{{range}}}}"),
            Self::FieldOfLiteral(text) => write!(f, "unexpected . after term {}", quoted(text)),
            Self::TooDeep => f.write_str("max expression depth exceeded"),
            Self::DefinedTwice(name) => {
                write!(f, "template: multiple definition of template {}", quoted(name))
            }
            Self::InvalidEscape => f.write_str("invalid syntax"),
            Self::MalformedCharacter(text) => write!(f, "malformed character constant: {text}"),
            Self::IllegalNumber(text) => write!(f, "illegal number syntax: {}", quoted(text)),
            Self::IntegerOverflow(text) => write!(f, "integer overflow: {}", quoted(text)),
            Self::BadComplex(reason) => f.write_str(reason),
        }
    }
}

impl Fault {
    /// Explains the error in plain words: one sentence without a final period.
    pub(super) fn explanation(&self) -> String {
        match self {
            Self::UnclosedAction => "an action is not closed: `}}` is missing".to_owned(),
            Self::UnclosedComment => "a comment is not closed: `*/}}` is missing".to_owned(),
            Self::CommentWithoutEnd => "a comment must be alone in its action: `{{/* ... */}}`".to_owned(),
            Self::UnclosedParen => "a parenthesis is not closed before `}}`".to_owned(),
            Self::UnopenedParen => "a closing parenthesis has no matching opening parenthesis".to_owned(),
            Self::ColonWithoutEquals => {
                "`:` is not valid without `=`: a variable is declared with `:=`".to_owned()
            }
            Self::UnterminatedString => "a string is not closed on its line: `\"` is missing".to_owned(),
            Self::UnterminatedCharacter => "a character is not closed on its line: `'` is missing".to_owned(),
            Self::UnterminatedRawString => "a string in back quotes is not closed".to_owned(),
            Self::UnknownCharacter(c) => format!("{} has no meaning within an action", code_point(*c)),
            Self::MisplacedCharacter(c) => format!("{} cannot follow a name", shown(*c)),
            Self::BadNumber(text) | Self::IllegalNumber(text) => format!("`{text}` is not a valid number"),
            Self::Unexpected { written, context: Context::DefineClause, .. } => {
                format!("`define` requires a quoted name and nothing else, not `{written}`")
            }
            Self::Unexpected { written, context: Context::TemplateClause | Context::BlockClause, .. } => {
                format!("a quoted name is required here, not `{written}`")
            }
            Self::Unexpected { written, context, .. } => match context {
                Context::Break | Context::Continue | Context::Else | Context::End => {
                    format!("`{written}` cannot follow `{}`", context.name().trim_matches(['{', '}']))
                }
                _ => format!("`{written}` is not allowed here"),
            },
            Self::EndWithoutBlock => "`{{ end }}` has no matching block".to_owned(),
            Self::ElseWithoutBlock => "`{{ else }}` has no matching block".to_owned(),
            Self::ElseInDefinition(_) => "a definition cannot have an `{{ else }}`".to_owned(),
            Self::SecondElse => "a block has a second `{{ else }}` instead of an `{{ end }}`".to_owned(),
            Self::UnclosedBlock(word) => {
                format!("the block that `{word}` opens is not closed: `{{{{ end }}}}` is missing")
            }
            Self::MissingValue(Context::Group) => "the parentheses are empty".to_owned(),
            Self::MissingValue(Context::Command) => "the action is empty".to_owned(),
            Self::MissingValue(context) => format!("`{context}` requires a value"),
            Self::NotCallable(_) => {
                "a value can only be piped into a function, not into a literal".to_owned()
            }
            Self::UndefinedVariable(name) => format!("the variable `{name}` is not defined"),
            Self::UndefinedFunction(name) => format!("there is no function `{name}`"),
            Self::TooManyDeclarations(Context::Range) => "`range` can set two variables at most".to_owned(),
            Self::TooManyDeclarations(_) => "only `range` can set more than one variable".to_owned(),
            Self::RangeWithoutVariable => {
                "the `,` in a `range` must be followed by a second variable".to_owned()
            }
            Self::OutsideRange(word) => format!("`{word}` is only allowed within `range`"),
            Self::FieldOfLiteral(text) => format!("`{text}` has no fields"),
            Self::TooDeep => "parentheses are nested too deeply".to_owned(),
            Self::DefinedTwice(name) => format!("the template {} is defined twice", quoted(name)),
            Self::InvalidEscape => "a literal contains an invalid escape sequence".to_owned(),
            Self::MalformedCharacter(text) => {
                format!("{text} is not a single character: strings use double or back quotes")
            }
            Self::IntegerOverflow(text) => {
                format!("`{text}` is too large, or not a valid octal number despite its leading 0")
            }
            Self::BadComplex(_) => "this is not a valid complex number".to_owned(),
        }
    }

    /// Returns advice on fixing the error, if there is any.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MisplacedCharacter('-') => {
                Some("a label whose name has other characters is read by `index $labels \"the-name\"`")
            }
            Self::MisplacedCharacter(c) if is_operator(*c) => Some(NO_OPERATORS),
            Self::Unexpected { written, .. } if written.chars().next().is_some_and(is_operator) => {
                Some(NO_OPERATORS)
            }
            Self::InvalidEscape => Some("within back quotes, `\\` is a literal backslash"),
            Self::UndefinedFunction(_) => Some("the ruler may know it"),
            _ => None,
        }
    }
}

const NO_OPERATORS: &str = "templates have functions in place of operators: `eq a b`, also `ne`, `lt`, `le`, `gt`, \
                            `ge`, `and`, `or`, `not`";

fn is_operator(c: char) -> bool {
    matches!(c, '=' | '!' | '<' | '>' | '&' | '+' | '-' | '*' | '/' | '%')
}

fn shown(c: char) -> String {
    if c.is_ascii_graphic() { format!("`{c}`") } else { code_point(c) }
}
