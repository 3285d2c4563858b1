//! What a parser of templates says when a text is none.

use std::error::Error;
use std::fmt;

use super::fault::Fault;
use crate::error::ErrorKind;
use crate::span::{Position, Span};

/// The first thing wrong with a template.
///
/// `Display` prints what Go and the rulers print, for example `template: __alert_A:1: unclosed action`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    fault: Box<Fault>,
    span: Span,
    position: Position,
    name: Box<str>,
    /// Where Go says it is, which may be a line or more behind `position`.
    line: usize,
    /// The line of the action it is in, where Go tells that too.
    action_line: Option<usize>,
}

impl TemplateError {
    /// An error at `span` of `text`. `read` is how far Go had read, and `action` where the action began that it tells.
    pub(super) fn new(
        fault: Fault,
        span: Span,
        name: &str,
        text: &str,
        read: usize,
        action: Option<usize>,
    ) -> Self {
        let line = |offset| Position::of(text, offset).line;
        Self {
            fault: Box::new(fault),
            span,
            position: Position::of(text, span.start),
            name: name.into(),
            line: line(read),
            action_line: action.map(line),
        }
    }

    /// What kind of error it is: [`UnknownFunction`](ErrorKind::UnknownFunction),
    /// [`UndefinedVariable`](ErrorKind::UndefinedVariable), or [`Syntax`](ErrorKind::Syntax) for all else.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match *self.fault {
            Fault::UndefinedFunction(_) => ErrorKind::UnknownFunction,
            Fault::UndefinedVariable(_) => ErrorKind::UndefinedVariable,
            _ => ErrorKind::Syntax,
        }
    }

    /// What is wrong in Go's words, without the name of the template and the line. May quote the template.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { fault, name, .. } = self;
        match self.action_line.filter(|line| *line != self.line) {
            Some(line) if **fault == Fault::UnclosedAction => format!("{fault} started at {name}:{line}"),
            Some(line) => format!("{fault} in action started at {name}:{line}"),
            None => fault.to_string(),
        }
    }

    /// What is wrong in plain words, one sentence without a full stop. May quote the template.
    #[must_use]
    pub fn explanation(&self) -> String {
        self.fault.explanation()
    }

    /// What to do about it, where there is more to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.fault.hint()
    }

    /// The bytes it is about.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where that is, in lines and columns. Of what is never closed, it is the beginning.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The line that Go names, which is where it gave up.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template: {}:{}: {}", self.name, self.line, self.message())
    }
}

impl Error for TemplateError {}
