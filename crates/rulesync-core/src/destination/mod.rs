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
mod lists;
mod normalization;
mod ownership;
mod progress;
mod questions;
mod queue;
mod records;
mod refusals;
mod shared;
mod state;
mod unrecognized;
mod verdicts;
mod view;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::{self, LimitedRuler, Stops};
use crate::environment::Environment;
use crate::model::tenant::DestinationId;
use crate::observed::Listed;
use crate::policy::jittered;
use crate::ruler::RulerError;
use asking::Asking;
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
