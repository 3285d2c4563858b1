//! The directory of rule files: reads files, stages revertible changes, and recovers after a crash. Blocks.
//!
//! A change leaves the previous file next to the new one until it is kept or reverted, so that it is not held in
//! memory, and the next process can revert the change after a crash.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use rulesync_core::RulerError;
use rulesync_fs::FileError;

use crate::names::{self, LOCK, NEW, OLD};
use crate::rule_file::{MARK, is_marked};

/// The maximum size of an owned rule file; a larger one was not written by rulesync, since declared objects are
/// smaller.
const MAX_BYTES: u64 = 256 << 20;

/// The directory of rule files.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// The state of a namespace's file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    Missing,
    /// An owned file, with its content.
    Owned(Vec<u8>),
    /// A foreign file, or not a regular file.
    Foreign,
}

/// Exclusive access to the directory while this value exists.
#[derive(Debug)]
pub(crate) struct Lock {
    /// The lock file, which is not empty while changes are in progress.
    file: File,
}

impl Directory {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn live(&self, namespace: &str) -> PathBuf {
        self.path.join(names::file_name(namespace))
    }

    fn beside(&self, namespace: &str, suffix: &str) -> PathBuf {
        self.path.join(format!("{}{suffix}", names::file_name(namespace)))
    }

    /// Locks the directory; `None` if another process has locked it. The flag is set if the previous holder stopped in
    /// the middle of a change.
    pub(crate) fn lock(&self) -> Result<Option<(Lock, bool)>, RulerError> {
        let path = self.path.join(LOCK);
        let file = rulesync_fs::create_own(&path).map_err(|error| match error {
            FileError::Io(error) => self.error(&path, &error),
            // A foreign file is in the way, and will not disappear by itself.
            error => RulerError::misconfigured(format!("{}: {error}", path.display())),
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems do not support locks; then the operator must ensure that only one process runs.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(self.error(&path, &error)),
        }
        let busy = file.metadata().map_err(|error| self.error(&path, &error))?.len() > 0;
        Ok(Some((Lock { file }, busy)))
    }

    /// The namespaces of all files with valid names, in no particular order.
    pub(crate) fn namespaces(&self) -> Result<Vec<String>, RulerError> {
        Ok(self.file_names()?.iter().filter_map(|name| names::namespace(name)).collect())
    }

    fn file_names(&self) -> Result<Vec<String>, RulerError> {
        let entries = fs::read_dir(&self.path).map_err(|error| self.error(&self.path, &error))?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let names: io::Result<Vec<Option<String>>> = names.collect();
        Ok(names.map_err(|error| self.error(&self.path, &error))?.into_iter().flatten().collect())
    }

    /// Reads the file of a namespace.
    pub(crate) fn read(&self, namespace: &str) -> Result<FileState, RulerError> {
        let path = self.live(namespace);
        read_file(&path).map_err(|error| self.error(&path, &error))
    }

    /// Writes or removes the file of a namespace, and leaves the previous one next to it. The caller must have checked
    /// that the file is not [`FileState::Foreign`].
    pub(crate) fn stage(&self, namespace: &str, text: Option<&str>) -> Result<(), RulerError> {
        let (live, old, new) =
            (self.live(namespace), self.beside(namespace, OLD), self.beside(namespace, NEW));
        let step = |path: &Path, result: io::Result<()>| result.map_err(|error| self.error(path, &error));
        for aside in [&old, &new] {
            // Owned leftovers were removed when the lock was acquired.
            if fs::symlink_metadata(aside).is_ok() {
                return Err(foreign(aside));
            }
        }
        match fs::hard_link(&live, &old) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                step(&old, OpenOptions::new().write(true).create_new(true).open(&old).map(drop))?;
            }
            // Not every file system supports links.
            Err(_) => {
                let previous = read_own(&live).and_then(|previous| write_new(&new, &previous));
                step(&live, previous.and_then(|()| fs::rename(&new, &old)))?;
            }
        }
        match text {
            Some(text) => {
                step(&new, write_new(&new, text.as_bytes()))?;
                step(&live, fs::rename(&new, &live))
            }
            None => step(&live, ignore_not_found(fs::remove_file(&live))),
        }
    }

    /// Keeps a staged change.
    pub(crate) fn keep(&self, namespace: &str) -> Result<(), RulerError> {
        let old = self.beside(namespace, OLD);
        ignore_not_found(fs::remove_file(&old)).map_err(|error| self.error(&old, &error))
    }

    /// Reverts a staged change, whichever of its steps were completed.
    pub(crate) fn restore(&self, namespace: &str) -> Result<(), RulerError> {
        let (live, old, new) =
            (self.live(namespace), self.beside(namespace, OLD), self.beside(namespace, NEW));
        let restoring = || {
            ignore_not_found(fs::remove_file(&new))?;
            match fs::symlink_metadata(&old) {
                Err(error) => return ignore_not_found(Err(error)),
                Ok(found) if found.len() == 0 => {
                    if matches!(read_file(&live)?, FileState::Owned(_)) {
                        ignore_not_found(fs::remove_file(&live))?;
                    }
                }
                Ok(_) => fs::rename(&old, &live)?,
            }
            // Renaming a file to another hard link of it does nothing.
            ignore_not_found(fs::remove_file(&old))
        };
        restoring().map_err(|error| self.error(&live, &error))
    }

    /// Reverts the incomplete changes of an earlier process. Returns `true` if there were any.
    pub(crate) fn recover(&self) -> Result<bool, RulerError> {
        let mut found = false;
        for name in self.file_names()? {
            let aside = [OLD, NEW].iter().find_map(|suffix| name.strip_suffix(suffix));
            let Some(namespace) = aside.and_then(names::namespace) else { continue };
            let path = self.path.join(&name);
            if !self.is_leftover(&path).map_err(|error| self.error(&path, &error))? {
                continue;
            }
            tracing::warn!(namespace, file = name, "A change was interrupted: restoring the previous rules");
            self.restore(&namespace)?;
            found = true;
        }
        if found {
            self.sync()?;
        }
        Ok(found)
    }

    /// Returns `true` if a temporary file is owned: it begins with the mark, or is truncated within the mark.
    fn is_leftover(&self, path: &Path) -> io::Result<bool> {
        match read_file(path)? {
            FileState::Owned(_) => Ok(true),
            FileState::Missing => Ok(false),
            FileState::Foreign if fs::symlink_metadata(path)?.is_file() => {
                let mut beginning = Vec::new();
                rulesync_fs::open_own(path)?.take(MARK.len() as u64 + 1).read_to_end(&mut beginning)?;
                Ok(MARK.as_bytes().starts_with(&beginning))
            }
            FileState::Foreign => Ok(false),
        }
    }

    /// Syncs the directory, so that file names survive a power failure; file contents are synced already.
    pub(crate) fn sync(&self) -> Result<(), RulerError> {
        rulesync_fs::sync_directory(&self.path).map_err(|error| self.error(&self.path, &error))
    }

    /// The error for a write that would replace a foreign file.
    pub(crate) fn protected(&self, namespace: &str) -> RulerError {
        foreign(&self.live(namespace))
    }

    fn error(&self, path: &Path, error: &io::Error) -> RulerError {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::NotFound if !self.path.is_dir() => {
                RulerError::misconfigured(format!("the directory {} does not exist", self.path.display()))
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
                RulerError::misconfigured(message)
            }
            _ => RulerError::unavailable(message),
        }
    }
}

impl Lock {
    /// Records in the lock file, for the next process, if changes are in progress.
    pub(crate) fn set_busy(&mut self, busy: bool) {
        let written = if busy { self.file.write_all(b"x") } else { Ok(()) };
        let written = written.and_then(|()| if busy { Ok(()) } else { self.file.set_len(0) });
        let rewound = written.and_then(|()| io::Seek::rewind(&mut self.file));
        if let Err(error) = rewound {
            // Otherwise the next process finds leftovers only when it starts.
            tracing::warn!(%error, "The lock file of the directory cannot be written");
        }
    }
}

fn foreign(path: &Path) -> RulerError {
    RulerError::protected(format!("{} already exists and was not written by rulesync", path.display()))
}

fn read_file(path: &Path) -> io::Result<FileState> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(FileState::Missing),
        Err(error) => return Err(error),
        // The target of a link is a foreign file.
        Ok(found) if !found.is_file() => return Ok(FileState::Foreign),
        Ok(_) => {}
    }
    let mut file = match rulesync_fs::open_own(path) {
        // The file was replaced or removed in the meantime.
        Err(FileError::Link | FileError::NotRegular(_)) => return Ok(FileState::Foreign),
        Err(error) if error.is_not_found() => return Ok(FileState::Missing),
        other => other?,
    };
    let mut text = Vec::new();
    // Of a foreign file, only the beginning is read, to recognize it.
    Read::take(&mut file, MARK.len() as u64).read_to_end(&mut text)?;
    if !is_marked(&text) {
        return Ok(FileState::Foreign);
    }
    text.append(&mut rulesync_fs::read_to_limit(&mut file, MAX_BYTES)?);
    Ok(FileState::Owned(text))
}

fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    Ok(rulesync_fs::read_to_limit(&mut rulesync_fs::open_own(path)?, MAX_BYTES)?)
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn ignore_not_found(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
