//! Writes: as many as the limit allows, and what follows from their results.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{Done, Job, Term};
use crate::publish::publisher::published::{Annotation, Effect};
use crate::publish::publisher::queue::Urgency;
use crate::publish::publisher::sink::{Failure, FailureKind};
use crate::publish::publisher::write::{Output, Write};

/// What becomes of the job of a write.
enum Next {
    /// It goes on.
    Continue,
    /// It goes on with the same write, when its turn comes.
    Repeat,
    /// Its object is tried again as a whole.
    Fail,
    /// There is nothing to write to any more.
    Stop,
}

impl Term {
    /// Begins writes.
    pub(super) fn begin_writes(&mut self, now: Instant) {
        while self.next_write(now) == Some(now) {
            let Some(mut job) = self.next_job() else { return };
            let Some((write, effect)) = self.next_of(&mut job, now) else {
                self.end(job, now);
                continue;
            };
            if self.writes.take(&mut self.writes_level, now).is_err() || !self.parts.leadership.may_write() {
                job.writes.push_front((write, effect));
                self.jobs.push_front(job);
                return;
            }
            let sink = Arc::clone(&self.parts.sink);
            self.writes_under_way += 1;
            self.under_way.push(Box::pin(async move {
                let result = sink.write(&write).await;
                Done::Written { job, write: Box::new(write), effect, result }
            }));
        }
    }

    /// Takes the next job. What belongs to no object keeps no object waiting.
    fn next_job(&mut self) -> Option<Job> {
        let of_orphan =
            |(key, writes)| Job { object: None, key, writes, evaluates: false, blocked_until: None };
        self.jobs.pop_front().or_else(|| self.orphans.take().map(of_orphan))
    }

    /// Returns the time at which a write may begin; none if that depends on what is under way, or if there is none.
    pub(super) fn next_write(&self, now: Instant) -> Option<Instant> {
        let is_one = !self.jobs.is_empty() || !self.orphans.is_empty();
        let is_free = is_one && self.writes_under_way < self.pressure.allowed();
        is_free.then(|| self.writes.next(self.writes_level, now).max(self.pressure.next(now)))
    }

    /// Takes the next write of a job that nothing stands in the way of.
    fn next_of(&self, job: &mut Job, now: Instant) -> Option<(Write, Effect)> {
        while let Some((write, effect)) = job.writes.pop_front() {
            // What stands in the way everywhere is looked for by the lists, after which all objects are considered.
            if self.obstacles.until(write.output(), None, now).is_some() {
                continue;
            }
            match self.obstacles.until(write.output(), Some(write.namespace()), now) {
                Some(until) => job.blocked_until = job.blocked_until.max(Some(until)),
                None => return Some((write, effect)),
            }
        }
        None
    }

    /// Handles the result of a write.
    pub(super) fn written(
        &mut self,
        mut job: Job,
        write: &Write,
        effect: Effect,
        result: Result<(), Failure>,
        now: Instant,
    ) {
        let output = write.output();
        let result = match (result, write) {
            // It was to be deleted.
            (Err(failure), Write::Delete { .. }) if failure.kind == FailureKind::Gone => Ok(()),
            (result, _) => result,
        };
        let word = result.as_ref().map_or_else(|failure| failure.kind.word(), |()| "ok");
        self.parts.metrics.written(output.word(), word);
        let next = match result {
            Ok(()) => {
                self.pressure.answered(now);
                if self.obstacles.pass(output, Some(write.namespace())) {
                    info!(source = %self.parts.source, kind = output.word(), "Status is published again");
                }
                self.published.apply(job.key, effect.clone());
                Next::Continue
            }
            Err(failure) => self.failed(&mut job, write, &effect, failure, now),
        };
        match next {
            Next::Continue if job.writes.is_empty() => self.end(job, now),
            // It has begun, and is to be seen whole.
            Next::Continue => self.jobs.push_front(job),
            Next::Repeat => {
                job.writes.push_front((write.clone(), effect));
                self.jobs.push_front(job);
            }
            Next::Fail => {
                if let Some(object) = &job.object {
                    self.queue.fail(object, now, None);
                }
                self.put_back(write.namespace(), now);
            }
            Next::Stop => self.end(Job { writes: [].into(), ..job }, now),
        }
    }

    /// Has the objects of a Kubernetes namespace in which a write has failed wait behind all others.
    fn put_back(&mut self, namespace: &str, now: Instant) {
        let is_there = |job: &Job| {
            // What is left of an object that is not known has no place in the queue.
            job.object.as_ref().is_some_and(|object| object.namespace() == namespace)
        };
        let (there, others): (VecDeque<Job>, VecDeque<Job>) =
            std::mem::take(&mut self.jobs).into_iter().partition(is_there);
        self.jobs = others;
        for object in there.into_iter().filter_map(|job| job.object) {
            self.queue.defer(&object, Urgency::Failed, now);
        }
    }

    fn failed(
        &mut self,
        job: &mut Job,
        write: &Write,
        effect: &Effect,
        failure: Failure,
        now: Instant,
    ) -> Next {
        let (output, source) = (write.output(), &self.parts.source);
        debug!(%source, kind = output.word(), namespace = write.namespace(), %failure, "Status not written");
        match failure.kind {
            FailureKind::Throttled => {
                self.pressure.throttled(now, failure.retry_after);
                return Next::Repeat;
            }
            FailureKind::Unreachable => {
                self.note_outage(&failure);
                self.pressure.unreachable(now);
                return Next::Repeat;
            }
            // Somebody else has created it at the same time.
            FailureKind::Failing | FailureKind::Exists => {
                self.pressure.failed(now);
                return Next::Fail;
            }
            FailureKind::Absent | FailureKind::Denied if !self.settings.wants(output) => {
                self.leave_leftover(job, write, effect, &failure);
            }
            FailureKind::Absent => self.meet(output, None, &failure, now),
            FailureKind::Denied => {
                self.meet(output, Some(write.namespace()), &failure, now);
                job.blocked_until = self.obstacles.until(output, Some(write.namespace()), now);
            }
            FailureKind::Gone => {
                self.pressure.answered(now);
                return Next::Stop;
            }
            FailureKind::Conflict if matches!(output, Output::Annotation(_)) => {
                self.report_once(write, &failure);
                self.leave_annotation(job, write);
            }
            // It is not fought over, and what is refused is refused again. Both are tried when there is something else to
            // be written.
            FailureKind::Conflict | FailureKind::Refused => {
                self.report_once(write, &failure);
                self.published.apply(job.key, effect.clone());
            }
        }
        self.pressure.answered(now);
        Next::Continue
    }

    /// Leaves what was published earlier, and may not be removed.
    fn leave_leftover(&mut self, job: &Job, write: &Write, effect: &Effect, failure: &Failure) {
        if !std::mem::replace(&mut self.reports.leftover, true) {
            warn!(
                source = %self.parts.source, kind = write.output().word(), reason = %failure,
                "What was published earlier cannot be removed and stays"
            );
        }
        self.published.apply(job.key, effect.clone());
    }

    /// Leaves an annotation to others, until a list shows that it is theirs no more. Two owners that have written the same
    /// word have it both, and neither could change it, so that the owner gives up its share.
    fn leave_annotation(&mut self, job: &mut Job, write: &Write) {
        let foreign = Effect::Annotation(Some(Annotation::Foreign));
        if self.published.known(job.key).annotated().is_some()
            && let Write::Annotation { kind, namespace, name, uid, .. } = write.clone()
        {
            let release = Write::Annotation { kind, namespace, name, uid, state: None };
            job.writes.push_front((release, foreign.clone()));
        }
        self.published.apply(job.key, foreign);
    }

    /// Notes that something cannot be written for now.
    pub(super) fn meet(&mut self, output: Output, namespace: Option<&str>, failure: &Failure, now: Instant) {
        if self.obstacles.meet(output, namespace, now) {
            warn!(
                source = %self.parts.source,
                kind = output.word(),
                reason = %failure,
                "Status cannot be published, trying again every ten minutes"
            );
        }
        if namespace.is_none() {
            let until = self.obstacles.until(output, None, now);
            self.survey.due = until.map_or(self.survey.due, |until| self.survey.due.min(until));
        }
    }

    /// Reports once that the API server does not answer: the source reports it as well, with what follows for rules.
    pub(super) fn note_outage(&mut self, failure: &Failure) {
        if !std::mem::replace(&mut self.reports.unreachable, true) {
            warn!(source = %self.parts.source, reason = %failure, "Status waits for the API server");
        }
    }

    fn report_once(&mut self, write: &Write, failure: &Failure) {
        let (reported, hint) = match failure.kind {
            FailureKind::Refused => (&mut self.reports.refusal, "do the CRDs fit this version of rulesync?"),
            _ => (&mut self.reports.conflict, "who else writes it is in its managedFields"),
        };
        if !std::mem::replace(reported, true) {
            let (kind, namespace) = (write.output().word(), write.namespace());
            warn!(
                source = %self.parts.source, kind, namespace, reason = %failure, hint,
                "Status not written, leaving it as it is; further ones are not reported"
            );
        }
    }

    /// Ends a job, and lets its object wait if something stood in the way of a part of it.
    fn end(&mut self, job: Job, now: Instant) {
        let Some(object) = &job.object else { return };
        if job.evaluates {
            self.note_evaluation(object, now);
        }
        match job.blocked_until.filter(|until| *until > now) {
            Some(until) => self.queue.defer(object, Urgency::Ordinary, until),
            None => self.queue.finish(object),
        }
    }
}
