//! The state of everything at one moment, for status pages and tests. A report, not what the engine works with.

use serde::Serialize;

use crate::finding::Finding;
pub use crate::guard::HeldReason;
use crate::model::tenant::DestinationId;

/// What an engine knows and does.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    /// The owner of everything it writes.
    pub owner: String,
    /// Its sources.
    pub sources: Vec<SourceStatus>,
    /// Its destinations.
    pub destinations: Vec<DestinationStatus>,
    /// Every object, with what became of it.
    pub objects: Vec<ObjectStatus>,
}

impl Status {
    /// Whether every source has shown all it has.
    pub fn ready(&self) -> bool {
        self.sources.iter().all(|source| source.ready)
    }
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Whether it has shown all it has.
    pub ready: bool,
    /// How many objects it has shown.
    pub objects: usize,
    /// Why it cannot see its objects at the moment.
    pub unavailable: Option<String>,
    /// Whether something it cannot read may hide objects: then nothing is taken for an orphan and deleted.
    pub hides_objects: bool,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DestinationStatus {
    /// The ruler.
    pub ruler: String,
    /// The tenant, if one is named.
    pub tenant: Option<String>,
    /// Whether no route leads there any more, and it is being emptied.
    pub retiring: bool,
    /// In one word how it is.
    pub state: DestinationState,
    /// What stands in the way, if something does.
    pub error: Option<String>,
    /// How many groups should be there.
    pub groups: usize,
    /// How many rules should be there.
    pub rules: usize,
    /// How many groups are refused.
    pub refused: usize,
    /// How many groups the delete guard keeps from being deleted.
    pub held: usize,
    /// What is not deleted, by reason: what the delete guard holds, and what is protected.
    pub holds: Vec<HeldDeletes>,
    /// How many groups do not stay as they are written.
    pub contested: usize,
    /// How many groups the server keeps in a form of its own, which counts as in sync.
    pub normalized: usize,
    /// How many groups the ruler has stored and does not load.
    pub not_loaded: usize,
    /// How many rules fail whenever they are evaluated.
    pub failing_rules: usize,
    /// Why the ruler cannot tell how rules evaluate.
    pub evaluation_error: Option<String>,
    /// How many namespaces wait to be looked at.
    pub pending: usize,
    /// When what failed is tried again, in seconds since 1970, if the ruler is waited for.
    pub retry_at: Option<u64>,
    /// When it was last known to be in order, in seconds since 1970.
    pub last_success: Option<u64>,
}

impl DestinationStatus {
    /// The status of a destination that has not said how it is.
    pub(crate) fn unanswered(id: &DestinationId, retiring: bool) -> Self {
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
            not_loaded: 0,
            failing_rules: 0,
            evaluation_error: None,
            pending: 0,
            retry_at: None,
            last_success: None,
        }
    }
}

/// Groups that nobody declares and that are not deleted all the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldDeletes {
    /// Why.
    pub reason: HeldReason,
    /// How many groups.
    pub groups: usize,
    /// In how many namespaces.
    pub namespaces: usize,
    /// One of these namespaces.
    pub example: String,
    /// When they go by themselves, in seconds since 1970, if that is known.
    pub until: Option<u64>,
}

/// How a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationState {
    /// It was never listed whole, and nothing is written before; or a source has not yet said what it has.
    Starting,
    /// All that should be there is there, but for what is refused.
    InSync,
    /// Changes are on their way.
    Syncing,
    /// Something fails and is tried again.
    Failing,
    /// In order but for deletes that the guard holds back.
    Holding,
    /// Some group does not stay as it is written: another tool writes it, or the ruler does not store what it accepts.
    Contested,
    /// Another installation claims it for the same owner: nothing is written.
    Conflict,
    /// Another process is the leader and writes.
    Standby,
}

/// An object and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectStatus {
    /// Its source.
    pub source: String,
    /// Its kind.
    pub kind: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// In one word what became of it.
    pub state: ObjectState,
    /// What there is to say about it, wherever it goes.
    pub findings: Vec<Finding>,
    /// What became of it at each destination.
    pub destinations: Vec<ObjectAtDestination>,
}

/// What became of an object at a destination.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectAtDestination {
    /// The ruler.
    pub ruler: String,
    /// The tenant, if one is named.
    pub tenant: Option<String>,
    /// The ruler's namespace.
    pub namespace: String,
    /// In one word what became of it there.
    pub state: ObjectState,
    /// How its rules evaluate there; none if the ruler was not asked yet, or cannot tell.
    pub evaluation: Option<EvaluationState>,
    /// How many groups it has there.
    pub groups: usize,
    /// What there is to say about it there.
    pub findings: Vec<Finding>,
}

/// How an object's rules evaluate at a destination; the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationState {
    /// They are loaded, and none fails.
    Healthy,
    /// Some rule fails whenever it is evaluated.
    Failing,
    /// Some group is stored and not loaded.
    NotLoaded,
}

/// What became of an object; the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    /// No route selects it.
    NotSelected,
    /// The ruler has it as declared.
    Synced,
    /// It is on its way.
    Pending,
    /// Some group of it does not stay as it is written.
    Contested,
    /// Some of it is refused; the rest is in the ruler.
    Refused,
    /// It cannot be read; what was last known of it counts.
    Malformed,
}
