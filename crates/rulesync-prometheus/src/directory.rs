//! The directory of rule files: reading, changing with a way back, and clearing up after a crash. All of it blocks.
//!
//! A change leaves what was there before beside it until it is kept or taken back, so that no memory is needed for it
//! and a crash in between can be undone by the next process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use rulesync_core::RulerError;
use rulesync_fs::FileError;

use crate::names::{self, LOCK, NEW, OLD};
use crate::rule_file::{MARK, is_marked};

/// A rule file of ours that is larger was not written by us: objects are smaller where they are declared.
const MAX_BYTES: u64 = 256 << 20;

/// The directory.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// What is at the place of a namespace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Nothing,
    /// A file of ours, with its text.
    Ours(Vec<u8>),
    /// Something that is not ours to touch.
    Foreign,
}

/// Nobody else is at work while this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Holds a letter while changes are under way.
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

    /// Takes the directory for us alone; none if somebody else has it now. With it comes whether they left it in the
    /// middle of a change.
    pub(crate) fn lock(&self) -> Result<Option<(Lock, bool)>, RulerError> {
        let path = self.path.join(LOCK);
        let file = rulesync_fs::create_own(&path).map_err(|error| match error {
            FileError::Io(error) => self.error(&path, &error),
            // Somebody put it there: it does not go away by itself.
            error => RulerError::Misconfigured { message: format!("{}: {error}", path.display()) },
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems have none; then one process at a time is the operator's care.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(self.error(&path, &error)),
        }
        let busy = file.metadata().map_err(|error| self.error(&path, &error))?.len() > 0;
        Ok(Some((Lock { file }, busy)))
    }

    /// The namespaces that have a file of a name of ours, in no order.
    pub(crate) fn namespaces(&self) -> Result<Vec<String>, RulerError> {
        Ok(self.file_names()?.iter().filter_map(|name| names::namespace(name)).collect())
    }

    fn file_names(&self) -> Result<Vec<String>, RulerError> {
        let entries = fs::read_dir(&self.path).map_err(|error| self.error(&self.path, &error))?;
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let names: io::Result<Vec<Option<String>>> = names.collect();
        Ok(names.map_err(|error| self.error(&self.path, &error))?.into_iter().flatten().collect())
    }

    /// What is at the place of a namespace.
    pub(crate) fn read(&self, namespace: &str) -> Result<Held, RulerError> {
        let path = self.live(namespace);
        look(&path).map_err(|error| self.error(&path, &error))
    }

    /// Puts a text in the place of a namespace, or removes it, and leaves the former beside it. Only after [`Held`] was
    /// found not to be foreign.
    pub(crate) fn stage(&self, namespace: &str, text: Option<&str>) -> Result<(), RulerError> {
        let (live, old, new) =
            (self.live(namespace), self.beside(namespace, OLD), self.beside(namespace, NEW));
        let step = |path: &Path, result: io::Result<()>| result.map_err(|error| self.error(path, &error));
        for aside in [&old, &new] {
            // Ours were cleared away when the lock was taken.
            if fs::symlink_metadata(aside).is_ok() {
                return Err(foreign(aside));
            }
        }
        match fs::hard_link(&live, &old) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                step(&old, OpenOptions::new().write(true).create_new(true).open(&old).map(drop))?;
            }
            // Not every file system has links.
            Err(_) => {
                let former = read_own(&live).and_then(|former| write_new(&new, &former));
                step(&live, former.and_then(|()| fs::rename(&new, &old)))?;
            }
        }
        match text {
            Some(text) => {
                step(&new, write_new(&new, text.as_bytes()))?;
                step(&live, fs::rename(&new, &live))
            }
            None => step(&live, gone(fs::remove_file(&live))),
        }
    }

    /// Keeps a staged change.
    pub(crate) fn keep(&self, namespace: &str) -> Result<(), RulerError> {
        let old = self.beside(namespace, OLD);
        gone(fs::remove_file(&old)).map_err(|error| self.error(&old, &error))
    }

    /// Takes a staged change back, however far it got.
    pub(crate) fn restore(&self, namespace: &str) -> Result<(), RulerError> {
        let (live, old, new) =
            (self.live(namespace), self.beside(namespace, OLD), self.beside(namespace, NEW));
        let restoring = || {
            gone(fs::remove_file(&new))?;
            match fs::symlink_metadata(&old) {
                Err(error) => return gone(Err(error)),
                Ok(found) if found.len() == 0 => {
                    if matches!(look(&live)?, Held::Ours(_)) {
                        gone(fs::remove_file(&live))?;
                    }
                }
                Ok(_) => fs::rename(&old, &live)?,
            }
            // Renaming a file to another name of its own does nothing.
            gone(fs::remove_file(&old))
        };
        restoring().map_err(|error| self.error(&live, &error))
    }

    /// Takes back what a process that ended in the middle of a change left. Whether there was any.
    pub(crate) fn recover(&self) -> Result<bool, RulerError> {
        let mut found = false;
        for name in self.file_names()? {
            let aside = [OLD, NEW].iter().find_map(|suffix| name.strip_suffix(suffix));
            let Some(namespace) = aside.and_then(names::namespace) else { continue };
            let path = self.path.join(&name);
            if !self.left_by_us(&path).map_err(|error| self.error(&path, &error))? {
                continue;
            }
            tracing::warn!(
                namespace,
                file = name,
                "a change was interrupted: the rules before it are put back"
            );
            self.restore(&namespace)?;
            found = true;
        }
        if found {
            self.sync()?;
        }
        Ok(found)
    }

    /// Whether a file of a passing name is ours: marked, or broken off before the end of the mark.
    fn left_by_us(&self, path: &Path) -> io::Result<bool> {
        match look(path)? {
            Held::Ours(_) => Ok(true),
            Held::Nothing => Ok(false),
            Held::Foreign if fs::symlink_metadata(path)?.is_file() => {
                let mut beginning = Vec::new();
                rulesync_fs::open_own(path)?.take(MARK.len() as u64 + 1).read_to_end(&mut beginning)?;
                Ok(MARK.as_bytes().starts_with(&beginning))
            }
            Held::Foreign => Ok(false),
        }
    }

    /// Makes the names of files outlive a power cut; their contents do already.
    pub(crate) fn sync(&self) -> Result<(), RulerError> {
        rulesync_fs::sync_directory(&self.path).map_err(|error| self.error(&self.path, &error))
    }

    /// What to say of a write that would need the place of a foreign file.
    pub(crate) fn protected(&self, namespace: &str) -> RulerError {
        foreign(&self.live(namespace))
    }

    fn error(&self, path: &Path, error: &io::Error) -> RulerError {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            ErrorKind::NotFound if !self.path.is_dir() => RulerError::Misconfigured {
                message: format!("the directory {} does not exist", self.path.display()),
            },
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
                RulerError::Misconfigured { message }
            }
            _ => RulerError::Unavailable { message, retry_after: None },
        }
    }
}

impl Lock {
    /// Says, for whoever takes the lock next, whether changes are under way.
    pub(crate) fn set_busy(&mut self, busy: bool) {
        let written = if busy { self.file.write_all(b"x") } else { Ok(()) };
        let written = written.and_then(|()| if busy { Ok(()) } else { self.file.set_len(0) });
        let rewound = written.and_then(|()| io::Seek::rewind(&mut self.file));
        if let Err(error) = rewound {
            // Without it the next process finds leftovers only when it starts.
            tracing::warn!(%error, "the lock of the directory cannot be written");
        }
    }
}

fn foreign(path: &Path) -> RulerError {
    RulerError::Protected {
        message: format!("{} is there already and was not written by rulesync", path.display()),
    }
}

fn look(path: &Path) -> io::Result<Held> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Held::Nothing),
        Err(error) => return Err(error),
        // A link leads to somebody else's file.
        Ok(found) if !found.is_file() => return Ok(Held::Foreign),
        Ok(_) => {}
    }
    let mut file = match rulesync_fs::open_own(path) {
        // Exchanged or gone since the look at it.
        Err(FileError::Link | FileError::NotRegular(_)) => return Ok(Held::Foreign),
        Err(error) if error.is_not_found() => return Ok(Held::Nothing),
        other => other?,
    };
    let mut text = Vec::new();
    // Of a file of somebody else no more is read than what tells that it is.
    Read::take(&mut file, MARK.len() as u64).read_to_end(&mut text)?;
    if !is_marked(&text) {
        return Ok(Held::Foreign);
    }
    text.append(&mut rulesync_fs::read_to_limit(&mut file, MAX_BYTES)?);
    Ok(Held::Ours(text))
}

fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    Ok(rulesync_fs::read_to_limit(&mut rulesync_fs::open_own(path)?, MAX_BYTES)?)
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
