//! What expressions can refer to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::value::{Part, Text, Value};
use crate::syntax::{Block, Position};

/// The module that expressions are in: the components that they can refer to, and the arguments it was given.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(super) blocks: Vec<&'a Block>,
    /// None outside of a `declare`.
    pub(super) arguments: Option<BTreeMap<String, Value>>,
    /// The environment in which Alloy runs, if it is known.
    pub(super) environment: Option<&'a BTreeMap<String, String>>,
    /// How many components refer to each other up to here.
    pub(super) depth: Cell<usize>,
    notes: RefCell<Vec<Note>>,
}

/// What is worth knowing about a value that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl<'a> Scope<'a> {
    /// The scope of a module with these blocks. `environment` is that of Alloy, if it is known.
    pub(crate) fn new(
        blocks: Vec<&'a Block>,
        arguments: Option<BTreeMap<String, Value>>,
        environment: Option<&'a BTreeMap<String, String>>,
    ) -> Self {
        Self { blocks, arguments, environment, depth: Cell::new(0), notes: RefCell::default() }
    }

    pub(super) fn note(&self, position: Position, message: impl Into<String>) {
        self.notes.borrow_mut().push(Note { position, message: message.into() });
    }

    /// What is worth knowing about the values so far.
    pub(crate) fn into_notes(self) -> Vec<Note> {
        self.notes.into_inner()
    }
}

/// Whether a text is known to be empty or not; none if it depends on what is known only later.
pub(super) fn is_set(text: &Text, environment: Option<&BTreeMap<String, String>>) -> Option<bool> {
    if text.has_literal() || text.is_empty() {
        return Some(text.has_literal());
    }
    let is_set = |part: &Part| match (part, environment) {
        (Part::Variable(name), Some(environment)) => {
            Some(environment.get(name).is_some_and(|value| !value.is_empty()))
        }
        _ => None,
    };
    let parts: Vec<Option<bool>> = text.parts().iter().map(is_set).collect();
    match parts.contains(&Some(true)) {
        true => Some(true),
        false => parts.iter().all(Option::is_some).then_some(false),
    }
}
