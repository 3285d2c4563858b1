//! Outcomes: what happened to objects, sources and destinations, and the reporters that publish it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claim::OwnerClaim;
use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::model::name::{GroupName, RulerNamespace, SourceName};
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::object_change::ObjectChange;
use crate::plan::Reason;
use crate::ruler::RulerError;

/// The number of simultaneous outcomes of one object that are reported one by one; of the others the number is
/// reported.
pub(crate) const MAX_REPORTED_EACH: usize = 5;

/// The subject of an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The destination.
    pub destination: DestinationId,
    /// The object, also after it was deleted; none if it was deleted while no process ran.
    pub object: Option<ObjectId>,
    /// The ruler's namespace.
    pub namespace: RulerNamespace,
    /// The group; none for a whole namespace.
    pub group: Option<GroupName>,
}

/// Something that happened and that somebody may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A group was written.
    Synced {
        /// The group.
        subject: Subject,
        /// The reason.
        reason: Reason,
    },
    /// A group was deleted.
    Removed {
        /// The group.
        subject: Subject,
        /// The reason.
        reason: Reason,
    },
    /// A group is refused; the version that the ruler has stays.
    Refused {
        /// The group.
        subject: Subject,
        /// The reason and its location.
        finding: Finding,
    },
    /// A change failed and will be retried.
    Failed {
        /// The group.
        subject: Subject,
        /// The error.
        error: RulerError,
        /// The time until the retry.
        retry_in: Duration,
    },
    /// More changes of a namespace failed at once than were reported one by one. They are retried together.
    MoreFailed {
        /// The destination.
        destination: DestinationId,
        /// The ruler's namespace.
        namespace: RulerNamespace,
        /// The number of further changes.
        more: usize,
    },
    /// An object has a finding from before or besides the answers of rulers.
    Found {
        /// The object.
        object: ObjectId,
        /// The destination it is about; none for all.
        destination: Option<DestinationId>,
        /// The finding.
        finding: Finding,
    },
    /// An object has more findings than were reported one by one.
    MoreFound {
        /// The object.
        object: ObjectId,
        /// The destination it is about; none for all.
        destination: Option<DestinationId>,
        /// The number of further findings.
        more: usize,
    },
    /// A destination cannot be worked on.
    DestinationDown {
        /// The destination.
        destination: DestinationId,
        /// The reason.
        error: RulerError,
        /// The time until the next attempt, if that is known: as long as the ruler asked for, within limits.
        retry_in: Option<Duration>,
    },
    /// A destination can be worked on again.
    DestinationUp {
        /// The destination.
        destination: DestinationId,
    },
    /// Deletes are held by the delete guard.
    Held {
        /// The destination.
        destination: DestinationId,
        /// The number of groups.
        groups: usize,
        /// The reason.
        reason: HeldReason,
        /// The time until the first of them is made without a release, if that is known.
        until: Option<Duration>,
    },
    /// Most objects of a source vanished at once: its deletes are held in all tenants, or no longer.
    Vanished {
        /// The source's name.
        source: SourceName,
        /// The reason, or none if they are no longer held.
        held: Option<HeldReason>,
        /// The number of its objects that still have groups in a ruler.
        remaining: usize,
    },
    /// No deletes are held any more.
    NoneHeld {
        /// The destination.
        destination: DestinationId,
    },
    /// Another installation claims this destination for the same owner: nothing is written there.
    Conflict {
        /// The destination.
        destination: DestinationId,
        /// The claim of the other installation.
        foreign: OwnerClaim,
        /// The claim of this installation.
        own: OwnerClaim,
    },
    /// The claim of the other installation was deleted.
    ConflictOver {
        /// The destination.
        destination: DestinationId,
    },
    /// The server stores a group in another form than it was sent, as servers do by themselves: it counts as in sync.
    Normalized {
        /// The group.
        subject: Subject,
        /// The fields that differ.
        fields: Vec<String>,
    },
    /// Three lists in a row found a group changed: another tool writes it, or the ruler does not store what it accepts.
    /// It is repaired once per resync interval.
    Contested {
        /// The group.
        subject: Subject,
        /// The fields that differ; empty if the group was missing.
        fields: Vec<String>,
    },
    /// A contested group stays as it was written.
    ContestOver {
        /// The group.
        subject: Subject,
    },
    /// An own group in the ruler cannot be read.
    Unreadable {
        /// The destination.
        destination: DestinationId,
        /// Namespace and group.
        group: String,
        /// The reason.
        reason: String,
    },
    /// A rule is loaded and fails whenever it is evaluated.
    Failing {
        /// The group.
        subject: Subject,
        /// The rule, and the ruler's message.
        finding: Finding,
    },
    /// Rules that failed evaluate again, or were deleted.
    Recovered {
        /// The destination.
        destination: DestinationId,
        /// The number of rules.
        rules: usize,
    },
    /// A ruler has stored groups and does not load them: it is frozen, or evaluates nothing.
    NotLoaded {
        /// The destination.
        destination: DestinationId,
        /// The number of groups; zero if all are loaded again.
        groups: usize,
        /// The namespace and name of one of them.
        example: Option<String>,
    },
    /// A source cannot see its objects.
    SourceDown {
        /// The source's name.
        source: SourceName,
        /// The reason, and what the source waits for.
        reason: String,
    },
    /// A source sees its objects; also reported when its first snapshot is complete.
    SourceUp {
        /// The source's name.
        source: SourceName,
        /// The number of its objects.
        objects: usize,
    },
}

/// Publishes outcomes: in a log, a status, an event. It must not block; slow work belongs into a task of its own, so
/// that it never delays the sync.
pub trait Reporter: fmt::Debug + Send + Sync + 'static {
    /// Takes one outcome.
    fn report(&self, outcome: &Outcome);

    /// Returns whether it follows what is known of each object. It is asked once.
    fn follows_objects(&self) -> bool {
        false
    }

    /// Takes a change of what is known of an object, if it follows them.
    fn object_changed(&self, _change: &ObjectChange) {}
}

/// The reporters of an engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporters {
    all: Arc<[Arc<dyn Reporter>]>,
    /// True if one of them follows objects.
    follow_objects: bool,
}

impl Reporters {
    pub(crate) fn new(all: impl Into<Arc<[Arc<dyn Reporter>]>>) -> Self {
        let all = all.into();
        Self { follow_objects: all.iter().any(|reporter| reporter.follows_objects()), all }
    }

    /// Returns whether changes of objects are of interest to any.
    pub(crate) fn follow_objects(&self) -> bool {
        self.follow_objects
    }

    pub(crate) fn object_changed(&self, change: &ObjectChange) {
        self.all
            .iter()
            .filter(|reporter| reporter.follows_objects())
            .for_each(|reporter| reporter.object_changed(change));
    }

    pub(crate) fn report(&self, outcome: &Outcome) {
        self.all.iter().for_each(|reporter| reporter.report(outcome));
    }
}
