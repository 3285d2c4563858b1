//! Reading of the file and of those that it names: on another thread, up to a limit, within a deadline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rulesync_config::web::{Pem, PemSource, WebConfig};
use rulesync_config::{ConfigError, ConfigErrors};
use rulesync_fs::FileError;
use sha2::{Digest as _, Sha256};

use super::version::{Encryption, Version};
use crate::tls::{self, Material, Offer, Problem};

/// The maximum size of each file.
const MAX_BYTES: u64 = 1 << 20;

/// The maximum time for the file system to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The digest of what was read, or of why nothing was.
pub(super) type Digest = [u8; 32];

/// What was read.
pub(super) struct Reading<F> {
    pub(super) digest: Digest,
    /// Makes a version of it, which is only needed if it is new.
    pub(super) version: F,
}

/// Reads a file and those that it names.
pub(super) async fn read(
    path: &Path,
    without_certificate: bool,
) -> Reading<impl FnOnce() -> Result<Version, ConfigErrors>> {
    let reading = path.to_owned();
    let read =
        rulesync_fs::run_with_deadline(path, DEADLINE, move || Ok::<_, FileError>(Files::read(&reading)));
    let files = read.await.unwrap_or_else(|error| Files::unreadable(path, &error));
    Reading { digest: files.digest(), version: move || files.version(without_certificate) }
}

/// A file and those that it names, as they were read.
struct Files {
    path: PathBuf,
    /// The text, or why there is none.
    text: Result<Vec<u8>, String>,
    config: Result<WebConfig, ConfigErrors>,
    material: Result<Material, Vec<Problem>>,
}

impl Files {
    fn read(path: &Path) -> Self {
        let text = match rulesync_fs::read(path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) => return Self::unreadable(path, &error),
        };
        let config = match std::str::from_utf8(&text) {
            Ok(text) => WebConfig::parse(text, path),
            Err(_) => Err(ConfigError::of_file(path, "is not UTF-8 text").into()),
        };
        let material = config.as_ref().map_or_else(|_| Ok(Material::default()), material);
        Self { path: path.to_owned(), text: Ok(text), config, material }
    }

    fn unreadable(path: &Path, error: &FileError) -> Self {
        let reason = error.to_string();
        let config = Err(ConfigError::of_file(path, reason.clone()).into());
        Self { path: path.to_owned(), text: Err(reason), config, material: Ok(Material::default()) }
    }

    fn digest(&self) -> Digest {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        };
        match &self.text {
            Ok(text) => add(text),
            Err(reason) => add(reason.as_bytes()),
        }
        match &self.material {
            Ok(Material { cert, key, client_ca }) => {
                [cert, key, client_ca].into_iter().for_each(|text| add(text))
            }
            Err(problems) => problems.iter().for_each(|(_, problem)| add(problem.as_bytes())),
        }
        digest.finalize().into()
    }

    fn version(self, without_certificate: bool) -> Result<Version, ConfigErrors> {
        let config = self.config?;
        let encryption = config.tls.as_ref().map(|settings| {
            let needs_certificate = settings.client_auth.requires();
            let offer = Offer { http2: config.http2, without_certificate };
            let made = self.material.and_then(|material| tls::server_config(settings, &material, offer));
            made.map(|config| Encryption { config: Arc::new(config), needs_certificate })
        });
        match encryption.transpose() {
            Ok(encryption) => Ok(Version { encryption, config }),
            Err(problems) => {
                let unusable = || ConfigError::of_file(&self.path, "it cannot be used").into();
                Err(config.errors(problems).unwrap_or_else(unusable))
            }
        }
    }
}

/// Reads the certificates and keys that a file names.
fn material(config: &WebConfig) -> Result<Material, Vec<Problem>> {
    let Some(tls) = &config.tls else { return Ok(Material::default()) };
    let mut problems = Vec::new();
    let mut read = |pem: &Pem| match &pem.source {
        PemSource::Inline(text) => text.expose().as_bytes().to_vec(),
        PemSource::File(path) => rulesync_fs::read(path, MAX_BYTES).unwrap_or_else(|error| {
            problems.push((pem.key, format!("{}: {error}", path.display())));
            Vec::new()
        }),
        _ => Vec::new(),
    };
    let (cert, key) = (read(&tls.cert), read(&tls.key));
    let client_ca = tls.client_ca.as_ref().map(read).unwrap_or_default();
    if problems.is_empty() { Ok(Material { cert, key, client_ca }) } else { Err(problems) }
}
