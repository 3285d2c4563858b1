//! Namespaces whose form does not show whether they are own ones. A destination asks about them after each list, and the
//! run, which knows all objects, answers with [`Command::Recognize`](super::Command::Recognize).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::name::RulerNamespace;

/// The namespaces that a destination asks about. Clones are the same question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unrecognized(Arc<Mutex<HashSet<RulerNamespace>>>);

impl Unrecognized {
    /// Asks about these namespaces, and no others any more.
    pub(super) fn ask(&self, namespaces: HashSet<RulerNamespace>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = namespaces;
    }

    /// Takes the question, in order to answer it.
    pub(crate) fn take(&self) -> HashSet<RulerNamespace> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
