//! The web configuration file in force (`--web.config.file`): read when the process begins, and again when it or a file that
//! it names changes.

mod reading;
mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rulesync_config::ConfigErrors;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::serve::Tls;
use reading::{Digest, Reading};
pub(crate) use version::{Encryption, Version};

/// How often the files are read. Kubernetes replaces mounted files by links, which nothing better reports.
const READ_INTERVAL: Duration = Duration::from_secs(2);

/// A file, and the version of it that is in force.
#[derive(Debug)]
pub(crate) struct WebConfigFile {
    path: PathBuf,
    /// Whether clients without the certificate that they need may connect, for pages that need none.
    without_certificate: bool,
    /// That of what was read last, also if it could not be used.
    digest: Digest,
    versions: watch::Sender<Arc<Version>>,
}

impl WebConfigFile {
    /// Reads a file. `without_certificate` is whether clients without the certificate that they need may connect: what they
    /// may ask for is decided with each request.
    ///
    /// # Errors
    ///
    /// All that is wrong with the file, or with those that it names.
    pub(crate) async fn read(path: &Path, without_certificate: bool) -> Result<Self, ConfigErrors> {
        let Reading { digest, version } = reading::read(path, without_certificate).await;
        let (versions, _) = watch::channel(Arc::new(version()?));
        Ok(Self { path: path.to_owned(), without_certificate, digest, versions })
    }

    /// The versions that are in force, from now on.
    pub(crate) fn versions(&self) -> watch::Receiver<Arc<Version>> {
        self.versions.subscribe()
    }

    /// Returns how connections are encrypted, always by the version that is in force; none if they are not.
    pub(crate) fn tls(&self) -> Option<Tls> {
        let versions = self.versions();
        // No version without encryption follows one with it.
        let mut latest =
            versions.borrow().encryption.as_ref().map(|encryption| Arc::clone(&encryption.config))?;
        Some(Box::new(move || {
            if let Some(encryption) = &versions.borrow().encryption {
                latest = Arc::clone(&encryption.config);
            }
            Arc::clone(&latest)
        }))
    }

    /// Keeps the file in force until `shutdown`. A version with errors leaves the previous one in force.
    pub(crate) async fn follow(mut self, shutdown: CancellationToken) {
        loop {
            let step = async {
                tokio::time::sleep(READ_INTERVAL).await;
                self.look().await;
            };
            // At a shutdown, nothing waits for a file system.
            if shutdown.run_until_cancelled(step).await.is_none() {
                return;
            }
        }
    }

    /// Reads the files, and applies what has changed.
    async fn look(&mut self) {
        let mut seen = self.digest;
        loop {
            let Reading { digest, version } = reading::read(&self.path, self.without_certificate).await;
            if digest == self.digest {
                return;
            }
            match version() {
                Ok(version) => {
                    self.digest = digest;
                    return self.apply(version);
                }
                Err(errors) if digest == seen => {
                    self.digest = digest;
                    return errors.log("Web configuration reload failed, keeping previous configuration");
                }
                // A certificate and its key are two files. What was read may be the one of before and the other of after a
                // change; then the next reading differs.
                Err(_) => seen = digest,
            }
        }
    }

    fn apply(&self, version: Version) {
        let (version, at_restart) = version.after(&self.versions.borrow());
        self.versions.send_replace(Arc::new(version));
        info!(file = %self.path.display(), "Web configuration reloaded");
        if let Some(settings) = at_restart {
            warn!(file = %self.path.display(), "Changes of these settings take effect at a restart: {settings}");
        }
    }
}

/// Checks a file and those that it names.
///
/// # Errors
///
/// All that is wrong.
pub(crate) async fn check(path: &Path) -> Result<(), ConfigErrors> {
    WebConfigFile::read(path, false).await.map(drop)
}

#[cfg(test)]
mod tests;
