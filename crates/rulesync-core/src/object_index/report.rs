//! The report of the index about an object, which the destinations complete to its status.

use crate::explain::ObjectExplanation;
use crate::finding::Finding;
use crate::locations::Locations;
use crate::model::object::ObjectId;
use crate::object_change::DeclaredVerdict;
use crate::status::{ObjectAtDestination, ObjectState, ObjectStatus};

/// The report of the index about an object, for a status.
#[derive(Debug)]
pub(crate) struct ObjectReport {
    pub(crate) id: ObjectId,
    pub(super) uid: Option<String>,
    pub(super) generation: Option<i64>,
    pub(super) groups: usize,
    pub(super) findings: Vec<Finding>,
    pub(super) verdict: DeclaredVerdict,
    /// The number of destinations that it goes to.
    pub(super) destinations: usize,
    pub(super) locations: Locations,
}

impl ObjectReport {
    /// Returns the status, given the reports of the destinations about the object.
    pub(crate) fn with_destinations(self, mut destinations: Vec<ObjectAtDestination>) -> ObjectStatus {
        // It is on its way to a destination that has not answered.
        let on_its_way = (destinations.len() < self.destinations).then_some(ObjectState::Pending);
        let states = destinations.iter().map(|destination| destination.state).chain(on_its_way);
        let state = self.verdict.with_destinations(states);
        let Self { id, uid, generation, groups, mut findings, locations, .. } = self;
        let of_destinations = destinations.iter_mut().flat_map(|destination| &mut destination.findings);
        locations.locate(findings.iter_mut().chain(of_destinations).map(|finding| (&id, finding)));
        ObjectStatus {
            source: id.source().to_owned(),
            kind: id.kind().to_owned(),
            namespace: id.namespace().to_owned(),
            name: id.name().to_owned(),
            uid,
            generation,
            state,
            groups,
            findings,
            destinations,
        }
    }

    /// Completes the explanation of the object.
    pub(crate) fn explain(self, explanation: &mut ObjectExplanation) {
        let states = explanation.destinations.iter().filter_map(|destination| destination.state);
        explanation.state = Some(self.verdict.with_destinations(states));
        let Self { id, mut findings, locations, .. } = self;
        let of_routes = explanation.routes.iter_mut().filter_map(|route| route.finding.as_mut());
        let of_destinations = explanation.destinations.iter_mut().flat_map(|here| &mut here.findings);
        let all = findings.iter_mut().chain(of_routes).chain(of_destinations);
        locations.locate(all.map(|finding| (&id, finding)));
        explanation.findings = findings;
    }
}
