//! The publishers of an app: one for each Kubernetes source, started and ended as the configuration changes.

use std::sync::Arc;

use rulesync_core::engine::{EngineHandle, Leadership};
use rulesync_core::status::ObjectStates;
use rulesync_core::{Owner, Source};
use rulesync_k8s::KubernetesSource;
use rulesync_k8s::publish::{PublishContext, PublishMetrics, PublishSettings, Publisher, RemovalReporter};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A source whose objects are published.
#[derive(Debug, Clone)]
pub(crate) struct PublishedSource {
    pub(crate) name: String,
    /// The source as the engine has it, which is the same one as long as nothing of it has changed.
    pub(crate) part: Arc<dyn Source>,
    pub(crate) source: KubernetesSource,
}

/// What is published, of which sources. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Publishing {
    settings: Arc<watch::Sender<PublishSettings>>,
    sources: Arc<watch::Sender<Vec<PublishedSource>>>,
    /// The names of the sources, in the order of the configuration.
    names: Arc<watch::Sender<Vec<String>>>,
    metrics: PublishMetrics,
    removals: RemovalReporter,
}

/// What the publishers of an app need of it.
pub(crate) struct PublishingApp {
    pub(crate) owner: Owner,
    pub(crate) engine: EngineHandle,
    pub(crate) states: ObjectStates,
    pub(crate) leadership: Leadership,
}

impl Publishing {
    pub(crate) fn new(metrics: PublishMetrics) -> Self {
        Self {
            settings: Arc::new(watch::Sender::new(PublishSettings::default())),
            sources: Arc::default(),
            names: Arc::default(),
            metrics,
            removals: RemovalReporter::default(),
        }
    }

    /// The reporter that tells publishers what the engine deletes.
    pub(crate) fn reporter(&self) -> RemovalReporter {
        self.removals.clone()
    }

    /// Publishes this from now on.
    pub(crate) fn apply(&self, settings: &PublishSettings, sources: Vec<PublishedSource>) {
        self.settings.send_if_modified(|present| {
            let differs = present != settings;
            present.clone_from(settings);
            differs
        });
        self.names.send_if_modified(|present| {
            let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
            let differ = *present != names;
            *present = names;
            differ
        });
        self.sources.send_replace(sources);
    }

    /// Runs the publishers until `stop`.
    pub(crate) async fn run(self, app: PublishingApp, stop: CancellationToken) {
        let PublishingApp { owner, engine, states, leadership } = app;
        let context = PublishContext {
            owner,
            engine,
            states,
            leadership,
            removals: self.removals,
            sources: self.names.subscribe(),
            settings: self.settings.subscribe(),
            metrics: self.metrics,
        };
        let mut sources = self.sources.subscribe();
        let mut running: Vec<(PublishedSource, CancellationToken)> = Vec::new();
        let mut tasks = JoinSet::new();
        loop {
            let wanted = sources.borrow_and_update().clone();
            running.retain(|(source, stop)| {
                let stays = wanted.iter().any(|wanted| wanted.is(source));
                if !stays {
                    stop.cancel();
                }
                stays
            });
            for source in wanted {
                if !running.iter().any(|(running, _)| running.is(&source)) {
                    let publisher = Publisher::new(&source.name, &source.source, context.clone());
                    let stop = stop.child_token();
                    tasks.spawn(publisher.run(stop.clone()));
                    running.push((source, stop));
                }
            }
            while tasks.try_join_next().is_some() {}
            match stop.run_until_cancelled(sources.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => break,
            }
        }
        stop.cancelled().await;
        tasks.join_all().await;
    }
}

impl PublishedSource {
    fn is(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.part, &other.part)
    }
}
