//! The status of a `LoggingRule`, which carries it itself.
//!
//! It has no room for a digest: a status subresource takes nothing but the status. What was written is therefore read from
//! the object ([`written`]), which the publisher lists once when it begins.
//!
//! A `LoggingRule` has one status, and may be in the reach of several installations. One that does not select it, and has
//! not selected it before, leaves the status alone ([`is_concerned`]).

use rulesync_core::model::LOGGING_RULE;
use rulesync_core::status::ObjectStatus;

use super::conditions::{ConditionType, Conditions};
use super::contents;
use super::digest::Digest;
use super::draft::{Dated, Draft, Written};
use super::reason::Reason;
use super::transitions::Transitions;
use crate::crd::LoggingRuleStatus;

/// Returns the status of a `LoggingRule`, without times; none for other kinds.
pub fn render(status: &ObjectStatus) -> Option<Draft<LoggingRuleStatus>> {
    if status.kind != LOGGING_RULE {
        return None;
    }
    let (published, conditions) = contents::of(status, status.generation);
    let rendering = LoggingRuleStatus { observed_generation: status.generation, published };
    let digest = Digest::new(&rendering, &contents::steady(status));
    Some(Draft { rendering, conditions, digest })
}

impl Dated for LoggingRuleStatus {
    fn date(&mut self, _: Digest, transitions: &Transitions) {
        transitions.date(&mut self.published.conditions);
    }
}

/// Returns what is known of the status of a `LoggingRule` that was read; none if nobody has written one.
pub fn written(status: &LoggingRuleStatus) -> Option<Written> {
    let conditions = &status.published.conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.name())?;
    let state = Reason::ALL.into_iter().find(|reason| reason.name() == ready.reason);
    let transitions = Transitions::of(conditions);
    let mut undated = status.clone();
    undated.published.conditions.iter_mut().for_each(|condition| condition.last_transition_time.clear());
    // What it says besides evaluation cannot be told apart any more: a difference counts as more than evaluation.
    Some(Written { digest: Digest::new(&undated, &()), transitions, state })
}

/// Returns whether an installation has something to say in the one status of a `LoggingRule`.
pub fn is_concerned(conditions: &Conditions, before: Option<&Written>) -> bool {
    conditions.state() != Reason::NotSelected || before.is_some()
}
