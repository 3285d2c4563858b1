//! What is wrong now, and what there is: the twin of the first page.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use rulesync_core::Finding;
use rulesync_core::status::{DestinationState, DestinationStatus, ObjectState, SourceStatus};
use serde::Serialize;

use super::answer::tagged;
use super::objects::Summary;
use crate::context::Context;
use crate::view::overview::{MAX_PROBLEMS, Overview, Problem, is_wrong};

#[derive(Debug, Serialize)]
struct Answer<'a> {
    version: &'static str,
    owner: &'a str,
    leader: bool,
    /// When the process began, in seconds since 1970.
    started: u64,
    sources: &'a [SourceStatus],
    /// The number of destinations in each state.
    destinations: Vec<Count<DestinationState>>,
    /// The number of objects in each state.
    objects: &'a BTreeMap<ObjectState, usize>,
    problems: Problems<'a>,
}

#[derive(Debug, Serialize)]
struct Count<T> {
    state: T,
    destinations: usize,
}

#[derive(Debug, Serialize)]
struct Problems<'a> {
    /// The number of destinations with problems.
    destinations_total: usize,
    destinations: Vec<&'a DestinationStatus>,
    /// The number of objects with problems.
    objects_total: usize,
    /// The latest first.
    objects: Vec<ObjectProblem<'a>>,
}

#[derive(Debug, Serialize)]
struct ObjectProblem<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    findings: Vec<&'a Finding>,
}

impl<'a> From<&'a Problem> for ObjectProblem<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self { summary: Summary::from(&problem.summary), findings: problem.findings() }
    }
}

/// Returns what is wrong now, and what there is.
pub(super) async fn overview(State(context): State<Context>, headers: HeaderMap) -> Response {
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return busy.into_response(),
    };
    match Overview::of(&context).await {
        Ok(overview) => tagged(&headers, &Answer::from(&overview), turn),
        Err(no_answer) => no_answer.into_response(),
    }
}

impl<'a> From<&'a Overview> for Answer<'a> {
    fn from(overview: &'a Overview) -> Self {
        let status = &overview.status;
        let mut destinations: Vec<Count<DestinationState>> = Vec::new();
        for one in &status.destinations {
            match destinations.iter_mut().find(|count| count.state == one.state) {
                Some(count) => count.destinations += 1,
                None => destinations.push(Count { state: one.state, destinations: 1 }),
            }
        }
        let wrong = || status.destinations.iter().filter(|one| is_wrong(one));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            owner: &status.owner,
            leader: overview.leads.unwrap_or(true),
            started: overview.started,
            sources: &status.sources,
            destinations,
            objects: &overview.counts,
            problems: Problems {
                destinations_total: wrong().count(),
                destinations: wrong().take(MAX_PROBLEMS).collect(),
                objects_total: overview.all_problems,
                objects: overview.problems.iter().map(ObjectProblem::from).collect(),
            },
        }
    }
}
