//! A source of a run: its snapshots, and whether its deletions are to be trusted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::name::KubernetesNamespace;
use crate::source::{Scope, Source};

/// A source and its state.
pub(super) struct RunningSource {
    pub(super) source: Arc<dyn Source>,
    pub(super) run: u32,
    /// The number that marks the objects of a snapshot: it grows with each snapshot that begins.
    pub(super) generation: u32,
    pub(super) snapshots: Vec<Snapshot>,
    /// True once each of its scopes has been listed.
    pub(super) complete: bool,
    /// True if objects that an earlier source of its name declared outside of its scopes may still have to be removed.
    pub(super) sweep_others: bool,
    pub(super) unavailable: Option<String>,
    /// True after its kind was missing: its deletions are not trusted while that is so, nor for a while afterwards.
    pub(super) kind_gone: bool,
    /// The end of that while.
    pub(super) suspect_until: Option<Instant>,
    /// The time of its last event.
    pub(super) last_event: Instant,
    pub(super) stop: CancellationToken,
}

/// The latest snapshot of a scope.
pub(super) struct Snapshot {
    pub(super) scope: Scope,
    /// The generation with which it began: objects of the scope with an earlier mark no longer exist when it is
    /// complete.
    pub(super) since: u32,
    pub(super) in_progress: bool,
    /// True once the scope has been listed completely.
    pub(super) complete: bool,
    /// True if it was listed since the source was last unavailable.
    pub(super) confirmed: bool,
    /// True if objects that were missing from it may still have to be removed.
    pub(super) to_sweep: bool,
    /// Kubernetes namespaces that it has shown.
    pub(super) namespaces: BTreeSet<KubernetesNamespace>,
}

impl Snapshot {
    pub(super) fn begin(scope: Scope, since: u32) -> Self {
        Self {
            scope,
            since,
            in_progress: true,
            complete: false,
            confirmed: false,
            to_sweep: false,
            namespaces: BTreeSet::new(),
        }
    }
}

impl RunningSource {
    pub(super) fn poll_interval(&self) -> Duration {
        self.source.poll_interval()
    }

    /// Returns whether it lists the Kubernetes namespaces.
    pub(super) fn lists_namespaces(&self) -> bool {
        self.snapshots.iter().any(|snapshot| snapshot.scope == Scope::Namespaces)
    }

    /// Begins another snapshot of a scope.
    pub(super) fn begin_snapshot(&mut self, scope: Scope, generation: u32) {
        self.generation = generation;
        match self.snapshots.iter_mut().find(|snapshot| snapshot.scope == scope) {
            Some(snapshot) => {
                let Snapshot { complete, confirmed, .. } = *snapshot;
                *snapshot = Snapshot { complete, confirmed, ..Snapshot::begin(scope, generation) };
            }
            // A scope that it did not declare beforehand is not waited for.
            None => self.snapshots.push(Snapshot { complete: true, ..Snapshot::begin(scope, generation) }),
        }
    }

    /// Completes a snapshot. Returns whether the source has now been listed completely for the first time.
    pub(super) fn end_snapshot(&mut self, scope: &Scope) -> bool {
        if let Some(snapshot) = self.snapshots.iter_mut().find(|snapshot| snapshot.scope == *scope) {
            (snapshot.in_progress, snapshot.to_sweep) = (false, true);
            (snapshot.complete, snapshot.confirmed) = (true, true);
        }
        let before = self.complete;
        self.complete = self.snapshots.iter().all(|snapshot| snapshot.complete);
        let first = self.complete && !before;
        self.sweep_others |= first;
        first
    }

    /// Records that a Kubernetes namespace exists, or was deleted.
    pub(super) fn saw_namespace(&mut self, name: &str, exists: bool) {
        let listing = |snapshot: &&mut Snapshot| snapshot.scope == Scope::Namespaces && snapshot.in_progress;
        if let Some(snapshot) = self.snapshots.iter_mut().find(listing) {
            match exists {
                true => drop(snapshot.namespaces.insert(name.into())),
                false => drop(snapshot.namespaces.remove(name)),
            }
        }
    }

    /// Returns whether it may not see all its objects.
    pub(super) fn is_suspect(&self) -> bool {
        self.unavailable.is_some() || self.suspect_until.is_some()
    }

    /// Returns whether its deletions can be trusted: it has shown all its objects, and sees them.
    pub(super) fn is_healthy(&self) -> bool {
        self.complete && !self.is_suspect()
    }
}
