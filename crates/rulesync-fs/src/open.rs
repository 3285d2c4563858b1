//! Opening: regular files only, without waiting for the other end of a pipe.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::FileError;

/// Opens a regular file for reading. Links are followed.
///
/// # Errors
///
/// [`FileError::NotRegular`] for everything else that may stand there, [`FileError::Io`] for what the system said.
pub fn open(path: &Path) -> Result<File, FileError> {
    // To open a device or the end of a pipe can be an act of its own, so it is looked at first.
    regular(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    flags(&mut options, Links::Follow);
    // What stands there may have been exchanged since.
    checked(options.open(path)?)
}

/// Opens an existing file of this process itself for reading. A link in its place is refused.
///
/// # Errors
///
/// As [`open`], and [`FileError::Link`].
pub fn open_own(path: &Path) -> Result<File, FileError> {
    not_link(path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    flags(&mut options, Links::Refuse);
    checked(options.open(path).map_err(|error| link_or(path, error))?)
}

/// Opens a file of this process itself for reading and writing, and creates it if it is missing. Its content stays.
///
/// # Errors
///
/// As [`open_own`], and [`FileError::Shared`] for a file that has other names.
pub fn create_own(path: &Path) -> Result<File, FileError> {
    not_link(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    flags(&mut options, Links::Refuse);
    let file = checked(options.open(path).map_err(|error| link_or(path, error))?)?;
    if names(&file.metadata()?) > 1 { Err(FileError::Shared) } else { Ok(file) }
}

/// What to do with a link in place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    Refuse,
}

#[cfg(unix)]
fn flags(options: &mut OpenOptions, links: Links) {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    options.custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn flags(_: &mut OpenOptions, _: Links) {}

#[cfg(unix)]
fn names(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn names(_: &fs::Metadata) -> u64 {
    1
}

fn not_link(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(FileError::Link),
        Ok(metadata) => regular(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Systems do not agree on what they answer when `NOFOLLOW` meets a link that was put there a moment ago.
fn link_or(path: &Path, error: io::Error) -> FileError {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        FileError::Link
    } else {
        error.into()
    }
}

fn checked(file: File) -> Result<File, FileError> {
    regular(&file.metadata()?)?;
    Ok(file)
}

fn regular(metadata: &fs::Metadata) -> Result<(), FileError> {
    if metadata.is_file() { Ok(()) } else { Err(FileError::not_regular(metadata.file_type())) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn own_files_are_not_reached_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("theirs"), "precious").unwrap();
        symlink(path("theirs"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::hard_link(path("theirs"), path("second")).unwrap();
        assert!(matches!(create_own(&path("link")), Err(FileError::Link)));
        assert!(matches!(open_own(&path("link")), Err(FileError::Link)));
        assert!(matches!(create_own(&path("dangling")), Err(FileError::Link)));
        assert!(!path("nowhere").exists());
        assert!(matches!(create_own(&path("second")), Err(FileError::Shared)));
        assert!(create_own(&path("new")).is_ok());
        assert!(create_own(&path("new")).is_ok());
        assert!(open(&path("link")).is_ok());
        assert!(matches!(open(directory.path()), Err(FileError::NotRegular("a directory"))));
    }

    #[test]
    fn nobody_waits_for_the_other_end_of_a_pipe() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for opened in [open(&pipe), open_own(&pipe), create_own(&pipe)] {
            assert!(matches!(opened, Err(FileError::NotRegular("a pipe"))));
        }
        // Exchanged after the first look.
        let mut options = OpenOptions::new();
        flags(options.read(true), Links::Follow);
        assert!(matches!(checked(options.open(&pipe).unwrap()), Err(FileError::NotRegular("a pipe"))));
    }
}
