//! The engine of a configuration, with everything that it needs to run: used by the daemon, and by whoever embeds it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use rulesync_core::Engine;
use rulesync_core::engine::{EngineHandle, Leadership, Metrics, ProblemCollector, RunError, Summary};
use rulesync_core::plan::DryRun;
use rulesync_core::status::ObjectStates;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::assembly::{Lifetime, OpenRuler, PartsBuilder, Process, process};
use crate::config::{Origin, ValidConfig};
use crate::error::ConfigErrors;
use crate::in_force::ConfigInForce;
use crate::options::{Options, SharedReporter};
#[cfg(feature = "kubernetes")]
use crate::publishing::PublishingApp;
use crate::reload::Reloader;
use crate::settings::FixedSettings;

/// An engine and everything it needs to run. Made by [`ValidConfig::build`].
#[derive(Debug)]
pub struct App {
    engine: Engine,
    metrics: Metrics,
    states: ObjectStates,
    reloader: Reloader,
    candidacy: Candidacy,
    #[cfg(feature = "kubernetes")]
    publishing: (crate::publishing::Publishing, rulesync_core::Owner),
}

impl ValidConfig {
    /// Reads the files that the configuration names, makes clients and starts embedded rulers. Rustls needs a crypto
    /// provider by then.
    ///
    /// # Errors
    ///
    /// All errors, each with its position.
    pub async fn build(self, options: Options) -> Result<App, ConfigErrors> {
        let Self { settings, shown, mut warnings, place, origin: Origin { directory, file, .. } } = self;
        let Options { lifetime, reporters, release_deletes, bodies, tuning } = options;
        let states = ObjectStates::default();
        #[cfg(feature = "kubernetes")]
        let published = rulesync_k8s::publish::PublishMetrics::default();
        let metrics = Metrics::with(settings.tenant_labels, |registry| {
            if lifetime == Lifetime::Daemon {
                let problems = ProblemCollector::new(states.clone(), settings.object_metrics);
                registry.register_collector(Box::new(problems));
                #[cfg(feature = "kubernetes")]
                published.register(registry);
            }
        });
        let mut parts = PartsBuilder::new(&directory, metrics.clone());
        let (mut setup, made) = parts.make(&settings, &place).await?;
        tuning.apply(&mut setup.policy);
        #[cfg(feature = "kubernetes")]
        let publishing = {
            let publishing = crate::publishing::Publishing::new(published);
            publishing.apply(&settings.publishing, made.published());
            publishing
        };
        parts.keep(made);
        let process = process(&settings, &directory, lifetime, &place).await?;
        #[cfg(feature = "files")]
        if let Some(inventory) = &process.file_inventory {
            parts.memory().keep_in(inventory.clone(), lifetime != Lifetime::Plan);
        }
        let path = file.as_ref().map(|file| file.path.clone()).unwrap_or_default();
        let fixed = FixedSettings::of(&settings);
        let mut reloader = Reloader {
            file,
            metrics: metrics.clone(),
            parts,
            tuning,
            fixed,
            #[cfg(feature = "kubernetes")]
            publishing: publishing.clone(),
            warned: Vec::new(),
            in_force: ConfigInForce::new(shown),
        };
        warnings.extend(setup.warnings());
        reloader.warn(warnings, &path);
        let owner = setup.namespace_policy.owner.clone();
        let mut engine = Engine::builder(owner.clone())
            .setup(setup)
            .metrics(metrics.clone())
            .release_deletes(release_deletes)
            .bodies(bodies);
        for reporter in reporters {
            engine = engine.reporter(SharedReporter(reporter));
        }
        if lifetime == Lifetime::Daemon {
            engine = engine.reporter(states.clone());
            #[cfg(feature = "kubernetes")]
            {
                engine = engine.reporter(publishing.reporter());
            }
        }
        let Process { inventory, installation, election, .. } = process;
        if let Some(installation) = installation {
            engine = engine.installation(installation);
        }
        if let Some(inventory) = inventory {
            engine = engine.shared_inventory(inventory);
        }
        // A plan writes nothing, and so needs no election.
        let election = election.filter(|_| lifetime != Lifetime::Plan);
        if let Some((_, leadership)) = &election {
            engine = engine.leadership(leadership.clone());
        }
        let engine = engine.build().map_err(|error| place.whole(error.to_string()))?;
        let candidacy = Candidacy { election };
        Ok(App {
            engine,
            metrics,
            states,
            reloader,
            candidacy,
            #[cfg(feature = "kubernetes")]
            publishing: (publishing, owner),
        })
    }
}

impl ValidConfig {
    /// Makes the client of one ruler, or starts it if it is embedded, for requests of one's own. None if the
    /// configuration has no ruler of this name. Rustls needs a crypto provider by then.
    ///
    /// # Errors
    ///
    /// The one that keeps the ruler from being made, with its position.
    pub async fn open_ruler(&self, name: &str) -> Result<Option<OpenRuler>, ConfigErrors> {
        let parts = PartsBuilder::new(&self.origin.directory, Metrics::new(self.settings.tenant_labels));
        Ok(parts.single(name, &self.settings, &self.place).await.transpose()?)
    }
}

impl App {
    /// A handle that asks and tells the engine while it runs.
    pub fn handle(&self) -> EngineHandle {
        self.engine.handle()
    }

    /// The metrics of the engine.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The present state of every object, in brief, which is kept while the engine runs. Empty unless the lifetime is
    /// [`Lifetime::Daemon`].
    pub fn states(&self) -> &ObjectStates {
        &self.states
    }

    /// The configuration in force, for people.
    pub fn configuration(&self) -> &ConfigInForce {
        &self.reloader.in_force
    }

    /// Whether this process may write: always, or only while it is elected.
    pub fn leadership(&self) -> Leadership {
        self.candidacy.election.as_ref().map_or_else(Leadership::always, |(_, leadership)| leadership.clone())
    }

    /// Runs until `shutdown`. If the configuration is a file, its changes are applied; `reload` has it read at once. What
    /// becomes of the objects of Kubernetes sources is published in their clusters. Requests to rulers that are under way
    /// are finished at the end, and a lease is released.
    pub async fn run(self, reload: Arc<Notify>, shutdown: impl Future<Output = ()> + Send) {
        #[cfg(feature = "kubernetes")]
        let leadership = self.leadership();
        let Self { engine, metrics, reloader, candidacy, .. } = self;
        let elected = candidacy.start(&metrics);
        #[cfg(feature = "kubernetes")]
        let publishing = {
            let (publishing, owner) = self.publishing;
            let app = PublishingApp { owner, engine: engine.handle(), states: self.states, leadership };
            |stop| publishing.run(app, stop)
        };
        #[cfg(not(feature = "kubernetes"))]
        let publishing = |_| std::future::ready(());
        let running = async |stop: CancellationToken| {
            let reloading = reloader.run(engine.handle(), reload, stop.clone());
            let running = async {
                tokio::join!(engine.run(stop.clone().cancelled_owned()), publishing(stop));
                // Nothing is written any more: another process may take over.
                elected.end().await;
            };
            // The reloader holds embedded rulers, which live until the engine has ended.
            let ((), _reloader) = tokio::join!(running, reloading);
        };
        until(shutdown, running).await;
    }

    /// Brings everything in sync once.
    ///
    /// # Errors
    ///
    /// [`RunError`] if a source stays unavailable or `shutdown` comes first. What rulers refuse, and rulers that are
    /// down, are in the [`Summary`].
    pub async fn once(self, shutdown: impl Future<Output = ()> + Send) -> Result<Summary, RunError> {
        let Self { engine, metrics, reloader, candidacy, .. } = self;
        let elected = candidacy.start(&metrics);
        let summary = until(shutdown, async |stop| engine.sync_once(stop.cancelled_owned()).await).await;
        elected.end().await;
        drop(reloader);
        summary
    }

    /// Computes a plan, has it reviewed, and if `review` returns true makes exactly its changes, without those that
    /// `review` has removed from it. Returns none if it was not approved; nothing was written then. For
    /// [`Lifetime::Once`].
    ///
    /// # Errors
    ///
    /// As [`plan`](Self::plan) and [`once`](Self::once).
    pub async fn sync_reviewed(
        self,
        review: impl AsyncFnOnce(&mut DryRun) -> bool,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Option<Summary>, RunError> {
        let Self { engine, metrics, reloader, candidacy, .. } = self;
        let elected = candidacy.start(&metrics);
        let sync = async |stop: CancellationToken| engine.sync_reviewed(review, stop.cancelled_owned()).await;
        let summary = until(shutdown, sync).await;
        elected.end().await;
        drop(reloader);
        summary
    }

    /// Computes the changes that [`once`](Self::once) would make, and writes nothing.
    ///
    /// # Errors
    ///
    /// [`RunError`] if a source or a destination stays unavailable, or `shutdown` comes first.
    pub async fn plan(self, shutdown: impl Future<Output = ()> + Send) -> Result<DryRun, RunError> {
        let Self { engine, reloader, .. } = self;
        let plan = until(shutdown, async |stop| engine.plan(stop.cancelled_owned()).await).await;
        drop(reloader);
        plan
    }
}

/// Does work to its end, and tells it to stop at a shutdown.
async fn until<T>(shutdown: impl Future<Output = ()>, work: impl AsyncFnOnce(CancellationToken) -> T) -> T {
    let stop = CancellationToken::new();
    let mut work = pin!(work(stop.clone()));
    tokio::select! {
        done = &mut work => return done,
        () = shutdown => stop.cancel(),
    }
    work.await
}

#[cfg(feature = "kubernetes")]
type Election = rulesync_k8s::LeaseElection;
#[cfg(not(feature = "kubernetes"))]
type Election = std::convert::Infallible;

/// The election that this process takes part in, if there is one.
#[derive(Debug)]
struct Candidacy {
    election: Option<(Election, Leadership)>,
}

/// A candidate in an election.
struct Elected {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Candidacy {
    fn start(self, metrics: &Metrics) -> Elected {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        if let Some((election, leadership)) = self.election {
            #[cfg(feature = "kubernetes")]
            tasks.spawn(election.run(stop.clone()));
            #[cfg(not(feature = "kubernetes"))]
            let _ = election;
            tasks.spawn(report_leadership(leadership, metrics.clone(), stop.clone()));
        }
        Elected { stop, tasks }
    }
}

impl Elected {
    /// Releases the lease.
    async fn end(self) {
        let Self { stop, tasks } = self;
        stop.cancel();
        tasks.join_all().await;
    }
}

/// Keeps the metric of leadership current.
async fn report_leadership(leadership: Leadership, metrics: Metrics, stop: CancellationToken) {
    loop {
        metrics.set_leader(leadership.is_leader());
        let changed = async {
            if leadership.is_leader() {
                leadership.lost().await;
            } else {
                leadership.leading().await;
            }
        };
        if stop.run_until_cancelled(changed).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
