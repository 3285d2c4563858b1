//! A configuration file that is kept in force while it changes. A bad version leaves the last good one running.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::{EngineHandle, Metrics, Setup, SetupError};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::file::{Config, FileError};
use crate::process::{Lifetime, Process, process};
use crate::reading::{self, Text};
use crate::wiring::{Wired, Wiring, WiringError};

/// How often the file is looked at. Kubernetes swaps mounted files by links, so there is nothing better to wait for.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A configuration file and the parts made from it.
#[derive(Debug)]
pub struct Configuration {
    path: PathBuf,
    /// What the file held, to see when it changes; none while it could not be read.
    content: Option<[u8; 32]>,
    /// Whether it came from a pipe, and so cannot change.
    from_pipe: bool,
    metrics: Metrics,
    wiring: Wiring,
    process: Option<Process>,
    /// What was warned of.
    warned: Vec<String>,
}

/// Why a configuration is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] FileError),
    /// What it asks for cannot be made.
    #[error("{path}: {error}")]
    Wiring {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        error: WiringError,
    },
    /// The running engine does not take it.
    #[error("{path}: {error}")]
    Engine {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        error: SetupError,
    },
}

impl Configuration {
    /// Reads a file and makes the parts of an engine that counts in metrics made for it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is wrong and where.
    pub async fn load(path: &Path, lifetime: Lifetime) -> Result<(Self, Setup), ConfigError> {
        let Text { bytes, from_pipe } = reading::read(path).await?;
        let content = Some(digest(&bytes));
        let config = reading::parse(path, bytes).await?;
        let metrics = Metrics::new(config.metrics.tenant_labels);
        let directory = reading::directory(path);
        let wiring = Wiring::new(directory, metrics.clone());
        let mut this = Self {
            path: path.to_owned(),
            content,
            from_pipe,
            metrics,
            wiring,
            process: None,
            warned: Vec::new(),
        };
        let (setup, wired) = this.wire(&config).await?;
        this.warn(setup.warnings());
        this.wiring.keep(wired);
        let process = process(&config, directory, lifetime).await;
        let process =
            process.map_err(|error| ConfigError::Wiring { path: path.display().to_string(), error })?;
        if let Some(inventory) = &process.file_inventory {
            this.wiring.memory().keep_in(inventory.clone(), lifetime != Lifetime::Plan);
        }
        this.process = Some(process);
        Ok((this, setup))
    }

    /// The metrics to give to the engine.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What stays the same as long as the process runs; none if it was taken before.
    pub fn take_process(&mut self) -> Option<Process> {
        self.process.take()
    }

    /// Keeps the file in force, unless it is a pipe, which is read once: takes it over when its content changes or
    /// `now` is told, until `shutdown`. What is not taken over is tried again, since the reason may be elsewhere: in a
    /// file it names, or in a server.
    ///
    /// Gives itself back: it holds embedded rulers alive, which the engine may still be writing to.
    pub async fn keep(mut self, engine: EngineHandle, now: Arc<Notify>, shutdown: CancellationToken) -> Self {
        // Why the last one was not taken over.
        let mut failure: Option<String> = None;
        loop {
            let told = tokio::select! {
                () = shutdown.cancelled() => return self,
                () = now.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            if self.from_pipe {
                if told {
                    warn!(path = %self.path.display(), "Configuration was read from a pipe and cannot be read again, keeping it");
                }
                continue;
            }
            // Nobody waits for a file system when it is time to end.
            let Some(text) = shutdown.run_until_cancelled(reading::read(&self.path)).await else {
                return self;
            };
            let content = text.as_ref().ok().map(|text| digest(&text.bytes));
            let news = told || content != self.content;
            if !news && failure.is_none() {
                continue;
            }
            self.content = content;
            let Some(parts) = shutdown.run_until_cancelled(self.parts(text)).await else { return self };
            let result = match parts {
                Ok((setup, wired)) => self.take_over(&engine, setup, wired).await,
                Err(error) => Err(error),
            };
            self.metrics.set_config_reload_successful(result.is_ok());
            let why = result.err().map(|error| error.to_string());
            match &why {
                None => info!(path = %self.path.display(), "Configuration reloaded"),
                Some(error) if news || failure != why => {
                    error!(error, "Configuration reload failed, keeping the previous configuration");
                }
                Some(_) => {}
            }
            failure = why;
        }
    }

    /// What the file asks for.
    async fn parts(&self, text: Result<Text, FileError>) -> Result<(Setup, Wired), ConfigError> {
        let config = reading::parse(&self.path, text?.bytes).await?;
        self.wire(&config).await
    }

    async fn take_over(
        &mut self,
        engine: &EngineHandle,
        setup: Setup,
        wired: Wired,
    ) -> Result<(), ConfigError> {
        let path = self.path.display().to_string();
        let warnings = setup.warnings();
        engine.reconfigure(setup).await.map_err(|error| ConfigError::Engine { path, error })?;
        self.wiring.keep(wired);
        self.warn(warnings);
        Ok(())
    }

    /// Warns of what the configuration in force leaves open, and was not warned of before.
    fn warn(&mut self, warnings: Vec<String>) {
        for warning in warnings.iter().filter(|warning| !self.warned.contains(warning)) {
            warn!(path = %self.path.display(), "{warning}");
        }
        self.warned = warnings;
    }

    async fn wire(&self, config: &Config) -> Result<(Setup, Wired), ConfigError> {
        let path = self.path.display().to_string();
        self.wiring.wire(config).await.map_err(|error| ConfigError::Wiring { path, error })
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
