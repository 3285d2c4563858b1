//! What is kept of one object.

use std::sync::Arc;

use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::object_change::{DeclaredState, StateAtDestination};
use crate::status::object_state::{DelayReason, EvaluationState, ObjectState};

/// The number of past states that are kept of an object.
const MAX_PAST_STATES: usize = 8;

/// The state of an object, in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectSummary {
    /// The object.
    pub object: ObjectId,
    /// The state in one word.
    pub state: ObjectState,
    /// The evaluation of its rules, at the destination where it is worst; none if it is unknown.
    pub evaluation: Option<EvaluationState>,
    /// The most serious reason why a ruler has not been brought up to date with it.
    pub delay: Option<DelayReason>,
    /// True if deletes of its groups are held somewhere.
    pub held: bool,
    /// True if somebody has to do something about it.
    pub problem: bool,
    /// The time since when its state and evaluation are these, in seconds since 1970. The first is the start of this process.
    pub since: u64,
    /// The destinations that it goes to.
    pub destinations: Vec<DestinationId>,
    /// Its former states in this process, the latest last; only the last few are kept.
    pub past: Vec<PastState>,
    /// Changes with everything that its status says, within this process.
    pub digest: u64,
}

/// A former state of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastState {
    /// The time since when it had this state, in seconds since 1970.
    pub since: u64,
    /// The state in one word.
    pub state: ObjectState,
    /// The evaluation of its rules.
    pub evaluation: Option<EvaluationState>,
}

/// What is kept of an object at one destination.
#[derive(Debug, PartialEq, Eq)]
struct Here {
    destination: Arc<DestinationId>,
    namespace: RulerNamespace,
    state: StateAtDestination,
}

/// What is kept of one object.
#[derive(Debug, Default)]
pub(super) struct Entry {
    declared: Option<DeclaredState>,
    at: Vec<Here>,
    /// The present state, once it has been computed.
    present: Option<PastState>,
    past: Vec<PastState>,
    /// The time since when it has a problem.
    problem_since: Option<u64>,
}

impl Entry {
    /// Takes a declaration; returns whether anything has changed.
    pub(super) fn declare(&mut self, state: DeclaredState) -> bool {
        self.declared.replace(state) != Some(state)
    }

    /// Forgets the declaration; returns whether there was one.
    pub(super) fn forget_declaration(&mut self) -> bool {
        self.declared.take().is_some()
    }

    /// Sets the state at a destination; returns whether anything has changed.
    pub(super) fn set(
        &mut self,
        destination: &Arc<DestinationId>,
        namespace: &RulerNamespace,
        state: StateAtDestination,
    ) -> bool {
        let here = Here { destination: Arc::clone(destination), namespace: namespace.clone(), state };
        match self.place(destination) {
            Ok(known) => self.at.get_mut(known).is_some_and(|known| {
                let before = std::mem::replace(known, here);
                before != *known
            }),
            Err(place) => {
                self.at.reserve_exact(1);
                self.at.insert(place, here);
                true
            }
        }
    }

    /// Removes a destination, unless the object has another namespace there by now; returns whether anything has changed.
    pub(super) fn leave(&mut self, destination: &DestinationId, namespace: Option<&RulerNamespace>) -> bool {
        let Ok(known) = self.place(destination) else { return false };
        let is_same = |here: &Here| namespace.is_none_or(|namespace| here.namespace == *namespace);
        let leaves = self.at.get(known).is_some_and(is_same);
        if leaves {
            self.at.remove(known);
        }
        leaves
    }

    fn place(&self, destination: &DestinationId) -> Result<usize, usize> {
        self.at.binary_search_by(|here| (*here.destination).cmp(destination))
    }

    /// Computes the present state after a change.
    pub(super) fn settle(&mut self, now: u64) {
        if self.declared.is_none() {
            (self.present, self.problem_since) = (None, None);
            return;
        }
        let (state, evaluation) = (self.state(), self.evaluation());
        match self.present {
            Some(present) if (present.state, present.evaluation) == (state, evaluation) => {}
            before => {
                // That an object had to be written at first is no news.
                let first = self.past.is_empty();
                if let Some(before) = before.filter(|before| !(first && before.state == ObjectState::Pending))
                {
                    if self.past.len() == MAX_PAST_STATES {
                        self.past.remove(0);
                    }
                    self.past.push(before);
                }
                self.present = Some(PastState { since: now, state, evaluation });
            }
        }
        self.problem_since = self.has_problem().then(|| self.problem_since.unwrap_or(now));
    }

    pub(super) fn is_declared(&self) -> bool {
        self.declared.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.declared.is_none() && self.at.is_empty()
    }

    pub(super) fn is_at(&self, destination: &DestinationId) -> bool {
        self.place(destination).is_ok()
    }

    pub(super) fn destinations(&self) -> impl Iterator<Item = &DestinationId> {
        self.at.iter().map(|here| &*here.destination)
    }

    pub(super) fn problem_since(&self) -> Option<u64> {
        self.problem_since
    }

    pub(super) fn state(&self) -> ObjectState {
        let Some(declared) = self.declared else { return ObjectState::NotSelected };
        // It is on its way to destinations that have not said anything of it.
        let on_its_way = (self.at.len() < declared.destinations).then_some(ObjectState::Pending);
        declared.verdict.with_destinations(self.at.iter().map(|here| here.state.state).chain(on_its_way))
    }

    pub(super) fn evaluation(&self) -> Option<EvaluationState> {
        self.at.iter().filter_map(|here| here.state.evaluation).max()
    }

    pub(super) fn delay(&self) -> Option<DelayReason> {
        self.at.iter().filter_map(|here| here.state.delay).max()
    }

    fn is_held(&self) -> bool {
        self.at.iter().any(|here| here.state.held)
    }

    /// Returns whether somebody has to do something about it. An outage of a ruler, or another leader, is nothing that is
    /// wrong with an object.
    pub(super) fn has_problem(&self) -> bool {
        self.declared.is_some()
            && (matches!(
                self.state(),
                ObjectState::Contested | ObjectState::Refused | ObjectState::Malformed
            ) || matches!(self.evaluation(), Some(EvaluationState::Failing | EvaluationState::NotLoaded))
                || matches!(self.delay(), Some(DelayReason::LimitExceeded | DelayReason::OwnerConflict))
                || self.is_held())
    }

    /// Returns the summary of a declared object.
    pub(super) fn summary(&self, object: &ObjectId) -> Option<ObjectSummary> {
        let (declared, present) = (self.declared?, self.present?);
        let digests = self.at.iter().map(|here| here.state.digest);
        Some(ObjectSummary {
            object: object.clone(),
            state: present.state,
            evaluation: present.evaluation,
            delay: self.delay(),
            held: self.is_held(),
            problem: self.has_problem(),
            since: present.since,
            destinations: self.destinations().cloned().collect(),
            past: self.past.clone(),
            digest: digests
                .fold(declared.digest, |all, one| all.rotate_left(5).wrapping_mul(31).wrapping_add(one)),
        })
    }
}
