//! What a run that writes tells: each change as it is made, and the numbers.

use std::sync::{Arc, Mutex, PoisonError};

use rulesync_core::engine::{Outcome, Reporter, Subject};
use rulesync_core::finding::Printable;
use rulesync_core::plan::Reason;

use crate::progress::Progress;
use crate::stdout::print_styled;
use crate::terminal::{ADDED, CHANGED, REMOVED};

/// Prints each change that is made, and counts them.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    counts: Arc<Mutex<Counts>>,
    progress: Progress,
}

/// The changes that were made, in groups.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    added: usize,
    changed: usize,
    pub(crate) deleted: usize,
}

impl Changes {
    /// Creates a reporter that draws no line of progress over what it prints.
    pub(crate) fn new(progress: Progress) -> Self {
        Self { counts: Arc::default(), progress }
    }

    /// The changes so far.
    pub(crate) fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Changes {
    fn report(&self, outcome: &Outcome) {
        let (style, sign, subject) = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Outcome::Synced { reason: Reason::Claim, .. }
                | Outcome::Removed { reason: Reason::Claim, .. } => return,
                Outcome::Synced { reason: Reason::Missing, subject } => {
                    counts.added += 1;
                    (ADDED, '+', subject)
                }
                Outcome::Synced { subject, .. } => {
                    counts.changed += 1;
                    (CHANGED, '~', subject)
                }
                Outcome::Removed { subject, .. } => {
                    counts.deleted += 1;
                    (REMOVED, '-', subject)
                }
                _ => return,
            }
        };
        self.progress.advance();
        self.progress.clear();
        let Subject { destination, namespace, group, .. } = subject;
        let group = group.as_ref().map(|group| format!(" / {group}")).unwrap_or_default();
        let line = format!("{sign} {destination}: {namespace}{group}");
        // The exit code tells whether everything is in order, not whether somebody reads this.
        let _ = print_styled(&format!("{style}{}{style:#}\n", Printable(line)));
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} changed, {} deleted", self.added, self.changed, self.deleted)
    }
}
