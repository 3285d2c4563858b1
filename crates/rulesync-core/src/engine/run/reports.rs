//! Reports of the destinations, combined into a status. The loop requests them and does not wait: a destination that is
//! slow to answer, or waits for its predecessor, delays only the caller that wants the status.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Run;
use crate::destination::{Command, DestinationReport};
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::object_index::ObjectReport;
use crate::status::{DestinationStatus, ObjectAtDestination, SourceStatus, Status};

/// The time that destinations have to answer, all together.
pub(super) const REPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Reports that are on their way.
pub(super) struct Reports {
    owner: String,
    sources: Vec<SourceStatus>,
    objects: Vec<ObjectReport>,
    destinations: Vec<Awaited>,
}

struct Awaited {
    id: DestinationId,
    retiring: bool,
    report: oneshot::Receiver<DestinationReport>,
}

impl Run {
    /// Requests a report from every destination.
    pub(super) fn ask_for_reports(&mut self) -> Reports {
        let mut destinations = Vec::with_capacity(self.destinations.len() + self.retiring.len());
        for (retiring, running) in [(false, &mut self.destinations), (true, &mut self.retiring)] {
            for (id, destination) in running {
                let (answer, report) = oneshot::channel();
                destination.send(Command::Status(answer));
                destinations.push(Awaited { id: id.clone(), retiring, report });
            }
        }
        Reports {
            owner: self.setup.namespace_policy.owner.to_string(),
            sources: self.source_statuses(),
            objects: self.index.reports(),
            destinations,
        }
    }
}

impl Reports {
    /// Returns the status, once every destination has answered or the time for it is over.
    pub(super) async fn status(self) -> Status {
        let deadline = Instant::now() + REPORT_TIMEOUT;
        let mut destinations = Vec::with_capacity(self.destinations.len());
        let mut at_destinations: HashMap<ObjectId, Vec<ObjectAtDestination>> = HashMap::new();
        for Awaited { id, retiring, report } in self.destinations {
            match tokio::time::timeout_at(deadline, report).await {
                Ok(Ok(DestinationReport { destination, objects })) => {
                    destinations.push(DestinationStatus { retiring, ..destination });
                    for (object, at_destination) in objects {
                        at_destinations.entry(object).or_default().push(at_destination);
                    }
                }
                // The destination has ended meanwhile.
                Ok(Err(_)) => {}
                Err(_) => destinations.push(DestinationStatus::unanswered(&id, retiring)),
            }
        }
        let status = |object: ObjectReport| {
            let destinations = at_destinations.remove(&object.id).unwrap_or_default();
            object.with_destinations(destinations)
        };
        let objects = self.objects.into_iter().map(status).collect();
        Status { owner: self.owner, sources: self.sources, destinations, objects }
    }
}
