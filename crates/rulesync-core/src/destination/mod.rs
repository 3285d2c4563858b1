//! A destination's task: it keeps the desired and the observed state, lists on a timer, and works off its queue of
//! namespaces. Everything that can fail or be slow happens here, so destinations never wait for each other.

mod asking;
mod availability;
mod changed_objects;
mod circuit_breaker;
mod command;
mod contested;
mod delete_safety;
mod gauges;
mod health;
mod incoming;
mod known_limits;
mod limits;
mod normalization;
mod ownership;
mod progress;
mod queue;
mod records;
mod refusals;
mod shared;
mod state;
mod unrecognized;
mod verdicts;
mod view;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::{self, LimitedRuler, Stops};
use crate::environment::Environment;
use crate::model::tenant::DestinationId;
use crate::observed::{Listed, Listing};
use crate::policy::jittered;
use crate::ruler::RulerError;
use asking::{Answer, Asking};
pub(crate) use command::{AskedObject, Command, DestinationReport, ObjectHere, Question};
pub(crate) use delete_safety::Retirement;
pub(crate) use progress::Progress;
pub(crate) use records::{RecordRequest, RecordRequests};
pub(crate) use shared::Shared;
use state::State;
pub(crate) use unrecognized::Unrecognized;

/// The channels between a destination and its engine.
pub(crate) struct Channels {
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) environment: watch::Receiver<Arc<Environment>>,
    pub(crate) progress: watch::Sender<Progress>,
}

/// The longest time that a ruler that batches waits for the first snapshots of all sources. An unavailable source must
/// not delay the rules of others for longer.
const FIRST_BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// One destination's task.
pub(crate) struct Destination {
    ruler: LimitedRuler,
    in_flight: usize,
    shared: Shared,
    state: State,
    commands: mpsc::UnboundedReceiver<Command>,
    environment: watch::Receiver<Arc<Environment>>,
    progress: watch::Sender<Progress>,
    handled: u64,
    jobs: JoinSet<apply::Report>,
    list: JoinSet<Result<Listed, RulerError>>,
    next_list: Instant,
    /// The time until which a ruler that batches is not written unless everything has been declared.
    gathers_until: Instant,
    /// The question that is under way.
    asking: Asking,
    /// True if this process led when that was last checked.
    led: bool,
    stops: Stops,
}

impl Destination {
    /// Creates a destination that has seen nothing yet. It works until `commands` is closed or `stop` is cancelled.
    pub(crate) fn new(
        id: DestinationId,
        ruler: LimitedRuler,
        in_flight: usize,
        shared: Shared,
        Channels { commands, mut environment, progress }: Channels,
        stop: CancellationToken,
    ) -> Self {
        let mut state = State::new(id, &shared);
        state.set_environment(Arc::clone(&environment.borrow_and_update()));
        let leadership = shared.leadership.clone();
        Self {
            ruler,
            in_flight,
            state,
            commands,
            environment,
            progress,
            handled: 0,
            jobs: JoinSet::new(),
            list: JoinSet::new(),
            next_list: Instant::now(),
            gathers_until: Instant::now() + FIRST_BATCH_TIMEOUT,
            asking: Asking::default(),
            // An elected leader begins with a takeover.
            led: !leadership.is_elected(),
            stops: Stops { stop, leadership },
            shared,
        }
    }

    /// Runs the destination. Requests under way are finished before it returns.
    pub(crate) async fn run(mut self) {
        let Stops { stop, leadership } = self.stops.clone();
        loop {
            self.follow_environment();
            self.follow_leadership();
            self.state.judge_deletes();
            self.start_list();
            self.start_jobs();
            self.ask();
            self.publish();
            let wake = self.wake();
            let waits = !self.led || !leadership.may_write();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(report) = self.jobs.join_next() => self.applied(report),
                Some(listed) = self.list.join_next() => self.listed(listed),
                Some(answer) = self.asking.answer() => self.answered(answer),
                () = leadership.lost(), if self.led || leadership.is_leader() => {}
                () = leadership.leading(), if waits => {}
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => break,
                },
                Ok(()) = self.environment.changed() => self.environment.mark_changed(),
                () = sleep_until(wake) => {}
            }
        }
        self.finish().await;
    }

    /// Applies the latest environment after all commands that were sent before it: deletes become safe only once
    /// everything that is declared is known.
    fn follow_environment(&mut self) {
        if !self.environment.has_changed().unwrap_or(false) {
            return;
        }
        let environment = Arc::clone(&self.environment.borrow_and_update());
        while let Ok(command) = self.commands.try_recv() {
            self.command(command);
        }
        if environment.policy != *self.state.policy() {
            let resync = jittered(environment.policy.resync_interval);
            self.next_list = self.next_list.min(Instant::now() + resync);
        }
        self.state.set_environment(environment);
    }

    /// Follows leadership. A standby keeps the desired state, and reads the observed state when it becomes the leader,
    /// because another process has written meanwhile.
    fn follow_leadership(&mut self) {
        let leadership = &self.shared.leadership;
        if self.led && !leadership.is_leader() {
            self.led = false;
            self.list.abort_all();
            self.asking.give_up();
            self.state.restart();
            // Another process may record and release some.
            self.state.forget_records();
        } else if !self.led && leadership.may_write() {
            self.led = true;
            self.state.restart();
            self.state.take_over();
            self.next_list = Instant::now();
        }
    }

    /// Waits for requests under way to end, but no longer than the grace period.
    async fn finish(mut self) {
        self.list.abort_all();
        self.asking.give_up();
        let deadline = Instant::now() + self.state.policy().shutdown_grace;
        while let Ok(Some(report)) = tokio::time::timeout_at(deadline, self.jobs.join_next()).await {
            self.applied(report);
        }
        // Requests that outlast the grace period are given up before another process may write here.
        self.jobs.shutdown().await;
    }

    fn command(&mut self, command: Command) {
        self.handled += 1;
        match command {
            Command::Upsert { namespace, object, live } => self.state.upsert(&namespace, object, live),
            Command::HandOver { namespace, share } => self.state.hand_over(namespace, share),
            Command::Remove { namespace, object, because } => self.state.remove(&namespace, &object, because),
            Command::Protect { namespace, object, protection } => {
                self.state.protect(&namespace, &object, protection)
            }
            Command::DeclarationsSent => self.state.declarations_sent(),
            Command::Retire(Some(retirement)) => self.state.retire(retirement),
            Command::Retire(None) => self.state.return_to_service(),
            Command::Recorded(namespaces) => {
                if self.state.recorded(namespaces) {
                    self.list.abort_all();
                    self.next_list = Instant::now();
                }
            }
            Command::Recognize(namespaces) => self.state.recognize(namespaces),
            Command::Classify(classifier) => {
                self.list.abort_all();
                self.state.classify(classifier);
                self.next_list = Instant::now();
            }
            Command::Reconsider => {
                self.state.reconsider();
                if self.state.availability.is_down() {
                    self.next_list = Instant::now();
                }
            }
            // A receiver that was dropped needs no answer.
            Command::Release(answer) => drop(answer.send(Some(self.state.release()))),
            Command::Status(answer) => drop(answer.send(self.state.report())),
            Command::Summary(answer) => drop(answer.send(self.state.status())),
            Command::Objects(asked, answer) => drop(answer.send(self.state.objects(&asked))),
            Command::List => self.next_list = Instant::now(),
            Command::Explain(question, answer) => drop(answer.send(self.state.explain(&question))),
            Command::ExplainNamespace(namespace, object, answer) => {
                drop(answer.send(self.state.explain_namespace(&namespace, object.as_ref())))
            }
            Command::Plan(answer) => drop(answer.send(self.state.plan())),
            Command::Approve(approval) => self.state.approve(approval),
        }
    }

    /// Starts a list if one is due and nothing forbids it. Writes go on meanwhile.
    fn start_list(&mut self) {
        if self.list_time().is_none_or(|at| Instant::now() < at) {
            return;
        }
        let early = Instant::now() < self.next_list;
        let (previous, suspects) = self.state.begin_list(early);
        let ruler = self.ruler.clone();
        let tenant = self.state.id.tenant.clone();
        let classifier = self.state.classifier();
        let names_foreign = classifier.needs_records();
        let bodies = self.state.plans_bodies();
        self.list.spawn(async move {
            let classify = move |namespace: &str| classifier.classify(namespace);
            let mut listing = Listing::new(ruler.ruler.capabilities().fields, &classify, &previous)
                .suspecting(&suspects)
                .naming_foreign(names_foreign);
            if bodies {
                listing = listing.storing();
            }
            let permit = ruler.concurrency.acquire(tenant.as_ref()).await;
            let result = ruler.ruler.list(tenant.as_ref(), &mut listing).await;
            apply::judge(&permit, result.as_ref().err());
            result.map(|()| listing.into_listed())
        });
    }

    fn listed(&mut self, listed: Result<Result<Listed, RulerError>, tokio::task::JoinError>) {
        let result = match listed {
            Ok(result) => result,
            // Given up because another process leads now.
            Err(error) if error.is_cancelled() => return,
            // A ruler from another crate may panic: that counts as an answer that cannot be read.
            Err(error) => Err(RulerError::unreadable(format!("listing ended unexpectedly: {error}"))),
        };
        match result {
            Ok(listed) => {
                self.state.end_list(listed);
                self.next_list = Instant::now() + jittered(self.state.policy().resync_interval);
            }
            Err(error) => self.next_list = Instant::now() + self.state.list_failed(error),
        }
    }

    /// Starts work as far as the queue, the circuit breaker and the ruler's concurrency limit allow.
    fn start_jobs(&mut self) {
        if !self.state.writes() || !self.shared.leadership.may_write() || self.gathering().is_some() {
            return;
        }
        let batches = self.ruler.ruler.capabilities().batches;
        let limit = self.state.availability.breaker.allows(Instant::now(), self.in_flight);
        while self.jobs.len() < limit {
            // One job of this destination waits for a permit already; with hundreds of tenants, more of each would only
            // take up memory.
            if !batches && !self.jobs.is_empty() && self.ruler.concurrency.is_contended() {
                return;
            }
            let Some((namespace, changes)) = self.state.next_job() else { return };
            let (tenant, stops) = (self.state.id.tenant.clone(), self.stops.clone());
            if batches {
                let (ruler, found) =
                    (Arc::clone(&self.ruler.ruler), self.state.groups_with_findings(&namespace));
                self.jobs.spawn(apply::apply_together(ruler, tenant, namespace, changes, found, stops));
            } else {
                self.jobs.spawn(apply::apply(self.ruler.clone(), tenant, namespace, changes, stops));
            }
        }
    }

    /// Returns until when the first batch waits for sources, so that all their objects go into one batch.
    fn gathering(&self) -> Option<Instant> {
        let waits = self.ruler.ruler.capabilities().batches && !self.state.everything_is_declared();
        (waits && Instant::now() < self.gathers_until).then_some(self.gathers_until)
    }

    /// Asks what is due besides a list.
    fn ask(&mut self) {
        let now = Instant::now();
        if self.asking_time().is_none_or(|at| at > now) {
            return;
        }
        let (ruler, tenant) = (self.ruler.clone(), self.state.id.tenant.clone());
        if self.state.evaluation_due().is_some_and(|at| at <= now) {
            self.asking.ask_for_evaluation(ruler, tenant, self.state.written_namespaces());
        } else {
            self.asking.ask_for_limits(ruler, tenant);
        }
    }

    /// Returns when to ask next, unless nothing may be asked.
    fn asking_time(&self) -> Option<Instant> {
        let asks = self.shared.evaluates && self.led && self.asking.is_idle();
        let due = || [self.state.evaluation_due(), self.state.limits_due()].into_iter().flatten().min();
        asks.then(due).flatten()
    }

    fn answered(&mut self, answer: Result<Answer, JoinError>) {
        match answer {
            Ok(Answer::Evaluation(asked, answer)) => self.state.evaluated(asked, answer),
            Ok(Answer::Limits(answer)) => self.state.limits_answered(answer),
            // A ruler from another crate may panic; a question that failed is worth no more than a log line.
            Err(error) => {
                tracing::warn!(%error, destination = %self.state.id, "Request to the ruler ended unexpectedly");
            }
        }
    }

    fn applied(&mut self, report: Result<apply::Report, tokio::task::JoinError>) {
        match report {
            Ok(report) => self.state.applied(report),
            Err(error) => {
                // A ruler from another crate may panic. The namespace is lost with the task, so everything is rechecked
                // after a new list.
                tracing::error!(%error, destination = %self.state.id, "Write ended unexpectedly");
                self.state.restart();
                self.next_list = Instant::now() + self.state.policy().backoff.wait(1);
            }
        }
    }

    /// Returns when to list next, unless the end of something under way decides that.
    fn list_time(&self) -> Option<Instant> {
        let probing = self.state.availability.breaker.until().is_some() && !self.jobs.is_empty();
        // Before its records are known, own namespaces would look foreign.
        if probing || !self.list.is_empty() || !self.led || self.state.awaits_records() {
            return None;
        }
        let early = self.state.view.next_list().map_or(self.next_list, |early| early.min(self.next_list));
        Some(self.state.availability.breaker.until().map_or(early, |breaker| breaker.max(early)))
    }

    /// Returns when the destination has something to do without a command.
    fn wake(&self) -> Option<Instant> {
        let idle = !self.state.writes() || !self.led;
        let due = match self.state.availability.breaker.allows(Instant::now(), self.in_flight) {
            _ if idle || !self.shared.leadership.may_write() => None,
            _ if self.gathering().is_some() => self.gathering(),
            0 => self.state.availability.breaker.until(),
            allowed if self.jobs.len() < allowed => self.state.due(),
            _ => None,
        };
        let judging = if idle { None } else { self.state.judging_due() };
        [self.list_time(), due, judging, self.asking_time()].into_iter().flatten().min()
    }

    fn publish(&mut self) {
        let awaits = self.state.awaits_adoptions() && !self.state.availability.is_down();
        let progress = Progress {
            handled: self.handled,
            idle: self.jobs.is_empty()
                && self.list.is_empty()
                && !awaits
                && !self.state.is_recording()
                && (self.state.is_settled() || !self.state.writes()),
            ..self.state.progress()
        };
        let mut before = progress;
        let modified = self.progress.send_if_modified(|current| {
            before = std::mem::replace(current, progress);
            before != progress
        });
        // A run in `Mode::Forever` waits only for destinations that are to end, and judges orphans.
        let orphans = (before.orphans, before.listed) != (progress.orphans, progress.listed);
        let awaited = !self.shared.evaluates || progress.retired || orphans;
        if self.state.end_handovers() || (modified && awaited) {
            self.shared.progressed.notify_one();
        }
        self.state.publish_metrics();
        self.state.report_objects();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
