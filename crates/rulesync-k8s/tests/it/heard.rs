//! A source that runs, and what it says in short.

use std::time::Duration;

use rulesync_core::{Sink, SinkEvents, Source, SourceEvent};
use rulesync_k8s::{KubernetesConfig, KubernetesSource};
use rulesync_testkit::{KubeServer, Recorded};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const RULES: &str = "prometheusrules.monitoring.coreos.com";

/// How long anything may take before a test gives up. Nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Heard {
    events: SinkEvents,
    /// What was said of the cluster's identity, if anything was.
    pub(crate) identity: Option<Option<String>>,
    /// Whether the kind was said to be gone.
    pub(crate) kind_gone: bool,
    _stop: DropGuard,
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

impl Heard {
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
        let (sink, events) = Sink::channel("k");
        let stop = CancellationToken::new();
        let token = stop.clone();
        tokio::spawn(async move { source.run(sink, token).await });
        Self { events, identity: None, kind_gone: false, _stop: stop.drop_guard() }
    }

    /// The next event in short, such as `upsert ns/o`.
    pub(crate) async fn next(&mut self) -> String {
        // Who the cluster is may be said at any moment, and is told of elsewhere.
        let event = loop {
            let next = tokio::time::timeout(PATIENCE, self.events.next()).await;
            match next.expect("an event").expect("a source") {
                SourceEvent::Identity(identity) => self.identity = Some(identity),
                event => break event,
            }
        };
        self.kind_gone |= matches!(event, SourceEvent::KindGone { .. });
        match event {
            SourceEvent::Upsert(object) => format!("upsert {}/{}", object.id.namespace(), object.id.name()),
            SourceEvent::Malformed { id, .. } => format!("malformed {}/{}", id.namespace(), id.name()),
            SourceEvent::Delete(id) => format!("delete {}/{}", id.namespace(), id.name()),
            SourceEvent::Renamed { id, .. } => unreachable!("{id} is renamed, which no cluster does"),
            SourceEvent::Kind { kind, installed } => {
                format!("{kind} {}", if installed { "installed" } else { "not installed" })
            }
            SourceEvent::Namespace { name, .. } => format!("namespace {name}"),
            SourceEvent::NamespaceGone { name } => format!("namespace gone {name}"),
            SourceEvent::SnapshotComplete => "complete".to_owned(),
            SourceEvent::Unavailable { reason } | SourceEvent::KindGone { reason } => {
                format!("unavailable: {reason}")
            }
            SourceEvent::Available => "available".to_owned(),
            SourceEvent::Identity(_) => unreachable!("taken above"),
        }
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

/// How often something was said that begins so.
pub(crate) fn count(events: &[String], said: &str) -> usize {
    events.iter().filter(|event| event.starts_with(said)).count()
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
