//! The status: the state of everything at one moment, for status pages and tests. A report, not a part of the engine's
//! own state.

pub(crate) mod object_state;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
pub use crate::guard::HeldReason;
use crate::model::tenant::DestinationId;
pub use crate::object_change::{DeclaredState, DeclaredVerdict, ObjectChange, StateAtDestination};
pub use crate::object_states::{
    ObjectFilter, ObjectPage, ObjectStates, ObjectSubscription, ObjectSummary, PastState,
};
use crate::ruler::TenantLimits;
pub use object_state::{Delay, DelayReason, EvaluationState, ObjectState};

/// The status of an engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The owner of everything it writes.
    pub owner: String,
    /// Its sources.
    pub sources: Vec<SourceStatus>,
    /// Its destinations.
    pub destinations: Vec<DestinationStatus>,
    /// Every object.
    pub objects: Vec<ObjectStatus>,
}

impl Status {
    /// Returns whether every source has shown all its objects.
    pub fn ready(&self) -> bool {
        self.sources.iter().all(|source| source.ready)
    }
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// True once it has shown all its objects.
    pub ready: bool,
    /// The number of objects that it has shown.
    pub objects: usize,
    /// The reason why it cannot see its objects at the moment.
    pub unavailable: Option<String>,
    /// True if something unreadable may hide objects: then nothing counts as orphaned and is deleted.
    pub hides_objects: bool,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DestinationStatus {
    /// The ruler.
    pub ruler: String,
    /// The tenant, if one is named.
    pub tenant: Option<String>,
    /// True if no route leads there any more, and it is being emptied.
    pub retiring: bool,
    /// The state in one word.
    pub state: DestinationState,
    /// The current error, if there is one.
    pub error: Option<String>,
    /// The number of groups that should exist.
    pub groups: usize,
    /// The number of rules that should exist.
    pub rules: usize,
    /// The number of refused groups.
    pub refused: usize,
    /// The number of groups whose deletes the guard holds.
    pub held: usize,
    /// Deletes that are not made, by reason: those that the delete guard holds, and protected ones.
    pub holds: Vec<HeldDeletes>,
    /// The number of contested groups.
    pub contested: usize,
    /// The number of groups that the server stores in a form of its own, which counts as in sync.
    pub normalized: usize,
    /// The limits of the tenant, if the ruler tells them.
    pub limits: Option<TenantLimits>,
    /// The number of groups that the ruler has stored and does not load.
    pub not_loaded: usize,
    /// The number of rules that fail whenever they are evaluated.
    pub failing_rules: usize,
    /// The reason why the ruler cannot report evaluation.
    pub evaluation_error: Option<String>,
    /// The concurrency limit of the ruler's address, which all its destinations share.
    pub concurrency: ConcurrencyStatus,
    /// The number of namespaces that wait for work.
    pub pending: usize,
    /// The time of the next retry, in seconds since 1970, if the ruler is waited for.
    pub retry_at: Option<u64>,
    /// The time at which it was last known to be in sync, in seconds since 1970.
    pub last_success: Option<u64>,
}

impl DestinationStatus {
    /// Returns the status of a destination that has not answered.
    pub(crate) fn unanswered(id: &DestinationId, retiring: bool, concurrency: ConcurrencyStatus) -> Self {
        Self {
            ruler: id.ruler.to_string(),
            tenant: id.tenant.as_ref().map(ToString::to_string),
            retiring,
            state: DestinationState::Starting,
            error: Some("it has not answered: it may wait for requests of its predecessor to end".to_owned()),
            groups: 0,
            rules: 0,
            refused: 0,
            held: 0,
            holds: Vec::new(),
            contested: 0,
            normalized: 0,
            limits: None,
            not_loaded: 0,
            failing_rules: 0,
            evaluation_error: None,
            concurrency,
            pending: 0,
            retry_at: None,
            last_success: None,
        }
    }
}

/// How many requests to a ruler may be under way, adapted to how it copes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ConcurrencyStatus {
    /// The number of requests under way.
    pub in_flight: usize,
    /// The number that may be under way at the moment.
    pub allowed: usize,
    /// The number that may ever be: `max_in_flight` of the ruler.
    pub max: usize,
}

/// Groups that no object declares and that are not deleted all the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldDeletes {
    /// The reason.
    pub reason: HeldReason,
    /// The number of groups.
    pub groups: usize,
    /// The number of namespaces.
    pub namespaces: usize,
    /// One of these namespaces.
    pub example: String,
    /// The time at which they are deleted without a release, in seconds since 1970, if that is known.
    pub until: Option<u64>,
}

/// The state of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DestinationState {
    /// It was never listed completely, and nothing is written before; or a source has not yet shown its objects.
    Starting,
    /// Everything that should exist does, except for refused groups.
    InSync,
    /// Changes are on their way.
    Syncing,
    /// Something fails and is retried.
    Failing,
    /// In sync except for held deletes.
    Holding,
    /// Some group does not stay as it is written: another tool writes it, or the ruler does not store what it accepts.
    Contested,
    /// Another installation claims it for the same owner: nothing is written.
    Conflict,
    /// Another process is the leader and writes.
    Standby,
}

impl fmt::Display for DestinationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The status of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectStatus {
    /// Its source.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Kubernetes UID; none for objects from files.
    pub uid: Option<String>,
    /// The generation of the declaration that this is the status of; none for objects from files.
    pub generation: Option<i64>,
    /// The state in one word.
    pub state: ObjectState,
    /// The number of groups that it declares, refused ones included.
    pub groups: usize,
    /// The findings about it that do not depend on a destination.
    pub findings: Vec<Finding>,
    /// Its state at each destination.
    pub destinations: Vec<ObjectAtDestination>,
}

/// The status of an object at a destination.
#[derive(Debug, Clone, PartialEq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectAtDestination {
    /// The ruler.
    pub ruler: String,
    /// The tenant, if one is named.
    pub tenant: Option<String>,
    /// The ruler's namespace.
    pub namespace: String,
    /// The state in one word.
    pub state: ObjectState,
    /// The evaluation of its rules there; none if the ruler was not asked yet, or does not support it.
    pub evaluation: Option<EvaluationState>,
    /// The reason why the ruler has not been brought up to date, if it is known.
    pub delay: Option<Delay>,
    /// The number of its groups that the ruler has, or is on its way to have: without those that are refused.
    pub groups: usize,
    /// The number of rules in these groups, without those that are refused.
    pub rules: usize,
    /// The number of its groups that are refused: by the local checks, or by the ruler.
    pub refused_groups: usize,
    /// The number of its rules that fail whenever they are evaluated.
    pub failing_rules: usize,
    /// The number of its groups that it declares no more, and whose deletes the delete guard holds.
    pub held_groups: usize,
    /// The findings about it there.
    pub findings: Vec<Finding>,
}
