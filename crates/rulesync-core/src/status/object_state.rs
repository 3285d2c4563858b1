//! The states of an object and of its rules, in one word each.

use serde::{Deserialize, Serialize};

/// The reason why a ruler has not been brought up to date with an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delay {
    /// The reason.
    pub reason: DelayReason,
    /// The ruler's message, or what is known besides the reason.
    pub message: Option<String>,
}

/// The kind of reason why a ruler has not been brought up to date with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DelayReason {
    /// Another process is the leader and writes.
    Standby,
    /// The ruler does not answer, or not as it should.
    RulerUnavailable,
    /// The ruler declines a delete, or protects what is to be changed; it is tried again.
    Failing,
    /// The tenant has as many rules or groups as its ruler allows.
    LimitExceeded,
    /// Another installation claims the tenant for the same owner: nothing is written.
    OwnerConflict,
}

/// The evaluation of an object's rules at a destination; the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EvaluationState {
    /// They are loaded, and none fails.
    Healthy,
    /// Some rule fails whenever it is evaluated.
    Failing,
    /// Some group is stored and not loaded.
    NotLoaded,
}

/// The state of an object; the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
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
    /// It cannot be read; its last readable version counts.
    Malformed,
}
