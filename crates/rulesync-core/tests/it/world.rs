//! The world in which the engine is tested: a source that sends what the test has it send (`source.rs`), a ruler in memory
//! (`ruler.rs`), and a running engine between them.

mod ruler;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::{EngineBuilder, EngineHandle, Policy, Setup};
use rulesync_core::model::{DeclaredGroup, DestinationId, Labels};
use rulesync_core::naming::NamespacePolicy;
use rulesync_core::route::Selector;
use rulesync_core::status::{DestinationState, Status};
use rulesync_core::{Engine, ObjectId, Route, RuleObject};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use ruler::{MemoryRuler, unavailable};
pub(crate) use source::{ScriptedSource, SourceControl, scripted_source};

/// A tenant of the ruler `central`.
pub(crate) fn central(tenant: &str) -> DestinationId {
    DestinationId { ruler: "central".into(), tenant: Some(tenant.parse().unwrap()) }
}

pub(crate) fn id(name: &str) -> ObjectId {
    ObjectId::new(&"script".into(), &"PrometheusRule".into(), "ns", name)
}

/// An object labelled `tenant: prod` with groups of one recording rule each, given as `(name, expr)`.
pub(crate) fn object(name: &str, groups: &[(&str, &str)]) -> RuleObject {
    let group = |(name, expr): &(&str, &str)| -> DeclaredGroup {
        serde_json::from_value(serde_json::json!({"name": name, "rules": [{"record": "r", "expr": expr}]}))
            .unwrap()
    };
    RuleObject {
        generation: None,
        id: id(name),
        tenant: None,
        ruler_namespace: None,
        uid: None,
        created: None,
        labels: [("tenant", "prod")].into_iter().collect::<Labels>(),
        annotations: BTreeMap::new(),
        groups: groups.iter().map(group).collect(),
        findings: Vec::new(),
        positions: Default::default(),
    }
}

/// A route of everything with `tenant: {tenant}` to that tenant.
pub(crate) fn route(tenant: &str) -> Route {
    Route {
        rule_selector: selector(&format!(r#"{{"match_labels":{{"tenant":"{tenant}"}}}}"#)),
        ..Route::all(tenant, "central", Some(tenant.parse().unwrap()))
    }
}

pub(crate) fn selector(json: &str) -> Selector {
    serde_json::from_str(json).unwrap()
}

/// A running engine with its source.
pub(crate) struct World {
    pub(crate) source: SourceControl,
    pub(crate) handle: EngineHandle,
    pub(crate) setup: Setup,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// Starts an engine of the owner `us` with one route to the tenant `prod`.
    pub(crate) fn start(ruler: &MemoryRuler) -> Self {
        Self::with_routes(ruler, vec![route("prod")])
    }

    pub(crate) fn with_routes(ruler: &MemoryRuler, routes: Vec<Route>) -> Self {
        Self::with(ruler, |setup| setup.routes = routes, |engine| engine)
    }

    /// Starts an engine with a changed setup and builder.
    pub(crate) fn with(
        ruler: &MemoryRuler,
        change: impl FnOnce(&mut Setup),
        build: impl FnOnce(EngineBuilder) -> EngineBuilder,
    ) -> Self {
        let (source, control) = scripted_source();
        let mut setup = Setup {
            namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
            sources: vec![rulesync_core::engine::NamedSource {
                name: "script".into(),
                source: Arc::new(source),
            }],
            rulers: vec![rulesync_core::engine::NamedRuler::new("central", Arc::new(ruler.clone()))],
            routes: vec![route("prod")],
            policy: Policy::default(),
        };
        change(&mut setup);
        let engine = Engine::builder(setup.namespace_policy.owner.clone()).setup(setup.clone());
        let engine = build(engine).build().unwrap();
        let handle = engine.handle();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(engine.run(shutdown.clone().cancelled_owned()));
        Self { source: control, handle, setup, shutdown, task }
    }

    /// Sends these objects as all that the source has, and waits until they have taken effect.
    pub(crate) async fn declare(&self, objects: impl IntoIterator<Item = RuleObject>) -> Status {
        objects.into_iter().for_each(|object| self.source.upsert(object));
        self.source.complete();
        self.settle().await
    }

    /// Applies a changed setup.
    pub(crate) async fn reload(&mut self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.setup);
        self.handle.reconfigure(self.setup.clone()).await.unwrap();
    }

    pub(crate) async fn status(&self) -> Status {
        self.handle.status().await.unwrap()
    }

    /// Waits until a condition holds; an hour of virtual time at most.
    pub(crate) async fn until(&self, mut holds: impl FnMut(&Status) -> bool) -> Status {
        for _ in 0..36_000 {
            let status = self.status().await;
            if holds(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never held; last status: {:#?}", self.status().await);
    }

    /// Waits until the events sent so far have taken effect.
    pub(crate) async fn settle(&self) -> Status {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.until(|status| {
            status.ready()
                && status.destinations.iter().all(|destination| {
                    destination.state == DestinationState::InSync && destination.pending == 0
                })
        })
        .await
    }

    /// Ends the engine as a crash would.
    pub(crate) fn kill(self) {
        self.task.abort();
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// Waits for the time between resyncs, with a margin for jitter.
pub(crate) async fn resync() {
    tokio::time::sleep(Duration::from_secs(5 * 60 + 40)).await;
}

/// Returns the metrics as they are served.
pub(crate) fn exposed(metrics: &rulesync_core::engine::Metrics) -> String {
    let mut text = String::new();
    metrics.encode(&mut text).unwrap();
    text
}
