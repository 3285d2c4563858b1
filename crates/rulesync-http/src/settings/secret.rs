//! Secrets from the configuration, or from a file that is reread when it changes. `Debug` and `Serialize` do not show them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rulesync_fs::{FileError, Shared};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::Instant;

/// A secret in a configuration. Compares by value.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The secret itself, for the code that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// As `<secret>`.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("<secret>")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

/// The error for a file of the configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub(crate) struct SecretError {
    pub(super) path: String,
    /// The reason; never contains the content of the file.
    pub(super) reason: String,
}

/// The maximum size of a file: more than any secret, and than all certificates of an authority together.
const MAX_BYTES: u64 = 4 << 20;

/// The maximum time for reading a file; then requests fail instead of waiting.
pub(crate) const READ_DEADLINE: Duration = Duration::from_secs(10);

/// The maximum age of a secret read from a file. Kubernetes takes a minute to update a mounted secret anyway.
const MAX_AGE: Duration = Duration::from_secs(10);

/// The source of a secret.
#[derive(Debug)]
pub(crate) enum SecretSource {
    Given(Secret),
    File(SecretFile),
}

/// A file with a secret.
pub(crate) struct SecretFile {
    path: PathBuf,
    content: Shared<Secret>,
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl SecretSource {
    /// Creates a source from a pair of settings of which at most one may be set.
    pub(crate) fn from_keys(given: Option<&Secret>, file: Option<&PathBuf>) -> Option<Self> {
        match (given, file) {
            (Some(secret), _) => Some(Self::Given(secret.clone())),
            (None, Some(path)) => {
                Some(Self::File(SecretFile { path: path.clone(), content: Shared::default() }))
            }
            (None, None) => None,
        }
    }

    /// Returns the secret, at most ten seconds old; without trailing whitespace if it is from a file.
    pub(crate) async fn get(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(file) => file.get().await,
        }
    }

    /// Rereads the file at the next use, because the server rejected the secret in use at `then`.
    pub(crate) fn distrust(&self, then: Instant) {
        if let Self::File(file) = self {
            file.content.distrust(then);
        }
    }
}

impl SecretFile {
    async fn get(&self) -> Result<Secret, SecretError> {
        let reading = || {
            let path = self.path.clone();
            async move {
                let bytes = rulesync_fs::read_with_deadline(&path, MAX_BYTES, READ_DEADLINE).await;
                Ok((Secret::from(text(bytes)?.trim_end()), MAX_AGE))
            }
        };
        self.content.get(reading).await.map_err(|reason| SecretError::of(&self.path, reason))
    }
}

impl SecretError {
    fn of(path: &Path, reason: String) -> Self {
        Self { path: path.display().to_string(), reason }
    }
}

/// Reads a file of the configuration. Blocks.
pub(crate) fn read_file(path: &Path) -> Result<String, SecretError> {
    text(rulesync_fs::read(path, MAX_BYTES)).map_err(|reason| SecretError::of(path, reason))
}

fn text(read: Result<Vec<u8>, FileError>) -> Result<String, String> {
    let bytes = read.map_err(|error| error.to_string())?;
    // The error must not contain the bytes, which may be the secret.
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_hidden_in_debug() {
        let secret = Secret::from("hunter2");
        assert!(!format!("{secret:?} {:?}", SecretSource::Given(secret.clone())).contains("hunter2"));
        assert_eq!(secret.expose(), "hunter2");
    }

    #[tokio::test(start_paused = true)]
    async fn secret_file_is_reread_when_old_or_distrusted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        let source = SecretSource::from_keys(None, Some(&file.path().to_owned())).unwrap();
        let get = async || source.get().await.unwrap().expose().to_owned();
        assert_eq!(get().await, "one");
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(get().await, "one");
        source.distrust(Instant::now());
        assert_eq!(get().await, "two");
        std::fs::write(file.path(), "three").unwrap();
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(get().await, "three");
        std::fs::remove_file(file.path()).unwrap();
        source.distrust(Instant::now());
        assert!(source.get().await.unwrap_err().to_string().contains("No such file"));
    }

    #[tokio::test(start_paused = true)]
    async fn secret_file_that_hangs_is_awaited_once() {
        let path = PathBuf::from("/a/secret/that/hangs");
        let (release, hanging) = std::sync::mpsc::channel::<()>();
        let (begun, beginning) = tokio::sync::oneshot::channel();
        let hung = {
            let path = path.clone();
            tokio::spawn(async move {
                let hang = move || {
                    begun.send(()).unwrap();
                    hanging.recv().unwrap();
                    Ok::<_, FileError>(())
                };
                rulesync_fs::run_with_deadline(&path, READ_DEADLINE * 100, hang).await
            })
        };
        beginning.await.unwrap();
        let source = std::sync::Arc::new(SecretSource::from_keys(None, Some(&path)).unwrap());
        let get = || {
            let source = std::sync::Arc::clone(&source);
            tokio::spawn(async move { source.get().await.map(drop) })
        };
        let waiting: Vec<_> = (0..8).map(|_| get()).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(READ_DEADLINE).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(waiting.iter().all(tokio::task::JoinHandle::is_finished), "all after one deadline");
        for one in waiting {
            let error = one.await.unwrap().unwrap_err().to_string();
            assert_eq!(error, "/a/secret/that/hangs: it was not read or written within 10s");
        }
        release.send(()).unwrap();
        hung.await.unwrap().unwrap();
        assert!(source.get().await.unwrap_err().to_string().contains("No such file"), "and then tried again");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn secret_file_rejects_pipe_large_file_and_invalid_utf8() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let rejected = async |reason: &str| {
            let source = SecretSource::from_keys(None, Some(&path)).unwrap();
            let expected = Err(SecretError { path: path.display().to_string(), reason: reason.to_owned() });
            assert_eq!(source.get().await, expected);
            assert_eq!(read_file(&path).map(|text| Secret::from(&*text)), expected);
        };
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        rejected("it is a pipe, not a regular file").await;
        std::fs::remove_file(&path).unwrap();
        // A sparse file.
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        rejected("the file is larger than 4 MiB").await;
        std::fs::write(&path, b"hunter2\xff").unwrap();
        rejected("is not UTF-8 text").await;
    }
}
