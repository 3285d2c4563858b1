//! Reports of the destinations, combined into a status. The loop requests them and does not wait: a destination that is
//! slow to answer, or waits for its predecessor, delays only the caller that wants the status.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Run;
use crate::concurrency::ConcurrencyLimit;
use crate::destination::{Command, DestinationReport};
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::object_index::ObjectReport;
use crate::status::{DestinationStatus, ObjectAtDestination, ObjectStatus, SourceStatus, Status};

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
    concurrency: ConcurrencyLimit,
    report: oneshot::Receiver<DestinationReport>,
}

/// Reports about some objects that are on their way.
pub(super) struct ObjectReports {
    objects: Vec<ObjectReport>,
    destinations: Vec<oneshot::Receiver<Vec<(ObjectId, ObjectAtDestination)>>>,
}

/// Reports of the destinations as wholes that are on their way.
pub(super) struct Overview {
    owner: String,
    sources: Vec<SourceStatus>,
    destinations: Vec<(DestinationId, bool, ConcurrencyLimit, oneshot::Receiver<DestinationStatus>)>,
}

impl Run {
    /// Requests the status of every destination as a whole.
    pub(super) fn ask_for_overview(&mut self) -> Overview {
        let mut destinations = Vec::with_capacity(self.destinations.len() + self.retiring.len());
        for (retiring, running) in [(false, &mut self.destinations), (true, &mut self.retiring)] {
            for (id, destination) in running {
                let (answer, status) = oneshot::channel();
                destination.send(Command::Summary(answer));
                destinations.push((id.clone(), retiring, destination.concurrency.clone(), status));
            }
        }
        let owner = self.setup.namespace_policy.owner.to_string();
        Overview { owner, sources: self.source_statuses(), destinations }
    }

    /// Requests a report about some objects from the destinations that they go to.
    pub(super) fn ask_for_objects(&mut self, asked: &[ObjectId]) -> ObjectReports {
        let mut objects = Vec::with_capacity(asked.len());
        let mut at: BTreeMap<&DestinationId, Vec<(ObjectId, RulerNamespace)>> = BTreeMap::new();
        for id in asked {
            let Some((report, places)) = self.index.report_of(id) else { continue };
            for (destination, namespace) in places {
                at.entry(destination).or_default().push((id.clone(), namespace.clone()));
            }
            objects.push(report);
        }
        let mut destinations = Vec::with_capacity(at.len());
        for (id, asked) in at {
            let running = self.destinations.get_mut(id).or_else(|| self.retiring.get_mut(id));
            if let Some(destination) = running {
                let (answer, report) = oneshot::channel();
                destination.send(Command::Objects(asked, answer));
                destinations.push(report);
            }
        }
        ObjectReports { objects, destinations }
    }

    /// Requests a report from every destination.
    pub(super) fn ask_for_reports(&mut self) -> Reports {
        let mut destinations = Vec::with_capacity(self.destinations.len() + self.retiring.len());
        for (retiring, running) in [(false, &mut self.destinations), (true, &mut self.retiring)] {
            for (id, destination) in running {
                let (answer, report) = oneshot::channel();
                destination.send(Command::Status(answer));
                let concurrency = destination.concurrency.clone();
                destinations.push(Awaited { id: id.clone(), retiring, concurrency, report });
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

impl Overview {
    /// Returns the status without objects, once every destination has answered or the time for it is over.
    pub(super) async fn status(self) -> Status {
        let deadline = Instant::now() + REPORT_TIMEOUT;
        let mut destinations = Vec::with_capacity(self.destinations.len());
        for (id, retiring, concurrency, status) in self.destinations {
            match tokio::time::timeout_at(deadline, status).await {
                Ok(Ok(status)) => {
                    let concurrency = concurrency.status();
                    destinations.push(DestinationStatus { retiring, concurrency, ..status });
                }
                // The destination has ended meanwhile.
                Ok(Err(_)) => {}
                Err(_) => {
                    destinations.push(DestinationStatus::unanswered(&id, retiring, concurrency.status()));
                }
            }
        }
        Status { owner: self.owner, sources: self.sources, destinations, objects: Vec::new() }
    }
}

impl ObjectReports {
    /// Returns the status of the objects, once their destinations have answered or the time for it is over.
    pub(super) async fn objects(self) -> Vec<ObjectStatus> {
        let deadline = Instant::now() + REPORT_TIMEOUT;
        let mut at_destinations: HashMap<ObjectId, Vec<ObjectAtDestination>> = HashMap::new();
        for report in self.destinations {
            // A destination that ends, or that waits for its predecessor, has nothing to say.
            if let Ok(Ok(report)) = tokio::time::timeout_at(deadline, report).await {
                for (object, here) in report {
                    at_destinations.entry(object).or_default().push(here);
                }
            }
        }
        let status = |object: ObjectReport| {
            let destinations = at_destinations.remove(&object.id).unwrap_or_default();
            object.with_destinations(destinations)
        };
        self.objects.into_iter().map(status).collect()
    }
}

impl Reports {
    /// Returns the status, once every destination has answered or the time for it is over.
    pub(super) async fn status(self) -> Status {
        let deadline = Instant::now() + REPORT_TIMEOUT;
        let mut destinations = Vec::with_capacity(self.destinations.len());
        let mut at_destinations: HashMap<ObjectId, Vec<ObjectAtDestination>> = HashMap::new();
        for Awaited { id, retiring, concurrency, report } in self.destinations {
            match tokio::time::timeout_at(deadline, report).await {
                Ok(Ok(DestinationReport { destination, objects })) => {
                    let concurrency = concurrency.status();
                    destinations.push(DestinationStatus { retiring, concurrency, ..destination });
                    for (object, at_destination) in objects {
                        at_destinations.entry(object).or_default().push(at_destination);
                    }
                }
                // The destination has ended meanwhile.
                Ok(Err(_)) => {}
                Err(_) => {
                    destinations.push(DestinationStatus::unanswered(&id, retiring, concurrency.status()));
                }
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
