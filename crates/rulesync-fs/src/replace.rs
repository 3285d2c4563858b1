//! Replaces whole files atomically.

use std::fs::{DirEntry, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The prefix of the names of temporary files. One that is found later was left by a process that died.
pub const TEMPORARY_PREFIX: &str = ".rulesync-tmp-";

/// The age from which a temporary file is considered left over; no write takes that long.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(3600);

/// The maximum number of directory entries searched for left-over files.
const MAX_NAMES: usize = 10_000;

/// Removes the temporary files of [`replace`] that are more than an hour old: they were left by a process that died.
/// Files that cannot be listed or removed are kept.
pub fn remove_left_over(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.take(MAX_NAMES).filter_map(Result::ok) {
        let is_temporary = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
        if is_temporary && is_left_over(&entry) {
            // The next call tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn is_left_over(entry: &DirEntry) -> bool {
    // For a link, this is the metadata of the link itself.
    let Ok(metadata) = entry.metadata() else { return false };
    let age = metadata.modified().ok().and_then(|written| SystemTime::now().duration_since(written).ok());
    metadata.is_file() && age.is_some_and(|age| age > LEFT_OVER_AFTER)
}

/// The event that a replaced file survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process.
    Process,
    /// A power cut.
    PowerCut,
}

/// Atomically replaces the content of a file. The content is written to a temporary file with an unpredictable name in
/// the same directory, which is then renamed. A link in place of the file is replaced; its target is not changed.
///
/// # Errors
///
/// Errors from the system. Either the old or the new file is then in place, complete.
pub fn replace(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mode of any new file, to which the umask applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // Dropping `new` removes the file unless it was persisted.
    let mut new = builder.tempfile_in(directory)?;
    new.write_all(content)?;
    if durability == Durability::PowerCut {
        new.as_file().sync_all()?;
    }
    new.persist(path)?;
    if durability == Durability::PowerCut {
        sync_directory(directory)?;
    }
    Ok(())
}

/// Makes the names of the files in a directory survive a power cut, if the file system supports it.
///
/// # Errors
///
/// Errors from the system.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, Unsupported};
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn replace_does_not_follow_link() {
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "content").unwrap();
        symlink(&target, &link).unwrap();
        replace(&link, b"first", Durability::PowerCut).unwrap();
        replace(&link, b"second", Durability::Process).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"content");
        assert_eq!(fs::read(&link).unwrap(), b"second");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&link), mode(&target), "the umask applies, as for any file");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "no temporary file remains");
    }

    #[test]
    fn remove_left_over_removes_only_old_temporary_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let before = |age: u64| SystemTime::now() - Duration::from_secs(age);
        for (name, age) in [
            (".rulesync-tmp-old", 3700),
            (".rulesync-tmp-new", 60),
            ("ledger.json", 3700),
            ("x.rulesync-tmp-", 3700),
        ] {
            File::create(path(name)).unwrap().set_modified(before(age)).unwrap();
        }
        fs::create_dir(path(".rulesync-tmp-directory")).unwrap();
        File::open(path(".rulesync-tmp-directory")).unwrap().set_modified(before(3700)).unwrap();
        symlink(path("ledger.json"), path(".rulesync-tmp-link")).unwrap();
        remove_left_over(directory.path());
        let mut names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let kept = [
            ".rulesync-tmp-directory",
            ".rulesync-tmp-link",
            ".rulesync-tmp-new",
            "ledger.json",
            "x.rulesync-tmp-",
        ];
        assert_eq!(names, kept);
        remove_left_over(&path("nowhere"));
    }

    #[test]
    fn replace_removes_temporary_file_on_failure() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("taken")).unwrap();
        assert!(replace(&directory.path().join("taken"), b"x", Durability::Process).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
