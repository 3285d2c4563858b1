//! The findings about an object, wherever they were found: each once, the most serious first.

use std::collections::HashMap;

use rulesync_core::Finding;
use rulesync_core::finding::Code;
use rulesync_core::status::{ObjectAtDestination, ObjectStatus};

use super::text::printable;

/// A finding about an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) finding: &'a Finding,
    /// The destination that it concerns; none if it concerns all, or several.
    pub(super) destination: Option<&'a ObjectAtDestination>,
}

/// What a finding means to the author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// A tenant is denied.
    TenantDenied,
    /// A ruler refuses a group.
    RulerRejected,
    /// The checks of rulesync keep a group or the object from being synced.
    RuleRefused,
    /// The ruler is expected to refuse a group.
    Suspicion,
    /// Somebody else writes a group.
    Contested,
    /// A group is not loaded.
    NotLoaded,
    /// A rule fails when it is evaluated.
    Failing,
    /// Worth attention, without consequences.
    Warning,
}

impl Meaning {
    pub(super) fn of(finding: &Finding) -> Self {
        match finding.code {
            Code::Tenant | Code::SourceTenants if finding.withholds() => Self::TenantDenied,
            Code::Refused if finding.withholds() => Self::RulerRejected,
            _ if finding.withholds() => Self::RuleRefused,
            Code::Contested => Self::Contested,
            Code::NotLoaded => Self::NotLoaded,
            Code::Evaluation => Self::Failing,
            _ if finding.is_suspicion() => Self::Suspicion,
            _ => Self::Warning,
        }
    }

    /// Returns whether it is about the evaluation of rules.
    pub(super) fn is_about_evaluation(self) -> bool {
        matches!(self, Self::NotLoaded | Self::Failing)
    }
}

impl Found<'_> {
    pub(super) fn meaning(&self) -> Meaning {
        Meaning::of(self.finding)
    }

    /// Returns the finding with its destination and location, on one line of at most `max_bytes`.
    pub(super) fn line(&self, max_bytes: usize) -> String {
        match self.destination {
            Some(at) => printable(format_args!("{}: {}", destination_name(at), self.finding), max_bytes),
            None => printable(self.finding, max_bytes),
        }
    }
}

/// Returns the name of a destination.
pub(super) fn destination_name(at: &ObjectAtDestination) -> String {
    match &at.tenant {
        Some(tenant) => format!("{}/{tenant}", at.ruler),
        None => at.ruler.clone(),
    }
}

/// Returns the findings of an object, the most serious first. One that is the same at several destinations is there once.
pub(super) fn of(status: &ObjectStatus) -> Vec<Found<'_>> {
    let everywhere = status.findings.iter().map(|finding| Found { finding, destination: None });
    let somewhere = status
        .destinations
        .iter()
        .flat_map(|at| at.findings.iter().map(move |finding| Found { finding, destination: Some(at) }));
    let mut all: Vec<Found<'_>> = Vec::new();
    let mut known = HashMap::new();
    for found in everywhere.chain(somewhere) {
        match known.get(found.finding) {
            None => {
                known.insert(found.finding, all.len());
                all.push(found);
            }
            // It concerns more than one destination.
            Some(index) => {
                if let Some(first) = all.get_mut(*index) {
                    first.destination = None;
                }
            }
        }
    }
    all.sort_by_key(Found::meaning);
    all
}
