//! A source of a run: its snapshots, and whether its deletions are to be trusted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::name::KubernetesNamespace;
use crate::model::object::ObjectId;
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
    /// Creates the state of a source in its run of this number, which has sent nothing yet.
    pub(super) fn new(source: Arc<dyn Source>, run: u32, stop: CancellationToken) -> Self {
        Self {
            snapshots: source.scopes().into_iter().map(|scope| Snapshot::begin(scope, run)).collect(),
            source,
            run,
            generation: run,
            complete: false,
            sweep_others: false,
            unavailable: None,
            kind_gone: false,
            suspect_until: None,
            last_event: Instant::now(),
            stop,
        }
    }

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

    /// Returns whether an object that was last sent in this generation no longer exists: a snapshot of its scope that is
    /// complete lacks it, or it is of an earlier source of this name and no scope contains it.
    pub(super) fn lacks(&self, id: &ObjectId, generation: u32) -> bool {
        let swept = |snapshot: &&Snapshot| snapshot.to_sweep && snapshot.scope.contains(id);
        self.snapshots.iter().filter(swept).any(|snapshot| generation < snapshot.since)
            || (self.sweep_others && generation < self.run)
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::source::Sink;

    /// A source with these scopes.
    #[derive(Debug)]
    struct Scopes(Vec<Scope>);

    #[async_trait]
    impl Source for Scopes {
        async fn run(&self, _: Sink) {}

        fn scopes(&self) -> Vec<Scope> {
            self.0.clone()
        }
    }

    fn source(scopes: &[Scope]) -> RunningSource {
        RunningSource::new(Arc::new(Scopes(scopes.to_vec())), 1, CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn source_is_complete_once_each_scope_was_listed_and_stays_so_while_one_is_listed_again() {
        let [rules, namespaces] = [Scope::kind("PrometheusRule"), Scope::Namespaces];
        let mut source = source(&[rules.clone(), namespaces.clone()]);
        assert!(!source.end_snapshot(&rules) && !source.complete);
        assert!(source.end_snapshot(&namespaces) && source.complete && source.is_healthy());
        source.begin_snapshot(rules.clone(), 2);
        assert!(source.snapshots[0].complete && source.snapshots[0].confirmed, "it was listed before");
        assert!(!source.end_snapshot(&namespaces) && source.complete, "only once for the first time");
        let kind = Scope::kind("LoggingRule");
        source.begin_snapshot(kind.clone(), 3);
        assert!(!source.end_snapshot(&rules) && source.complete, "a further scope is not waited for");
        assert_eq!(source.snapshots.iter().map(|snapshot| snapshot.since).collect::<Vec<_>>(), [2, 1, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn object_is_lacking_if_a_complete_snapshot_of_its_scope_or_of_the_new_source_lacks_it() {
        let [rules, logging] = [Scope::kind("PrometheusRule"), Scope::kind("LoggingRule")];
        let id = ObjectId::new(&"s".into(), &"PrometheusRule".into(), "ns", "o");
        let mut source = source(&[rules.clone(), logging.clone()]);
        assert!(!source.lacks(&id, 0), "nothing was listed yet");
        source.end_snapshot(&rules);
        assert!(!source.lacks(&id, 1), "the snapshot has it");
        assert!(source.lacks(&id, 0), "the snapshot lacks it");
        source.snapshots[0].to_sweep = false;
        source.begin_snapshot(logging.clone(), 2);
        source.end_snapshot(&logging);
        assert!(!source.lacks(&id, 1), "that snapshot is of another kind");
        source.begin_snapshot(rules.clone(), 3);
        assert!(!source.lacks(&id, 1), "the snapshot is not complete");
        source.end_snapshot(&rules);
        assert!(source.lacks(&id, 1) && !source.lacks(&id, 3));
        let other = ObjectId::new(&"s".into(), &"RuleFile".into(), "_file", "o");
        assert!(
            source.lacks(&other, 0) && !source.lacks(&other, 1),
            "an earlier source of the name declared it"
        );
        source.sweep_others = false;
        assert!(!source.lacks(&other, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn source_is_healthy_once_it_is_complete_and_while_nothing_makes_it_suspect() {
        let mut source = source(&[Scope::Everything]);
        assert!(!source.is_healthy() && !source.is_suspect());
        source.end_snapshot(&Scope::Everything);
        assert!(source.is_healthy());
        source.unavailable = Some("down".to_owned());
        assert!(source.is_suspect() && !source.is_healthy());
        source.unavailable = None;
        source.suspect_until = Some(Instant::now());
        assert!(source.is_suspect() && !source.is_healthy());
    }

    #[tokio::test(start_paused = true)]
    async fn kubernetes_namespaces_are_noted_in_their_own_snapshot_while_it_is_in_progress() {
        let [rules, namespaces] = [Scope::kind("PrometheusRule"), Scope::Namespaces];
        assert!(!source(std::slice::from_ref(&rules)).lists_namespaces());
        let mut source = source(&[rules, namespaces.clone()]);
        assert!(source.lists_namespaces());
        for (name, exists) in [("a", true), ("b", true), ("b", false)] {
            source.saw_namespace(name, exists);
        }
        let shown = |source: &RunningSource| -> Vec<Vec<String>> {
            let names = |snapshot: &Snapshot| snapshot.namespaces.iter().map(ToString::to_string).collect();
            source.snapshots.iter().map(names).collect()
        };
        assert_eq!(shown(&source), [vec![], vec!["a".to_owned()]]);
        source.end_snapshot(&namespaces);
        source.saw_namespace("later", true);
        assert_eq!(shown(&source)[1], ["a"], "the snapshot is complete");
    }
}
