//! Replacing a file as a whole.

use std::fs::{DirEntry, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What the names of files begin with that are being written. One that is found later was left by a process that died.
pub const TEMPORARY_PREFIX: &str = ".rulesync-tmp-";

/// How old a file that is being written may be; nobody writes that long.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(3600);

/// How many names of a directory are looked at for files that were left over.
const MAX_NAMES: usize = 10_000;

/// Removes the files of a directory that [`replace`] began an hour ago or earlier: they were left by a process that
/// died. What cannot be seen or removed stays.
pub fn remove_left_over(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.take(MAX_NAMES).filter_map(Result::ok) {
        let ours = entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
        if ours && is_left_over(&entry) {
            // Whoever finds it next tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn is_left_over(entry: &DirEntry) -> bool {
    // Of a link, what is said is of the link itself.
    let Ok(metadata) = entry.metadata() else { return false };
    let age = metadata.modified().ok().and_then(|written| SystemTime::now().duration_since(written).ok());
    metadata.is_file() && age.is_some_and(|age| age > LEFT_OVER_AFTER)
}

/// What a replaced file outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process.
    Process,
    /// A power cut.
    PowerCut,
}

/// Puts content in the place of a file, which is never seen half written. It is written to a new file beside it, whose
/// name cannot be foreseen; a link in place of the file is replaced, and what it leads to is left alone.
///
/// # Errors
///
/// What the system said; the former file or the new one is there then, whole.
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
        // As for any new file, less what the umask takes away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    // Removes itself unless it gets to its place.
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

/// Makes the names of the files in a directory outlive a power cut, where the file system can.
///
/// # Errors
///
/// What the system said.
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
    fn a_link_is_replaced_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (theirs, link) = (directory.path().join("theirs"), directory.path().join("link"));
        fs::write(&theirs, "precious").unwrap();
        symlink(&theirs, &link).unwrap();
        replace(&link, b"ours", Durability::PowerCut).unwrap();
        replace(&link, b"ours again", Durability::Process).unwrap();
        assert_eq!(fs::read(&theirs).unwrap(), b"precious");
        assert_eq!(fs::read(&link).unwrap(), b"ours again");
        let others = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(others(&link), others(&theirs), "the umask decides, as for any file");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn files_that_were_left_half_written_are_removed_and_no_others() {
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
        let stay = [
            ".rulesync-tmp-directory",
            ".rulesync-tmp-link",
            ".rulesync-tmp-new",
            "ledger.json",
            "x.rulesync-tmp-",
        ];
        assert_eq!(names, stay);
        remove_left_over(&path("nowhere"));
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("taken")).unwrap();
        assert!(replace(&directory.path().join("taken"), b"x", Durability::Process).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
