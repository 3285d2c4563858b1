//! The ledger in a file, with the identity of the installation beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rulesync_core::{Ledger, LedgerError, LedgerRecord};
use serde::{Deserialize, Serialize};

/// A ledger in a JSON file, replaced as a whole when it changes.
#[derive(Debug, Clone)]
pub struct FileLedger {
    path: PathBuf,
}

/// What the file holds. Unknown keys are for later versions.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Contents {
    /// What tells this installation from others of the same owner.
    identity: String,
    /// Targets that may hold rules of ours.
    targets: BTreeSet<String>,
    /// Targets whose held deletes are released; taken off once they are.
    release_deletes: BTreeSet<String>,
    /// Since when no route leads to targets that are to be emptied, in seconds since 1970.
    retiring: BTreeMap<String, u64>,
}

impl FileLedger {
    /// A ledger at a path. Directories above it are made when it is first written.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The identity of this installation, made at first use.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the file can neither be read nor written.
    pub fn identity(&self) -> Result<String, LedgerError> {
        let mut contents = self.contents()?;
        if contents.identity.is_empty() {
            contents.identity = format!("{:032x}", fastrand::u128(..));
            self.replace(&contents)?;
        }
        Ok(contents.identity)
    }

    fn contents(&self) -> Result<Contents, LedgerError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| self.error(&format!("is not a ledger ({error}): mend or remove it"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Contents::default()),
            Err(error) => Err(self.error(&error.to_string())),
        }
    }

    fn replace(&self, contents: &Contents) -> Result<(), LedgerError> {
        let write = || -> io::Result<()> {
            if let Some(parent) = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                std::fs::create_dir_all(parent)?;
            }
            // Beside it and then in its place, so that it is never half written.
            let beside = beside(&self.path);
            std::fs::write(&beside, serde_json::to_vec_pretty(contents)?)?;
            std::fs::rename(&beside, &self.path)
        };
        write().map_err(|error| self.error(&error.to_string()))
    }

    fn error(&self, reason: &str) -> LedgerError {
        LedgerError(format!("{}: {reason}", self.path.display()))
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[async_trait]
impl Ledger for FileLedger {
    async fn read(&self) -> Result<LedgerRecord, LedgerError> {
        let Contents { identity: _, targets, release_deletes, retiring } = self.contents()?;
        Ok(LedgerRecord { targets, released: release_deletes, retiring })
    }

    async fn write(&self, record: &LedgerRecord) -> Result<(), LedgerError> {
        let Contents { identity, .. } = self.contents()?;
        let LedgerRecord { targets, released, retiring } = record.clone();
        self.replace(&Contents { identity, targets, release_deletes: released, retiring })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn remembers_targets_and_an_identity() {
        let directory = std::env::temp_dir().join(format!("rulesync-ledger-{}", std::process::id()));
        let ledger = FileLedger::new(directory.join("sub/ledger.json"));
        assert_eq!(ledger.read().await, Ok(LedgerRecord::default()));
        let identity = ledger.identity().unwrap();
        let record = LedgerRecord {
            targets: ["r/t".to_owned()].into(),
            released: BTreeSet::new(),
            retiring: [("r/t".to_owned(), 7)].into(),
        };
        ledger.write(&record).await.unwrap();
        let again = FileLedger::new(directory.join("sub/ledger.json"));
        assert_eq!(again.read().await, Ok(record));
        assert_eq!(again.identity(), Ok(identity));
        std::fs::write(directory.join("sub/ledger.json"), "{").unwrap();
        assert!(again.read().await.unwrap_err().to_string().contains("mend or remove it"));
        std::fs::remove_dir_all(directory).unwrap();
    }
}
