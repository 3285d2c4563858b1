//! An object at one destination: what is sent there, what the ruler has, and how it evaluates.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::model::group::Group;
use crate::status::{DestinationState, EvaluationState, ObjectState};

/// An object at one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DestinationExplanation {
    /// The ruler.
    pub ruler: String,
    /// The tenant, if one is named.
    pub tenant: Option<String>,
    /// The route that leads there; none if none does any more.
    pub route: Option<String>,
    /// The ruler's namespace.
    pub namespace: String,
    /// The naming that the namespace is of, such as `owner prod`.
    pub naming: Option<String>,
    /// True if the namespace ends in the UID of the object: in that of a cluster, or for objects from files in one made of
    /// their names.
    pub has_uid: bool,
    /// The state of the object there; none without a running engine, or if the object does not go there.
    pub state: Option<ObjectState>,
    /// The evaluation of its rules there; none if the ruler has none of them, was not asked, or does not support it.
    pub evaluation: Option<EvaluationState>,
    /// The state of the destination as a whole; none without a running engine.
    pub destination_state: Option<DestinationState>,
    /// The current error of the destination as a whole.
    pub destination_error: Option<String>,
    /// The groups as they are sent there: with the labels and matchers of the route, and split.
    pub groups: Vec<ExplainedGroup>,
    /// The names of groups that are not offered to the ruler. The versions of them that it has stay.
    pub not_sent: Vec<String>,
    /// Groups that the ruler has, that nothing declares, and that are not deleted.
    pub held: Vec<HeldGroups>,
    /// The findings about the object there.
    pub findings: Vec<Finding>,
}

/// A group as it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExplainedGroup {
    /// The group.
    pub group: Group,
    /// What the ruler has of it; none without a running engine, or before the ruler was listed.
    pub stored: Option<StoredState>,
}

/// What a ruler has of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoredState {
    /// The same.
    Equal,
    /// Another version.
    Differs,
    /// None.
    Missing,
}

/// Groups that the ruler has, that nothing declares, and that are not deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldGroups {
    /// The groups.
    pub groups: Vec<String>,
    /// The reason; none if they are to be deleted, as soon as what replaces them is there.
    pub reason: Option<HeldReason>,
}
