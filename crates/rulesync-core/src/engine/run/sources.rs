//! The sources of a run: their events, whether their deletions are to be trusted, and the identity that they report.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Run;
use super::running_source::RunningSource;
use crate::engine::setup::NamedSource;
use crate::metrics::{SourceLabels, SourceStateLabels};
use crate::model::name::{KubernetesNamespace, SourceName};
use crate::model::object::ObjectId;
use crate::object_index::{Effects, Unreadable};
use crate::outcome::Outcome;
use crate::route::input::NamespaceMetadata;
use crate::source::{Scope, Sink, SourceEvent, SourceMessage};
use crate::status::SourceStatus;

impl Run {
    pub(super) fn start_source(&mut self, NamedSource { name, source }: &NamedSource) {
        self.runs += 1;
        let stop = CancellationToken::new();
        let sink = Sink::new(name.clone(), self.runs, self.events.0.clone());
        let running = RunningSource::new(Arc::clone(source), self.runs, stop.clone());
        self.sources.insert(name.clone(), running);
        self.metrics.source_ready.get_or_create(&SourceLabels { source: name.to_string() }).set(0);
        let source = Arc::clone(source);
        self.tasks.spawn(async move {
            let _ = stop.run_until_cancelled(source.run(sink)).await;
        });
    }

    /// Takes an event of a source into account.
    pub(super) fn receive(&mut self, SourceMessage { source: name, run, at, event }: SourceMessage) {
        let Some(source) = self.sources.get_mut(&name).filter(|source| source.run == run) else { return };
        source.last_event = at;
        let live = source.complete;
        let event = match event {
            SourceEvent::Unavailable { reason } => return self.unavailable(&name, reason, false),
            SourceEvent::KindGone { reason } => return self.unavailable(&name, reason, true),
            SourceEvent::Identity(identity) => {
                self.identity.settle(identity.map(Arc::from));
                return;
            }
            SourceEvent::Kind { kind, installed } => return self.kind(&name, kind, installed),
            event => event,
        };
        let first_complete = match &event {
            SourceEvent::SnapshotComplete(scope) => source.end_snapshot(scope),
            _ => false,
        };
        // Other events prove nothing: a source may see some of its objects and not others.
        let seen = match event {
            SourceEvent::Available => true,
            SourceEvent::SnapshotComplete(_) => source.snapshots.iter().all(|snapshot| snapshot.confirmed),
            _ => false,
        };
        let recovered = seen && source.unavailable.take().is_some();
        let up = first_complete || (recovered && source.complete);
        if recovered && std::mem::take(&mut source.kind_gone) {
            source.suspect_until = Some(Instant::now() + self.setup.policy.delete_guard.window);
        }
        let Some(source) = self.sources.get_mut(&name) else { return };
        let generation = source.generation;
        let effects = match event {
            SourceEvent::SnapshotStarted(scope) => {
                self.runs += 1;
                source.begin_snapshot(scope, self.runs);
                Effects::default()
            }
            SourceEvent::Upsert(object) => {
                self.vanishing.exists(&object.id);
                self.index.upsert(object, generation, at, live)
            }
            SourceEvent::Malformed { id, version, finding, hides } => {
                self.vanishing.exists(&id);
                self.index.malformed(&id, Unreadable { version, finding }, hides, generation)
            }
            SourceEvent::Delete(id) => self.vanish(&id),
            // There is no handover to an object that goes nowhere.
            SourceEvent::Renamed { id, to } => {
                match to.iter().any(|to| self.index.destinations_of(to).next().is_some()) {
                    true => self.index.rename(&id, &to),
                    false => self.vanish(&id),
                }
            }
            SourceEvent::Namespace { name: namespace, labels, annotations } => {
                source.saw_namespace(&namespace, true);
                self.explain(&namespace, false);
                let input = NamespaceMetadata { labels, annotations };
                self.index.namespace(&name, namespace, Some(input), at)
            }
            SourceEvent::NamespaceGone { name: namespace } => {
                source.saw_namespace(&namespace, false);
                self.namespace_gone(&name, namespace, at)
            }
            _ => Effects::default(),
        };
        self.carry_out(effects);
        self.sweep(&name);
        self.source_metrics(&name);
        if up {
            let objects = self.index.count(&name);
            self.reporters.report(&Outcome::SourceUp { source: name, objects });
        }
    }

    fn namespace_gone(
        &mut self,
        source: &SourceName,
        namespace: KubernetesNamespace,
        at: Instant,
    ) -> Effects {
        self.explain(&namespace, true);
        self.index.namespace(source, namespace, None, at)
    }

    /// Records that a source cannot see its objects: its deletions wait until it can.
    fn unavailable(&mut self, name: &SourceName, reason: String, kind_gone: bool) {
        let Some(source) = self.sources.get_mut(name) else { return };
        // A kind that was never installed has taken no objects with it.
        source.kind_gone |= kind_gone && source.complete;
        source.snapshots.iter_mut().for_each(|snapshot| snapshot.confirmed = false);
        source.suspect_until = None;
        let is_new = source.unavailable.as_ref() != Some(&reason);
        source.unavailable = Some(reason.clone());
        if is_new {
            self.reporters.report(&Outcome::SourceDown { source: name.clone(), reason });
        }
    }

    /// Records whether a kind is installed in a cluster.
    fn kind(&mut self, source: &SourceName, kind: Arc<str>, installed: bool) {
        let key = (source.clone(), kind);
        match installed {
            true => self.missing_kinds.remove(&key),
            false => self.missing_kinds.insert(key),
        };
    }

    /// Trusts sources again whose kinds have been back for long enough.
    pub(super) fn end_suspicions(&mut self) {
        let now = Instant::now();
        for source in self.sources.values_mut() {
            source.suspect_until.take_if(|until| *until <= now);
        }
    }

    /// Records that a Kubernetes namespace exists, or was deleted, which explains deletes of its objects.
    fn explain(&mut self, namespace: &str, gone: bool) {
        // With several clusters, the namespace of one says nothing about that of another.
        let one = self.sources.values().filter(|source| source.lists_namespaces()).count() == 1;
        if !one {
            return;
        }
        if gone {
            self.vanishing.explain(namespace);
        }
        let window = self.setup.policy.delete_guard.window;
        self.gone_namespaces.update(namespace, gone, window, Instant::now());
    }

    /// Settles that the cluster has no identity, if no source would send one.
    pub(super) fn identify(&mut self) {
        if !self.setup.sources.iter().any(|named| named.source.identifies()) {
            self.identity.settle(None);
        }
    }

    /// Removes objects and Kubernetes namespaces that were missing from a complete snapshot, unless something that the
    /// source cannot read may hide them.
    fn sweep(&mut self, name: &SourceName) {
        let Some(source) = self.sources.get_mut(name) else { return };
        if !source.sweep_others && !source.snapshots.iter().any(|snapshot| snapshot.to_sweep) {
            return;
        }
        // What hides objects is itself gone if snapshots lack it, and hides them no longer.
        let hides = !self.index.hiding_others(name).all(|(id, generation)| source.lacks(id, generation));
        let mut gone_namespaces = Vec::new();
        let mut gone = Vec::new();
        for snapshot in source.snapshots.iter_mut().filter(|snapshot| snapshot.to_sweep) {
            if snapshot.scope == Scope::Namespaces {
                let listed = std::mem::take(&mut snapshot.namespaces);
                let known = self.index.namespaces_of(name);
                gone_namespaces.extend(known.filter(|namespace| !listed.contains(*namespace)).cloned());
            } else if hides {
                continue;
            } else {
                gone.extend(self.index.missing_since(name, &snapshot.scope, snapshot.since));
            }
            snapshot.to_sweep = false;
        }
        if source.sweep_others && !hides {
            source.sweep_others = false;
            gone.extend(self.index.missing_since(name, &Scope::Everything, source.run));
            if !source.lists_namespaces() {
                // An earlier source of its name listed them: they still exist, and are known by name only.
                let known: Vec<KubernetesNamespace> = self.index.namespaces_of(name).cloned().collect();
                for namespace in known {
                    let effects = self.index.namespace(name, namespace, None, Instant::now());
                    self.carry_out(effects);
                }
            }
        }
        for namespace in gone_namespaces {
            let effects = self.namespace_gone(name, namespace, Instant::now());
            self.carry_out(effects);
        }
        for id in gone {
            let effects = self.vanish(&id);
            self.carry_out(effects);
        }
    }

    /// Removes an object that its source has deleted.
    fn vanish(&mut self, id: &ObjectId) -> Effects {
        if self.index.is_in_ruler(id) {
            self.vanishing.vanished(id, Instant::now());
        }
        self.index.delete(id)
    }

    fn source_metrics(&self, name: &SourceName) {
        let Some(source) = self.sources.get(name) else { return };
        let ready = SourceLabels { source: name.to_string() };
        self.metrics.source_ready.get_or_create(&ready).set(i64::from(source.complete));
        for (state, count) in self.index.counts(name) {
            let labels = SourceStateLabels { source: name.to_string(), state };
            self.metrics.source_objects.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Starts and ends sources so that they are those of the setup; `restart` starts all of them again. The objects of
    /// an ended source are removed, unless another source takes its name: then those that it does not declare are
    /// removed once it has shown all its objects.
    pub(super) fn adjust_sources(&mut self, restart: bool) {
        let wanted = self.setup.sources.clone();
        let names: Vec<SourceName> = self.sources.keys().cloned().collect();
        let mut gone = Vec::new();
        for name in names {
            let new = wanted.iter().find(|named| named.name == name);
            let same =
                |running: &RunningSource| new.is_some_and(|new| Arc::ptr_eq(&new.source, &running.source));
            if !restart && self.sources.get(&name).is_some_and(same) {
                continue;
            }
            if let Some(old) = self.sources.remove(&name) {
                old.stop.cancel();
                self.missing_kinds.retain(|(source, _)| *source != name);
            }
            if new.is_none() {
                self.vanishing.forget(&name);
                gone.push(name);
            }
        }
        for named in &wanted {
            if !self.sources.contains_key(&named.name) {
                self.start_source(named);
            }
        }
        // After deletes were revoked: objects that are removed here may come again from a source that has just been
        // started.
        for name in gone {
            for id in self.index.missing_since(&name, &Scope::Everything, u32::MAX) {
                let effects = self.index.delete(&id);
                self.carry_out(effects);
            }
            let labels = SourceLabels { source: name.to_string() };
            self.metrics.source_ready.remove(&labels);
            for (state, _) in self.index.counts(&name) {
                let labels = SourceStateLabels { source: name.to_string(), state };
                self.metrics.source_objects.remove(&labels);
            }
        }
        self.identify();
    }

    pub(super) fn source_statuses(&self) -> Vec<SourceStatus> {
        let status = |(name, source): (&SourceName, &RunningSource)| SourceStatus {
            name: name.to_string(),
            ready: source.complete,
            objects: self.index.count(name),
            unavailable: source.unavailable.clone(),
            hides_objects: self.index.source_hides_objects(name),
        };
        self.sources.iter().map(status).collect()
    }
}
