//! Outcomes: what became of objects, sources and destinations, and the reporters that tell people.

mod log;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claim::OwnerClaim;
use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::plan::Reason;
use crate::ruler::RulerError;

pub use log::LogReporter;

/// Of what befalls one object at once, so much is told one by one; of the rest the number.
pub(crate) const MAX_REPORTED_EACH: usize = 5;

/// What an outcome is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The destination.
    pub destination: DestinationId,
    /// The object, also when it is gone; none if it went while nobody watched.
    pub object: Option<ObjectId>,
    /// The ruler's namespace.
    pub namespace: Arc<str>,
    /// The group; none for a whole namespace.
    pub group: Option<Arc<str>>,
}

/// Something that happened and that somebody may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A group was written.
    Synced {
        /// Which.
        subject: Subject,
        /// Why.
        reason: Reason,
    },
    /// A group was deleted.
    Removed {
        /// Which.
        subject: Subject,
        /// Why.
        reason: Reason,
    },
    /// A group is not taken as it is; what the ruler had for it stays.
    Refused {
        /// Which.
        subject: Subject,
        /// Why and where.
        finding: Finding,
    },
    /// A change failed and will be tried again.
    Failed {
        /// Which.
        subject: Subject,
        /// What stood in the way.
        error: RulerError,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// More changes of a namespace failed at once than were told one by one. They are tried again together.
    MoreFailed {
        /// The destination.
        destination: DestinationId,
        /// The ruler's namespace.
        namespace: Arc<str>,
        /// How many more.
        more: usize,
    },
    /// Something is wrong with an object, before or beside what the rulers say.
    Found {
        /// The object.
        object: ObjectId,
        /// The destination it is about; none for all.
        destination: Option<DestinationId>,
        /// What is wrong.
        finding: Finding,
    },
    /// More is wrong with an object than was told one by one.
    MoreFound {
        /// The object.
        object: ObjectId,
        /// The destination it is about; none for all.
        destination: Option<DestinationId>,
        /// How many more findings there are.
        more: usize,
    },
    /// A destination cannot be worked on.
    DestinationDown {
        /// The destination.
        destination: DestinationId,
        /// Why.
        error: RulerError,
        /// How long until it is tried again, if that is known: as long as the ruler asked for, within bounds.
        retry_in: Option<Duration>,
    },
    /// A destination can be worked on again.
    DestinationUp {
        /// The destination.
        destination: DestinationId,
    },
    /// Deletes are held back by the guard.
    Held {
        /// The destination.
        destination: DestinationId,
        /// How many groups.
        groups: usize,
        /// Why.
        reason: HeldReason,
        /// How long until the first of them goes by itself, if that is known.
        until: Option<Duration>,
    },
    /// Most of what a source had has vanished at once: its deletes are held in all tenants, or no longer.
    Vanished {
        /// The source's name.
        source: Arc<str>,
        /// Why, or none if they are no longer held.
        held: Option<HeldReason>,
        /// How many objects of it still have groups in a ruler.
        left: usize,
    },
    /// No deletes are held back any more.
    NoneHeld {
        /// The destination.
        destination: DestinationId,
    },
    /// Another installation claims this destination for the same owner: nothing is written there.
    Conflict {
        /// The destination.
        destination: DestinationId,
        /// Whose it is, by the claim.
        claim: OwnerClaim,
        /// Who this installation is.
        us: OwnerClaim,
    },
    /// The other installation's claim is gone.
    ConflictOver {
        /// The destination.
        destination: DestinationId,
    },
    /// The server keeps a group otherwise than it was sent, in a way that servers do by themselves: it counts as in
    /// sync.
    Normalized {
        /// Which.
        subject: Subject,
        /// The fields that differ.
        fields: Vec<String>,
    },
    /// A group was found changed at three looks in a row: somebody else writes it, or what is written is not stored. It
    /// is repaired once a resync interval.
    Contested {
        /// Which.
        subject: Subject,
        /// The fields that differ; empty if the group was missing.
        fields: Vec<String>,
    },
    /// A contested group stays as it was written.
    ContestOver {
        /// Which.
        subject: Subject,
    },
    /// A group of ours in the ruler cannot be read.
    Unreadable {
        /// The destination.
        destination: DestinationId,
        /// Namespace and group.
        group: String,
        /// Why.
        reason: String,
    },
    /// A rule is loaded and fails whenever it is evaluated.
    Failing {
        /// Which group.
        subject: Subject,
        /// Which rule, and what the ruler says.
        finding: Finding,
    },
    /// Rules that failed evaluate again, or are gone.
    Recovered {
        /// The destination.
        destination: DestinationId,
        /// How many.
        rules: usize,
    },
    /// Groups are stored in a ruler and it does not load them: it is frozen, or evaluates nothing.
    NotLoaded {
        /// The destination.
        destination: DestinationId,
        /// How many; none if all are loaded again.
        groups: usize,
        /// One of them: its namespace and name.
        example: Option<String>,
    },
    /// A source cannot see its objects.
    SourceDown {
        /// The source's name.
        source: Arc<str>,
        /// Why, and what it waits for.
        reason: String,
    },
    /// A source sees its objects; said also when its first snapshot is complete.
    SourceUp {
        /// The source's name.
        source: Arc<str>,
        /// How many objects it has.
        objects: usize,
    },
}

/// Tells somebody what happened: a log, a status, an event. It must not block; what is slow belongs into a task of its
/// own, so that it never slows the sync.
pub trait Reporter: fmt::Debug + Send + Sync + 'static {
    /// Takes one outcome.
    fn report(&self, outcome: &Outcome);
}

/// The reporters of an engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporters(pub(crate) Arc<[Arc<dyn Reporter>]>);

impl Reporters {
    pub(crate) fn report(&self, outcome: &Outcome) {
        self.0.iter().for_each(|reporter| reporter.report(outcome));
    }
}
