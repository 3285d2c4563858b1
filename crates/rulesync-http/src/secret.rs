//! Secrets: given in the configuration or in a file that is read again when it changes. They never show in `Debug`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

/// A secret in a configuration. Equal if the texts are.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The text itself, for the one place that sends it.
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

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.into()))
    }
}

/// Why a file named in the configuration is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct SecretError {
    /// The file.
    pub path: String,
    /// What is wrong; never its content.
    pub reason: String,
}

/// How old what was read from a file may get. Kubernetes takes a minute to change a mounted secret anyway.
const FRESH: Duration = Duration::from_secs(10);

/// Where a secret comes from.
#[derive(Debug)]
pub(crate) enum SecretSource {
    Given(Secret),
    File(SecretFile),
}

/// A file with a secret.
pub(crate) struct SecretFile {
    path: PathBuf,
    read: Mutex<Option<(Instant, Secret)>>,
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl SecretSource {
    /// From a pair of keys of which at most one may be set.
    pub(crate) fn from_keys(given: Option<&Secret>, file: Option<&PathBuf>) -> Option<Self> {
        match (given, file) {
            (Some(secret), _) => Some(Self::Given(secret.clone())),
            (None, Some(path)) => Some(Self::File(SecretFile { path: path.clone(), read: Mutex::new(None) })),
            (None, None) => None,
        }
    }

    /// The secret as it is now, at most ten seconds old; without blanks at the end if it is from a file.
    pub(crate) fn get(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(file) => file.get(),
        }
    }

    /// Reads again at the next use: the server did not accept what we had.
    pub(crate) fn distrust(&self) {
        if let Self::File(file) = self {
            *file.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl SecretFile {
    fn get(&self) -> Result<Secret, SecretError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, secret)) = &*read
            && at.elapsed() < FRESH
        {
            return Ok(secret.clone());
        }
        let text = read_file(&self.path)?;
        let secret = Secret::from(text.trim_end());
        *read = Some((Instant::now(), secret.clone()));
        Ok(secret)
    }
}

pub(crate) fn read_file(path: &Path) -> Result<String, SecretError> {
    std::fs::read_to_string(path)
        .map_err(|error| SecretError { path: path.display().to_string(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows() {
        let secret = Secret::from("hunter2");
        assert!(!format!("{secret:?} {:?}", SecretSource::Given(secret.clone())).contains("hunter2"));
        assert_eq!(secret.expose(), "hunter2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_read_again_when_it_may_have_changed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one\n").unwrap();
        let source = SecretSource::from_keys(None, Some(&file.path().to_owned())).unwrap();
        let get = || source.get().unwrap().expose().to_owned();
        assert_eq!(get(), "one");
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(get(), "one");
        source.distrust();
        assert_eq!(get(), "two");
        std::fs::write(file.path(), "three").unwrap();
        tokio::time::advance(FRESH).await;
        assert_eq!(get(), "three");
        std::fs::remove_file(file.path()).unwrap();
        source.distrust();
        assert!(source.get().unwrap_err().to_string().contains("No such file"));
    }
}
