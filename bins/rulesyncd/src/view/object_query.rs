//! Which objects are asked for: the parameters of a URL, for a page and its twin alike.

use rulesync_core::status::{DelayReason, EvaluationState, ObjectFilter, ObjectState};
use serde::Deserialize;

use super::paging;

/// The value of `state` for objects with a problem, whatever it is.
pub(crate) const PROBLEM: &str = "problem";

/// The states that can be asked for, with their words in URLs.
pub(crate) const STATES: [(&str, ObjectState); 6] = [
    ("malformed", ObjectState::Malformed),
    ("refused", ObjectState::Refused),
    ("contested", ObjectState::Contested),
    ("pending", ObjectState::Pending),
    ("synced", ObjectState::Synced),
    ("not_selected", ObjectState::NotSelected),
];

pub(crate) const EVALUATIONS: [(&str, EvaluationState); 3] = [
    ("not_loaded", EvaluationState::NotLoaded),
    ("failing", EvaluationState::Failing),
    ("healthy", EvaluationState::Healthy),
];

pub(crate) const DELAYS: [(&str, DelayReason); 5] = [
    ("owner_conflict", DelayReason::OwnerConflict),
    ("limit_exceeded", DelayReason::LimitExceeded),
    ("failing", DelayReason::Failing),
    ("ruler_unavailable", DelayReason::RulerUnavailable),
    ("standby", DelayReason::Standby),
];

/// Returns the word of a state in URLs.
pub(crate) fn word(state: ObjectState) -> &'static str {
    STATES.iter().find(|(_, known)| *known == state).map_or("", |(word, _)| word)
}

/// The parameters as they are sent. Empty ones mean nothing: a form sends all its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ObjectQuery {
    pub(crate) state: String,
    pub(crate) evaluation: String,
    pub(crate) delay: String,
    pub(crate) source: String,
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) namespace: String,
    pub(crate) q: String,
    pub(crate) page: String,
    /// Of the API only.
    pub(crate) limit: String,
    /// Of the API only.
    pub(crate) after: String,
}

impl ObjectQuery {
    /// Returns the objects that are asked for.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn filter(&self) -> Result<ObjectFilter, String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(ObjectFilter {
            state: if self.state == PROBLEM { None } else { one_of(&self.state, &STATES, "state")? },
            problems: self.state == PROBLEM,
            evaluation: one_of(&self.evaluation, &EVALUATIONS, "evaluation")?,
            delay: one_of(&self.delay, &DELAYS, "delay")?,
            source: some(&self.source),
            ruler: some(&self.ruler),
            tenant: some(&self.tenant),
            namespace: some(&self.namespace),
            text: some(&self.q),
        })
    }

    /// Returns the number of the page that is asked for, from 1.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn page(&self) -> Result<usize, String> {
        paging::page(&self.page, [&self.limit, &self.after])
    }

    /// Returns the number of objects that are asked for at once.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn limit(&self) -> Result<usize, String> {
        paging::limit(&self.limit, &self.page)
    }

    /// Returns whether objects are filtered at all.
    pub(crate) fn is_empty(&self) -> bool {
        Self { page: String::new(), ..self.clone() } == Self::default()
    }
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)], name: &str) -> Result<Option<T>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        format!("`{name}` must be one of {}", words.join(", "))
    })
}
