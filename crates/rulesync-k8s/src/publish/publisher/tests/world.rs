//! A running engine with a publisher.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{Leadership, Policy};
use rulesync_core::model::DeclaredGroup;
use rulesync_core::ruler::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth};
use rulesync_core::status::ObjectStates;
use rulesync_core::{
    Capabilities, EncodedGroup, Engine, Group, Listing, ObjectId, Owner, Route, RuleObject, Ruler,
    RulerError, Scope, Sink, Source, SourceEvent, TenantId,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::cluster::{MemoryCluster, OwnersSink};
use crate::publish::publisher::parts::Parts;
use crate::publish::publisher::{PublishMetrics, PublishSettings, Publisher, RemovalReporter};

/// A ruler in memory, which refuses expressions that contain `refused`, and evaluates rules. Clones are the same ruler.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryRuler(Arc<Mutex<Stored>>);

#[derive(Debug, Default)]
struct Stored {
    groups: BTreeMap<String, BTreeMap<String, Group>>,
    failing: Option<String>,
    is_down: bool,
    writes: usize,
}

impl MemoryRuler {
    /// Has all rules fail with this message, or none.
    pub(super) fn fail_rules(&self, message: Option<&str>) {
        self.0.lock().unwrap().failing = message.map(str::to_owned);
    }

    pub(super) fn go_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    /// Returns the number of writes so far.
    pub(super) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    async fn answer(&self) -> Result<(), RulerError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        match self.0.lock().unwrap().is_down {
            true => Err(RulerError::unavailable("connection refused")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Ruler for MemoryRuler {
    async fn list(&self, _: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.answer().await?;
        for (namespace, groups) in &self.0.lock().unwrap().groups {
            if listing.wants(namespace) {
                groups.values().for_each(|group| listing.add(namespace, group));
            }
        }
        Ok(())
    }

    async fn write_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        self.answer().await?;
        let mut stored = self.0.lock().unwrap();
        stored.writes += 1;
        let group = group.decode()?;
        if let Some(rule) = group.rules.iter().position(|rule| rule.expr.contains("refused")) {
            return Err(RulerError::rejected("it does not like it").with_rule(rule));
        }
        stored.groups.entry(namespace.to_owned()).or_default().insert(group.name.clone(), group);
        Ok(())
    }

    async fn delete_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.answer().await?;
        if let Some(groups) = self.0.lock().unwrap().groups.get_mut(namespace) {
            groups.remove(group);
        }
        Ok(())
    }

    async fn evaluation(
        &self,
        _: Option<&TenantId>,
        _: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        self.answer().await?;
        let stored = self.0.lock().unwrap();
        for (namespace, groups) in &stored.groups {
            for group in groups.values() {
                let health = match &stored.failing {
                    Some(message) => RuleHealth::Failing(message.clone()),
                    None => RuleHealth::Healthy,
                };
                let rule = |rule: &rulesync_core::Rule| EvaluatedRule {
                    name: rule.name().to_owned(),
                    health: health.clone(),
                };
                let rules = group.rules.iter().map(rule).collect();
                found(EvaluatedGroup { namespace: namespace.clone(), name: group.name.clone(), rules });
            }
        }
        Ok(Evaluation::Read)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_load_delay(Duration::from_secs(20))
    }
}

/// A source that sends the events of its channel.
#[derive(Debug)]
struct ScriptedSource(tokio::sync::Mutex<mpsc::UnboundedReceiver<SourceEvent>>);

#[async_trait]
impl Source for ScriptedSource {
    async fn run(&self, sink: Sink) {
        let mut events = self.0.lock().await;
        while let Some(event) = events.recv().await {
            if sink.send(event).await.is_err() {
                return;
            }
        }
    }
}

/// A running engine with a publisher, which end when it is dropped.
pub(super) struct World {
    source: mpsc::UnboundedSender<SourceEvent>,
    pub(super) settings: watch::Sender<PublishSettings>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

/// What a world is made of.
pub(super) struct Made<'a> {
    pub(super) owner: &'a str,
    pub(super) settings: PublishSettings,
    pub(super) leadership: Leadership,
    /// The Kubernetes namespaces of the source; none stands for all.
    pub(super) namespaces: Vec<Option<String>>,
    pub(super) metrics: PublishMetrics,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Self {
            owner: "us",
            settings: PublishSettings::default(),
            leadership: Leadership::always(),
            namespaces: vec![None],
            metrics: PublishMetrics::default(),
        }
    }
}

impl World {
    pub(super) fn start(ruler: &MemoryRuler, cluster: &MemoryCluster, made: Made<'_>) -> Self {
        let Made { owner, settings, leadership, namespaces, metrics } = made;
        let owner: Owner = owner.parse().unwrap();
        let (source, events) = mpsc::unbounded_channel();
        let (states, removals) = (ObjectStates::default(), RemovalReporter::default());
        let route = Route::all("all", "central", Some("prod".parse().unwrap()));
        let engine = Engine::builder(owner.clone())
            .source("k", ScriptedSource(tokio::sync::Mutex::new(events)))
            .ruler("central", ruler.clone())
            .route(Route { kinds: vec!["PrometheusRule".into(), "LoggingRule".into()], ..route })
            .policy(Policy { claim: false, ..Policy::default() })
            .reporter(states.clone())
            .reporter(removals.clone())
            .leadership(leadership.clone())
            .build()
            .unwrap();
        let (sender, receiver) = watch::channel(settings);
        let publisher = Publisher(Arc::new(Parts {
            source: "k".to_owned(),
            kinds: vec!["PrometheusRule".to_owned(), "LoggingRule".to_owned()],
            namespaces,
            sink: Arc::new(OwnersSink { cluster: cluster.clone(), owner: owner.clone() }),
            owner,
            engine: engine.handle(),
            states,
            removals,
            leadership,
            settings: receiver,
            metrics,
            instance: "pod".to_owned(),
        }));
        let stop = CancellationToken::new();
        let (for_engine, for_publisher) = (stop.clone(), stop.clone());
        let running = tokio::spawn(async move {
            tokio::join!(engine.run(for_engine.cancelled_owned()), publisher.run(for_publisher));
        });
        Self { source, settings: sender, stop, running }
    }

    /// Starts a world whose source has these objects and has shown them.
    pub(super) fn with<'o>(
        ruler: &MemoryRuler,
        cluster: &MemoryCluster,
        made: Made<'_>,
        objects: impl IntoIterator<Item = (&'o str, &'o str)>,
    ) -> Self {
        let world = Self::start(ruler, cluster, made);
        objects.into_iter().for_each(|(name, expr)| world.declare(name, expr));
        world.complete();
        world
    }

    /// Declares an object with one rule.
    pub(super) fn declare(&self, name: &str, expr: &str) {
        self.upsert("PrometheusRule", "ns", name, expr);
    }

    pub(super) fn upsert(&self, kind: &str, namespace: &str, name: &str, expr: &str) {
        self.send(SourceEvent::Upsert(object(kind, namespace, name, expr)));
    }

    pub(super) fn delete(&self, name: &str) {
        self.send(SourceEvent::Delete(id("PrometheusRule", "ns", name)));
    }

    pub(super) fn complete(&self) {
        self.send(SourceEvent::SnapshotComplete(Scope::Everything));
    }

    pub(super) fn send(&self, event: SourceEvent) {
        self.source.send(event).unwrap();
    }

    /// Ends the engine and the publisher.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

pub(super) fn id(kind: &str, namespace: &str, name: &str) -> ObjectId {
    ObjectId::new(&"k".into(), &kind.into(), namespace, name)
}

/// Returns an object with one rule, whose generation follows from the expression.
pub(super) fn object(kind: &str, namespace: &str, name: &str, expr: &str) -> RuleObject {
    let group = serde_json::json!({"name": "g", "rules": [{"record": "a:b", "expr": expr}]});
    let group: DeclaredGroup = serde_json::from_value(group).unwrap();
    let generation = expr.bytes().fold(0, |sum, byte| sum + i64::from(byte));
    RuleObject {
        uid: Some(format!("uid-{name}")),
        generation: Some(generation),
        ..RuleObject::new(id(kind, namespace, name), vec![group])
    }
}

/// Lets virtual time pass.
pub(super) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
