//! What the end-to-end tests share: an engine wired from a configuration as users write it, with status to wait for.

use std::path::Path;
use std::time::Duration;

use rulesync_config::{Config, Lifetime, Process, Wired, Wiring, process};
use rulesync_core::{
    Backoff, DestinationState, Engine, EngineHandle, LogReporter, Metrics, Policy, Setup, Status,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What goes wrong in a test's own machinery.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An engine that runs in this process, made from a configuration.
#[derive(Debug)]
pub struct Running {
    /// Asks and tells it.
    pub engine: EngineHandle,
    /// What it was made of.
    pub setup: Setup,
    // Holds embedded rulers alive.
    _wired: Wired,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// How long a condition may take to hold before a test gives up. Nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(90);

/// Makes an engine from the text of a configuration that stands in `directory`, and runs it.
///
/// Waits after failures are short, so that tests of outages are.
///
/// # Errors
///
/// What is wrong with the configuration.
pub async fn run(config: &str, directory: &Path) -> Result<Running, Failure> {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = Config::parse(config, "test.yaml", std::collections::HashMap::new())?;
    let metrics = Metrics::default();
    let wiring = Wiring::new(directory, metrics.clone());
    let (mut setup, wired) = wiring.wire(&config).await?;
    let backoff = Backoff { base: Duration::from_millis(50), cap: Duration::from_secs(1) };
    setup.policy = Policy { backoff, ..setup.policy };
    let Process { inventory, file_inventory, installation, leadership, election } =
        process(&config, directory, Lifetime::Daemon).await?;
    if let Some(inventory) = file_inventory {
        wiring.memory().keep_in(inventory, true);
    }
    let mut engine = Engine::builder(setup.namespace_policy.owner.clone())
        .setup(setup.clone())
        .metrics(metrics)
        .leadership(leadership)
        .reporter(LogReporter);
    if let Some(inventory) = inventory {
        engine = engine.shared_inventory(inventory);
    }
    if let Some(installation) = installation {
        engine = engine.installation(installation);
    }
    let engine = engine.build()?;
    let handle = engine.handle();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let task = tokio::spawn(async move {
        let elected = CancellationToken::new();
        let engine = async {
            engine.run(stop.cancelled_owned()).await;
            elected.cancel();
        };
        match election {
            Some(election) => drop(tokio::join!(engine, election.run(elected.clone()))),
            None => engine.await,
        }
    });
    Ok(Running { engine: handle, setup, _wired: wired, shutdown, task })
}

impl Running {
    /// Asks for the status until a condition holds.
    ///
    /// # Errors
    ///
    /// The last status, if the condition does not hold in a long time.
    pub async fn until(&self, mut holds: impl FnMut(&Status) -> bool) -> Result<Status, Failure> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        loop {
            pause.tick().await;
            let status = self.engine.status().await.ok_or("the engine has stopped")?;
            if holds(&status) {
                return Ok(status);
            }
            if tokio::time::Instant::now() > deadline {
                return Err(format!("never held: {status:#?}").into());
            }
        }
    }

    /// Waits until so many objects are known and everything is in order.
    ///
    /// # Errors
    ///
    /// As [`Running::until`].
    pub async fn in_order(&self, objects: usize) -> Result<Status, Failure> {
        self.until(|status| {
            let settled = |destination: &rulesync_core::DestinationStatus| {
                destination.state == DestinationState::InSync && destination.pending == 0
            };
            status.ready()
                && status.sources.iter().all(|source| source.unavailable.is_none())
                && status.objects.len() == objects
                && status.destinations.iter().all(settled)
        })
        .await
    }

    /// Ends it as `kill -9` would: nothing is finished, and no lease is given back.
    pub fn kill(self) {
        self.task.abort();
    }

    /// Stops it; requests under way are finished.
    ///
    /// # Errors
    ///
    /// If it panicked.
    pub async fn stop(self) -> Result<(), Failure> {
        self.shutdown.cancel();
        Ok(self.task.await?)
    }
}
