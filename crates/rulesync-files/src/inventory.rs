//! The inventory in a file, with the identity of the installation beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{Inventory, InventoryError, InventoryRecord};
use rulesync_fs::{Durability, FileError};
use serde::{Deserialize, Serialize};

use crate::index::Declared;

/// More than the destinations of any installation.
const MAX_BYTES: u64 = 64 << 20;

/// How long the file system may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// An inventory in a JSON file, replaced as a whole when it changes.
#[derive(Debug, Clone)]
pub struct FileInventory {
    path: PathBuf,
    /// Held from when the file is read until it is replaced: the engine and sources each keep their own part of it.
    changing: Arc<Mutex<()>>,
}

/// What the file holds. Unknown keys are for later versions.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Contents {
    /// What tells this installation from others of the same owner.
    identity: String,
    /// Destinations that may hold rules of ours. Files of all versions call them targets.
    #[serde(rename = "targets")]
    destinations: BTreeSet<String>,
    /// Destinations whose held deletes are released; taken off once they are.
    release_deletes: BTreeSet<String>,
    /// Since when no route leads to destinations that are to be emptied, in seconds since 1970.
    retiring: BTreeMap<String, u64>,
    /// By source, which file declares which objects. A source that is not here is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    declared: BTreeMap<String, Declared>,
}

impl FileInventory {
    /// An inventory at a path. Directories above it are made when it is first written.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), changing: Arc::default() }
    }

    /// The identity of this installation, made at first use. What a process that died left of an inventory half written
    /// is removed.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] if the file can neither be read nor written.
    pub async fn identity(&self) -> Result<String, InventoryError> {
        self.in_background(|inventory| {
            rulesync_fs::remove_left_over(inventory.directory());
            let contents = inventory.contents()?;
            if !contents.identity.is_empty() {
                return Ok(contents.identity);
            }
            let identity = format!("{:032x}", fastrand::u128(..));
            inventory.change(|contents| {
                contents.identity.clone_from(&identity);
                true
            })?;
            Ok(identity)
        })
        .await
    }

    /// Whether there is an inventory already.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] if something else stands in its place, or the file system does not answer.
    pub async fn exists(&self) -> Result<bool, InventoryError> {
        self.in_background(|inventory| inventory.open().map(|file| file.is_some())).await
    }

    /// Works on the file away from the engine's thread.
    async fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, InventoryError> + Send + 'static,
    ) -> Result<T, InventoryError> {
        let inventory = self.clone();
        let working = move || Ok(work(&inventory));
        let worked: Result<_, FileError> =
            rulesync_fs::run_with_deadline(&self.path, DEADLINE, working).await;
        worked.map_err(|error| self.error(&error.to_string()))?
    }

    /// The file, if there is one. A link in its place is refused: it could not be replaced as what it leads to.
    fn open(&self) -> Result<Option<File>, InventoryError> {
        match rulesync_fs::open_own(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(self.error(&error.to_string())),
        }
    }

    fn contents(&self) -> Result<Contents, InventoryError> {
        let Some(mut file) = self.open()? else { return Ok(Contents::default()) };
        let bytes = rulesync_fs::read_to_limit(&mut file, MAX_BYTES);
        serde_json::from_slice(&bytes.map_err(|error| self.error(&error.to_string()))?)
            .map_err(|error| self.error(&format!("is not an inventory ({error}): mend or remove it")))
    }

    fn replace(&self, contents: &Contents) -> Result<(), InventoryError> {
        let write = || -> io::Result<()> {
            std::fs::create_dir_all(self.directory())?;
            rulesync_fs::replace(&self.path, &serde_json::to_vec_pretty(contents)?, Durability::PowerCut)
        };
        write().map_err(|error| self.error(&error.to_string()))
    }

    /// Changes a part of the file and leaves the others as they are. Nothing is written unless `change` says that it
    /// has changed something.
    fn change(&self, change: impl FnOnce(&mut Contents) -> bool) -> Result<(), InventoryError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = self.contents()?;
        if change(&mut contents) { self.replace(&contents) } else { Ok(()) }
    }

    /// What a source declared when that was written last; none if it never was. Blocks.
    pub(crate) fn declared(&self, source: &str) -> Result<Option<Declared>, InventoryError> {
        Ok(self.contents()?.declared.remove(source))
    }

    /// Writes what a source declares. Blocks.
    pub(crate) fn remember(&self, source: &str, declared: &Declared) -> Result<(), InventoryError> {
        self.change(|contents| {
            contents.declared.insert(source.to_owned(), declared.clone()).as_ref() != Some(declared)
        })
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn error(&self, reason: &str) -> InventoryError {
        InventoryError(format!("{}: {reason}", self.path.display()))
    }
}

#[async_trait]
impl Inventory for FileInventory {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        self.in_background(|inventory| {
            let Contents { destinations, release_deletes, retiring, .. } = inventory.contents()?;
            Ok(InventoryRecord { destinations, released: release_deletes, retiring })
        })
        .await
    }

    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError> {
        let InventoryRecord { destinations, released, retiring } = record.clone();
        self.in_background(|inventory| {
            inventory.change(|contents| {
                contents.destinations = destinations;
                contents.release_deletes = released;
                contents.retiring = retiring;
                true
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn remembers_destinations_and_an_identity() {
        let directory = std::env::temp_dir().join(format!("rulesync-ledger-{}", std::process::id()));
        let inventory = FileInventory::new(directory.join("sub/ledger.json"));
        assert_eq!(inventory.read().await, Ok(InventoryRecord::default()));
        let identity = inventory.identity().await.unwrap();
        let record = InventoryRecord {
            destinations: ["r/t".to_owned()].into(),
            released: BTreeSet::new(),
            retiring: [("r/t".to_owned(), 7)].into(),
        };
        inventory.write(&record).await.unwrap();
        let again = FileInventory::new(directory.join("sub/ledger.json"));
        assert_eq!(again.read().await, Ok(record));
        assert_eq!(again.identity().await, Ok(identity));
        std::fs::write(directory.join("sub/ledger.json"), "{").unwrap();
        assert!(again.read().await.unwrap_err().to_string().contains("mend or remove it"));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[tokio::test]
    async fn file_of_an_earlier_version_is_read_and_its_keys_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.json");
        let written =
            r#"{"identity": "abc", "targets": ["r/t"], "release_deletes": ["*"], "retiring": {"r/u": 7}}"#;
        std::fs::write(&path, written).unwrap();
        let inventory = FileInventory::new(&path);
        let record = InventoryRecord {
            destinations: ["r/t".to_owned()].into(),
            released: ["*".to_owned()].into(),
            retiring: [("r/u".to_owned(), 7)].into(),
        };
        assert_eq!((inventory.read().await, inventory.identity().await), (Ok(record), Ok("abc".to_owned())));
        inventory.write(&InventoryRecord::default()).await.unwrap();
        let keys: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(Vec::from_iter(keys.keys()), ["identity", "release_deletes", "retiring", "targets"]);
    }

    #[tokio::test]
    async fn engine_and_sources_keep_their_parts_side_by_side() {
        let directory = tempfile::tempdir().unwrap();
        let inventory = FileInventory::new(directory.path().join("ledger.json"));
        assert_eq!(inventory.declared("files"), Ok(None));
        let declared: Declared = serde_json::from_str(r#"{"a.yaml": ["PrometheusRule n/x"]}"#).unwrap();
        inventory.remember("files", &declared).unwrap();
        let record =
            InventoryRecord { destinations: ["r/t".to_owned()].into(), ..InventoryRecord::default() };
        inventory.write(&record).await.unwrap();
        let identity = inventory.identity().await.unwrap();
        inventory.remember("others", &Declared::default()).unwrap();
        let again = FileInventory::new(directory.path().join("ledger.json"));
        assert_eq!(again.declared("files"), Ok(Some(declared)));
        assert_eq!(again.declared("others"), Ok(Some(Declared::default())), "known to declare nothing");
        assert_eq!((again.read().await, again.identity().await), (Ok(record), Ok(identity)));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_in_place_of_its_files_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, theirs) = (directory.path().join("ledger.json"), directory.path().join("theirs"));
        std::fs::write(&theirs, "precious").unwrap();
        std::os::unix::fs::symlink(&theirs, directory.path().join("ledger.json.new")).unwrap();
        let record = InventoryRecord {
            destinations: ["r/t".to_owned()].into(),
            released: BTreeSet::new(),
            retiring: [("r/t".to_owned(), 7)].into(),
        };
        let inventory = FileInventory::new(&path);
        inventory.write(&record).await.unwrap();
        assert_eq!(std::fs::read(&theirs).unwrap(), b"precious");
        assert_eq!(inventory.read().await, Ok(record));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_is_no_inventory() {
        let directory = tempfile::tempdir().unwrap();
        let (path, theirs) = (directory.path().join("ledger.json"), directory.path().join("theirs"));
        std::fs::write(&theirs, r#"{"identity": "theirs", "release_deletes": ["*"]}"#).unwrap();
        let inventory = FileInventory::new(&path);
        assert_eq!(inventory.exists().await, Ok(false));
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        let says = format!("{}: it is a symbolic link", path.display());
        for error in [
            inventory.exists().await.unwrap_err(),
            inventory.identity().await.unwrap_err(),
            inventory.read().await.unwrap_err(),
        ] {
            assert!(error.to_string().starts_with(&says), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        inventory.identity().await.unwrap();
        assert_eq!(inventory.exists().await, Ok(true));
    }

    #[tokio::test]
    async fn what_a_process_that_died_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let left = directory.path().join(format!("{}abc", rulesync_fs::TEMPORARY_PREFIX));
        let file = File::create(&left).unwrap();
        let inventory = FileInventory::new(directory.path().join("ledger.json"));
        let identity = inventory.identity().await.unwrap();
        assert!(left.exists(), "another process may be writing it");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(2 * 3600)).unwrap();
        assert_eq!(inventory.identity().await, Ok(identity));
        assert!(!left.exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_is_no_inventory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.json");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = FileInventory::new(&path).read().await.unwrap_err();
        let expected = format!("{}: it is a pipe, not a regular file", path.display());
        assert!(error.to_string().contains(&expected), "{error}");
    }
}
