//! What the end-to-end tests share: an engine wired from a configuration as users write it, with status to wait for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rulesync_config::{Config, Lifetime, Options};
use rulesync_core::engine::{Backoff, EngineHandle, LogReporter};
use rulesync_core::status::{DestinationState, Status};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What goes wrong in a test's own machinery.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An engine that runs in this process, made from a configuration.
#[derive(Debug)]
pub struct Running {
    /// Asks and tells it.
    pub engine: EngineHandle,
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
    let config = Config::parse(config, &directory.join("test.yaml"), std::collections::HashMap::new())?;
    let backoff = Backoff { base: Duration::from_millis(50), cap: Duration::from_secs(1) };
    let options = Options::new(Lifetime::Daemon).reporter(LogReporter).backoff(backoff);
    let app = config.validate()?.build(options).await?;
    let engine = app.handle();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(app.run(Arc::default(), shutdown.clone().cancelled_owned()));
    Ok(Running { engine, shutdown, task })
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
            let settled = |destination: &rulesync_core::status::DestinationStatus| {
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
