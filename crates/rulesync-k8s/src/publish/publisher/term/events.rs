//! Events: what authors are told.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Done, Record, Term};
use crate::publish::events::{Notice, Subject, event, removals};
use crate::publish::publisher::obstacles::LOOK_INTERVAL;
use crate::publish::publisher::published::Key;
use crate::publish::publisher::queue::Urgency;
use crate::publish::publisher::recorder::Offer;
use crate::publish::publisher::settings::EventSelection;
use crate::publish::publisher::sink::{Failure, FailureKind};

/// The Events that may be under way at once.
const MAX_UNDER_WAY: usize = 2;

/// How often an Event is tried.
const MAX_FAILURES: u32 = 5;

/// The wait for further removals of the same object.
const SETTLE: Duration = Duration::from_secs(1);

impl Term {
    /// Has Events made about an object. Returns whether all of them will be, or were.
    pub(super) fn offer_all(
        &mut self,
        subject: &Subject<'_>,
        key: Key,
        notices: Vec<Notice>,
        now: Instant,
    ) -> bool {
        let mut all = true;
        for notice in notices {
            let event = event(subject, &notice, &self.parts.owner, &self.parts.instance, Timestamp::now());
            let metadata = &event.metadata;
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            let name = self.keys.event(&part(&metadata.namespace), &part(&metadata.name));
            let record = || Record { event: Box::new(event), failures: 0 };
            let offer = match self.no_events_until.is_some_and(|until| until > now) {
                true => Offer::Dropped,
                false => self.recorder.offer(name, key.0, now, record),
            };
            let dropped = match offer {
                Offer::Waits | Offer::Known => continue,
                Offer::Limited => "limited",
                Offer::Dropped => "dropped",
            };
            self.parts.metrics.event(dropped);
            all = false;
        }
        all
    }

    /// Takes what was deleted from rulers, to be told with the status of the object.
    pub(super) fn take_removals(&mut self, now: Instant) {
        let (taken, dropped) = self.removals.take();
        if self.settings.events.is_none() {
            return;
        }
        self.parts.metrics.events_of("dropped", dropped as u64);
        for (object, mut notices) in removals(&taken) {
            notices.retain(|notice| {
                self.settings.events == Some(EventSelection::All) || !notice.reason.is_routine()
            });
            if !notices.is_empty() {
                self.notices.entry(object.clone()).or_default().extend(notices);
                self.queue.add(&object, Urgency::Ordinary, now + SETTLE);
            }
        }
    }

    /// Makes Events.
    pub(super) fn begin_events(&mut self, now: Instant) {
        while self.next_event(now) == Some(now) && self.parts.leadership.may_write() {
            let Some((name, record)) = self.recorder.take(now) else { return };
            let sink = Arc::clone(&self.parts.sink);
            self.events_under_way += 1;
            self.under_way.push(Box::pin(async move {
                let result = sink.record(&record.event).await;
                Done::Recorded { name, record, result }
            }));
        }
    }

    /// Returns the time at which an Event may be made; none if that depends on what is under way, or if there is none.
    pub(super) fn next_event(&self, now: Instant) -> Option<Instant> {
        let is_free = self.events_under_way < MAX_UNDER_WAY.min(self.pressure.allowed());
        let next = self.recorder.next(now).filter(|_| is_free)?;
        Some(next.max(self.pressure.next(now)))
    }

    /// Handles the result of an Event.
    pub(super) fn recorded(
        &mut self,
        name: u64,
        mut record: Record,
        result: Result<(), Failure>,
        now: Instant,
    ) {
        let word = match &result {
            Ok(()) => "ok",
            Err(failure) => failure.kind.word(),
        };
        self.parts.metrics.event(word);
        let Err(failure) = result else {
            self.pressure.answered(now);
            return;
        };
        debug!(source = %self.parts.source, %failure, "Event not made");
        match failure.kind {
            FailureKind::Throttled => {
                self.pressure.throttled(now, failure.retry_after);
                self.recorder.put_back(name, record);
                return;
            }
            FailureKind::Unreachable => {
                self.note_outage(&failure);
                self.pressure.unreachable(now);
                self.recorder.put_back(name, record);
                return;
            }
            FailureKind::Failing if record.failures + 1 < MAX_FAILURES => {
                self.pressure.failed(now);
                record.failures += 1;
                self.recorder.put_back(name, record);
                return;
            }
            FailureKind::Failing | FailureKind::Refused | FailureKind::Conflict => {
                self.recorder.forget(&name)
            }
            // It was made before, perhaps by another process, or there is no place for it.
            FailureKind::Exists | FailureKind::Gone => {}
            FailureKind::Denied | FailureKind::Absent => {
                self.recorder.forget(&name);
                let dropped = self.recorder.clear();
                self.parts.metrics.events_of("dropped", dropped as u64);
                self.no_events_until = Some(now + LOOK_INTERVAL);
                if !std::mem::replace(&mut self.reports.event, true) {
                    warn!(source = %self.parts.source, reason = %failure, "Events cannot be made, trying again every ten minutes");
                }
            }
        }
        self.pressure.answered(now);
    }
}
