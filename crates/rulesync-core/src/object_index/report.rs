//! The report of the index about an object, which the destinations complete to its status.

use crate::finding::Finding;
use crate::locations::Locations;
use crate::model::object::ObjectId;
use crate::status::{ObjectAtDestination, ObjectState, ObjectStatus};

/// The report of the index about an object, for a status.
#[derive(Debug)]
pub(crate) struct ObjectReport {
    pub(crate) id: ObjectId,
    pub(super) findings: Vec<Finding>,
    pub(super) malformed: bool,
    pub(super) has_routing_findings: bool,
    pub(super) locations: Locations,
}

impl ObjectReport {
    /// Returns the status, given the reports of the destinations about the object.
    pub(crate) fn with_destinations(self, mut destinations: Vec<ObjectAtDestination>) -> ObjectStatus {
        let Self { id, mut findings, malformed, has_routing_findings, locations } = self;
        let of_destinations = destinations.iter_mut().flat_map(|destination| &mut destination.findings);
        locations.locate(findings.iter_mut().chain(of_destinations).map(|finding| (&id, finding)));
        let worst = destinations
            .iter()
            .map(|destination| destination.state)
            .max()
            .unwrap_or(ObjectState::NotSelected);
        let refused = findings.iter().any(Finding::withholds)
            && (worst != ObjectState::NotSelected || has_routing_findings);
        ObjectStatus {
            source: id.source().to_owned(),
            kind: id.kind().to_owned(),
            namespace: id.namespace().to_owned(),
            name: id.name().to_owned(),
            state: match malformed {
                true => ObjectState::Malformed,
                false if refused => worst.max(ObjectState::Refused),
                false => worst,
            },
            findings,
            destinations,
        }
    }
}
