//! Objects whose state has changed: when they are looked at, and what follows.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::ObjectId;
use rulesync_core::model::LOGGING_RULE;
use rulesync_core::status::{DelayReason, ObjectState, ObjectStatus, ObjectSummary, SourceStatus};
use tokio::time::Instant;

use super::{Asked, Done, Job, QUESTIONS, Term};
use crate::publish::events::Subject;
use crate::publish::publisher::plan::{self, Change, Plan};
use crate::publish::publisher::published::{Key, Known};
use crate::publish::publisher::queue::Urgency;
use crate::publish::publisher::settings::EventSelection;
use crate::publish::publisher::sweep;

/// The wait after a change: what follows of one change, such as the answers about several groups, comes together.
const SETTLE: Duration = Duration::from_millis(500);

/// How long an object may be on its way before that is published, if it just takes time, such as at the start.
const PATIENCE: Duration = Duration::from_secs(300);

/// The same if its ruler does not answer, or refuses a write for now.
const PATIENCE_WITH_RULER: Duration = Duration::from_secs(60);

/// The time between two writes about the evaluation of one object.
const EVALUATION_INTERVAL: Duration = Duration::from_secs(300);

/// How long it may be unknown how rules evaluate before that is published, where it was known before the process began.
const EVALUATION_PATIENCE: Duration = Duration::from_secs(1800);

/// The wait before another look at whether what is gone may be deleted.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(60);

/// The most objects that one question is about.
const MAX_ASKED: usize = 16;

/// The number of objects with evaluations above which those that do not matter any more are forgotten.
const MAX_EVALUATED: usize = 1_024;

impl Term {
    /// Takes note of an object that may have changed.
    pub(super) fn consider(&mut self, object: &ObjectId, now: Instant) {
        if !self.orphans.is_empty() && self.parts.states.get(object).is_some() {
            self.orphans.keep(self.keys.object(object));
        }
        if object.source() != self.parts.source {
            self.consider_other(object, now);
            return;
        }
        let known = self.published.known(self.keys.object(object));
        let Some(summary) = self.parts.states.get(object) else {
            self.on_their_way.remove(object);
            self.evaluated.remove(object);
            if known.exists() || self.notices.contains_key(object) {
                self.queue.add(object, Urgency::Ordinary, now);
            }
            return;
        };
        if self.is_published_elsewhere(object) || !self.is_of_interest(&summary, &known) {
            return;
        }
        let was_problem = known.state().is_some_and(|state| state.is_problem())
            || known.facts.as_ref().is_some_and(|facts| facts.is_troubled());
        let urgency = if summary.problem || was_problem { Urgency::Problem } else { Urgency::Ordinary };
        let due = match patience(&summary) {
            Some(patience) if !summary.problem => {
                *self.on_their_way.entry(object.clone()).or_insert(now) + patience
            }
            _ => now + SETTLE,
        };
        self.queue.add(object, urgency, due);
    }

    fn is_of_interest(&self, summary: &ObjectSummary, known: &Known) -> bool {
        self.settings.concerns_all()
            || summary.problem
            || known.exists()
            || (self.settings.objects.is_some() && summary.object.kind() == LOGGING_RULE)
            || self.notices.contains_key(&summary.object)
    }

    /// Asks the engine about the next objects.
    pub(super) fn begin_question(&mut self, now: Instant) {
        if self.next_question(now) != Some(now) || QUESTIONS.take(&mut self.questions_level, now).is_err() {
            return;
        }
        // Those of other sources count as well.
        let most = MAX_ASKED / self.sources.len().max(1);
        let limit = usize::try_from(self.settings.max_writes_per_second).unwrap_or(most).min(most);
        let taken = self.queue.take(now, limit.max(1));
        let states = &self.parts.states;
        let some_are_gone = taken.iter().any(|object| states.get(object).is_none());
        let with_others = |object| Asked { others: self.others(&object), object };
        let asked: Vec<Asked> = taken.into_iter().map(with_others).collect();
        let objects = asked.iter().flat_map(|asked| [&asked.object].into_iter().chain(&asked.others));
        let objects: Vec<ObjectId> = objects.cloned().collect();
        let engine = Arc::clone(&self.parts.engine);
        self.is_asking = true;
        self.under_way.push(Box::pin(async move {
            let statuses = engine.objects(objects).await;
            let sources = if some_are_gone { engine.sources().await } else { None };
            Done::Asked { asked, statuses, sources }
        }));
    }

    /// Returns the time at which the engine may be asked: what was decided is written first, so that the state that is
    /// written is the last one.
    pub(super) fn next_question(&self, now: Instant) -> Option<Instant> {
        let is_free = !self.is_asking && self.jobs.is_empty();
        let next = self.queue.next(now).filter(|_| is_free)?;
        Some(next.max(QUESTIONS.next(self.questions_level, now)).max(self.pressure.next(now)))
    }

    /// Handles the status of objects.
    pub(super) fn answered(
        &mut self,
        asked: Vec<Asked>,
        statuses: Vec<ObjectStatus>,
        sources: Option<&[SourceStatus]>,
        now: Instant,
    ) {
        // They are in the order in which they were asked for, without those that are gone.
        let mut statuses = statuses.into_iter().peekable();
        for Asked { object, others } in asked {
            let status = statuses.next_if(|status| is_of(status, &object));
            let next = |other: &ObjectId| statuses.next_if(|status| is_of(status, other));
            let others: Vec<ObjectStatus> = others.iter().filter_map(next).collect();
            match status {
                Some(status) if !self.is_published_here(&object, &status, &others) => {
                    self.queue.finish(&object);
                }
                Some(status) => self.decide(&object, &status, now),
                None => self.decide_removal(&object, sources, now),
            }
        }
    }

    fn decide(&mut self, object: &ObjectId, status: &ObjectStatus, now: Instant) {
        let key = self.keys.object(object);
        let known = self.published.known(key);
        if let Some(due) = self.on_its_way_until(object, status, &known, now) {
            self.queue.defer(object, Urgency::Ordinary, due);
            return;
        }
        let time = self.parts.time();
        let Plan { writes, change } = plan::plan(status, &known, &self.settings, &self.parts.owner, time);
        if change == Change::Unknown && now < self.began + EVALUATION_PATIENCE {
            self.queue.defer(object, Urgency::Ordinary, self.began + EVALUATION_PATIENCE);
            return;
        }
        self.tell(object, status, &known, change, now);
        let evaluated = self.evaluated.get(object).map(|at| *at + EVALUATION_INTERVAL);
        if change == Change::Evaluation
            && let Some(due) = evaluated.filter(|due| *due > now)
        {
            self.queue.defer(object, Urgency::Ordinary, due);
            return;
        }
        if writes.is_empty() {
            self.queue.finish(object);
            return;
        }
        let evaluates = status.destinations.iter().any(|at| at.evaluation.is_some());
        let job =
            Job { object: Some(object.clone()), key, writes: writes.into(), evaluates, blocked_until: None };
        self.jobs.push_back(job);
    }

    /// Returns until when an object is given time that is on its way: its state is not what will come of it. A problem that
    /// was not published yet does not wait.
    fn on_its_way_until(
        &mut self,
        object: &ObjectId,
        status: &ObjectStatus,
        known: &Known,
        now: Instant,
    ) -> Option<Instant> {
        let summary = self.parts.states.get(object)?;
        let patience = match (patience(&summary), plan::is_on_its_way(status, summary.destinations.len())) {
            (Some(patience), _) => patience,
            (None, true) => PATIENCE,
            (None, false) => {
                self.on_their_way.remove(object);
                return None;
            }
        };
        let is_news = summary.problem && !known.state().is_some_and(|state| state.is_problem());
        let due = *self.on_their_way.entry(object.clone()).or_insert(now) + patience;
        (due > now && !is_news).then_some(due)
    }

    fn decide_removal(&mut self, object: &ObjectId, sources: Option<&[SourceStatus]>, now: Instant) {
        let key = self.keys.object(object);
        if let Some(notices) = self.notices.remove(object)
            && let Some(subject) = Subject::of_id(object)
        {
            self.offer_all(&subject, key, notices, now);
        }
        if self.is_left_to_others(object, key) {
            self.published.forget(key);
            self.queue.finish(object);
            return;
        }
        let known = self.published.known(key);
        let writes =
            plan::removal(object.kind(), object.namespace(), object.name(), &known, &self.parts.owner);
        if !writes.is_empty() && !sources.is_some_and(|sources| sweep::may_delete(sources, object.source())) {
            self.queue.defer(object, Urgency::Ordinary, now + REMOVAL_INTERVAL);
            return;
        }
        self.published.forget(key);
        if writes.is_empty() {
            self.queue.finish(object);
            return;
        }
        let (object, writes) = (Some(object.clone()), writes.into());
        self.jobs.push_back(Job { object, key, writes, evaluates: false, blocked_until: None });
    }

    /// Tells the author of an object what is new.
    fn tell(
        &mut self,
        object: &ObjectId,
        status: &ObjectStatus,
        known: &Known,
        change: Change,
        now: Instant,
    ) {
        let key = self.keys.object(object);
        let is_new = !self.first.remove(object);
        let Some(selection) = self.settings.events else { return };
        let (mut notices, facts) = plan::news(status, known, selection, is_new, change);
        notices.extend(self.notices.remove(object).unwrap_or_default());
        let Some(subject) = Subject::of(status) else { return };
        // What there was no room for is told when the object is looked at again.
        if self.offer_all(&subject, key, notices, now) {
            self.published.told(key, facts);
        }
    }

    /// Considers the objects of the source that are selected. `first` says that nobody was told of them yet.
    pub(super) fn consider_all(&mut self, first: bool, selects: impl Fn(Key) -> bool, now: Instant) {
        let parts = Arc::clone(&self.parts);
        let mut last = None;
        let remembers = first && self.settings.events == Some(EventSelection::All);
        loop {
            let objects = parts.states.ids(last.as_ref(), 1_000);
            for object in objects.iter().filter(|object| object.source() == parts.source) {
                if remembers {
                    self.first.insert(object.clone());
                }
                if selects(self.keys.object(object)) {
                    self.consider(object, now);
                }
            }
            match objects.last() {
                Some(object) => last = Some(object.clone()),
                None => return,
            }
        }
    }

    /// Notes that the evaluation of an object was published.
    pub(super) fn note_evaluation(&mut self, object: &ObjectId, now: Instant) {
        if self.evaluated.len() >= MAX_EVALUATED {
            self.evaluated.retain(|_, at| *at + EVALUATION_INTERVAL > now);
        }
        self.evaluated.insert(object.clone(), now);
    }
}

/// Returns how long an object is given time that is on its way; none if it is not.
fn patience(summary: &ObjectSummary) -> Option<Duration> {
    match summary.delay {
        Some(DelayReason::RulerUnavailable | DelayReason::Failing) => Some(PATIENCE_WITH_RULER),
        // These do not pass.
        Some(DelayReason::LimitExceeded | DelayReason::OwnerConflict) => None,
        Some(_) => Some(PATIENCE),
        None => (summary.state == ObjectState::Pending).then_some(PATIENCE),
    }
}

fn is_of(status: &ObjectStatus, object: &ObjectId) -> bool {
    status.name == object.name()
        && status.namespace == object.namespace()
        && status.kind == object.kind()
        && status.source == object.source()
}
