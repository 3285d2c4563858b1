//! A running source, and its events in short.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rulesync_core::testing::SinkEvents;
use rulesync_core::{Scope, Sink, Source, SourceEvent};
use rulesync_k8s::{KubernetesConfig, KubernetesSource};
use rulesync_testkit::{KubeServer, Recorded};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const RULES: &str = "prometheusrules.monitoring.coreos.com";

/// How long anything may take before a test gives up. Nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    events: SinkEvents,
    /// The identity of the cluster, if it was reported.
    pub(crate) identity: Option<Option<String>>,
    /// True if the kind was reported as deleted.
    pub(crate) kind_gone: bool,
    snapshots: Snapshots,
    /// Events that were derived and not yet returned.
    queue: VecDeque<String>,
    _stop: DropGuard,
}

/// What the engine derives from snapshots: which objects and Kubernetes namespaces are gone, and when the source has
/// been listed whole.
#[derive(Default)]
struct Snapshots {
    known: BTreeMap<Scope, BTreeSet<String>>,
    listed: BTreeMap<Scope, BTreeSet<String>>,
    incomplete: BTreeSet<Scope>,
}

impl Snapshots {
    fn of(scopes: Vec<Scope>) -> Self {
        let listed = scopes.iter().map(|scope| (scope.clone(), BTreeSet::new())).collect();
        Self { listed, incomplete: scopes.into_iter().collect(), ..Self::default() }
    }

    fn exists(&mut self, within: impl Fn(&Scope) -> bool, name: &str) {
        for scope in self.incomplete.iter().chain(self.known.keys()).cloned().collect::<BTreeSet<_>>() {
            if within(&scope) {
                self.known.entry(scope.clone()).or_default().insert(name.to_owned());
                if let Some(listed) = self.listed.get_mut(&scope) {
                    listed.insert(name.to_owned());
                }
            }
        }
    }

    fn gone(&mut self, name: &str) {
        for names in self.known.values_mut().chain(self.listed.values_mut()) {
            names.remove(name);
        }
    }

    /// Returns what is gone, and whether this was the last scope to be listed.
    fn complete(&mut self, scope: &Scope) -> (Vec<String>, bool) {
        let listed = self.listed.remove(scope).unwrap_or_default();
        let known = self.known.insert(scope.clone(), listed.clone()).unwrap_or_default();
        let last = self.incomplete.remove(scope) && self.incomplete.is_empty();
        (known.difference(&listed).cloned().collect(), last)
    }
}

/// Settings that make a test's waits short.
pub(crate) fn quick() -> KubernetesConfig {
    KubernetesConfig {
        page_size: 2,
        watch_timeout: Duration::from_secs(1),
        list_timeout: Duration::from_secs(1),
        ..KubernetesConfig::default()
    }
}

impl Running {
    pub(crate) async fn of(kube: &KubeServer, config: KubernetesConfig) -> Self {
        Self::by(kube.kubeconfig(), config).await
    }

    pub(crate) async fn by(kubeconfig: String, config: KubernetesConfig) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), kubeconfig).unwrap();
        let kubeconfig = Some(file.path().to_owned());
        let source = KubernetesSource::connect(KubernetesConfig { kubeconfig, ..config }).await.unwrap();
        let snapshots = Snapshots::of(source.scopes());
        let (sink, events) = Sink::channel("k");
        let stop = CancellationToken::new();
        let token = stop.clone();
        tokio::spawn(async move { token.run_until_cancelled(source.run(sink)).await });
        let queue = VecDeque::new();
        Self { events, identity: None, kind_gone: false, snapshots, queue, _stop: stop.drop_guard() }
    }

    /// The next event in short, such as `upsert ns/o`.
    pub(crate) async fn next(&mut self) -> String {
        while self.queue.is_empty() {
            let next = tokio::time::timeout(PATIENCE, self.events.next()).await;
            self.receive(next.expect("an event").expect("a source"));
        }
        self.queue.pop_front().expect("it is not empty")
    }

    fn receive(&mut self, event: SourceEvent) {
        let text = match event {
            // The identity of the cluster may come at any moment.
            SourceEvent::Identity(identity) => {
                self.identity = Some(identity);
                return;
            }
            SourceEvent::SnapshotStarted(scope) => {
                self.snapshots.listed.insert(scope, BTreeSet::new());
                return;
            }
            SourceEvent::SnapshotComplete(scope) => {
                let (gone, last) = self.snapshots.complete(&scope);
                let verb = if scope == Scope::Namespaces { "namespace gone" } else { "delete" };
                self.queue.extend(gone.into_iter().map(|name| format!("{verb} {name}")));
                self.queue.extend(last.then(|| "complete".to_owned()));
                return;
            }
            SourceEvent::Upsert(object) => {
                let name = format!("{}/{}", object.id.namespace(), object.id.name());
                self.snapshots.exists(|scope| scope.contains(&object.id), &name);
                format!("upsert {name}")
            }
            SourceEvent::Malformed { id, .. } => {
                let name = format!("{}/{}", id.namespace(), id.name());
                self.snapshots.exists(|scope| scope.contains(&id), &name);
                format!("malformed {name}")
            }
            SourceEvent::Delete(id) => {
                let name = format!("{}/{}", id.namespace(), id.name());
                self.snapshots.gone(&name);
                format!("delete {name}")
            }
            SourceEvent::Kind { kind, installed } => {
                format!("{kind} {}", if installed { "installed" } else { "not installed" })
            }
            SourceEvent::Namespace { name, .. } => {
                self.snapshots.exists(|scope| *scope == Scope::Namespaces, &name);
                format!("namespace {name}")
            }
            SourceEvent::NamespaceGone { name } => {
                self.snapshots.gone(&name);
                format!("namespace gone {name}")
            }
            SourceEvent::Unavailable { reason } => format!("unavailable: {reason}"),
            SourceEvent::KindGone { reason } => {
                self.kind_gone = true;
                format!("unavailable: {reason}")
            }
            SourceEvent::Available => "available".to_owned(),
            other => unreachable!("no cluster sends {other:?}"),
        };
        self.queue.push_back(text);
    }

    /// Everything up to and including this event.
    pub(crate) async fn until(&mut self, last: &str) -> Vec<String> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            if events.last().is_some_and(|event| event.starts_with(last)) {
                return events;
            }
        }
    }
}

/// Waits for so many requests, answered or not. Within the journal's condition its own count must be kept, as the
/// server's would wait for the journal.
pub(crate) async fn asked(kube: &KubeServer, verb: &str, plural: &str, times: usize) {
    let wanted = |requests: &[Recorded]| {
        let watches = |r: &Recorded| r.query.as_ref().is_some_and(|query| query.contains("watch="));
        let fits = |r: &&Recorded| r.path.ends_with(plural) && watches(r) == (verb == "watch");
        requests.iter().filter(fits).count() >= times
    };
    tokio::time::timeout(PATIENCE, kube.journal().wait_until(wanted)).await.expect("more requests");
}

/// Waits for so many watches of rules that were answered.
pub(crate) async fn opened(kube: &KubeServer, times: usize) {
    let wanted = |requests: &[Recorded]| {
        let watch = |r: &&Recorded| r.query.as_ref().is_some_and(|query| query.contains("watch="));
        let of_rules = |r: &&Recorded| r.path.ends_with("prometheusrules") && r.status == Some(200);
        requests.iter().filter(watch).filter(of_rules).count() >= times
    };
    tokio::time::timeout(PATIENCE, kube.journal().wait_until(wanted)).await.expect("more watches");
}

/// Returns the number of events that begin with this text.
pub(crate) fn count(events: &[String], beginning: &str) -> usize {
    events.iter().filter(|event| event.starts_with(beginning)).count()
}

/// The settings for these namespaces only.
pub(crate) fn within(namespaces: &[&str]) -> KubernetesConfig {
    KubernetesConfig { namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(), ..quick() }
}

pub(crate) fn object(namespace: &str, name: &str, expr: &str) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"groups": [{"name": "g", "rules": [{"record": "a:b", "expr": expr}]}]},
    })
}

/// Two namespaces with three objects.
pub(crate) async fn cluster() -> KubeServer {
    let kube = KubeServer::start().await.unwrap();
    for (namespace, name) in [("a", "one"), ("a", "two"), ("b", "three")] {
        kube.apply(object(namespace, name, "up")).unwrap();
    }
    kube
}
