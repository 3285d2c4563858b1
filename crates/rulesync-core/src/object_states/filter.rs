//! Which objects are asked for, and the answer.

use super::entry::{Entry, ObjectSummary};
use crate::model::object::ObjectId;
use crate::status::object_state::{DelayReason, EvaluationState, ObjectState};

/// Selects objects; an empty filter selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectFilter {
    /// The state.
    pub state: Option<ObjectState>,
    /// The evaluation of its rules.
    pub evaluation: Option<EvaluationState>,
    /// The most serious reason why a ruler has not been brought up to date.
    pub delay: Option<DelayReason>,
    /// True for objects with a problem only.
    pub problems: bool,
    /// The name of the source.
    pub source: Option<String>,
    /// The ruler of one of its destinations.
    pub ruler: Option<String>,
    /// The tenant of one of its destinations; empty for destinations without one.
    pub tenant: Option<String>,
    /// The Kubernetes namespace.
    pub namespace: Option<String>,
    /// Part of `namespace/name`, in any case.
    pub text: Option<String>,
}

/// A page of a list of objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectPage {
    /// The objects.
    pub objects: Vec<ObjectSummary>,
    /// The number of objects that the filter selects, on all pages.
    pub total: usize,
    /// The number of them before this page.
    pub offset: usize,
    /// True if there are more after this page.
    pub more: bool,
}

impl ObjectFilter {
    pub(super) fn selects(&self, id: &ObjectId, entry: &Entry) -> bool {
        self.state.is_none_or(|state| entry.state() == state)
            && self.evaluation.is_none_or(|evaluation| entry.evaluation() == Some(evaluation))
            && self.delay.is_none_or(|delay| entry.delay() == Some(delay))
            && (!self.problems || entry.problem_since().is_some())
            && self.source.as_ref().is_none_or(|source| source == id.source())
            && self.namespace.as_ref().is_none_or(|namespace| namespace == id.namespace())
            && self.goes_there(entry)
            && self.text.as_ref().is_none_or(|text| contains(id, text))
    }

    fn goes_there(&self, entry: &Entry) -> bool {
        (self.ruler.is_none() && self.tenant.is_none())
            || entry.destinations().any(|id| {
                self.ruler.as_ref().is_none_or(|ruler| **ruler == *id.ruler)
                    && self.tenant.as_ref().is_none_or(|tenant| tenant == id.tenant_str())
            })
    }
}

fn contains(id: &ObjectId, text: &str) -> bool {
    format!("{}/{}", id.namespace(), id.name()).to_lowercase().contains(&text.to_lowercase())
}
