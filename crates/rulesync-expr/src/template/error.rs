//! The error of an invalid template.

use std::error::Error;
use std::fmt;

use super::fault::Fault;
use crate::error::ErrorKind;
use crate::span::{Position, Span};

/// The first error in a template.
///
/// `Display` prints the same text as Go and the rulers, for example `template: __alert_A:1: unclosed action`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    fault: Box<Fault>,
    span: Span,
    position: Position,
    name: Box<str>,
    /// The line that Go reports, which may be after the line of `position`.
    line: usize,
    /// The line where the enclosing action begins, if Go reports it too.
    action_line: Option<usize>,
}

impl TemplateError {
    /// Creates an error at `span` of `text`. `read` is the offset that Go had reached, `action` the start of the action
    /// that Go reports.
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

    /// Returns the kind of the error: [`UnknownFunction`](ErrorKind::UnknownFunction),
    /// [`UndefinedVariable`](ErrorKind::UndefinedVariable), or [`Syntax`](ErrorKind::Syntax) for all others.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match *self.fault {
            Fault::UndefinedFunction(_) => ErrorKind::UnknownFunction,
            Fault::UndefinedVariable(_) => ErrorKind::UndefinedVariable,
            _ => ErrorKind::Syntax,
        }
    }

    /// Returns Go's error text without the name of the template and the line. May quote the template.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { fault, name, .. } = self;
        match self.action_line.filter(|line| *line != self.line) {
            Some(line) if **fault == Fault::UnclosedAction => format!("{fault} started at {name}:{line}"),
            Some(line) => format!("{fault} in action started at {name}:{line}"),
            None => fault.to_string(),
        }
    }

    /// Explains the error in plain words, in one sentence without a final period. May quote the template.
    #[must_use]
    pub fn explanation(&self) -> String {
        self.fault.explanation()
    }

    /// Returns advice on fixing the error, if there is any beyond the explanation.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.fault.hint()
    }

    /// Returns the byte range of the error in the template.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Returns the line and column where the span begins. For an unclosed construct, this is its beginning.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the line that Go reports, which is where it stopped reading.
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
