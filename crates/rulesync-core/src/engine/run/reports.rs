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

/// Reports of everything that are on their way.
pub(super) struct Reports {
    objects: Vec<ObjectReport>,
    overview: Overview<DestinationReport>,
}

/// Answers of all destinations that are on their way, and what is known without them.
pub(super) struct Overview<T> {
    owner: String,
    sources: Vec<SourceStatus>,
    destinations: Vec<Awaited<T>>,
}

struct Awaited<T> {
    id: DestinationId,
    retiring: bool,
    concurrency: ConcurrencyLimit,
    answer: oneshot::Receiver<T>,
}

/// Reports about some objects that are on their way.
pub(super) struct ObjectReports {
    objects: Vec<ObjectReport>,
    destinations: Vec<oneshot::Receiver<Vec<(ObjectId, ObjectAtDestination)>>>,
}

impl Run {
    /// Requests a report from every destination.
    pub(super) fn ask_for_reports(&mut self) -> Reports {
        Reports { overview: self.ask_all(Command::Status), objects: self.index.reports() }
    }

    /// Requests the status of every destination as a whole.
    pub(super) fn ask_for_overview(&mut self) -> Overview<DestinationStatus> {
        self.ask_all(Command::Summary)
    }

    fn ask_all<T>(&mut self, question: impl Fn(oneshot::Sender<T>) -> Command) -> Overview<T> {
        let mut destinations = Vec::with_capacity(self.destinations.len() + self.retiring.len());
        for (retiring, running) in [(false, &mut self.destinations), (true, &mut self.retiring)] {
            for (id, destination) in running {
                let (sender, answer) = oneshot::channel();
                destination.send(question(sender));
                let (id, concurrency) = (id.clone(), destination.concurrency.clone());
                destinations.push(Awaited { id, retiring, concurrency, answer });
            }
        }
        let owner = self.setup.namespace_policy.owner.to_string();
        Overview { owner, sources: self.source_statuses(), destinations }
    }

    /// Requests a report about some objects from the destinations that they go to.
    pub(super) fn ask_for_objects(&mut self, asked: &[ObjectId]) -> ObjectReports {
        let mut objects = Vec::with_capacity(asked.len());
        let mut at: BTreeMap<DestinationId, Vec<(ObjectId, RulerNamespace)>> = BTreeMap::new();
        for id in asked {
            let Some((report, places)) = self.index.report_of(id) else { continue };
            for (destination, namespace) in places {
                at.entry(destination.clone()).or_default().push((id.clone(), namespace.clone()));
            }
            objects.push(report);
        }
        let mut destinations = Vec::with_capacity(at.len());
        for (id, asked) in at {
            let (answer, report) = oneshot::channel();
            self.send_command(&id, Command::Objects(asked, answer));
            destinations.push(report);
        }
        ObjectReports { objects, destinations }
    }
}

impl Overview<DestinationStatus> {
    /// Returns the status without objects, once every destination has answered or the time for it is over.
    pub(super) async fn status(self) -> Status {
        self.status_with(|status| status).await
    }
}

impl<T> Overview<T> {
    /// Returns the status without objects. `take` takes the status of a destination out of its answer.
    async fn status_with(self, mut take: impl FnMut(T) -> DestinationStatus) -> Status {
        let deadline = Instant::now() + REPORT_TIMEOUT;
        let mut destinations = Vec::with_capacity(self.destinations.len());
        for Awaited { id, retiring, concurrency, answer } in self.destinations {
            match tokio::time::timeout_at(deadline, answer).await {
                Ok(Ok(answer)) => {
                    let (status, concurrency) = (take(answer), concurrency.status());
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
        let mut at_destinations = AtDestinations::default();
        answers(self.destinations).await.into_iter().for_each(|report| at_destinations.add(report));
        at_destinations.complete(self.objects)
    }
}

impl Reports {
    /// Returns the status, once every destination has answered or the time for it is over.
    pub(super) async fn status(self) -> Status {
        let mut at_destinations = AtDestinations::default();
        let take = |DestinationReport { destination, objects }| {
            at_destinations.add(objects);
            destination
        };
        let overview = self.overview.status_with(take).await;
        Status { objects: at_destinations.complete(self.objects), ..overview }
    }
}

/// The reports of destinations about objects, by object.
#[derive(Default)]
struct AtDestinations(HashMap<ObjectId, Vec<ObjectAtDestination>>);

impl AtDestinations {
    fn add(&mut self, report: Vec<(ObjectId, ObjectAtDestination)>) {
        for (object, here) in report {
            self.0.entry(object).or_default().push(here);
        }
    }

    /// Completes the reports of the index to the status of the objects.
    fn complete(mut self, objects: Vec<ObjectReport>) -> Vec<ObjectStatus> {
        let status = |object: ObjectReport| {
            let destinations = self.0.remove(&object.id).unwrap_or_default();
            object.with_destinations(destinations)
        };
        objects.into_iter().map(status).collect()
    }
}

/// Returns the answers that come in time.
pub(super) async fn answers<T>(destinations: Vec<oneshot::Receiver<T>>) -> Vec<T> {
    let deadline = Instant::now() + REPORT_TIMEOUT;
    let mut answers = Vec::with_capacity(destinations.len());
    for answer in destinations {
        // A destination that ends, or that waits for its predecessor, has nothing to say.
        if let Ok(Ok(answer)) = tokio::time::timeout_at(deadline, answer).await {
            answers.push(answer);
        }
    }
    answers
}
