//! What is wrong now, and what there is.

use std::collections::{BTreeMap, HashSet};

use rulesync_core::Finding;
use rulesync_core::explain::ObjectText;
use rulesync_core::model::ObjectId;
use rulesync_core::status::{
    DestinationState, DestinationStatus, ObjectFilter, ObjectState, ObjectStatus, ObjectSummary, Status,
};

use crate::ask::NoAnswer;
use crate::context::Context;

/// The number of objects with problems that are told of.
pub(crate) const MAX_PROBLEMS: usize = 50;

/// What is wrong now, and what there is.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) status: Status,
    pub(crate) counts: BTreeMap<ObjectState, usize>,
    /// Objects with problems, the latest first.
    pub(crate) problems: Vec<Problem>,
    /// The number of objects with problems, shown or not.
    pub(crate) all_problems: usize,
    /// Whether this process writes; none if it is the only one.
    pub(crate) leads: Option<bool>,
    /// When the process began, in seconds since 1970.
    pub(crate) started: u64,
}

/// An object with a problem, and what the engine still knew of it when it was asked.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) summary: ObjectSummary,
    pub(crate) status: Option<ObjectStatus>,
    pub(crate) text: Option<ObjectText>,
}

/// Returns whether somebody has to know of a destination: it cannot be worked on, or its deletes wait for somebody.
pub(crate) fn is_wrong(one: &DestinationStatus) -> bool {
    matches!(one.state, DestinationState::Failing | DestinationState::Conflict)
        || one.holds.iter().any(|held| held.reason.is_releasable())
}

impl Problem {
    /// Returns the findings about the object wherever it goes, each once, errors first.
    pub(crate) fn findings(&self) -> Vec<&Finding> {
        let Some(status) = &self.status else { return Vec::new() };
        let here = status.destinations.iter().flat_map(|here| &here.findings);
        let mut seen = HashSet::new();
        let all = status.findings.iter().chain(here);
        let mut all: Vec<&Finding> = all.filter(|one| seen.insert(*one)).collect();
        all.sort_by_key(|finding| !finding.is_error());
        all
    }
}

impl Overview {
    /// Asks the engine.
    pub(crate) async fn of(context: &Context) -> Result<Self, NoAnswer> {
        let status = context.engine().overview().await?;
        let states = context.states();
        let (summaries, all_problems) = states.problems(&ObjectFilter::default(), MAX_PROBLEMS);
        let ids: Vec<ObjectId> = summaries.iter().map(|summary| summary.object.clone()).collect();
        // In the order of the request, without those that are gone meanwhile.
        let mut known = context.engine().objects(ids.clone()).await?.into_iter().peekable();
        let mut texts = context.engine().texts(ids).await?.into_iter().peekable();
        let problem = |summary: ObjectSummary| {
            let id = &summary.object;
            let status = known.next_if(|status| {
                status.name == id.name()
                    && status.namespace == id.namespace()
                    && status.kind == id.kind()
                    && status.source == id.source()
            });
            let text = texts.next_if(|text| text.id() == id);
            Problem { summary, status, text }
        };
        Ok(Self {
            problems: summaries.into_iter().map(problem).collect(),
            all_problems,
            counts: states.counts().0,
            status,
            leads: context.leads(),
            started: context.started(),
        })
    }
}
