//! The stored groups, in memory and on disk, in the same order of changes.

pub(crate) mod disk;
pub(crate) mod store;

use std::{
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::{disk::Disk, store::Store};
use crate::model::group::StoredGroup;

/// The groups of all tenants.
#[derive(Debug)]
pub(crate) struct Storage {
    store: Mutex<Store>,
    disk: Option<Disk>,
}

impl Storage {
    /// Opens the storage, with the groups that the directory contains. A change takes `sync_delay` to reach evaluation;
    /// `maps_to_files` is `true` if namespaces become file names in the process.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub(crate) fn open(
        directory: Option<&Path>,
        sync_delay: Duration,
        maps_to_files: bool,
    ) -> io::Result<Self> {
        let mut store = Store::new(sync_delay, maps_to_files);
        let disk = match directory {
            None => None,
            Some(directory) => {
                let (disk, found) = Disk::open(directory)?;
                store.restore(found);
                Some(disk)
            }
        };
        Ok(Self { store: Mutex::new(store), disk })
    }

    /// Returns `true` if changes are written to disk, so that even a look at the store may wait for the file system.
    pub(crate) fn has_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Locks the store, to read it or to edit it in memory only.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a group, on disk first: a group that cannot be written to disk is not stored.
    ///
    /// # Errors
    /// If the group cannot be written to disk.
    pub(crate) fn put(&self, tenant: &str, namespace: &str, group: StoredGroup) -> io::Result<()> {
        let draft = self.disk.as_ref().map(|disk| disk.draft(&group)).transpose()?;
        // The lock is held during the rename, so that disk and memory see changes in the same order.
        let mut store = self.lock();
        if let (Some(disk), Some(draft)) = (&self.disk, draft) {
            disk.put(tenant, namespace, draft)?;
        }
        store.put(tenant, namespace, group);
        Ok(())
    }

    /// Removes a group and returns `true` if it existed.
    ///
    /// # Errors
    /// If the group cannot be removed from disk.
    pub(crate) fn remove(&self, tenant: &str, namespace: &str, group: &str) -> io::Result<bool> {
        let mut store = self.lock();
        if let Some(disk) = &self.disk {
            disk.remove(tenant, namespace, group)?;
        }
        Ok(store.remove(tenant, namespace, group))
    }

    /// Removes a namespace and returns `true` if it existed. Groups that remain after an error are still stored.
    ///
    /// # Errors
    /// If a group cannot be removed from disk.
    pub(crate) fn remove_namespace(&self, tenant: &str, namespace: &str) -> io::Result<bool> {
        let mut store = self.lock();
        let names = store.group_names(tenant, namespace);
        for name in &names {
            if let Some(disk) = &self.disk {
                disk.remove(tenant, namespace, name)?;
            }
            store.remove(tenant, namespace, name);
        }
        Ok(!names.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::escape::base64_url;

    #[test]
    fn namespace_whose_file_cannot_be_removed_stays_until_it_can() {
        let root = tempfile::tempdir().expect("a directory");
        let storage = Storage::open(Some(root.path()), Duration::ZERO, false).expect("opens");
        for name in ["a", "b", "c"] {
            let group = StoredGroup { name: name.to_owned(), ..StoredGroup::default() };
            storage.put("t", "n", group).expect("stores");
        }
        // A directory in place of a file cannot be removed as one, whoever runs the test.
        let file = root.path().join("t").join(base64_url("n")).join(base64_url("b"));
        fs::remove_file(&file).expect("removes");
        fs::create_dir(&file).expect("a directory");
        storage.remove_namespace("t", "n").expect_err("cannot remove it");
        let names = |storage: &Storage| -> Vec<String> {
            let store = storage.lock();
            let groups = store.tenant("t").and_then(|tenant| tenant.namespaces.get("n"));
            groups
                .into_iter()
                .flat_map(|groups| groups.values().map(|entry| entry.group.name.clone()))
                .collect()
        };
        assert_eq!(names(&storage), ["b", "c"], "a retry finds what is left");
        fs::remove_dir(&file).expect("removes");
        assert!(storage.remove_namespace("t", "n").expect("removes"));
        assert!(!storage.remove_namespace("t", "n").expect("removes nothing"));
        assert!(names(&storage).is_empty());
    }
}
