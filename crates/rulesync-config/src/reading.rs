//! Reading of the configuration file: on another thread than the engine's, up to a limit, within a deadline.

use std::path::Path;
use std::time::Duration;

use rulesync_fs::Content;
use sha2::{Digest, Sha256};

use crate::error::ConfigError;

/// The maximum size of a configuration.
const MAX_BYTES: u64 = 16 << 20;

/// The maximum time for the file system to answer, or for a command to write to the pipe.
const DEADLINE: Duration = Duration::from_secs(30);

/// The content of a configuration file.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// Whether it came from a pipe, which cannot be read again.
    pub(crate) from_pipe: bool,
}

impl Text {
    /// Returns the digest of the content, which shows changes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

/// Reads a file, or the pipe that a shell makes of `<(command)`.
pub(crate) async fn read(path: &Path) -> Result<Text, ConfigError> {
    let reading = path.to_owned();
    let read = move || {
        if rulesync_fs::is_inherited(&reading) {
            rulesync_fs::read_inherited(&reading, MAX_BYTES, DEADLINE)
        } else {
            rulesync_fs::read(&reading, MAX_BYTES).map(Content::File)
        }
    };
    match rulesync_fs::run_with_deadline(path, DEADLINE, read).await {
        Ok(Content::File(bytes)) => Ok(Text { bytes, from_pipe: false }),
        Ok(Content::Pipe(bytes)) => Ok(Text { bytes, from_pipe: true }),
        Err(error @ rulesync_fs::FileError::NotRegular(_)) => {
            let hint = "only a pipe that is given as `--config <(command)` is read";
            Err(unreadable(path, format!("{error}; {hint}")))
        }
        Err(error) => Err(unreadable(path, error.to_string())),
    }
}

/// Parses what was read, on another thread as well.
pub(crate) async fn parse_with<T: Send + 'static>(
    path: &Path,
    bytes: Vec<u8>,
    parse: impl FnOnce(String) -> T + Send + 'static,
) -> Result<T, ConfigError> {
    let text = String::from_utf8(bytes).map_err(|_| unreadable(path, "is not UTF-8 text".to_owned()))?;
    rulesync_fs::run_with_deadline(path, DEADLINE, move || Ok(parse(text)))
        .await
        .map_err(|error: rulesync_fs::FileError| unreadable(path, error.to_string()))
}

/// Returns the directory that relative paths of a configuration are relative to: that of its file, or the working
/// directory for a pipe of the shell.
pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !rulesync_fs::is_inherited(path) => parent,
        _ => Path::new("."),
    }
}

fn unreadable(path: &Path, reason: String) -> ConfigError {
    ConfigError::of_file(path, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_is_that_of_the_file_or_the_working_directory() {
        for (path, expected) in [("/etc/r/c.yaml", "/etc/r"), ("c.yaml", "."), ("/dev/fd/63", ".")] {
            assert_eq!(directory(Path::new(path)), Path::new(expected));
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn read_refuses_a_pipe_at_an_ordinary_path() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("rulesync.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = read(&path).await.unwrap_err().to_string();
        let expected =
            "it is a pipe, not a regular file; only a pipe that is given as `--config <(command)` is read";
        assert_eq!(error, format!("{}: {expected}", path.display()));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn read_of_a_shells_pipe_does_not_block_other_tasks() {
        use std::io::Write;
        use std::os::fd::AsRawFd;

        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let reading = tokio::spawn(async move { read(Path::new(&path)).await });
        // The test has one thread: if reading blocked it, nothing would be written.
        tokio::task::yield_now().await;
        writer.write_all(b"owner: us\n").unwrap();
        drop(writer);
        let text = reading.await.unwrap().unwrap();
        assert_eq!((&*text.bytes, text.from_pipe), (&b"owner: us\n"[..], true));
    }
}
