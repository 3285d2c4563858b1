//! What a run that writes tells: each change as it is made, what is wrong with rules, and the numbers. Everything else is
//! logged.

use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use rulesync_core::engine::{LogReporter, Outcome, Reporter, Subject};
use rulesync_core::finding::{Finding, Printable};
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
        match outcome {
            Outcome::Synced { reason: Reason::Claim, .. }
            | Outcome::Removed { reason: Reason::Claim, .. } => {}
            Outcome::Synced { reason: Reason::Missing, subject } => self.made(ADDED, '+', subject),
            Outcome::Synced { subject, .. } => self.made(CHANGED, '~', subject),
            Outcome::Removed { subject, .. } => self.made(REMOVED, '-', subject),
            Outcome::Refused { subject, finding } => {
                let object = subject.object.as_ref().map(ToString::to_string);
                self.found(&object.unwrap_or_else(|| subject.namespace.to_string()), finding, true);
            }
            Outcome::Found { object, finding, .. } => {
                self.found(&object.to_string(), finding, finding.withholds());
            }
            other => {
                self.progress.clear();
                LogReporter.report(other);
            }
        }
    }
}

impl Changes {
    /// Prints a change, and counts it.
    fn made(&self, style: Style, sign: char, subject: &Subject) {
        {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            match sign {
                '+' => counts.added += 1,
                '-' => counts.deleted += 1,
                _ => counts.changed += 1,
            }
        }
        self.progress.advance();
        self.progress.clear();
        let Subject { destination, namespace, group, .. } = subject;
        let group = group.as_ref().map(|group| format!(" / {group}")).unwrap_or_default();
        let line = format!("{sign} {destination}: {namespace}{group}");
        // The exit code tells whether everything is in order, not whether somebody reads this.
        let _ = print_styled(&format!("{style}{}{style:#}\n", Printable(line)));
    }

    /// Prints a finding: one that keeps rules from a ruler is an error.
    fn found(&self, object: &str, finding: &Finding, is_error: bool) {
        self.progress.clear();
        if is_error {
            tracing::error!("{object}: {finding}");
        } else {
            tracing::warn!("{object}: {finding}");
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} changed, {} deleted", self.added, self.changed, self.deleted)
    }
}
