//! The state of one template: the whole template, or one defined within it, which does not see the variables of the
//! enclosing template.

use std::borrow::Cow;
use std::collections::HashMap;

pub(super) struct Scope<'t> {
    pub(super) name: Cow<'t, str>,
    /// The start of the token read last.
    pub(super) read: usize,
    /// The start of the action being read.
    pub(super) action: Option<usize>,
    /// The number of enclosing `range` blocks.
    pub(super) ranges: usize,
    /// The number of open parentheses.
    pub(super) parens: usize,
    /// `true` if the template contains more than white space.
    pub(super) has_content: bool,
    /// The declared variables, in order, and the number of declarations of each.
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

    /// Returns the number of declared variables.
    pub(super) fn variable_count(&self) -> usize {
        self.variables.len()
    }

    /// Removes all variables except the first `len`.
    pub(super) fn truncate_variables(&mut self, len: usize) {
        for variable in self.variables.drain(len.min(self.variables.len())..) {
            if let Some(count) = self.counts.get_mut(variable) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(variable);
                }
            }
        }
    }
}
