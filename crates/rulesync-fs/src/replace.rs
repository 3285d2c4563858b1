//! Replacing a file as a whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What the names of files begin with that are being written. One that is found later was left by a process that died.
pub const TEMPORARY_PREFIX: &str = ".rulesync-tmp-";

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
/// What the system said; the former file is still there then.
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
    fn what_cannot_be_put_in_place_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("taken")).unwrap();
        assert!(replace(&directory.path().join("taken"), b"x", Durability::Process).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
