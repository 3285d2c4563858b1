//! Keeps a configuration file in force while it changes. A version with errors leaves the previous one running.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::{Backoff, EngineHandle, Metrics, Setup};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::assembly::{Parts, PartsBuilder};
use crate::config::{Config, ConfigLocation, OriginFile};
use crate::error::ConfigErrors;
use crate::in_force::ConfigInForce;
use crate::options::Tuning;
use crate::reading::{self, Text};
use crate::settings::FixedSettings;

/// How often the file is read. Kubernetes replaces mounted files by links, which nothing better reports.
const READ_INTERVAL: Duration = Duration::from_secs(2);

/// The wait before a version that cannot be applied is tried again, as long as neither the file nor its errors change:
/// an attempt may run login commands and make clients. The file itself is read at the same interval as ever.
const RETRY: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(60) };

/// A file, the parts that were made of it, and what was said about it.
#[derive(Debug)]
pub(crate) struct Reloader {
    pub(crate) file: Option<OriginFile>,
    pub(crate) metrics: Metrics,
    pub(crate) parts: PartsBuilder,
    pub(crate) tuning: Tuning,
    /// What stays as it was when the process began.
    pub(crate) fixed: FixedSettings,
    /// What is published.
    #[cfg(feature = "kubernetes")]
    pub(crate) publishing: crate::publishing::Publishing,
    /// The warnings that were logged.
    pub(crate) warned: Vec<String>,
    /// What is shown of the configuration in force.
    pub(crate) in_force: ConfigInForce,
}

/// Attempts to apply a version that failed.
struct Failure {
    errors: ConfigErrors,
    /// How many attempts in a row had these errors.
    attempts: u32,
    /// When the next one is due.
    next: Instant,
}

impl Failure {
    /// Records another failed attempt. `before` is the failure before it, if the file has not changed since.
    fn after(before: Option<Self>, errors: ConfigErrors) -> Self {
        let repeated = before.filter(|before| before.errors == errors).map_or(0, |before| before.attempts);
        let attempts = repeated.saturating_add(1);
        Self { errors, attempts, next: Instant::now() + RETRY.wait(attempts) }
    }
}

/// A version of the configuration that is ready to be used.
struct Version {
    setup: Setup,
    parts: Parts,
    #[cfg(feature = "kubernetes")]
    publishing: rulesync_k8s::publish::PublishSettings,
    place: ConfigLocation,
    /// The whole of it for people.
    shown: Arc<str>,
    /// What the file itself leaves open.
    warnings: Vec<String>,
    /// What takes effect at a restart, as a warning.
    at_restart: Option<String>,
}

impl Reloader {
    /// Keeps the file in force until `shutdown`: applies it when its content changes or `now` is notified. A version that
    /// cannot be applied is tried again, less and less often, since the reason may be elsewhere, in a file that it names or
    /// in a server. A pipe is read once.
    ///
    /// Returns itself: its embedded rulers must outlive the engine, which may still be writing to them.
    pub(crate) async fn run(
        mut self,
        engine: EngineHandle,
        now: Arc<Notify>,
        shutdown: CancellationToken,
    ) -> Self {
        let Some(OriginFile { path, digest, is_pipe, owner }) = self.file.clone() else {
            shutdown.cancelled().await;
            return self;
        };
        // None while the file cannot be read.
        let mut digest = Some(digest);
        let mut failure: Option<Failure> = None;
        loop {
            let is_told = tokio::select! {
                () = shutdown.cancelled() => return self,
                () = now.notified() => true,
                () = tokio::time::sleep(READ_INTERVAL) => false,
            };
            if is_pipe {
                if is_told {
                    warn!(file = %path.display(), "Configuration was read from a pipe and cannot be read again, keeping it");
                }
                continue;
            }
            // At a shutdown, nothing waits for a file system.
            let Some(text) = shutdown.run_until_cancelled(reading::read(&path)).await else { return self };
            let read = text.as_ref().ok().map(Text::digest);
            let is_new = is_told || read != digest;
            let is_due = failure.as_ref().is_some_and(|failure| failure.next <= Instant::now());
            if !is_new && !is_due {
                continue;
            }
            digest = read;
            let applying = async {
                let config = Config::of(&path, text?, owner.as_deref()).await?;
                self.version(&config).await
            };
            let Some(version) = shutdown.run_until_cancelled(applying).await else { return self };
            let result = match version {
                Ok(version) => self.apply(&engine, version, &path).await,
                Err(errors) => Err(errors),
            };
            self.metrics.set_config_reload_successful(result.is_ok());
            let before = failure.take().filter(|_| !is_new);
            match result {
                Ok(()) => info!(file = %path.display(), "Configuration reloaded"),
                Err(errors) => {
                    if before.as_ref().is_none_or(|before| before.errors != errors) {
                        errors.log("Configuration reload failed, keeping previous configuration");
                    }
                    failure = Some(Failure::after(before, errors));
                }
            }
        }
    }

    async fn version(&self, config: &Config) -> Result<Version, ConfigErrors> {
        let valid = config.validate()?;
        let (mut setup, parts) = self.parts.make(&valid.settings, &valid.place).await?;
        self.tuning.apply(&mut setup.policy);
        let changed = self.fixed.changed(&FixedSettings::of(&valid.settings));
        let at_restart = (!changed.is_empty())
            .then(|| format!("Changes of these settings take effect at a restart: {}", changed.join(", ")));
        Ok(Version {
            setup,
            parts,
            #[cfg(feature = "kubernetes")]
            publishing: valid.settings.publishing,
            place: valid.place,
            shown: valid.shown,
            warnings: valid.warnings,
            at_restart,
        })
    }

    async fn apply(
        &mut self,
        engine: &EngineHandle,
        version: Version,
        path: &Path,
    ) -> Result<(), ConfigErrors> {
        let Version { setup, parts, place, shown, mut warnings, at_restart, .. } = version;
        warnings.extend(setup.warnings());
        warnings.extend(at_restart);
        engine.reconfigure(setup).await.map_err(|error| place.whole(error.to_string()))?;
        #[cfg(feature = "kubernetes")]
        self.publishing.apply(&version.publishing, parts.published());
        self.parts.keep(parts);
        self.in_force.set(shown);
        self.warn(warnings, path);
        Ok(())
    }

    /// Logs what the configuration in force leaves open, if it was not logged before.
    pub(crate) fn warn(&mut self, warnings: Vec<String>, path: &Path) {
        for warning in warnings.iter().filter(|warning| !self.warned.contains(warning)) {
            warn!(file = %path.display(), "{warning}");
        }
        self.warned = warnings;
    }
}

#[cfg(test)]
mod tests;
