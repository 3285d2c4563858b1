//! What was published before: listed when a term begins, and once an hour.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::model::LOGGING_RULE;
use tokio::time::Instant;
use tracing::{debug, info};

use super::{Done, Term};
use crate::publish::publisher::orphans::Orphans;
use crate::publish::publisher::published::{Effect, Key};
use crate::publish::publisher::sink::{Failure, FailureKind};
use crate::publish::publisher::survey::{Found, Survey, Surveyed, declared};
use crate::publish::publisher::sweep;
use crate::publish::publisher::write::{Collection, Output, Write};
use crate::resource::Kind;

/// The time between two lists. What others have deleted is written again, and what belongs to nothing is deleted.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The same while something is to be deleted that may not be deleted yet.
const INTERVAL_WITH_ORPHANS: Duration = Duration::from_secs(300);

/// The wait after a list that has failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The number of failures in a row after which what cannot be listed keeps nothing else waiting.
const MAX_FAILURES: u32 = 3;

impl Term {
    /// Begins to list what was published.
    pub(super) fn begin_survey(&mut self) {
        let survey = Survey {
            sink: Arc::clone(&self.parts.sink),
            engine: Arc::clone(&self.parts.engine),
            states: self.parts.states.clone(),
            keys: self.keys.clone(),
            collections: self.collections(),
            namespaces: self.parts.namespaces.clone(),
        };
        (self.survey.is_under_way, self.survey.last) = (true, Some(Instant::now()));
        self.under_way.push(Box::pin(async move { Done::Surveyed(survey.run().await) }));
    }

    fn collections(&self) -> Vec<Collection> {
        let kinds = || self.parts.kinds.iter().filter_map(|kind| Kind::of(kind));
        let mut collections = Vec::new();
        // Where there are none any more, what is left of them is looked for once: it costs an empty list.
        let wants_statuses = self.settings.objects.is_some() || !self.survey.has_swept;
        if wants_statuses && kinds().any(|kind| kind.name != LOGGING_RULE) {
            collections.push(Collection::RuleStatuses);
        }
        if self.settings.objects.is_some() && kinds().any(|kind| kind.name == LOGGING_RULE) {
            collections.push(Collection::LoggingRules);
        }
        if self.settings.reports {
            collections.push(Collection::Reports);
        }
        if self.settings.annotations.is_some() {
            collections.extend(kinds().map(Collection::Annotated));
        }
        collections
    }

    /// Handles what was listed.
    pub(super) fn surveyed(&mut self, surveyed: Surveyed, now: Instant) {
        let Surveyed { collections, sources } = surveyed;
        let failing = collections.iter().filter_map(|(_, found)| passing_failure(found));
        if let Some(failure) = failing.clone().next().cloned() {
            self.survey.failures += 1;
            let is_all = failing.count() == collections.len();
            if is_all || self.survey.failures < MAX_FAILURES {
                self.survey_again(&failure, now);
                return;
            }
        }
        self.survey.failures = 0;
        self.survey.due = now + INTERVAL;
        self.pressure.answered(now);
        let orphans = self.orphans(&collections);
        let (changed, is_passable) = self.take(collections, now);
        if sources.is_some_and(|sources| sweep::may_sweep(&sources)) {
            // Those of an earlier list that still exist are among them.
            self.orphans = orphans;
            self.survey.has_swept = true;
        } else if !orphans.is_empty() {
            self.survey.due = self.survey.due.min(now + INTERVAL_WITH_ORPHANS);
        }
        self.take_over(now);
        let is_first = !std::mem::replace(&mut self.survey.has_been, true);
        if std::mem::take(&mut self.survey.concerns_all) || is_passable {
            self.consider_all(is_first, |_| true, now);
        } else if !changed.is_empty() {
            self.consider_all(false, |key| changed.contains(&key), now);
        }
    }

    fn survey_again(&mut self, failure: &Failure, now: Instant) {
        debug!(source = %self.parts.source, %failure, "What was published cannot be listed");
        if failure.kind == FailureKind::Throttled {
            self.pressure.throttled(now, failure.retry_after);
        } else {
            self.note_outage(failure);
            self.pressure.unreachable(now);
        }
        self.survey.due = self.pressure.next(now).max(now + AFTER_FAILURE);
    }

    /// Takes over what was listed. Returns the objects of which it differs from what was known, and whether something that
    /// stood in the way does so no more.
    fn take(&mut self, collections: Vec<(Collection, Found)>, now: Instant) -> (HashSet<Key>, bool) {
        let (mut changed, mut is_passable) = (HashSet::new(), false);
        let mut annotations = None;
        for (collection, found) in collections {
            let output = collection.output();
            if !self.settings.wants(output) {
                // Without the kind or the permission there is nothing that could be removed.
                changed.extend(self.published.replace_documents(output, found.documents, false));
                continue;
            }
            // What could not be listed is there, as far as is known, unless its kind is gone.
            let is_whole = found.failures.iter().all(|(_, failure)| failure.kind == FailureKind::Absent);
            // A kind that is not installed has no objects that could carry their status themselves.
            let is_in_the_way =
                |failure: &Failure| failure.kind != FailureKind::Absent || collection.of_kind().is_none();
            for (namespace, failure) in found.failures.iter().filter(|(_, failure)| is_in_the_way(failure)) {
                let everywhere = failure.kind != FailureKind::Denied;
                let namespace = namespace.as_deref().filter(|_| !everywhere);
                self.meet(output, namespace, failure, now);
            }
            if found.failures.is_empty() && self.obstacles.pass(output, None) {
                info!(source = %self.parts.source, kind = output.word(), "Status is published again");
                is_passable = true;
            }
            if matches!(output, Output::Annotation(_)) {
                let (all, are_whole) = annotations.get_or_insert_with(|| (HashMap::new(), true));
                all.extend(found.annotations);
                *are_whole &= is_whole;
            } else {
                changed.extend(self.published.replace_documents(output, found.documents, is_whole));
            }
        }
        if let Some((annotations, are_whole)) = annotations {
            changed.extend(self.published.replace_annotations(annotations, are_whole));
        }
        (changed, is_passable)
    }

    /// Returns what belongs to no object that any source declares by now.
    fn orphans(&self, collections: &[(Collection, Found)]) -> Orphans {
        let mut orphans = Orphans::default();
        for (collection, found) in collections {
            let output = collection.output();
            for (namespace, name) in &found.orphans {
                let delete = Write::Delete { output, namespace: namespace.clone(), name: name.clone() };
                orphans.add(self.keys.named(namespace, name), (delete, Effect::Document(output, None)));
            }
        }
        if !orphans.is_empty() {
            // Objects may have been declared while the list was under way.
            orphans.keep_all(&declared(&self.parts.states, &self.keys));
        }
        orphans
    }
}

/// Returns the failure of a list that may succeed soon.
fn passing_failure(found: &Found) -> Option<&Failure> {
    let passes = |failure: &&Failure| !matches!(failure.kind, FailureKind::Absent | FailureKind::Denied);
    found.failures.iter().map(|(_, failure)| failure).find(passes)
}
