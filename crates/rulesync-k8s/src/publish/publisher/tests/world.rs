//! A running engine with a publisher.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{EngineHandle, Leadership, Policy};
use rulesync_core::model::DeclaredGroup;
use rulesync_core::ruler::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth};
use rulesync_core::status::{ObjectStates, ObjectStatus, SourceStatus};
use rulesync_core::{
    Capabilities, EncodedGroup, Engine, Group, Listing, ObjectId, Owner, Route, RuleObject, Ruler,
    RulerError, Scope, Sink, Source, SourceEvent, TenantId,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::cluster::{MemoryCluster, OwnersSink};
use crate::publish::publisher::parts::Parts;
use crate::publish::publisher::questions::Questions;
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

/// The engine, and the number of objects in each question to it.
struct CountedQuestions {
    engine: EngineHandle,
    asked: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Questions for CountedQuestions {
    async fn objects(&self, objects: Vec<ObjectId>) -> Option<Vec<ObjectStatus>> {
        self.asked.lock().unwrap().push(objects.len());
        self.engine.objects(objects).await
    }

    async fn sources(&self) -> Option<Vec<SourceStatus>> {
        self.engine.sources().await
    }
}

/// A running engine with a publisher for each of its sources, which end when it is dropped.
pub(super) struct World {
    /// By name.
    sources: BTreeMap<String, mpsc::UnboundedSender<SourceEvent>>,
    /// The names of the sources whose objects are published.
    pub(super) published: watch::Sender<Vec<String>>,
    pub(super) settings: watch::Sender<PublishSettings>,
    /// The number of objects in each question to the engine.
    asked: Arc<Mutex<Vec<usize>>>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

/// What a world is made of.
pub(super) struct Made<'a> {
    pub(super) owner: &'a str,
    pub(super) settings: PublishSettings,
    pub(super) leadership: Leadership,
    /// Sources after the one whose name is `k`, each with its cluster.
    pub(super) more: Vec<(&'a str, MemoryCluster)>,
    /// The Kubernetes namespaces of the sources; none stands for all.
    pub(super) namespaces: Vec<Option<String>>,
    pub(super) metrics: PublishMetrics,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Self {
            owner: "us",
            settings: PublishSettings::default(),
            leadership: Leadership::always(),
            more: Vec::new(),
            namespaces: vec![None],
            metrics: PublishMetrics::default(),
        }
    }
}

impl World {
    pub(super) fn start(ruler: &MemoryRuler, cluster: &MemoryCluster, made: Made<'_>) -> Self {
        let Made { owner, settings, leadership, more, namespaces, metrics } = made;
        let owner: Owner = owner.parse().unwrap();
        let (states, removals) = (ObjectStates::default(), RemovalReporter::default());
        let route = Route::all("all", "central", Some("prod".parse().unwrap()));
        let mut engine = Engine::builder(owner.clone());
        let mut sources = BTreeMap::new();
        let clusters: Vec<(&str, MemoryCluster)> = [("k", cluster.clone())].into_iter().chain(more).collect();
        for (name, _) in &clusters {
            let (source, events) = mpsc::unbounded_channel();
            engine = engine.source(name, ScriptedSource(tokio::sync::Mutex::new(events)));
            sources.insert((*name).to_owned(), source);
        }
        let engine = engine
            .ruler("central", ruler.clone())
            .route(Route { kinds: vec!["PrometheusRule".into(), "LoggingRule".into()], ..route })
            .policy(Policy { claim: false, ..Policy::default() })
            .reporter(states.clone())
            .reporter(removals.clone())
            .leadership(leadership.clone())
            .build()
            .unwrap();
        let (sender, receiver) = watch::channel(settings);
        let names = clusters.iter().map(|(name, _)| (*name).to_owned()).collect();
        let published = watch::Sender::new(names);
        let asked = Arc::<Mutex<Vec<usize>>>::default();
        let publisher = |(name, cluster): (&str, MemoryCluster)| {
            Publisher(Arc::new(Parts {
                source: name.to_owned(),
                kinds: vec!["PrometheusRule".to_owned(), "LoggingRule".to_owned()],
                namespaces: namespaces.clone(),
                sink: Arc::new(OwnersSink { cluster, owner: owner.clone() }),
                owner: owner.clone(),
                engine: Arc::new(CountedQuestions { engine: engine.handle(), asked: asked.clone() }),
                states: states.clone(),
                removals: removals.clone(),
                leadership: leadership.clone(),
                sources: published.subscribe(),
                settings: receiver.clone(),
                metrics: metrics.clone(),
                instance: "pod".to_owned(),
            }))
        };
        let publishers: Vec<Publisher> = clusters.into_iter().map(publisher).collect();
        let stop = CancellationToken::new();
        let for_engine = stop.clone();
        let publishers = publishers.into_iter().map(|publisher| publisher.run(stop.clone()));
        let publishers = futures::future::join_all(publishers.collect::<Vec<_>>());
        let running = tokio::spawn(async move {
            tokio::join!(engine.run(for_engine.cancelled_owned()), publishers);
        });
        Self { sources, published, settings: sender, asked, stop, running }
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

    /// Has one of the sources send an event.
    pub(super) fn send_by(&self, source: &str, event: SourceEvent) {
        self.sources[source].send(event).unwrap();
    }

    /// Returns the number of objects in each question to the engine since the last call.
    pub(super) fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    pub(super) fn complete(&self) {
        self.send(SourceEvent::SnapshotComplete(Scope::Everything));
    }

    pub(super) fn send(&self, event: SourceEvent) {
        self.send_by("k", event);
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
