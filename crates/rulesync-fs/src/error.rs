//! The error of a file access.

use std::fs::FileType;
use std::io;
use std::time::Duration;

/// The reason why a file could not be accessed. The message does not name the file: the caller knows its path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A directory, pipe, socket or device.
    #[error("it is {0}, not a regular file")]
    NotRegular(&'static str),
    /// A symbolic link in place of one of the process's own files.
    #[error("it is a symbolic link, and rulesync does not write through links: remove it")]
    Link,
    /// A file with further hard links in place of one of the process's own files.
    #[error("the file has other names (hard links), and rulesync does not write to it: remove it")]
    Shared,
    /// A file that is larger than the limit of the caller.
    #[error("the file is larger than {}", size(*limit))]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// A file with far more content than its length, as in `/proc`.
    #[error("the file has no end: it goes on far beyond its length")]
    Endless,
    /// The system did not respond in time.
    #[error("it was not read or written within {}s", deadline.as_secs_f64())]
    Late {
        /// The deadline that was exceeded.
        deadline: Duration,
    },
    /// An error from the operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FileError {
    /// Returns `true` if the file does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn not_regular(found: FileType) -> Self {
        Self::NotRegular(describe(found))
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => error,
            FileError::Late { .. } => Self::new(io::ErrorKind::TimedOut, error),
            other => Self::new(io::ErrorKind::InvalidInput, other),
        }
    }
}

#[cfg(unix)]
fn describe(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if found.is_dir() {
        "a directory"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn describe(found: FileType) -> &'static str {
    if found.is_dir() { "a directory" } else { "a device" }
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes >= MIB { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}
