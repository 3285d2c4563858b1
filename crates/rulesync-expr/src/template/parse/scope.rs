//! What belongs to one template: the template as a whole, or one that is defined within it and knows nothing of the
//! variables around it.

use std::borrow::Cow;
use std::collections::HashMap;

pub(super) struct Scope<'t> {
    pub(super) name: Cow<'t, str>,
    /// Where the token begins that was read last.
    pub(super) read: usize,
    /// Where the action begins that is being read.
    pub(super) action: Option<usize>,
    /// How many `range` it is in.
    pub(super) ranges: usize,
    /// How many parentheses it is in.
    pub(super) parens: usize,
    /// Whether there is more to it than white space.
    pub(super) has_content: bool,
    /// The variables that were declared, in order, and how often each is among them.
    variables: Vec<&'t str>,
    counts: HashMap<&'t str, usize>,
}

impl<'t> Scope<'t> {
    pub(super) fn new(name: Cow<'t, str>) -> Self {
        Self {
            name,
            read: 0,
            action: None,
            ranges: 0,
            parens: 0,
            has_content: false,
            variables: Vec::new(),
            counts: HashMap::new(),
        }
    }

    pub(super) fn declare(&mut self, variable: &'t str) {
        self.variables.push(variable);
        *self.counts.entry(variable).or_default() += 1;
    }

    pub(super) fn has_declared(&self, variable: &str) -> bool {
        self.counts.contains_key(variable)
    }

    /// How many variables were declared.
    pub(super) fn declared(&self) -> usize {
        self.variables.len()
    }

    /// Forgets all variables but the first so many.
    pub(super) fn forget_variables(&mut self, but: usize) {
        for variable in self.variables.drain(but.min(self.variables.len())..) {
            if let Some(count) = self.counts.get_mut(variable) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(variable);
                }
            }
        }
    }
}
