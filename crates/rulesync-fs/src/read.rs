//! Reads whole files, up to a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::FileError;
use crate::open::open;

/// The number of bytes that a file may grow while it is read: another process may be writing to it.
const GROWTH_BYTES: u64 = 1 << 20;

/// The unit of reads: some files in `/proc` can only be read in words or pages.
const PAGE_BYTES: u64 = 4096;

/// Reads a regular file of at most `limit` bytes. Links are followed.
///
/// # Errors
///
/// [`FileError`]. A file that is already longer than `limit` is not read at all.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    read_to_limit(&mut open(path)?, limit)
}

/// Reads the rest of an open file of at most `limit` bytes.
///
/// # Errors
///
/// As [`read`].
pub fn read_to_limit(file: &mut File, limit: u64) -> Result<Vec<u8>, FileError> {
    let length = file.metadata()?.len();
    if length > limit {
        return Err(FileError::TooLarge { limit });
    }
    let bound = limit.min(length.saturating_add(GROWTH_BYTES));
    let mut bytes = Vec::new();
    bytes.reserve_exact(usize::try_from(length).unwrap_or(0));
    file.take((bound + 1).next_multiple_of(PAGE_BYTES)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(read) if read <= bound => Ok(bytes),
        _ if bound < limit => Err(FileError::Endless),
        _ => Err(FileError::TooLarge { limit }),
    }
}

/// The result of [`read_inherited`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The content of a regular file, which can be read again.
    File(Vec<u8>),
    /// The content of a pipe, which cannot be read again.
    Pipe(Vec<u8>),
}

/// Returns `true` if a path names a descriptor that this process may have inherited, as `<(command)` of a shell does:
/// `/dev/fd/N`, `/proc/self/fd/N` or `/dev/stdin`.
pub fn is_inherited(path: &Path) -> bool {
    let number = |rest: &Path| {
        let rest = rest.as_os_str().as_encoded_bytes();
        !rest.is_empty() && rest.iter().all(u8::is_ascii_digit)
    };
    let below = |directory| path.strip_prefix(directory).is_ok_and(number);
    below("/dev/fd") || below("/proc/self/fd") || path == Path::new("/dev/stdin")
}

/// Reads a path for which [`is_inherited`] returns `true`. A pipe is read to its end, which must come before the
/// deadline.
///
/// # Errors
///
/// [`FileError::Late`] if the pipe is not closed in time; otherwise as [`read`].
#[cfg(unix)]
pub fn read_inherited(path: &Path, limit: u64, deadline: Duration) -> Result<Content, FileError> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

    use rustix::fs::OFlags;

    if !is_inherited(path) || !std::fs::metadata(path)?.file_type().is_fifo() {
        return read(path, limit).map(Content::File);
    }
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut pipe = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !pipe.metadata()?.file_type().is_fifo() {
        return read_to_limit(&mut pipe, limit).map(Content::File);
    }
    read_pipe(&mut pipe, limit, deadline).map(Content::Pipe)
}

/// Reads a path for which [`is_inherited`] returns `true`.
///
/// # Errors
///
/// As [`read`].
#[cfg(not(unix))]
pub fn read_inherited(path: &Path, limit: u64, _: Duration) -> Result<Content, FileError> {
    read(path, limit).map(Content::File)
}

/// Reads a non-blocking pipe to its end.
#[cfg(unix)]
fn read_pipe(pipe: &mut File, limit: u64, deadline: Duration) -> Result<Vec<u8>, FileError> {
    use std::io::ErrorKind;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let end = Instant::now() + deadline;
    let mut bytes = Vec::new();
    loop {
        let room = (limit + 1).saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        // `bytes` keeps the data read before the pipe would have blocked.
        match Read::by_ref(pipe).take(room).read_to_end(&mut bytes) {
            Ok(_) if u64::try_from(bytes.len()).is_ok_and(|read| read <= limit) => return Ok(bytes),
            Ok(_) => return Err(FileError::TooLarge { limit }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FileError::Late { deadline });
        }
        let left = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(std::io::Error::from(error).into()),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn read_rejects_file_larger_than_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(matches!(read(&path, 4), Err(FileError::TooLarge { limit: 4 })));
        // A sparse file: it uses no disk space, but reading it would use all memory.
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, 5), Err(FileError::TooLarge { limit: 5 })));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn read_rejects_endless_file() {
        let error = read(Path::new("/proc/self/pagemap"), 64 << 20).unwrap_err();
        assert!(matches!(error, FileError::Endless), "{error}");
        // This file has no length either, but it ends.
        assert!(!read(Path::new("/proc/self/status"), 64 << 20).unwrap().is_empty());
    }

    #[test]
    fn is_inherited_recognizes_descriptor_paths() {
        for path in ["/dev/fd/63", "/proc/self/fd/0", "/dev/stdin"] {
            assert!(is_inherited(Path::new(path)), "{path}");
        }
        for path in ["/dev/fd", "/dev/fd/x", "/dev/fd/1/2", "/dev/fd/../../etc/passwd", "/tmp/fd/1", "rules"]
        {
            assert!(!is_inherited(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn read_inherited_reads_pipe_to_its_end() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        writer.write_all(b"owner: ").unwrap();
        let (begun, reading) = std::sync::mpsc::channel();
        let late = std::thread::spawn(move || {
            reading.recv().unwrap();
            writer.write_all(b"me").unwrap();
        });
        begun.send(()).unwrap();
        let content = read_inherited(&path, 100, Duration::from_secs(60)).unwrap();
        assert_eq!(content, Content::Pipe(b"owner: me".to_vec()));
        late.join().unwrap();
    }

    #[test]
    fn read_inherited_rejects_open_or_too_large_pipe() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        writer.write_all(b"owner").unwrap();
        let late = read_inherited(&path, 100, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(late, FileError::Late { .. }), "{late}");
        writer.write_all(b"owner").unwrap();
        let long = read_inherited(&path, 4, Duration::from_secs(60)).unwrap_err();
        assert!(matches!(long, FileError::TooLarge { limit: 4 }), "{long}");
        drop(writer);
    }
}
