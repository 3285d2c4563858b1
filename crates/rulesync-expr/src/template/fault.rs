//! What can be wrong with a template: in the words of Go's parser, which rulers repeat, and in ours, for people who
//! write rules and may not know Go.

use std::fmt;

use crate::quote::{code_point, quoted};

/// One kind of fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    UnclosedAction,
    UnclosedComment,
    /// Something stands between a comment and the end of its action.
    CommentWithoutEnd,
    UnclosedParen,
    UnopenedParen,
    ColonWithoutEquals,
    UnterminatedString,
    UnterminatedCharacter,
    UnterminatedRawString,
    /// A character that no token begins with.
    UnknownCharacter(char),
    /// A character behind a name that ends no name.
    MisplacedCharacter(char),
    BadNumber(String),
    /// The token as Go prints it, and what is being read.
    Unexpected {
        printed: String,
        written: String,
        context: Context,
    },
    EndWithoutBlock,
    ElseWithoutBlock,
    /// In a definition or a block.
    ElseInDefinition(Context),
    SecondElse,
    /// With the word that the block begins with.
    UnclosedBlock(&'static str),
    MissingValue(Context),
    /// A literal that a value is piped into, and where in the pipeline it is, counted from 1.
    NotCallable(usize),
    UndefinedVariable(String),
    UndefinedFunction(String),
    TooManyDeclarations(Context),
    RangeOfNoVariables,
    /// `break` or `continue`.
    OutsideRange(&'static str),
    /// With the literal as it was written.
    FieldOfLiteral(String),
    TooDeep,
    DefinedTwice(String),
    /// Escapes that do not exist in a string or a character.
    InvalidEscape,
    MalformedCharacter(String),
    IllegalNumber(String),
    IntegerOverflow(String),
    /// What Go says about one of a complex number's parts, or about both.
    BadComplex(String),
}

/// What is being read when a token comes that does not fit.
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
    /// Go's name for it.
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

/// In Go's words.
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
            Self::RangeOfNoVariables => f.write_str("range can only initialize variables"),
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
    /// In our words: one sentence without a full stop.
    pub(super) fn explanation(&self) -> String {
        match self {
            Self::UnclosedAction => "an action is not closed: `}}` is missing".to_owned(),
            Self::UnclosedComment => "a comment is not closed: `*/}}` is missing".to_owned(),
            Self::CommentWithoutEnd => "a comment must be alone in its action: `{{/* ... */}}`".to_owned(),
            Self::UnclosedParen => "a parenthesis is not closed before `}}`".to_owned(),
            Self::UnopenedParen => "a parenthesis is closed that was not opened".to_owned(),
            Self::ColonWithoutEquals => {
                "`:` means nothing without `=`: a variable is declared by `:=`".to_owned()
            }
            Self::UnterminatedString => "a string is not closed on its line: `\"` is missing".to_owned(),
            Self::UnterminatedCharacter => "a character is not closed on its line: `'` is missing".to_owned(),
            Self::UnterminatedRawString => "a string in back quotes is not closed".to_owned(),
            Self::UnknownCharacter(c) => format!("{} has no meaning within an action", code_point(*c)),
            Self::MisplacedCharacter(c) => format!("{} cannot follow a name", shown(*c)),
            Self::BadNumber(text) | Self::IllegalNumber(text) => format!("`{text}` is no number"),
            Self::Unexpected { written, context: Context::DefineClause, .. } => {
                format!("`define` needs a name in quotes and nothing else, not `{written}`")
            }
            Self::Unexpected { written, context: Context::TemplateClause | Context::BlockClause, .. } => {
                format!("a name in quotes is needed here, not `{written}`")
            }
            Self::Unexpected { written, context, .. } => match context {
                Context::Break | Context::Continue | Context::Else | Context::End => {
                    format!("`{written}` cannot follow `{}`", context.name().trim_matches(['{', '}']))
                }
                _ => format!("`{written}` cannot stand here"),
            },
            Self::EndWithoutBlock => "`{{ end }}` closes nothing: no block is open".to_owned(),
            Self::ElseWithoutBlock => "`{{ else }}` belongs to nothing: no block is open".to_owned(),
            Self::ElseInDefinition(_) => "a definition cannot have an `{{ else }}`".to_owned(),
            Self::SecondElse => "a block has a second `{{ else }}`, where it must end".to_owned(),
            Self::UnclosedBlock(word) => {
                format!("the block that `{word}` opens is not closed: `{{{{ end }}}}` is missing")
            }
            Self::MissingValue(Context::Group) => "the parentheses hold nothing".to_owned(),
            Self::MissingValue(Context::Command) => "the action is empty".to_owned(),
            Self::MissingValue(context) => format!("`{context}` lacks its value"),
            Self::NotCallable(_) => {
                "a value can be piped into a function only, not into a literal".to_owned()
            }
            Self::UndefinedVariable(name) => format!("the variable `{name}` is not defined"),
            Self::UndefinedFunction(name) => format!("there is no function `{name}`"),
            Self::TooManyDeclarations(Context::Range) => "`range` can set two variables at most".to_owned(),
            Self::TooManyDeclarations(_) => "only `range` can set more than one variable".to_owned(),
            Self::RangeOfNoVariables => "behind the `,` of a `range` comes a second variable".to_owned(),
            Self::OutsideRange(word) => format!("`{word}` works within `range` only"),
            Self::FieldOfLiteral(text) => format!("`{text}` has no fields"),
            Self::TooDeep => "parentheses are nested too deeply".to_owned(),
            Self::DefinedTwice(name) => format!("the template {} is defined twice", quoted(name)),
            Self::InvalidEscape => "a literal holds an escape that does not exist".to_owned(),
            Self::MalformedCharacter(text) => {
                format!("{text} is not one character: strings have double or back quotes")
            }
            Self::IntegerOverflow(text) => format!("`{text}` is too large, or begins with a 0 as octals do"),
            Self::BadComplex(_) => "this is no complex number".to_owned(),
        }
    }

    /// What to do about it, where that is worth saying.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::MisplacedCharacter('-') => {
                Some("a label whose name has other characters is read by `index $labels \"the-name\"`")
            }
            Self::MisplacedCharacter(c) if is_operator(*c) => Some(NO_OPERATORS),
            Self::Unexpected { written, .. } if written.chars().next().is_some_and(is_operator) => {
                Some(NO_OPERATORS)
            }
            Self::InvalidEscape => Some("within back quotes a `\\` stands for itself"),
            Self::UndefinedFunction(_) => Some("the ruler may know it"),
            _ => None,
        }
    }
}

const NO_OPERATORS: &str = "templates have functions in place of operators: `eq a b`, also `ne`, `lt`, `le`, `gt`, `ge`, `and`, `or`, `not`";

fn is_operator(c: char) -> bool {
    matches!(c, '=' | '!' | '<' | '>' | '&' | '+' | '-' | '*' | '/' | '%')
}

fn shown(c: char) -> String {
    if c.is_ascii_graphic() { format!("`{c}`") } else { code_point(c) }
}
