//! What a run that writes tells: the changes that it has made, what is wrong with rules, and the numbers. Everything else
//! is logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::Style;
use rulesync_core::engine::{LogReporter, Outcome, Reporter, Subject};
use rulesync_core::finding::{Finding, Printable};
use rulesync_core::plan::Reason;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stdout::print_styled;
use crate::terminal::{ADDED, CHANGED, REMOVED};

/// Logs what stands in the way of a plan, which itself tells the rest.
#[derive(Debug)]
pub(crate) struct Obstacles(pub(crate) Progress);

impl Reporter for Obstacles {
    fn report(&self, outcome: &Outcome) {
        let is_in_the_plan = matches!(
            outcome,
            Outcome::Found { .. }
                | Outcome::MoreFound { .. }
                | Outcome::Held { .. }
                | Outcome::NoneHeld { .. }
        );
        if !is_in_the_plan {
            self.0.clear();
            LogReporter.report(outcome);
        }
    }
}

/// The changes that are made.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    made: Arc<Mutex<Made>>,
    progress: Progress,
}

/// What has happened so far: in the order of names, and not in that of the answers, which differs from run to run.
#[derive(Debug, Default)]
struct Made {
    counts: Counts,
    writes: BTreeMap<String, Style>,
    deletes: BTreeMap<String, Style>,
    /// What is wrong with rules; true for what keeps them from a ruler.
    findings: BTreeMap<String, bool>,
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
        Self { made: Arc::default(), progress }
    }

    /// Prints what was changed and found, and returns the numbers.
    pub(crate) fn print(&self) -> Result<Counts, Failure> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        for (line, is_error) in &made.findings {
            if *is_error {
                tracing::error!("{line}");
            } else {
                tracing::warn!("{line}");
            }
        }
        for (line, style) in made.writes.iter().chain(&made.deletes) {
            print_styled(&format!("{style}{}{style:#}\n", Printable(line)))?;
        }
        Ok(made.counts)
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
    /// Records a change.
    fn made(&self, style: Style, sign: char, subject: &Subject) {
        let Subject { destination, namespace, group, .. } = subject;
        let group = group.as_ref().map(|group| format!(" / {group}")).unwrap_or_default();
        let line = format!("{sign} {destination}: {namespace}{group}");
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match sign {
            '+' => made.counts.added += 1,
            '-' => made.counts.deleted += 1,
            _ => made.counts.changed += 1,
        }
        let lines = if sign == '-' { &mut made.deletes } else { &mut made.writes };
        lines.insert(line, style);
        self.progress.advance("Changes made");
    }

    /// Records a finding.
    fn found(&self, object: &str, finding: &Finding, is_error: bool) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        *made.findings.entry(format!("{object}: {finding}")).or_default() |= is_error;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} added, {} changed, {} deleted", self.added, self.changed, self.deleted)
    }
}
