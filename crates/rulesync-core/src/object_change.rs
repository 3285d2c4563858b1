//! Changes of what is known of an object, in brief: enough to keep its state, and to know when to ask for the whole.

use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::status::object_state::{DelayReason, EvaluationState, ObjectState};

/// A change of what is known of an object. A change may be reported again although nothing has changed.
///
/// [`ObjectStates`](crate::status::ObjectStates) keeps what follows of these changes, and
/// [`EngineHandle::objects`](crate::engine::EngineHandle::objects) returns the whole status of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectChange {
    /// A source declares the object, in this form.
    Declared {
        /// The object.
        object: ObjectId,
        /// What is known of it before it reaches its destinations.
        state: DeclaredState,
    },
    /// No source declares the object any more.
    Gone {
        /// The object.
        object: ObjectId,
    },
    /// The object has this state at a destination.
    At {
        /// The object.
        object: ObjectId,
        /// The destination.
        destination: DestinationId,
        /// The ruler's namespace that it has there. An object that was re-created may have another one at once.
        namespace: RulerNamespace,
        /// Its state there; none if it does not have this namespace there any more.
        state: Option<StateAtDestination>,
    },
    /// A destination was ended or begins anew: nothing is known of objects there.
    DestinationEnded {
        /// The destination.
        destination: DestinationId,
    },
}

/// What is known of an object before it reaches its destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeclaredState {
    /// What follows of the declaration for the object's state.
    pub verdict: DeclaredVerdict,
    /// The number of destinations that it goes to.
    pub destinations: usize,
    /// Changes with the declaration, its findings and its destinations, within this process.
    pub digest: u64,
}

/// What follows of a declaration for the state of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeclaredVerdict {
    /// Nothing is wrong with it.
    Accepted,
    /// Some of it is refused, which matters if a route selects it.
    RefusedIfSelected,
    /// Some of it is refused, or a route refuses it.
    Refused,
    /// It cannot be read.
    Malformed,
}

impl DeclaredVerdict {
    /// Returns the state of the object, given those at its destinations.
    pub fn with_destinations(self, at: impl Iterator<Item = ObjectState>) -> ObjectState {
        let worst = at.max().unwrap_or(ObjectState::NotSelected);
        match self {
            Self::Malformed => ObjectState::Malformed,
            Self::Refused => worst.max(ObjectState::Refused),
            Self::RefusedIfSelected if worst != ObjectState::NotSelected => worst.max(ObjectState::Refused),
            Self::RefusedIfSelected | Self::Accepted => worst,
        }
    }
}

/// The state of an object at a destination, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateAtDestination {
    /// The state in one word.
    pub state: ObjectState,
    /// The evaluation of its rules; none if it is unknown.
    pub evaluation: Option<EvaluationState>,
    /// The reason why the ruler has not been brought up to date.
    pub delay: Option<DelayReason>,
    /// True if deletes of its groups are held.
    pub held: bool,
    /// Changes with everything that the status says of the object there, within this process.
    pub digest: u64,
}
