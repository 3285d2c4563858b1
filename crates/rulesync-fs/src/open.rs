//! Opens regular files only, without waiting for the other end of a pipe.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::FileError;

/// Opens a regular file for reading. Links are followed.
///
/// # Errors
///
/// [`FileError::NotRegular`] for any other type of file, [`FileError::Io`] for errors from the system.
pub fn open(path: &Path) -> Result<File, FileError> {
    // Opening a device or the end of a pipe can have side effects, so the type is checked first.
    check_regular(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    flags(&mut options, Links::Follow);
    // The file may have been replaced since.
    regular_file(options.open(path)?)
}

/// Opens one of the process's own existing files for reading. A link in its place is rejected.
///
/// # Errors
///
/// As [`open`], and [`FileError::Link`].
pub fn open_own(path: &Path) -> Result<File, FileError> {
    reject_link(path)?;
    let mut options = OpenOptions::new();
    options.read(true);
    flags(&mut options, Links::Reject);
    regular_file(options.open(path).map_err(|error| link_or(path, error))?)
}

/// Opens one of the process's own files for reading and writing, and creates it if missing. Its content is kept.
///
/// # Errors
///
/// As [`open_own`], and [`FileError::Shared`] for a file with further hard links.
pub fn create_own(path: &Path) -> Result<File, FileError> {
    reject_link(path)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    flags(&mut options, Links::Reject);
    let file = regular_file(options.open(path).map_err(|error| link_or(path, error))?)?;
    if hard_links(&file.metadata()?) > 1 { Err(FileError::Shared) } else { Ok(file) }
}

/// The treatment of a link in place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Follow,
    Reject,
}

#[cfg(unix)]
fn flags(options: &mut OpenOptions, links: Links) {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Reject {
        flags |= OFlags::NOFOLLOW;
    }
    options.custom_flags(flags.bits().cast_signed());
}

#[cfg(not(unix))]
fn flags(_: &mut OpenOptions, _: Links) {}

#[cfg(unix)]
fn hard_links(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

#[cfg(not(unix))]
fn hard_links(_: &fs::Metadata) -> u64 {
    1
}

fn reject_link(path: &Path) -> Result<(), FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(FileError::Link),
        Ok(metadata) => check_regular(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Maps the error for a link created since the first check: systems return different errors with `NOFOLLOW`.
fn link_or(path: &Path, error: io::Error) -> FileError {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        FileError::Link
    } else {
        error.into()
    }
}

fn regular_file(file: File) -> Result<File, FileError> {
    check_regular(&file.metadata()?)?;
    Ok(file)
}

fn check_regular(metadata: &fs::Metadata) -> Result<(), FileError> {
    if metadata.is_file() { Ok(()) } else { Err(FileError::not_regular(metadata.file_type())) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn open_own_and_create_own_reject_links() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("target"), "content").unwrap();
        symlink(path("target"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::hard_link(path("target"), path("second")).unwrap();
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
    fn open_rejects_pipe_without_blocking() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for opened in [open(&pipe), open_own(&pipe), create_own(&pipe)] {
            assert!(matches!(opened, Err(FileError::NotRegular("a pipe"))));
        }
        // The file is replaced by a pipe after the first check.
        let mut options = OpenOptions::new();
        flags(options.read(true), Links::Follow);
        assert!(matches!(regular_file(options.open(&pipe).unwrap()), Err(FileError::NotRegular("a pipe"))));
    }
}
