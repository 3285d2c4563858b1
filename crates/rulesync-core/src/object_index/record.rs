//! The stored form of an object, and the numbers of objects of a source by state.

use std::sync::Arc;

use crate::finding::Finding;
use crate::intake::{Accepted, RouteMatch};
use crate::model::object::ObjectVersion;
use crate::object_change::DeclaredVerdict;

/// The stored form of an object: enough to route it again and to write its groups again.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The hash of the declaration, which distinguishes a change from a repetition.
    pub(super) content: u64,
    /// The generation of its source's snapshots in which it was last sent.
    pub(super) generation: u32,
    /// The generation of the latest declaration in Kubernetes, whether it can be read or not.
    pub(super) declared_generation: Option<i64>,
    pub(super) accepted: Accepted,
    /// Its latest version, if that cannot be read.
    pub(super) malformed: Option<Box<Unreadable>>,
    /// True if it may hide objects of unknown names.
    pub(super) hides: bool,
    /// True if its source reports so. If not, only its own namespace in rulers is unknown.
    pub(super) hides_others: bool,
    /// True once any version of it has been read.
    pub(super) read: bool,
    pub(super) matches: Box<[RouteMatch]>,
    /// The routes that refuse the tenant it requests.
    pub(super) refused_by: Box<[Arc<str>]>,
    /// The reasons why routes that select it do not take it.
    pub(super) routing_findings: Box<[Finding]>,
}

impl Record {
    /// Returns what follows of the declaration for the object's state.
    pub(super) fn verdict(&self) -> DeclaredVerdict {
        let findings = || self.accepted.findings.iter().chain(&self.routing_findings);
        match self.malformed {
            Some(_) => DeclaredVerdict::Malformed,
            None if !findings().any(Finding::withholds) => DeclaredVerdict::Accepted,
            None if !self.routing_findings.is_empty() => DeclaredVerdict::Refused,
            None => DeclaredVerdict::RefusedIfSelected,
        }
    }

    /// Returns the Kubernetes UID of the latest version.
    pub(super) fn uid(&self) -> Option<&str> {
        let of_unreadable = self.malformed.as_ref().and_then(|unreadable| unreadable.version.uid.as_deref());
        of_unreadable.or(self.accepted.uid.as_deref())
    }

    pub(super) fn is_in_ruler(&self) -> bool {
        !self.matches.is_empty() && self.accepted.has_groups()
    }
}

/// A version of an object that cannot be read.
#[derive(Debug, PartialEq, Hash)]
pub(crate) struct Unreadable {
    pub(crate) version: ObjectVersion,
    /// The reason.
    pub(crate) finding: Finding,
}

/// The number of objects of a source, by state, updated with each change.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) all: usize,
    pub(super) selected: usize,
    pub(super) malformed: usize,
    pub(super) hiding: usize,
    /// Objects with groups that go to a ruler.
    pub(super) in_rulers: usize,
    /// Objects that request a tenant that they may not have.
    pub(super) refused: usize,
}

/// The direction in which an object is counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tally {
    In,
    Out,
}

impl Count {
    /// Counts an object in or out.
    pub(super) fn tally(&mut self, record: &Record, direction: Tally) {
        for (number, counts) in [
            (&mut self.all, true),
            (&mut self.selected, !record.matches.is_empty()),
            (&mut self.malformed, record.malformed.is_some()),
            (&mut self.hiding, record.hides),
            (&mut self.in_rulers, record.is_in_ruler()),
            (&mut self.refused, !record.refused_by.is_empty()),
        ] {
            match direction {
                Tally::In => *number += usize::from(counts),
                Tally::Out => *number -= usize::from(counts),
            }
        }
    }
}
