//! The copy of a ruler's groups on disk: one file per group, written atomically as JSON, in the layout of the real
//! rulers' file storage (`tenant/base64(namespace)/base64(group)`).

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rulesync_fs::{Durability, TEMPORARY_PREFIX, replace};

use crate::{
    escape::{base64_url, from_base64_url, path_escape, unescape},
    model::group::StoredGroup,
};

/// The limit of a file in bytes; larger than any request that stores a group.
const MAX_BYTES: u64 = 64 << 20;

/// The prefix of the names of drafts.
const DRAFT_PREFIX: &str = ".draft-";

/// A directory of groups.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    /// The counter for the names of drafts.
    drafts: AtomicU64,
}

/// A group that has been written but is not in place yet. Unused drafts are removed at the next start.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    name: String,
}

/// A group read back: tenant, namespace and the group.
pub(crate) type Found = (String, String, StoredGroup);

impl Disk {
    /// Opens a directory, creating it if necessary, and reads its groups. Other files are left unchanged and logged.
    ///
    /// # Errors
    /// If the directory can be neither created nor read.
    pub(crate) fn open(root: &Path) -> io::Result<(Self, Vec<Found>)> {
        fs::create_dir_all(root)?;
        let mut found = Vec::new();
        for (tenant, directory) in entries(root)? {
            let Some(tenant) = unescape(&tenant) else { continue };
            // A directory that disappears or is unreadable affects one tenant only.
            for (namespace, directory) in entries(&directory).unwrap_or_default() {
                let Some(namespace) = from_base64_url(&namespace) else {
                    skip(&directory, "file name is not an encoded namespace");
                    continue;
                };
                for (key, file) in entries(&directory).unwrap_or_default() {
                    match load(&key, &file) {
                        Ok(group) => found.push((tenant.clone(), namespace.clone(), group)),
                        Err(why) => skip(&file, &why),
                    }
                }
            }
        }
        Ok((Self { root: root.to_owned(), drafts: AtomicU64::new(0) }, found))
    }

    /// Writes a group to a temporary file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn draft(&self, group: &StoredGroup) -> io::Result<Draft> {
        let path = self.root.join(format!("{DRAFT_PREFIX}{}", self.drafts.fetch_add(1, Ordering::Relaxed)));
        // After a power failure, the client that declared the group writes it again.
        replace(&path, &serde_json::to_vec(group)?, Durability::Process)?;
        Ok(Draft { path, name: base64_url(&group.name) })
    }

    /// Replaces the group of that name with the draft.
    ///
    /// # Errors
    /// If that is not possible; the previous group is then unchanged.
    pub(crate) fn put(&self, tenant: &str, namespace: &str, draft: Draft) -> io::Result<()> {
        let directory = self.directory(tenant, namespace);
        fs::create_dir_all(&directory)?;
        fs::rename(&draft.path, directory.join(&draft.name))
    }

    /// Removes a group; a missing one is not an error. The namespace's directory is removed with its last group.
    ///
    /// # Errors
    /// If the group exists and cannot be removed.
    pub(crate) fn remove(&self, tenant: &str, namespace: &str, group: &str) -> io::Result<()> {
        let directory = self.directory(tenant, namespace);
        match fs::remove_file(directory.join(base64_url(group))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Fails, as intended, while there are other groups.
        let _ = fs::remove_dir(&directory);
        Ok(())
    }

    fn directory(&self, tenant: &str, namespace: &str) -> PathBuf {
        self.root.join(path_escape(tenant)).join(base64_url(namespace))
    }
}

fn entries(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_name().into_string() {
            Ok(name) if name.starts_with('.') => {
                // A draft that was being written when the process was killed.
                if [TEMPORARY_PREFIX, DRAFT_PREFIX].iter().any(|prefix| name.starts_with(prefix)) {
                    let _ = fs::remove_file(entry.path());
                }
            }
            Ok(name) => found.push((name, entry.path())),
            Err(_) => skip(&entry.path(), "file name is not UTF-8"),
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn load(key: &str, file: &Path) -> Result<StoredGroup, String> {
    let bytes = rulesync_fs::read(file, MAX_BYTES).map_err(|error| error.to_string())?;
    let group: StoredGroup = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if base64_url(&group.name) == key && !group.name.is_empty() {
        Ok(group)
    } else {
        Err("file name does not match the group name".to_owned())
    }
}

fn skip(path: &Path, why: &str) {
    tracing::warn!(path = %path.display(), why, "Skipped a file that is not a stored rule group");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, interval: u64) -> StoredGroup {
        StoredGroup {
            name: name.to_owned(),
            interval: crate::model::span::Millis(interval),
            ..StoredGroup::default()
        }
    }

    #[test]
    fn disk_reads_back_groups_and_skips_other_files() {
        let root = tempfile::tempdir().expect("a directory");
        let (disk, found) = Disk::open(root.path()).expect("opens");
        assert!(found.is_empty());
        let put = |namespace: &str, group: &StoredGroup| {
            disk.put("t1", namespace, disk.draft(group).expect("a draft")).expect("in place");
        };
        put("a/b", &group("..", 1));
        put("a/b", &group("..", 2));
        put("c", &group("gone", 1));
        disk.draft(&group("left", 1)).expect("a draft that becomes nothing");
        disk.remove("t1", "c", "gone").expect("removes");
        disk.remove("t1", "c", "gone").expect("removes what is not there");
        let namespace = root.path().join("t1").join(base64_url("a/b"));
        fs::write(namespace.join("ZzE="), "half a gro").expect("junk");
        fs::write(namespace.join("not base64"), "{}").expect("junk");
        fs::write(namespace.join(".draft-7"), "{}").expect("a draft");
        fs::create_dir(root.path().join("t1/lost+found")).expect("junk");
        fs::write(root.path().join("README"), "junk").expect("junk");
        let (_, found) = Disk::open(root.path()).expect("opens again");
        assert_eq!(found, [("t1".to_owned(), "a/b".to_owned(), group("..", 2))]);
        assert!(!namespace.join(".draft-7").exists());
        assert!(fs::read_dir(root.path()).expect("lists").all(|entry| {
            let name = entry.expect("an entry").file_name();
            !name.to_string_lossy().starts_with(".draft-")
        }));
        assert!(namespace.join("ZzE=").exists());
    }

    #[cfg(unix)]
    #[test]
    fn disk_does_not_follow_links_or_block_on_pipes() {
        let root = tempfile::tempdir().expect("a directory");
        let (disk, _) = Disk::open(root.path()).expect("opens");
        let namespace = root.path().join("t1").join(base64_url("n"));
        fs::create_dir_all(&namespace).expect("a namespace");
        let target = root.path().join("target");
        fs::write(&target, "precious").expect("a file");
        for link in [root.path().join(".draft-0"), namespace.join(base64_url("g"))] {
            std::os::unix::fs::symlink(&target, link).expect("a link");
        }
        let pipe = namespace.join(base64_url("pipe"));
        assert!(std::process::Command::new("mkfifo").arg(pipe).status().expect("runs").success());
        let draft = disk.draft(&group("g", 1)).expect("a draft");
        disk.put("t1", "n", draft).expect("writes");
        assert_eq!(fs::read_to_string(&target).expect("is there"), "precious");
        let (_, found) = Disk::open(root.path()).expect("opens again");
        assert_eq!(found, [("t1".to_owned(), "n".to_owned(), group("g", 1))]);
    }
}
