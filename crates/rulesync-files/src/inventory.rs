//! The inventory in a file, which also stores the identity of the installation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{Inventory, InventoryError, InventoryRecord};
use rulesync_core::naming::Naming;
use rulesync_fs::{Durability, FileError};
use serde::{Deserialize, Serialize};

use crate::index::Declared;

/// Far more than any installation needs.
const MAX_BYTES: u64 = 64 << 20;

/// The time limit for file system operations.
const DEADLINE: Duration = Duration::from_secs(10);

/// An inventory in a JSON file, replaced as a whole when it changes.
#[derive(Debug, Clone)]
pub struct FileInventory {
    path: PathBuf,
    /// Held from reading the file until replacing it: the engine and the sources each own a part of it.
    changing: Arc<Mutex<()>>,
}

/// The contents of the file. Unknown keys are ignored, so that later versions can add some.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Contents {
    /// The identity that distinguishes this installation from others of the same owner.
    identity: String,
    /// Destinations that may contain rules of this installation. Files of all versions call them targets.
    #[serde(rename = "targets")]
    destinations: BTreeSet<String>,
    /// Destinations whose held deletes are to be released; removed once that is done.
    release_deletes: BTreeSet<String>,
    /// The time since when no route leads to a destination that is to be emptied, in seconds since 1970.
    retiring: BTreeMap<String, u64>,
    /// The namings at destinations where a route or a ruler has one of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "known_namings")]
    namings: BTreeMap<String, Vec<Naming>>,
    /// The ruler namespaces at destinations that are named as declared.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    namespaces: BTreeMap<String, BTreeSet<String>>,
    /// The objects that each file declares, by source. The declarations of a missing source are unknown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    declared: BTreeMap<String, Declared>,
}

/// Reads namings, without those that only later versions know.
fn known_namings<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<Naming>>, D::Error> {
    let stored = BTreeMap::<String, Vec<serde_json::Value>>::deserialize(deserializer)?;
    let known = |namings: Vec<serde_json::Value>| {
        namings.into_iter().filter_map(|naming| serde_json::from_value(naming).ok()).collect()
    };
    Ok(stored.into_iter().map(|(destination, namings)| (destination, known(namings))).collect())
}

impl FileInventory {
    /// Creates an inventory at a path. Parent directories are created by the first write.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), changing: Arc::default() }
    }

    /// Returns the identity of this installation, which is generated on first use. Removes temporary files that a
    /// crashed process left while writing the inventory.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] if the file cannot be read, or an identity cannot be written.
    pub async fn identity(&self) -> Result<String, InventoryError> {
        self.in_background(|inventory| {
            rulesync_fs::remove_left_over(inventory.directory());
            let contents = inventory.contents()?;
            if !contents.identity.is_empty() {
                return Ok(contents.identity);
            }
            let identity = Self::new_identity();
            inventory.change(|contents| {
                contents.identity.clone_from(&identity);
                true
            })?;
            Ok(identity)
        })
        .await
    }

    /// Returns an identity for an installation whose inventory is not stored.
    pub fn new_identity() -> String {
        format!("{:032x}", fastrand::u128(..))
    }

    /// Returns `true` if the inventory exists.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] if the path is not a regular file, or the file system does not respond.
    pub async fn exists(&self) -> Result<bool, InventoryError> {
        self.in_background(|inventory| inventory.open().map(|file| file.is_some())).await
    }

    /// Runs blocking work on the file outside of the engine's thread.
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

    /// Opens the file, if it exists. A symbolic link is rejected: replacing the file would replace the link, not its
    /// destination.
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
            .map_err(|error| self.error(&format!("is not an inventory ({error}): repair or remove it")))
    }

    fn replace(&self, contents: &Contents) -> Result<(), InventoryError> {
        let write = || -> io::Result<()> {
            std::fs::create_dir_all(self.directory())?;
            rulesync_fs::replace(&self.path, &serde_json::to_vec_pretty(contents)?, Durability::PowerCut)
        };
        write().map_err(|error| self.error(&error.to_string()))
    }

    /// Changes a part of the file and keeps the others. The file is written only if `change` returns `true`.
    fn change(&self, change: impl FnOnce(&mut Contents) -> bool) -> Result<(), InventoryError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = self.contents()?;
        if change(&mut contents) { self.replace(&contents) } else { Ok(()) }
    }

    /// Returns the last stored declarations of a source; `None` if none were stored. Blocks.
    pub(crate) fn declared(&self, source: &str) -> Result<Option<Declared>, InventoryError> {
        Ok(self.contents()?.declared.remove(source))
    }

    /// Stores the declarations of a source. Blocks.
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
            let Contents { destinations, release_deletes, retiring, namings, namespaces, .. } =
                inventory.contents()?;
            Ok(InventoryRecord { destinations, released: release_deletes, retiring, namings, namespaces })
        })
        .await
    }

    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError> {
        let InventoryRecord { destinations, released, retiring, namings, namespaces } = record.clone();
        self.in_background(|inventory| {
            inventory.change(|contents| {
                contents.destinations = destinations;
                contents.release_deletes = released;
                contents.retiring = retiring;
                contents.namings = namings;
                contents.namespaces = namespaces;
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
    async fn file_inventory_stores_destinations_and_identity() {
        let directory = std::env::temp_dir().join(format!("rulesync-ledger-{}", std::process::id()));
        let inventory = FileInventory::new(directory.join("sub/ledger.json"));
        assert_eq!(inventory.read().await, Ok(InventoryRecord::default()));
        let identity = inventory.identity().await.unwrap();
        let record = InventoryRecord {
            destinations: ["r/t".to_owned()].into(),
            released: BTreeSet::new(),
            retiring: [("r/t".to_owned(), 7)].into(),
            namings: [("r/t".to_owned(), vec![Naming::Owner("former".parse().unwrap())])].into(),
            namespaces: [("r/t".to_owned(), ["my rules".to_owned()].into())].into(),
        };
        inventory.write(&record).await.unwrap();
        let again = FileInventory::new(directory.join("sub/ledger.json"));
        assert_eq!(again.read().await, Ok(record));
        assert_eq!(again.identity().await, Ok(identity));
        std::fs::write(directory.join("sub/ledger.json"), "{").unwrap();
        assert!(again.read().await.unwrap_err().to_string().contains("repair or remove it"));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[tokio::test]
    async fn file_of_an_earlier_version_is_read_and_its_keys_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.json");
        let written = r#"{"identity": "abc", "targets": ["r/t"], "release_deletes": ["*"], "retiring": {"r/u": 7},
                "namings": {"r/t": [{"type": "of a later version"}]}}"#;
        std::fs::write(&path, written).unwrap();
        let inventory = FileInventory::new(&path);
        let record = InventoryRecord {
            destinations: ["r/t".to_owned()].into(),
            released: ["*".to_owned()].into(),
            retiring: [("r/u".to_owned(), 7)].into(),
            namings: [("r/t".to_owned(), vec![])].into(),
            ..InventoryRecord::default()
        };
        assert_eq!((inventory.read().await, inventory.identity().await), (Ok(record), Ok("abc".to_owned())));
        inventory.write(&InventoryRecord::default()).await.unwrap();
        let keys: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(Vec::from_iter(keys.keys()), ["identity", "release_deletes", "retiring", "targets"]);
    }

    #[tokio::test]
    async fn file_inventory_keeps_parts_of_engine_and_sources() {
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
    async fn file_inventory_does_not_follow_link_at_temporary_path() {
        let directory = tempfile::tempdir().unwrap();
        let (path, foreign) = (directory.path().join("ledger.json"), directory.path().join("theirs"));
        std::fs::write(&foreign, "precious").unwrap();
        std::os::unix::fs::symlink(&foreign, directory.path().join("ledger.json.new")).unwrap();
        let record = InventoryRecord {
            destinations: ["r/t".to_owned()].into(),
            released: BTreeSet::new(),
            retiring: [("r/t".to_owned(), 7)].into(),
            ..InventoryRecord::default()
        };
        let inventory = FileInventory::new(&path);
        inventory.write(&record).await.unwrap();
        assert_eq!(std::fs::read(&foreign).unwrap(), b"precious");
        assert_eq!(inventory.read().await, Ok(record));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn file_inventory_rejects_symbolic_link() {
        let directory = tempfile::tempdir().unwrap();
        let (path, foreign) = (directory.path().join("ledger.json"), directory.path().join("theirs"));
        std::fs::write(&foreign, r#"{"identity": "theirs", "release_deletes": ["*"]}"#).unwrap();
        let inventory = FileInventory::new(&path);
        assert_eq!(inventory.exists().await, Ok(false));
        std::os::unix::fs::symlink(&foreign, &path).unwrap();
        let expected = format!("{}: it is a symbolic link", path.display());
        for error in [
            inventory.exists().await.unwrap_err(),
            inventory.identity().await.unwrap_err(),
            inventory.read().await.unwrap_err(),
        ] {
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        inventory.identity().await.unwrap();
        assert_eq!(inventory.exists().await, Ok(true));
    }

    #[tokio::test]
    async fn file_inventory_removes_leftover_temporary_file() {
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
    async fn file_inventory_rejects_pipe() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.json");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = FileInventory::new(&path).read().await.unwrap_err();
        let expected = format!("{}: it is a pipe, not a regular file", path.display());
        assert!(error.to_string().contains(&expected), "{error}");
    }
}
