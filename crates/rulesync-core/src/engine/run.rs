//! One run of an engine: the tasks of its sources and destinations, and the loop between them.

mod destinations;
mod environment;
mod explanations;
mod identity;
mod inventory;
mod inventory_writer;
mod mode;
mod moves;
mod names;
mod plans;
mod records;
mod reports;
mod requests;
mod running_destination;
mod running_source;
mod sources;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::handle::Request;
use super::parts::Parts;
use super::setup::Setup;
use super::summary::RunError;
use crate::destination::Command;
use crate::environment::{Environment, GoneNamespaces};
use crate::finding::Finding;
use crate::handover::Handover;
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::model::name::{RulerNamespace, SourceName};
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::naming::Naming;
use crate::object_change::ObjectChange;
use crate::object_index::{Effects, ObjectIndex};
use crate::outcome::{MAX_REPORTED_EACH, Outcome, Reporters};
use crate::plan::Approval;
use crate::source::SourceMessage;
use crate::vanishing::{Orphans, Vanishing};
use identity::Identity;
use inventory_writer::InventoryWriter;
pub(super) use mode::Mode;
use records::Records;
use running_destination::RunningDestination;
use running_source::RunningSource;

/// The number of events by which a source may be ahead of the engine. Small, because each may hold a big object.
const EVENT_QUEUE_LENGTH: usize = 32;

/// The time after which orphans are judged even if some destination has not been listed once.
const FIRST_LISTS_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Run {
    setup: Setup,
    mode: Mode,
    reporters: Reporters,
    metrics: Metrics,
    leadership: Leadership,
    requests: mpsc::Receiver<Request>,
    index: ObjectIndex,
    sources: BTreeMap<SourceName, RunningSource>,
    identity: Identity,
    destinations: BTreeMap<DestinationId, RunningDestination>,
    /// Destinations that no route leads to any more, until they are empty.
    retiring: BTreeMap<DestinationId, RunningDestination>,
    /// The inventory, once it has been read.
    inventory_writer: Option<InventoryWriter>,
    /// Handovers under way: the removals that destinations are sent once others have their objects.
    handovers: Vec<Handover>,
    /// True if objects may have left some destination empty.
    check_unused: bool,
    /// Kinds of which sources can have no objects, because they are not installed.
    missing_kinds: BTreeSet<(SourceName, Arc<str>)>,
    /// Kubernetes namespaces that were deleted within the delete guard's window.
    gone_namespaces: GoneNamespaces,
    /// The facts that all destinations share.
    environment: watch::Sender<Arc<Environment>>,
    /// Destinations that may hold own rules, with the namings of these, unless they are the installation's.
    known_destinations: BTreeMap<DestinationId, Vec<Naming>>,
    /// The recorded namespaces of destinations, which are named as declared.
    records: Records,
    /// The namespaces that the last plan writes.
    planned_namespaces: BTreeMap<DestinationId, BTreeSet<RulerNamespace>>,
    /// The releases of deletes in the inventory that are left to the daemon.
    unreleased: BTreeSet<String>,
    /// True until the inventory has these destinations.
    known_destinations_changed: bool,
    /// The time since when no route leads to destinations that are being emptied, in seconds since 1970.
    retiring_since: BTreeMap<DestinationId, u64>,
    /// Objects that vanished together.
    vanishing: Vanishing,
    /// Orphaned namespaces: objects may have vanished while no process ran.
    orphans: Orphans,
    /// True if destinations may have other orphans than when these were last judged.
    destinations_progressed: bool,
    /// True once every destination could be listed, so that orphans are judged all together.
    listed_once: bool,
    /// True if an operator has released all deletes beforehand.
    release_deletes: bool,
    /// True if plans contain bodies.
    bodies: bool,
    /// The changes that new destinations may make.
    approval: Approval,
    /// True if sources are not listened to any more: what is declared stays as it was when the plan was reviewed.
    frozen: bool,
    events: (mpsc::Sender<SourceMessage>, mpsc::Receiver<SourceMessage>),
    tasks: JoinSet<()>,
    progressed: Arc<Notify>,
    /// The number of runs of sources, which distinguishes a restarted source from its predecessor.
    runs: u32,
    started: Instant,
    /// The time at which a one-shot run last made progress, and how far it was.
    last_progress: (Instant, u64),
}

impl Run {
    pub(super) fn new(parts: Parts, mode: Mode) -> Self {
        let Parts {
            setup,
            reporters,
            metrics,
            requests,
            inventory,
            leadership,
            identity,
            installation,
            release_deletes,
            bodies,
        } = parts;
        let index = ObjectIndex::new(setup.routing_table());
        let reporters = index.locations().locating(reporters);
        let progressed = Arc::new(Notify::new());
        let environment = Arc::new(Environment::new(setup.policy.clone()));
        Self {
            identity: Identity::new(identity, installation),
            inventory_writer: inventory.map(|inventory| {
                InventoryWriter::new(
                    inventory,
                    Arc::clone(&progressed),
                    leadership.clone(),
                    mode != Mode::Plan,
                )
            }),
            setup,
            mode,
            reporters,
            metrics,
            leadership,
            requests: requests.1,
            index,
            sources: BTreeMap::new(),
            destinations: BTreeMap::new(),
            retiring: BTreeMap::new(),
            handovers: Vec::new(),
            check_unused: false,
            missing_kinds: BTreeSet::new(),
            gone_namespaces: GoneNamespaces::default(),
            environment: watch::Sender::new(environment),
            known_destinations: BTreeMap::new(),
            records: Records::default(),
            planned_namespaces: BTreeMap::new(),
            unreleased: BTreeSet::new(),
            known_destinations_changed: true,
            retiring_since: BTreeMap::new(),
            vanishing: Vanishing::default(),
            orphans: Orphans::default(),
            destinations_progressed: true,
            listed_once: false,
            release_deletes,
            bodies,
            approval: if mode == Mode::Plan { Approval::Nothing } else { Approval::Everything },
            frozen: false,
            events: mpsc::channel(EVENT_QUEUE_LENGTH),
            tasks: JoinSet::new(),
            progressed,
            runs: 0,
            started: Instant::now(),
            last_progress: (Instant::now(), 0),
        }
    }

    /// Runs until the mode's end or `shutdown`, which is an error except in [`Mode::Forever`], where it is the only
    /// end.
    pub(super) async fn run(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<Self, RunError> {
        self.adjust_destinations();
        for source in self.setup.sources.clone() {
            self.start_source(&source);
        }
        self.identify();
        // One-shot runs leave the inventory to the daemon, unless they have to record namespaces.
        let uses_inventory = self.mode == Mode::Forever || self.setup.needs_records();
        if let Some(inventory_writer) = self.inventory_writer.as_mut().filter(|_| uses_inventory) {
            inventory_writer.start(&mut self.tasks);
        }
        self.go_on(shutdown).await
    }

    /// Goes on until the mode's end or `shutdown`.
    async fn go_on(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<Self, RunError> {
        let mut shutdown = std::pin::pin!(shutdown);
        let progressed = Arc::clone(&self.progressed);
        loop {
            self.update_inventory();
            self.judge_vanishing();
            self.end_handovers();
            self.leave_destinations();
            // A destination does not end before its question was answered.
            self.recognize();
            self.record_namespaces();
            self.retire();
            self.forget_former_names();
            self.publish_environment();
            match self.is_over() {
                Some(Ok(())) => return Ok(self),
                Some(Err(error)) => {
                    self.stop().await;
                    return Err(error);
                }
                None => {}
            }
            let wake = self.wake();
            tokio::select! {
                () = &mut shutdown => {
                    self.stop().await;
                    return Err(RunError::Stopped);
                }
                Some(message) = self.events.1.recv(), if !self.frozen => {
                    self.receive(message);
                    // A long snapshot must not prevent destinations from writing what is known already.
                    tokio::task::yield_now().await;
                }
                Some(request) = self.requests.recv() => self.request(request),
                Some(ended) = self.tasks.join_next() => {
                    // A defect in a source or in the engine must not leave half an engine running.
                    if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                        std::panic::resume_unwind(panic);
                    }
                }
                () = progressed.notified() => self.destinations_progressed = true,
                () = sleep_until(wake) => self.wake_up(),
            }
        }
    }

    /// Ends all tasks; requests under way are finished.
    pub(super) async fn stop(mut self) {
        for source in self.sources.values() {
            source.stop.cancel();
        }
        for destination in self.destinations.values().chain(self.retiring.values()) {
            destination.stop.cancel();
        }
        if let Some(inventory_writer) = &self.inventory_writer {
            inventory_writer.stop();
        }
        // Sources that wait in their sink find it closed.
        drop(self.events);
        let deadline = Instant::now() + self.setup.policy.shutdown_grace + Duration::from_secs(1);
        while let Ok(Some(_)) = tokio::time::timeout_at(deadline, self.tasks.join_next()).await {}
        self.tasks.shutdown().await;
    }

    /// Returns the result of a one-shot run that has reached its end.
    fn is_over(&mut self) -> Option<Result<(), RunError>> {
        if self.mode == Mode::Forever {
            return None;
        }
        let patience = self.setup.policy.patience;
        if let Some((name, source)) = self.sources.iter().find(|(_, source)| !source.complete) {
            let reason = source.unavailable.clone().or_else(|| {
                // A long snapshot is no reason to give up; silence is.
                let silent = source.last_event.elapsed() >= patience;
                silent.then(|| format!("it has sent nothing for {patience:?}"))
            })?;
            let failure = RunError::SourceUnavailable { source_name: name.to_string(), reason };
            return (self.started.elapsed() >= patience).then_some(Err(failure));
        }
        let done = (self.frozen || self.events.1.is_empty()) && self.all_done();
        let achieved: u64 = self.destinations.values().map(RunningDestination::achieved).sum();
        if achieved != self.last_progress.1 {
            self.last_progress = (Instant::now(), achieved);
        }
        (done || self.last_progress.0.elapsed() >= self.setup.policy.timeout).then_some(Ok(()))
    }

    /// Returns when the run has something to do without an event.
    fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let patience = self.setup.policy.patience;
        let impatient = (self.mode != Mode::Forever).then(|| {
            let last =
                self.sources.values().filter(|source| !source.complete).map(|source| source.last_event);
            last.min().unwrap_or(self.started) + patience
        });
        let suspicions = self.sources.values().filter_map(|source| source.suspect_until);
        let first_lists =
            (!self.listed_once).then(|| self.started + FIRST_LISTS_TIMEOUT).filter(|at| *at > now);
        let times = [self.vanishing.due(now), self.orphans.due(now), first_lists];
        let timeout = (self.mode != Mode::Forever).then(|| self.last_progress.0 + self.setup.policy.timeout);
        suspicions
            .chain(impatient.filter(|at| *at > now))
            .chain(timeout.filter(|at| *at > now))
            .chain(times.into_iter().flatten())
            .min()
    }

    /// Does what is due by time.
    fn wake_up(&mut self) {
        self.end_suspicions();
    }

    fn carry_out(&mut self, Effects { commands, handovers, protections, changed, findings }: Effects) {
        self.protect(&protections);
        for (id, command) in commands {
            match &command {
                Command::Upsert { namespace, .. } => {
                    // The object comes back before it has left.
                    self.handovers.retain(|other| other.destination != id || other.namespace != *namespace);
                    self.ensure_destination(&id);
                }
                Command::Remove { .. } => self.check_unused = true,
                _ => {}
            }
            self.send_command(&id, command);
        }
        for handover in handovers {
            self.start_handover(handover);
        }
        self.unprotect(&protections);
        self.report_findings(findings);
        self.report_declared(&changed);
    }

    /// Reports what is known of these objects, if anybody follows them.
    fn report_declared(&self, changed: &[ObjectId]) {
        if !self.reporters.follow_objects() {
            return;
        }
        for object in changed {
            let object = object.clone();
            self.reporters.object_changed(&match self.index.declared_state(&object) {
                Some(state) => ObjectChange::Declared { object, state },
                None => ObjectChange::Gone { object },
            });
        }
    }

    /// Reports new findings: the first few of each object, and the number of the others. The status has them all.
    fn report_findings(&self, findings: Vec<(ObjectId, Option<DestinationId>, Finding)>) {
        let mut counts: BTreeMap<(ObjectId, Option<DestinationId>), usize> = BTreeMap::new();
        for (object, destination, finding) in findings {
            let count = counts.entry((object.clone(), destination.clone())).or_default();
            *count += 1;
            if *count <= MAX_REPORTED_EACH {
                self.reporters.report(&Outcome::Found { object, destination, finding });
            }
        }
        for ((object, destination), count) in counts {
            let more = count.saturating_sub(MAX_REPORTED_EACH);
            if more > 0 {
                self.reporters.report(&Outcome::MoreFound { object, destination, more });
            }
        }
    }

    /// Sends a command to a destination, if there is one, retiring ones included.
    fn send_command(&mut self, id: &DestinationId, command: Command) {
        if let Some(destination) = self.running(id) {
            destination.send(command);
        }
    }

    /// Returns a destination, retiring ones included.
    fn running(&mut self, id: &DestinationId) -> Option<&mut RunningDestination> {
        self.destinations.get_mut(id).or_else(|| self.retiring.get_mut(id))
    }

    pub(super) fn applied(&self) -> u64 {
        self.destinations.values().map(|destination| destination.progress.borrow().applied).sum()
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
