//! The targets of a run: started when a route leads to them, emptied and ended when none does any more.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Mode, Run};
use crate::apply::LimitedRuler;
use crate::concurrency::ConcurrencyLimit;
use crate::engine::setup::NamedRuler;
use crate::guard::HeldReason;
use crate::intake::Route;
use crate::model::tenant::TargetId;
use crate::object_index::Handover;
use crate::target::{Command, Progress, Retirement, Shared, Target, seconds_since_1970};

/// A target and the way to talk to it.
pub(super) struct RunningTarget {
    ruler: NamedRuler,
    /// The concurrency of the ruler's address, shared by all its targets.
    concurrency: ConcurrencyLimit,
    commands: mpsc::UnboundedSender<Command>,
    pub(super) progress: watch::Receiver<Progress>,
    sent: u64,
    pub(super) stop: CancellationToken,
    /// Told when its task has come to its end.
    ended: CancellationToken,
    /// Whether it has yet to be told which deletes are safe.
    pub(super) fresh: bool,
}

impl RunningTarget {
    pub(super) fn send(&mut self, command: Command) {
        // A target ends only when it is stopped, and then needs no commands.
        if self.commands.send(command).is_ok() {
            self.sent += 1;
        }
    }

    /// Whether it has done what it can: everything, or what it can without what fails.
    pub(super) fn is_done(&self) -> bool {
        let progress = self.progress.borrow();
        progress.handled == self.sent
            && progress.idle
            && ((progress.listed && !progress.failing) || progress.stuck)
    }

    /// How much it has done: grows whenever it gets on.
    pub(super) fn achieved(&self) -> u64 {
        let progress = self.progress.borrow();
        progress.applied + progress.handled + u64::from(progress.listed)
    }

    /// Whether it was listed, or cannot be.
    pub(super) fn has_listed(&self) -> bool {
        let progress = self.progress.borrow();
        progress.listed || progress.failing
    }

    /// Whether it was to be emptied and is empty.
    fn is_retired(&self) -> bool {
        let progress = self.progress.borrow();
        progress.handled == self.sent && progress.idle && progress.retired
    }
}

impl Run {
    /// Starts and ends targets so that there is one for each that a route leads to; those that know nothing yet are
    /// the answer. Targets whose ruler changed are replaced, all of them if they are `uprooted`.
    pub(super) fn replace_targets(&mut self, uprooted: bool) -> Vec<TargetId> {
        let rulers: HashMap<Arc<str>, NamedRuler> =
            self.setup.rulers.iter().map(|named| (Arc::clone(&named.name), named.clone())).collect();
        // A ruler that stays the same in everything keeps its concurrency and its targets.
        let same = |running: &RunningTarget| {
            !uprooted
                && rulers.get(&running.ruler.name).is_some_and(|named| {
                    Arc::ptr_eq(&named.ruler, &running.ruler.ruler)
                        && named.max_in_flight == running.ruler.max_in_flight
                        && named.split_groups == running.ruler.split_groups
                })
        };
        let fixed = self.setup.routes.iter().filter_map(Route::target);
        let leaving = self.handovers.iter().map(|handover| handover.target.clone());
        let wanted: BTreeSet<TargetId> = fixed.chain(self.index.targets().cloned()).chain(leaving).collect();
        // Predecessors, whose last requests must have ended before a successor begins.
        let mut ended: HashMap<TargetId, CancellationToken> = HashMap::new();
        let all = std::mem::take(&mut self.targets).into_iter().chain(std::mem::take(&mut self.retiring));
        for (id, mut target) in all {
            self.ever.insert(id.clone());
            if !same(&target) {
                target.stop.cancel();
                ended.insert(id, target.ended.clone());
            } else if wanted.contains(&id) {
                target.send(Command::Retire(None));
                self.retiring_since.remove(&id);
                self.targets.insert(id, target);
            } else {
                target.send(Command::Retire(Some(self.retirement(&id))));
                self.retiring.insert(id, target);
            }
        }
        let running = self.targets.values().chain(self.retiring.values());
        let mut limits: HashMap<String, ConcurrencyLimit> =
            running.map(|target| (address(&target.ruler), target.concurrency.clone())).collect();
        let mut fresh = Vec::new();
        self.ever_changed = true;
        for (id, retiring) in wanted.into_iter().map(|id| (id, false)).chain(self.left_over()) {
            if self.targets.contains_key(&id) || self.retiring.contains_key(&id) {
                continue;
            }
            let Some(named) = rulers.get(&id.ruler) else { continue };
            let concurrency = limits
                .entry(address(named))
                .or_insert_with(|| ConcurrencyLimit::new(named.max_in_flight))
                .clone();
            let mut target = self.start_target(&id, named, concurrency, ended.get(&id).cloned());
            if retiring {
                target.send(Command::Retire(Some(self.retirement(&id))));
                self.retiring.insert(id, target);
            } else {
                self.ever.insert(id.clone());
                fresh.push(id.clone());
                self.targets.insert(id, target);
            }
        }
        fresh
    }

    /// The same when only routes or the inventory may have brought something new; new targets know at once which deletes
    /// are safe.
    pub(super) fn adjust_targets(&mut self) {
        self.replace_targets(false);
        let deletes = self.deletes;
        for target in self.targets.values_mut().chain(self.retiring.values_mut()) {
            if std::mem::take(&mut target.fresh) {
                target.send(Command::Deletes(deletes));
            }
        }
    }

    /// Targets that may hold rules of ours and that no route leads to. One-shot runs leave them to the daemon.
    fn left_over(&self) -> Vec<(TargetId, bool)> {
        let wanted = |id: &TargetId| self.is_wanted(id);
        let left = self.ever.iter().filter(|id| self.mode == Mode::Forever && !wanted(id));
        left.map(|id| (id.clone(), true)).collect()
    }

    /// Whether a route leads to a target whatever objects there are, or objects do.
    pub(super) fn is_wanted(&self, id: &TargetId) -> bool {
        self.setup.routes.iter().any(|route| route.target().as_ref() == Some(id))
            || self.index.uses(id)
            || self.handovers.iter().any(|handover| handover.target == *id)
    }

    /// Whether a route may lead to a target, were there an object for it.
    pub(super) fn may_be_led_to(&self, id: &TargetId) -> bool {
        self.setup.routes.iter().any(|route| route.may_lead_to(id))
    }

    /// An object goes to a target: it is started, or taken back into service.
    pub(super) fn ensure_target(&mut self, id: &TargetId) {
        if self.targets.contains_key(id) {
            return;
        }
        if let Some(mut target) = self.retiring.remove(id) {
            target.send(Command::Retire(None));
            self.ever_changed |= self.retiring_since.remove(id).is_some();
            self.targets.insert(id.clone(), target);
            return;
        }
        let Some(named) = self.setup.rulers.iter().find(|named| named.name == id.ruler).cloned() else {
            return;
        };
        let mut running = self.targets.values().chain(self.retiring.values());
        let shared = running.find(|target| address(&target.ruler) == address(&named));
        let concurrency = shared
            .map_or_else(|| ConcurrencyLimit::new(named.max_in_flight), |target| target.concurrency.clone());
        let mut target = self.start_target(id, &named, concurrency, None);
        target.fresh = false;
        target.send(Command::Deletes(self.deletes));
        self.targets.insert(id.clone(), target);
        self.ever_changed |= self.ever.insert(id.clone());
    }

    /// Retires targets that the last object has left.
    pub(super) fn leave_targets(&mut self) {
        if !std::mem::take(&mut self.left) {
            return;
        }
        let unwanted: Vec<TargetId> = self.targets.keys().filter(|id| !self.is_wanted(id)).cloned().collect();
        for id in unwanted {
            if let Some(mut target) = self.targets.remove(&id) {
                target.send(Command::Retire(Some(self.retirement(&id))));
                self.retiring.insert(id, target);
            }
        }
    }

    /// How a target that nothing leads to is to be emptied. Since when no route leads to it is remembered outside the
    /// process, so that a restart does not begin the window anew.
    fn retirement(&mut self, id: &TargetId) -> Retirement {
        if self.may_be_led_to(id) {
            return Retirement::Unused;
        }
        let now = seconds_since_1970();
        let since = *self.retiring_since.entry(id.clone()).or_insert(now);
        self.ever_changed = true;
        let waited = Duration::from_secs(now.saturating_sub(since));
        let window = self.setup.policy.delete_guard.window;
        Retirement::NoRoute { until: Instant::now() + window.saturating_sub(waited) }
    }

    fn start_target(
        &mut self,
        id: &TargetId,
        named: &NamedRuler,
        concurrency: ConcurrencyLimit,
        predecessor: Option<CancellationToken>,
    ) -> RunningTarget {
        let budgeted = LimitedRuler { ruler: Arc::clone(&named.ruler), concurrency: concurrency.clone() };
        let shared = Shared {
            ruler: Arc::clone(&named.ruler),
            namespace_policy: Arc::clone(&self.namespace_policy),
            leadership: self.leadership.clone(),
            claims: self.setup.policy.claim,
            policy: self.setup.policy.clone(),
            reporters: self.reporters.clone(),
            metrics: self.metrics.clone(),
            release_deletes: self.release_deletes,
            writes: self.mode != Mode::Plan,
            evaluates: self.mode == Mode::Forever,
            progressed: Arc::clone(&self.progressed),
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let (sender, progress) = watch::channel(Progress::default());
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let end = ended.clone().drop_guard();
        let (own, in_flight, stopped) = (id.clone(), named.max_in_flight, stop.clone());
        self.tasks.spawn(async move {
            let _end = end;
            if let Some(predecessor) = predecessor {
                predecessor.cancelled().await;
            }
            Target::new(own, budgeted, in_flight, shared, receiver, sender, stopped).run().await;
        });
        let mut target = RunningTarget {
            ruler: named.clone(),
            concurrency,
            commands,
            progress,
            sent: 0,
            stop,
            ended,
            fresh: true,
        };
        if let Some(command) = self.identity_command() {
            target.send(command);
        }
        if !self.absent.is_empty() {
            target.send(Command::AbsentKinds(self.absent_kinds()));
        }
        for (source, reason) in self.vanishing.held() {
            target.send(Command::Vanished { source: Arc::clone(source), held: Some(reason) });
        }
        if let Some(reason) = self.orphans.held() {
            target.send(Command::Orphans(Some(reason)));
        }
        for command in self.index.protected().filter_map(|object| self.protection(object, id)) {
            target.send(command);
        }
        for Handover { namespace, object, .. } in self.handovers.iter().filter(|other| other.target == *id) {
            let (namespace, object) = (Arc::clone(namespace), object.clone());
            target.send(Command::Protect { namespace, object, protection: Some(HeldReason::Moving.into()) });
        }
        for (name, source) in &self.sources {
            if source.unavailable.is_some() || source.doubted_until.is_some() {
                target.send(Command::Suspect { source: Arc::clone(name), suspect: true });
            }
        }
        target
    }

    /// Ends targets that no route leads to once they hold nothing of ours.
    pub(super) fn retire(&mut self) {
        let (ever, ever_changed) = (&mut self.ever, &mut self.ever_changed);
        let since = &mut self.retiring_since;
        self.retiring.retain(|id, target| {
            let done = target.is_retired();
            if done {
                target.stop.cancel();
                ever.remove(id);
                since.remove(id);
                *ever_changed = true;
            }
            !done
        });
    }
}

/// What rulers share a concurrency by.
fn address(named: &NamedRuler) -> String {
    named.ruler.address().map_or_else(|| named.name.to_string(), |address| format!("@{address}"))
}
