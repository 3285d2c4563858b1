//! A destination's task: it holds what should be and what is, lists on a timer, and works off its queue of namespaces.
//! Everything that can fail or be slow happens here, so destinations never wait for each other.

mod changed;
mod circuit_breaker;
mod delete_safety;
mod gauges;
mod health;
mod normalization;
mod omissions;
mod ownership;
mod queue;
mod refusals;
mod state;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::{self, LimitedRuler, Stops};
use crate::desired::{DesiredObject, LeftBecause, Protection};
use crate::environment::Environment;
use crate::handover::Share;
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::naming::NamespacePolicy;
use crate::observed::{Listed, Listing};
use crate::outcome::Reporters;
use crate::plan::Plan;
use crate::policy::{Policy, jittered};
use crate::ruler::Evaluation;
use crate::ruler::{Ruler, RulerError};
use crate::status::{DestinationStatus, ObjectAtDestination};
pub(crate) use delete_safety::Retirement;
use health::Answer;
use state::State;

/// What the engine tells a destination.
#[derive(Debug)]
pub(crate) enum Command {
    /// An object wants this in this namespace. `live` if somebody just changed it, rather than part of a first load.
    Upsert { namespace: Arc<str>, object: DesiredObject, live: bool },
    /// The object that claims the namespace leaves where it was once the namespace is in order here.
    HandOver { namespace: Arc<str>, share: Share },
    /// An object wants nothing there any more.
    Remove { namespace: Arc<str>, object: ObjectId, because: LeftBecause },
    /// What is there for an object stays although the object does not claim it, and why; or no longer.
    Protect { namespace: Arc<str>, object: ObjectId, protection: Option<Protection> },
    /// Everything that is declared for it so far has been sent: before, all it has would look orphaned.
    DeclarationsSent,
    /// Nothing leads here any more, or something does again.
    Retire(Option<Retirement>),
    /// Deletes that are held back may be made; answers how many namespaces they were in.
    Release(oneshot::Sender<Option<usize>>),
    /// Refusals are forgotten: the configuration changed.
    Reconsider,
    /// Asks how everything is.
    Status(oneshot::Sender<DestinationReport>),
    /// Asks for the plan as it stands.
    Plan(oneshot::Sender<Plan>),
}

/// A destination's answer to [`Command::Status`].
#[derive(Debug)]
pub(crate) struct DestinationReport {
    pub(crate) destination: DestinationStatus,
    pub(crate) objects: Vec<(ObjectId, ObjectAtDestination)>,
}

/// How far a destination is, for those who wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Commands handled so far.
    pub(crate) handled: u64,
    /// The version of the [`Environment`] that it has taken into account.
    pub(crate) environment: u64,
    /// Nothing waits and nothing is under way, but for what has failed.
    pub(crate) idle: bool,
    /// It has been listed.
    pub(crate) listed: bool,
    /// Something failed and waits for its next try.
    pub(crate) failing: bool,
    /// It failed so often in a row that a one-shot run gives up.
    pub(crate) stuck: bool,
    /// It was to be emptied and holds nothing of ours any more.
    pub(crate) retired: bool,
    /// Groups that are refused.
    pub(crate) refused: usize,
    /// Namespaces to be deleted that no object is known for.
    pub(crate) orphans: usize,
    /// Changes carried out so far.
    pub(crate) applied: u64,
}

/// The ways between a destination and its engine.
pub(crate) struct Channels {
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) environment: watch::Receiver<Arc<Environment>>,
    pub(crate) progress: watch::Sender<Progress>,
}

/// What a destination is given by its engine.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) ruler: Arc<dyn Ruler>,
    pub(crate) namespace_policy: Arc<NamespacePolicy>,
    pub(crate) leadership: Leadership,
    /// Whether claims are written and respected.
    pub(crate) claims: bool,
    pub(crate) policy: Policy,
    pub(crate) reporters: Reporters,
    pub(crate) metrics: Metrics,
    /// Whether an operator has released all deletes beforehand.
    pub(crate) release_deletes: bool,
    /// Whether changes are carried out, or only planned.
    pub(crate) writes: bool,
    /// Whether rulers are asked how rules evaluate.
    pub(crate) evaluates: bool,
    /// Told whenever a destination gets on.
    pub(crate) progressed: Arc<Notify>,
}

/// How long a ruler that batches waits for the first snapshots of all sources. A source that is away must not keep
/// the rules of another out for longer.
const FIRST_BATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// When a ruler was asked how rules evaluate, and what it said.
type Asked = (Instant, Result<(Evaluation, Answer), RulerError>);

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
    /// Until when a ruler that batches is not written before everything has been declared.
    gathers_until: Instant,
    /// The ruler is being asked how rules evaluate.
    asking: JoinSet<Asked>,
    /// Whether this process led when it last looked.
    led: bool,
    stops: Stops,
}

impl Destination {
    /// A destination that has seen nothing yet. It works until `commands` is closed or `stop` is cancelled.
    pub(crate) fn new(
        id: DestinationId,
        ruler: LimitedRuler,
        in_flight: usize,
        shared: Shared,
        Channels { commands, mut environment, progress }: Channels,
        stop: CancellationToken,
    ) -> Self {
        let mut state = State::new(id, &shared, ruler.ruler.capabilities().fields);
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
            asking: JoinSet::new(),
            // A leader by election begins by taking over.
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
            self.ask_for_health();
            self.publish();
            let wake = self.wake();
            let waits = !self.led || !leadership.may_write();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(report) = self.jobs.join_next() => self.applied(report),
                Some(listed) = self.list.join_next() => self.listed(listed),
                Some(asked) = self.asking.join_next() => match asked {
                    Ok((at, answer)) => self.state.evaluated(at, answer),
                    // A ruler of somebody else may panic; how rules fare is not worth more than a word.
                    Err(error) => tracing::warn!(%error, destination = %self.state.id, "asking for health ended unexpectedly"),
                },
                () = leadership.lost(), if self.led => {}
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

    /// Takes the latest environment into account, after all commands that were sent before it: deletes become safe only
    /// once everything is known that is declared.
    fn follow_environment(&mut self) {
        if !self.environment.has_changed().unwrap_or(false) {
            return;
        }
        let environment = Arc::clone(&self.environment.borrow_and_update());
        while let Ok(command) = self.commands.try_recv() {
            self.command(command);
        }
        if environment.policy != self.shared.policy {
            let resync = jittered(environment.policy.resync_interval);
            self.next_list = self.next_list.min(Instant::now() + resync);
            self.shared.policy = environment.policy.clone();
        }
        self.state.set_environment(environment);
    }

    /// A standby keeps what should be, and reads what is when it comes to lead: another has written meanwhile.
    fn follow_leadership(&mut self) {
        let leadership = &self.shared.leadership;
        if self.led && !leadership.is_leader() {
            self.led = false;
            self.list.abort_all();
            self.asking.abort_all();
            self.state.restart();
        } else if !self.led && leadership.may_write() {
            self.led = true;
            self.state.restart();
            self.state.take_over();
            self.next_list = Instant::now();
        }
    }

    /// Lets requests under way come to an end, and no longer than the grace.
    async fn finish(mut self) {
        self.list.abort_all();
        self.asking.abort_all();
        let deadline = Instant::now() + self.shared.policy.shutdown_grace;
        while let Ok(Some(report)) = tokio::time::timeout_at(deadline, self.jobs.join_next()).await {
            self.applied(report);
        }
        // What goes on beyond the grace is given up before anybody else may write here.
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
            Command::Reconsider => {
                self.state.reconsider();
                if self.state.is_down() {
                    self.next_list = Instant::now();
                }
            }
            // Nobody waiting for the answer is no problem of ours.
            Command::Release(answer) => drop(answer.send(Some(self.state.release()))),
            Command::Status(answer) => drop(answer.send(self.state.report())),
            Command::Plan(answer) => drop(answer.send(self.state.plan())),
        }
    }

    /// Lists if it is time and nothing forbids it. Writes go on meanwhile.
    fn start_list(&mut self) {
        if self.list_time().is_none_or(|at| Instant::now() < at) {
            return;
        }
        let early = Instant::now() < self.next_list;
        let (previous, suspects) = self.state.begin_list(early);
        let ruler = self.ruler.clone();
        let tenant = self.state.id.tenant.clone();
        let namespace_policy = Arc::clone(&self.shared.namespace_policy);
        self.list.spawn(async move {
            let classify = move |namespace: &str| namespace_policy.classify(namespace);
            let mut listing =
                Listing::new(ruler.ruler.capabilities().fields, &classify, &previous).suspecting(&suspects);
            let permit = ruler.concurrency.acquire(tenant.as_ref()).await;
            let result = ruler.ruler.list(tenant.as_ref(), &mut listing).await;
            apply::judge(&permit, result.as_ref().err());
            result.map(|()| listing.into_listed())
        });
    }

    fn listed(&mut self, listed: Result<Result<Listed, RulerError>, tokio::task::JoinError>) {
        let result = match listed {
            Ok(result) => result,
            // Given up because another leads now.
            Err(error) if error.is_cancelled() => return,
            // A ruler of somebody else may panic: for its destination that is an answer nobody can read.
            Err(error) => Err(RulerError::unreadable(format!("listing ended unexpectedly: {error}"))),
        };
        match result {
            Ok(listed) => {
                self.state.end_list(listed);
                self.next_list = Instant::now() + jittered(self.shared.policy.resync_interval);
            }
            Err(error) => self.next_list = Instant::now() + self.state.list_failed(error),
        }
    }

    /// Starts work as far as the queue, the circuit breaker and the ruler's concurrency limit allow.
    fn start_jobs(&mut self) {
        if !self.shared.writes || !self.shared.leadership.may_write() || self.gathering().is_some() {
            return;
        }
        let batches = self.ruler.ruler.capabilities().batches;
        let limit = self.state.breaker.allows(Instant::now(), self.in_flight);
        while self.jobs.len() < limit {
            // One is in the queue for its turn; with hundreds of tenants, more of each would only take up memory.
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

    /// Until when the first batch waits for what sources have yet to say, so that it is one.
    fn gathering(&self) -> Option<Instant> {
        let waits = self.ruler.ruler.capabilities().batches && !self.state.everything_is_declared();
        (waits && Instant::now() < self.gathers_until).then_some(self.gathers_until)
    }

    /// Asks how rules evaluate, if it is time.
    fn ask_for_health(&mut self) {
        if self.health_time().is_none_or(|at| Instant::now() < at) {
            return;
        }
        let namespaces = self.state.written_namespaces();
        let (ruler, tenant, at) = (self.ruler.clone(), self.state.id.tenant.clone(), Instant::now());
        self.asking.spawn(async move {
            let mut answer = Answer::default();
            let permit = ruler.concurrency.acquire(tenant.as_ref()).await;
            let names: Vec<&str> = namespaces.iter().map(AsRef::as_ref).collect();
            let mut take = |group| answer.take(group);
            let result = ruler.ruler.evaluation(tenant.as_ref(), &names, &mut take).await;
            apply::judge(&permit, result.as_ref().err());
            (at, result.map(|evaluation| (evaluation, answer)))
        });
    }

    /// When to ask next, unless that is not to be.
    fn health_time(&self) -> Option<Instant> {
        let asks = self.shared.evaluates && self.led && self.asking.is_empty();
        if asks { self.state.health_due() } else { None }
    }

    fn applied(&mut self, report: Result<apply::Report, tokio::task::JoinError>) {
        match report {
            Ok(report) => self.state.applied(report),
            Err(error) => {
                // A ruler of somebody else may panic. Which namespace it was is lost with it, so everything is
                // looked at again after a fresh list.
                tracing::error!(%error, destination = %self.state.id, "a write ended unexpectedly");
                self.state.restart();
                self.next_list = Instant::now() + self.shared.policy.backoff.wait(1);
            }
        }
    }

    /// When to list next, unless the end of something under way decides that.
    fn list_time(&self) -> Option<Instant> {
        let probing = self.state.breaker.until().is_some() && !self.jobs.is_empty();
        if probing || !self.list.is_empty() || !self.led {
            return None;
        }
        let early = self.state.list_early().map_or(self.next_list, |early| early.min(self.next_list));
        Some(self.state.breaker.until().map_or(early, |breaker| breaker.max(early)))
    }

    /// When there is something to do without anybody saying so.
    fn wake(&self) -> Option<Instant> {
        let idle = !self.shared.writes || !self.led;
        let due = match self.state.breaker.allows(Instant::now(), self.in_flight) {
            _ if idle || !self.shared.leadership.may_write() => None,
            _ if self.gathering().is_some() => self.gathering(),
            0 => self.state.breaker.until(),
            allowed if self.jobs.len() < allowed => self.state.due(),
            _ => None,
        };
        let judging = if idle { None } else { self.state.judging_due() };
        [self.list_time(), due, judging, self.health_time()].into_iter().flatten().min()
    }

    fn publish(&mut self) {
        let progress = Progress {
            handled: self.handled,
            idle: self.jobs.is_empty()
                && self.list.is_empty()
                && (self.state.is_settled() || !self.shared.writes),
            ..self.state.progress()
        };
        let mut before = progress;
        let modified = self.progress.send_if_modified(|current| {
            before = std::mem::replace(current, progress);
            before != progress
        });
        // A run that goes on for ever only waits for destinations that are to end, and judges orphans.
        let orphans = (before.orphans, before.listed) != (progress.orphans, progress.listed);
        let awaited = !self.shared.evaluates || progress.retired || orphans;
        if self.state.end_handovers() || (modified && awaited) {
            self.shared.progressed.notify_one();
        }
        self.state.publish_metrics();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The time of day, in seconds since 1970, for people; the engine itself counts in [`Instant`]s.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
