//! The sources of a run: what they say, whether it is to be believed, and who they say we are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::claim::Claimant;
use crate::destination::Command;
use crate::engine::setup::NamedSource;
use crate::intake::NamespaceMetadata;
use crate::metrics::{SourceLabels, SourceStateLabels};
use crate::model::object::ObjectId;
use crate::object_index::Effects;
use crate::outcome::Outcome;
use crate::source::{Said, Sink, Source, SourceEvent};
use crate::status::SourceStatus;

/// A source and what is known of it.
pub(super) struct RunningSource {
    source: Arc<dyn Source>,
    run: u32,
    pub(super) complete: bool,
    /// Whether objects of an earlier run may still have to go.
    to_sweep: bool,
    pub(super) unavailable: Option<String>,
    /// Its kind was gone: what it says was deleted is not believed while that is so, nor for a while after.
    kind_gone: bool,
    /// Until when that while lasts.
    pub(super) doubted_until: Option<Instant>,
    /// When it last said anything.
    pub(super) heard: Instant,
    pub(super) stop: CancellationToken,
}

impl RunningSource {
    pub(super) fn look_interval(&self) -> Duration {
        self.source.look_interval()
    }

    /// Whether it can be believed: it has shown all it has, and sees its objects.
    pub(super) fn is_healthy(&self) -> bool {
        self.complete && self.unavailable.is_none() && self.doubted_until.is_none()
    }
}

/// Who we are: what the first of the sources that know says, unless it was said from outside.
#[derive(Debug)]
pub(super) enum Identity {
    Unknown,
    Known(Option<Arc<str>>),
}

impl Identity {
    pub(super) fn new(fixed: Option<Arc<str>>) -> Self {
        fixed.map_or(Self::Unknown, |fixed| Self::Known(Some(fixed)))
    }
}

impl Run {
    pub(super) fn start_source(&mut self, NamedSource { name, source }: &NamedSource) {
        self.runs += 1;
        let stop = CancellationToken::new();
        let sink = Sink::new(Arc::clone(name), self.runs, self.events.0.clone());
        let running = RunningSource {
            source: Arc::clone(source),
            run: self.runs,
            complete: false,
            to_sweep: false,
            unavailable: None,
            kind_gone: false,
            doubted_until: None,
            heard: Instant::now(),
            stop: stop.clone(),
        };
        self.sources.insert(Arc::clone(name), running);
        self.metrics.source_ready.get_or_create(&SourceLabels { source: name.to_string() }).set(0);
        let source = Arc::clone(source);
        self.tasks.spawn(async move { source.run(sink, stop).await });
        self.allow_deletes();
    }

    pub(super) fn said(&mut self, Said { source: name, run, at, event }: Said) {
        let Some(source) = self.sources.get_mut(&name).filter(|source| source.run == run) else { return };
        source.heard = at;
        let live = source.complete;
        let event = match event {
            SourceEvent::Unavailable { reason } => return self.unavailable(&name, reason, false),
            SourceEvent::KindGone { reason } => return self.unavailable(&name, reason, true),
            SourceEvent::Identity(identity) => {
                if matches!(self.identity, Identity::Unknown) {
                    self.identity = Identity::Known(identity.map(Arc::from));
                    self.identify();
                }
                return;
            }
            SourceEvent::Kind { kind, installed } => return self.kind(&name, kind, installed),
            event => event,
        };
        // What else it says is no proof: a source may see some of its objects and not others.
        let seen = matches!(event, SourceEvent::Available | SourceEvent::SnapshotComplete);
        let recovered = seen && source.unavailable.take().is_some();
        let mut up = recovered && source.complete;
        if recovered && std::mem::take(&mut source.kind_gone) {
            source.doubted_until = Some(Instant::now() + self.setup.policy.delete_guard.window);
        } else if recovered && source.doubted_until.is_none() {
            let source = Arc::clone(&name);
            self.tell_all(|| Command::Suspect { source: Arc::clone(&source), suspect: false });
        }
        let effects = match event {
            SourceEvent::Upsert(object) => {
                self.vanishing.is_there(&object.id);
                self.index.upsert(object, run, at, live)
            }
            SourceEvent::Malformed { id, finding, hides } => {
                self.vanishing.is_there(&id);
                self.index.malformed(&id, finding, hides, run)
            }
            SourceEvent::Delete(id) => self.vanish(&id),
            // To what goes nowhere, nothing is handed over.
            SourceEvent::Renamed { id, to } => {
                match to.iter().any(|to| self.index.destinations_of(to).next().is_some()) {
                    true => self.index.rename(&id, &to),
                    false => self.vanish(&id),
                }
            }
            SourceEvent::Namespace { name: namespace, labels, annotations } => {
                let command = Command::KubernetesNamespace { name: namespace.clone(), gone: false };
                self.explain(command);
                let input = NamespaceMetadata { labels, annotations };
                self.index.namespace(&name, namespace, Some(input), at)
            }
            SourceEvent::NamespaceGone { name: namespace } => {
                self.explain(Command::KubernetesNamespace { name: namespace.clone(), gone: true });
                self.index.namespace(&name, namespace, None, at)
            }
            SourceEvent::SnapshotComplete => {
                if let Some(source) = self.sources.get_mut(&name) {
                    up |= !source.complete;
                    source.complete = true;
                    source.to_sweep = true;
                }
                Effects::default()
            }
            _ => Effects::default(),
        };
        self.carry_out(effects);
        self.sweep(&name);
        self.allow_deletes();
        self.source_metrics(&name);
        if up {
            let objects = self.index.count(&name);
            self.reporters.report(&Outcome::SourceUp { source: name, objects });
        }
    }

    /// A source cannot see its objects: what it said was deleted waits until it can.
    fn unavailable(&mut self, name: &Arc<str>, reason: String, kind_gone: bool) {
        let Some(source) = self.sources.get_mut(name) else { return };
        // A kind that was never there has taken nothing with it.
        source.kind_gone |= kind_gone && source.complete;
        source.doubted_until = None;
        let news = source.unavailable.as_ref() != Some(&reason);
        source.unavailable = Some(reason.clone());
        self.tell_all(|| Command::Suspect { source: Arc::clone(name), suspect: true });
        if news {
            self.reporters.report(&Outcome::SourceDown { source: Arc::clone(name), reason });
        }
    }

    /// A kind is installed in a cluster, or is not.
    fn kind(&mut self, source: &Arc<str>, kind: Arc<str>, installed: bool) {
        let key = (Arc::clone(source), kind);
        let news = if installed { self.absent.remove(&key) } else { self.absent.insert(key) };
        if news {
            let absent = self.absent_kinds();
            self.tell_all(|| Command::AbsentKinds(Arc::clone(&absent)));
        }
    }

    /// The kinds that some source cannot have objects of.
    pub(super) fn absent_kinds(&self) -> Arc<BTreeSet<Arc<str>>> {
        Arc::new(self.absent.iter().map(|(_, kind)| Arc::clone(kind)).collect())
    }

    /// Kinds that have come back long enough ago are believed again.
    pub(super) fn end_doubts(&mut self) {
        let now = Instant::now();
        let over = |source: &mut RunningSource| source.doubted_until.take_if(|until| *until <= now).is_some();
        let names: Vec<Arc<str>> = self
            .sources
            .iter_mut()
            .filter_map(|(name, source)| over(source).then(|| Arc::clone(name)))
            .collect();
        for name in names {
            self.tell_all(|| Command::Suspect { source: Arc::clone(&name), suspect: false });
        }
    }

    fn explain(&mut self, command: Command) {
        let Command::KubernetesNamespace { name, gone } = command else { return };
        // With several clusters a namespace of one says nothing about that of another.
        let one = self.sources.values().filter(|source| source.source.delivers_namespaces()).count() == 1;
        if one {
            if gone {
                self.vanishing.explain(&name);
            }
            self.tell_all(|| Command::KubernetesNamespace { name: name.clone(), gone });
        }
    }

    /// Tells destinations who we are, if that is settled.
    pub(super) fn identify(&mut self) {
        if matches!(self.identity, Identity::Unknown)
            && !self.setup.sources.iter().any(|named| named.source.identifies())
        {
            self.identity = Identity::Known(None);
        }
        if let Some(us) = self.claimant() {
            self.tell_all(|| Command::Identity(us.clone()));
        }
    }

    /// What a new destination is told of who we are.
    pub(super) fn identity_command(&self) -> Option<Command> {
        self.claimant().map(Command::Identity)
    }

    /// Who this installation is to the claims of its owner, if that is settled; none in it if nothing tells it from
    /// others.
    #[expect(clippy::option_option, reason = "not settled is not the same as never to be known")]
    fn claimant(&self) -> Option<Option<Arc<Claimant>>> {
        let Identity::Known(cluster) = &self.identity else { return None };
        Some(Claimant::of(cluster.as_ref(), self.installation.as_ref()).map(Arc::new))
    }

    /// Drops what a source no longer says after it was started anew, unless something it cannot read may hide it.
    fn sweep(&mut self, name: &Arc<str>) {
        let hides = self.index.source_hides_objects(name);
        let Some(source) = self.sources.get_mut(name).filter(|source| source.to_sweep && !hides) else {
            return;
        };
        source.to_sweep = false;
        for gone in self.index.not_said_since(name, source.run) {
            let effects = self.vanish(&gone);
            self.carry_out(effects);
        }
    }

    /// An object is gone from its source.
    fn vanish(&mut self, id: &ObjectId) -> Effects {
        if self.index.is_in_ruler(id) {
            self.vanishing.vanished(id, Instant::now());
        }
        self.index.delete(id)
    }

    fn source_metrics(&self, name: &Arc<str>) {
        let Some(source) = self.sources.get(name) else { return };
        let ready = SourceLabels { source: name.to_string() };
        self.metrics.source_ready.get_or_create(&ready).set(i64::from(source.complete));
        for (state, count) in self.index.counts(name) {
            let labels = SourceStateLabels { source: name.to_string(), state };
            self.metrics.source_objects.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Starts and ends sources so that they are those of the setup, or starts all `anew`. What an ended one declared
    /// goes with it, unless another takes its name: then what that does not declare goes, once it has shown all it
    /// has.
    pub(super) fn adjust_sources(&mut self, anew: bool) {
        let wanted = self.setup.sources.clone();
        let names: Vec<Arc<str>> = self.sources.keys().cloned().collect();
        let mut gone = Vec::new();
        for name in names {
            let new = wanted.iter().find(|named| named.name == name);
            let same =
                |running: &RunningSource| new.is_some_and(|new| Arc::ptr_eq(&new.source, &running.source));
            if !anew && self.sources.get(&name).is_some_and(same) {
                continue;
            }
            if let Some(old) = self.sources.remove(&name) {
                old.stop.cancel();
                let before = self.absent.len();
                self.absent.retain(|(source, _)| *source != name);
                if self.absent.len() < before {
                    let absent = self.absent_kinds();
                    self.tell_all(|| Command::AbsentKinds(Arc::clone(&absent)));
                }
                self.tell_all(|| Command::Suspect { source: Arc::clone(&name), suspect: false });
            }
            if new.is_none() {
                if self.vanishing.forget(&name) {
                    self.tell_all(|| Command::Vanished { source: Arc::clone(&name), held: None });
                }
                gone.push(name);
            }
        }
        for named in &wanted {
            if !self.sources.contains_key(&named.name) {
                self.start_source(named);
            }
        }
        // After deletes were revoked: what goes here may come again from a source that has just been started.
        for name in gone {
            for id in self.index.not_said_since(&name, u32::MAX) {
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
        self.allow_deletes();
        self.identify();
    }

    pub(super) fn source_statuses(&self) -> Vec<SourceStatus> {
        let status = |(name, source): (&Arc<str>, &RunningSource)| SourceStatus {
            name: name.to_string(),
            ready: source.complete,
            objects: self.index.count(name),
            unavailable: source.unavailable.clone(),
            hides_objects: self.index.source_hides_objects(name),
        };
        self.sources.iter().map(status).collect()
    }
}
