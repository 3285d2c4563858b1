//! One run of an engine: the tasks of its sources and targets, and the loop between them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::setup::{NamedRuler, NamedSource, Setup, SetupError};
use super::{Command, RunError};
use crate::apply::Budgeted;
use crate::catalogue::{Catalogue, Consequences};
use crate::metrics::{Metrics, SourceLabels, SourceStateLabels};
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::outcome::{Outcome, Reporters};
use crate::plan::{Deletes, Plan};
use crate::source::{Said, Sink, Source, SourceEvent};
use crate::status::{ObjectAtTarget, SourceStatus, Status};
use crate::target::{Order, Progress, Shared, Target};

/// When a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Forever,
    Once,
    Plan,
}

/// Events a source may be ahead of the engine. Small, because each may hold a big object.
const EVENTS: usize = 32;

pub(super) struct Run {
    setup: Setup,
    mode: Mode,
    reporters: Reporters,
    metrics: Metrics,
    commands: mpsc::Receiver<Command>,
    catalogue: Catalogue,
    sources: BTreeMap<Arc<str>, RunningSource>,
    targets: BTreeMap<TargetId, RunningTarget>,
    /// Targets that no route leads to any more, until they are empty.
    retiring: BTreeMap<TargetId, RunningTarget>,
    events: (mpsc::Sender<Said>, mpsc::Receiver<Said>),
    tasks: JoinSet<()>,
    deletes: Deletes,
    progressed: Arc<Notify>,
    /// Counts the runs of sources, so that a restarted one is told from its predecessor.
    runs: u32,
    started: Instant,
}

struct RunningSource {
    source: Arc<dyn Source>,
    run: u32,
    complete: bool,
    /// Whether objects of an earlier run may still have to go.
    to_sweep: bool,
    unavailable: Option<String>,
    stop: CancellationToken,
}

struct RunningTarget {
    ruler: NamedRuler,
    /// The ruler's budget, shared by all its targets.
    requests: Arc<Semaphore>,
    orders: mpsc::UnboundedSender<Order>,
    progress: watch::Receiver<Progress>,
    sent: u64,
    stop: CancellationToken,
}

impl RunningTarget {
    fn send(&mut self, order: Order) {
        // A target ends only when it is stopped, and then needs no orders.
        if self.orders.send(order).is_ok() {
            self.sent += 1;
        }
    }

    /// Whether it has done what it can: everything, or what it can without what fails.
    fn is_done(&self) -> bool {
        let progress = self.progress.borrow();
        progress.handled == self.sent
            && progress.idle
            && ((progress.listed && !progress.failing) || progress.stuck)
    }
}

impl Run {
    pub(super) fn new(
        setup: Setup,
        reporters: Reporters,
        metrics: Metrics,
        commands: mpsc::Receiver<Command>,
        mode: Mode,
    ) -> Self {
        let catalogue = Catalogue::new(setup.map());
        Self {
            setup,
            mode,
            reporters,
            metrics,
            commands,
            catalogue,
            sources: BTreeMap::new(),
            targets: BTreeMap::new(),
            retiring: BTreeMap::new(),
            events: mpsc::channel(EVENTS),
            tasks: JoinSet::new(),
            deletes: Deletes::default(),
            progressed: Arc::new(Notify::new()),
            runs: 0,
            started: Instant::now(),
        }
    }

    /// Runs until the mode's end or `shutdown`, which is an error but in [`Mode::Forever`] the only end.
    pub(super) async fn run(mut self, shutdown: CancellationToken) -> Result<Self, RunError> {
        self.adjust_targets();
        for source in self.setup.sources.clone() {
            self.start_source(&source);
        }
        let progressed = Arc::clone(&self.progressed);
        loop {
            self.retire();
            match self.is_over() {
                Some(Ok(())) => return Ok(self),
                Some(Err(error)) => {
                    self.stop().await;
                    return Err(error);
                }
                None => {}
            }
            let patience = self.started + self.setup.policy.patience;
            tokio::select! {
                () = shutdown.cancelled() => {
                    self.stop().await;
                    return Err(RunError::Stopped);
                }
                Some(said) = self.events.1.recv() => {
                    self.said(said);
                    // A long snapshot must not keep targets from writing what is known already.
                    tokio::task::yield_now().await;
                }
                Some(command) = self.commands.recv() => self.command(command).await,
                Some(ended) = self.tasks.join_next() => {
                    // A defect in a source or in us must not leave half an engine running.
                    if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                        std::panic::resume_unwind(panic);
                    }
                }
                () = progressed.notified() => {}
                () = tokio::time::sleep_until(patience), if self.mode != Mode::Forever && Instant::now() < patience => {}
            }
        }
    }

    /// Ends all tasks; requests under way are finished.
    pub(super) async fn stop(mut self) {
        for source in self.sources.values() {
            source.stop.cancel();
        }
        for target in self.targets.values().chain(self.retiring.values()) {
            target.stop.cancel();
        }
        // Sources that wait in their sink find it closed.
        drop(self.events);
        let deadline = Instant::now() + self.setup.policy.shutdown_grace + Duration::from_secs(1);
        while let Ok(Some(_)) = tokio::time::timeout_at(deadline, self.tasks.join_next()).await {}
        self.tasks.shutdown().await;
    }

    /// Whether a one-shot run has reached its end.
    fn is_over(&self) -> Option<Result<(), RunError>> {
        if self.mode == Mode::Forever {
            return None;
        }
        if let Some((name, source)) = self.sources.iter().find(|(_, source)| !source.complete) {
            let impatient = self.started.elapsed() >= self.setup.policy.patience;
            return match (&source.unavailable, impatient) {
                (Some(reason), true) => Some(Err(RunError::SourceUnavailable {
                    source_name: name.to_string(),
                    reason: reason.clone(),
                })),
                _ => None,
            };
        }
        let done = self.events.1.is_empty() && self.targets.values().all(RunningTarget::is_done);
        done.then_some(Ok(()))
    }

    // Sources.

    fn start_source(&mut self, NamedSource { name, source }: &NamedSource) {
        self.runs += 1;
        let stop = CancellationToken::new();
        let sink = Sink::new(Arc::clone(name), self.runs, self.events.0.clone());
        let running = RunningSource {
            source: Arc::clone(source),
            run: self.runs,
            complete: false,
            to_sweep: false,
            unavailable: None,
            stop: stop.clone(),
        };
        self.sources.insert(Arc::clone(name), running);
        self.metrics.source_ready.get_or_create(&SourceLabels { source: name.to_string() }).set(0);
        let source = Arc::clone(source);
        self.tasks.spawn(async move { source.run(sink, stop).await });
        self.allow_deletes();
    }

    fn said(&mut self, Said { source: name, run, at, event }: Said) {
        let Some(source) = self.sources.get_mut(&name).filter(|source| source.run == run) else { return };
        let live = source.complete;
        if let SourceEvent::Unavailable { reason } = event {
            if source.unavailable.as_ref() == Some(&reason) {
                return;
            }
            source.unavailable = Some(reason.clone());
            self.reporters.report(&Outcome::SourceDown { source: name, reason });
            return;
        }
        // What else it says is no proof: a source may see some of its objects and not others.
        let seen = matches!(event, SourceEvent::Available | SourceEvent::SnapshotComplete);
        let recovered = seen && source.unavailable.take().is_some();
        let mut up = recovered && source.complete;
        let consequences = match event {
            SourceEvent::Upsert(object) => self.catalogue.upsert(&object, run, at, live),
            SourceEvent::Malformed { id, finding } => self.catalogue.malformed(&id, finding, run),
            SourceEvent::Delete(id) => self.catalogue.delete(&id),
            SourceEvent::Namespace { name: namespace, labels } => {
                self.catalogue.namespace(&name, namespace, Some(labels), at)
            }
            SourceEvent::NamespaceGone { name: namespace } => {
                self.catalogue.namespace(&name, namespace, None, at)
            }
            SourceEvent::SnapshotComplete => {
                up |= !source.complete;
                source.complete = true;
                source.to_sweep = true;
                Consequences::default()
            }
            SourceEvent::Available | SourceEvent::Unavailable { .. } => Consequences::default(),
        };
        self.carry_out(consequences);
        self.sweep(&name);
        self.allow_deletes();
        self.source_metrics(&name);
        if up {
            let objects = self.catalogue.count(&name);
            self.reporters.report(&Outcome::SourceUp { source: name, objects });
        }
    }

    /// Drops what a source no longer says after it was started anew, unless something it cannot read may hide it.
    fn sweep(&mut self, name: &Arc<str>) {
        let hides = self.catalogue.source_hides_objects(name);
        let Some(source) = self.sources.get_mut(name).filter(|source| source.to_sweep && !hides) else {
            return;
        };
        source.to_sweep = false;
        for gone in self.catalogue.not_said_since(name, source.run) {
            let consequences = self.catalogue.delete(&gone);
            self.carry_out(consequences);
        }
    }

    fn source_metrics(&self, name: &Arc<str>) {
        let Some(source) = self.sources.get(name) else { return };
        let ready = SourceLabels { source: name.to_string() };
        self.metrics.source_ready.get_or_create(&ready).set(i64::from(source.complete));
        for (state, count) in self.catalogue.counts(name) {
            let labels = SourceStateLabels { source: name.to_string(), state };
            self.metrics.source_objects.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    // Targets.

    /// Starts and ends targets so that there is one for each that a route leads to; those that know nothing yet are
    /// the answer.
    fn adjust_targets(&mut self) -> Vec<TargetId> {
        let mut fresh = Vec::new();
        let rulers: HashMap<Arc<str>, NamedRuler> =
            self.setup.rulers.iter().map(|named| (Arc::clone(&named.name), named.clone())).collect();
        // A ruler that stays the same in everything keeps its budget and its targets.
        let same = |running: &RunningTarget| {
            rulers.get(&running.ruler.name).is_some_and(|named| {
                Arc::ptr_eq(&named.ruler, &running.ruler.ruler)
                    && named.max_in_flight == running.ruler.max_in_flight
            })
        };
        let wanted: Vec<TargetId> = self.setup.routes.iter().map(crate::Route::target).collect();
        for (id, target) in std::mem::take(&mut self.targets) {
            if !same(&target) {
                target.stop.cancel();
            } else if wanted.contains(&id) {
                self.targets.insert(id, target);
            } else {
                self.retiring.insert(id, target);
            }
        }
        let running = self.targets.values().chain(self.retiring.values()).filter(|target| same(target));
        let mut budgets: HashMap<Arc<str>, Arc<Semaphore>> =
            running.map(|target| (Arc::clone(&target.ruler.name), Arc::clone(&target.requests))).collect();
        for id in wanted {
            if self.targets.contains_key(&id) {
                continue;
            }
            if let Some(back) = self.retiring.remove(&id).filter(same) {
                self.targets.insert(id, back);
                continue;
            }
            let Some(named) = rulers.get(&id.ruler) else { continue };
            let requests = budgets
                .entry(Arc::clone(&id.ruler))
                .or_insert_with(|| Arc::new(Semaphore::new(named.max_in_flight)));
            let target = self.start_target(&id, named, Arc::clone(requests));
            fresh.push(id.clone());
            self.targets.insert(id, target);
        }
        fresh
    }

    fn start_target(&mut self, id: &TargetId, named: &NamedRuler, requests: Arc<Semaphore>) -> RunningTarget {
        let budgeted = Budgeted { ruler: Arc::clone(&named.ruler), requests: Arc::clone(&requests) };
        let shared = Shared {
            owner: self.setup.owner.clone(),
            policy: self.setup.policy.clone(),
            reporters: self.reporters.clone(),
            metrics: self.metrics.clone(),
            writes: self.mode != Mode::Plan,
            progressed: Arc::clone(&self.progressed),
        };
        let (orders, receiver) = mpsc::unbounded_channel();
        let (sender, progress) = watch::channel(Progress::default());
        let stop = CancellationToken::new();
        let target =
            Target::new(id.clone(), budgeted, named.max_in_flight, shared, receiver, sender, stop.clone());
        self.tasks.spawn(target.run());
        RunningTarget { ruler: named.clone(), requests, orders, progress, sent: 0, stop }
    }

    /// Ends targets that no route leads to once they hold nothing of ours.
    fn retire(&mut self) {
        self.retiring.retain(|_, target| {
            let done = target.is_done();
            if done {
                target.stop.cancel();
            }
            !done
        });
    }

    fn carry_out(&mut self, Consequences { orders, findings }: Consequences) {
        for (id, order) in orders {
            if let Some(target) = self.targets.get_mut(&id).or_else(|| self.retiring.get_mut(&id)) {
                target.send(order);
            }
        }
        for (object, target, finding) in findings {
            self.reporters.report(&Outcome::Found { object, target, finding });
        }
    }

    fn allow_deletes(&mut self) {
        let known = self.sources.values().all(|source| source.complete);
        let deletes = Deletes { known, orphans: known && !self.catalogue.hides_objects() };
        if deletes != self.deletes {
            self.deletes = deletes;
            for target in self.targets.values_mut().chain(self.retiring.values_mut()) {
                target.send(Order::Deletes(deletes));
            }
        }
    }

    // Commands.

    async fn command(&mut self, command: Command) {
        match command {
            // Nobody waiting for the answer is no problem of ours.
            Command::Status(answer) => drop(answer.send(self.status().await)),
            Command::Sources(answer) => drop(answer.send(self.source_statuses())),
            Command::Reconfigure(setup, answer) => drop(answer.send(self.reconfigure(*setup))),
        }
    }

    fn reconfigure(&mut self, setup: Setup) -> Result<(), SetupError> {
        setup.validate()?;
        if setup.owner != self.setup.owner {
            let (from, to) = (self.setup.owner.to_string(), setup.owner.to_string());
            return Err(SetupError::OwnerChanged { from, to });
        }
        let policy_changed = setup.policy != self.setup.policy;
        self.setup = setup;
        if policy_changed {
            for target in self.targets.values_mut() {
                target.send(Order::Policy(self.setup.policy.clone()));
            }
        }
        let fresh = self.adjust_targets();
        let consequences = self.catalogue.remap(self.setup.map(), &fresh, Instant::now());
        self.carry_out(consequences);
        for target in self.targets.values_mut() {
            target.send(Order::Reconsider);
        }
        self.adjust_sources();
        // Only now do new targets know whom their namespaces belong to: before, all would look like orphans.
        for id in &fresh {
            if let Some(target) = self.targets.get_mut(id) {
                target.send(Order::Deletes(self.deletes));
            }
        }
        Ok(())
    }

    /// Starts and ends sources so that they are those of the setup. What an ended one declared goes with it, unless
    /// another takes its name: then what that does not declare goes, once it has shown all it has.
    fn adjust_sources(&mut self) {
        let wanted = self.setup.sources.clone();
        let names: Vec<Arc<str>> = self.sources.keys().cloned().collect();
        let mut gone = Vec::new();
        for name in names {
            let new = wanted.iter().find(|named| named.name == name);
            let same =
                |running: &RunningSource| new.is_some_and(|new| Arc::ptr_eq(&new.source, &running.source));
            if self.sources.get(&name).is_some_and(same) {
                continue;
            }
            if let Some(old) = self.sources.remove(&name) {
                old.stop.cancel();
            }
            if new.is_none() {
                gone.push(name);
            }
        }
        for named in &wanted {
            if !self.sources.contains_key(&named.name) {
                self.start_source(named);
            }
        }
        // After deletes were revoked: what goes here may come again from a source that has just been started.
        for name in gone {
            for id in self.catalogue.not_said_since(&name, u32::MAX) {
                let consequences = self.catalogue.delete(&id);
                self.carry_out(consequences);
            }
        }
        self.allow_deletes();
    }

    pub(super) async fn status(&mut self) -> Status {
        let mut targets = Vec::new();
        let mut at_targets: HashMap<ObjectId, Vec<ObjectAtTarget>> = HashMap::new();
        for target in self.targets.values_mut() {
            let (answer, report) = oneshot::channel();
            target.send(Order::Status(answer));
            if let Ok(report) = report.await {
                targets.push(report.target);
                for (object, at_target) in report.objects {
                    at_targets.entry(object).or_default().push(at_target);
                }
            }
        }
        Status {
            owner: self.setup.owner.to_string(),
            sources: self.source_statuses(),
            targets,
            objects: self.catalogue.statuses(at_targets),
        }
    }

    fn source_statuses(&self) -> Vec<SourceStatus> {
        let status = |(name, source): (&Arc<str>, &RunningSource)| SourceStatus {
            name: name.to_string(),
            ready: source.complete,
            objects: self.catalogue.count(name),
            unavailable: source.unavailable.clone(),
        };
        self.sources.iter().map(status).collect()
    }

    pub(super) async fn plans(&mut self) -> Vec<Plan> {
        let mut plans = Vec::new();
        for target in self.targets.values_mut() {
            let (answer, plan) = oneshot::channel();
            target.send(Order::Plan(answer));
            plans.extend(plan.await);
        }
        plans
    }

    pub(super) fn applied(&self) -> u64 {
        self.targets.values().map(|target| target.progress.borrow().applied).sum()
    }
}
