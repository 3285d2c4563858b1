//! How the configuration file is read: away from the engine's thread, as far as a limit, within a deadline.

use std::path::Path;
use std::time::Duration;

use rulesync_fs::Content;

use crate::file::{Config, FileError};

/// No configuration is larger.
const MAX_BYTES: u64 = 16 << 20;

/// How long the file system may take to answer, or a command to write to the pipe that is read.
const DEADLINE: Duration = Duration::from_secs(30);

/// What stands in a configuration file.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// Whether it came from a pipe, and so cannot be read again.
    pub(crate) from_pipe: bool,
}

/// Reads a file, or the pipe that a shell makes of `<(command)`.
pub(crate) async fn read(path: &Path) -> Result<Text, FileError> {
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

/// Parses what was read. The environment answers `${NAME}`.
pub(crate) async fn parse(path: &Path, bytes: Vec<u8>) -> Result<Config, FileError> {
    let shown = path.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| unreadable(path, "is not UTF-8 text".to_owned()))?;
    let parsing = move || {
        let environment =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Ok(Config::parse(&text, &shown, environment.collect()))
    };
    rulesync_fs::run_with_deadline(path, DEADLINE, parsing)
        .await
        .map_err(|error: rulesync_fs::FileError| unreadable(path, error.to_string()))?
}

/// What relative paths of a configuration are relative to: where its file is, and the working directory for one that a
/// shell hands over.
pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !rulesync_fs::is_inherited(path) => parent,
        _ => Path::new("."),
    }
}

fn unreadable(path: &Path, reason: String) -> FileError {
    FileError::Unreadable { path: path.display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_or_the_working_directory() {
        for (path, expected) in [("/etc/r/c.yaml", "/etc/r"), ("c.yaml", "."), ("/dev/fd/63", ".")] {
            assert_eq!(directory(Path::new(path)), Path::new(expected));
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_at_a_usual_path_is_refused() {
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
    async fn a_pipe_of_a_shell_is_read_while_others_go_on() {
        use std::io::Write;
        use std::os::fd::AsRawFd;

        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let reading = tokio::spawn(async move { read(Path::new(&path)).await });
        // On the one thread of this test: were it blocked by the reading, nobody would write.
        tokio::task::yield_now().await;
        writer.write_all(b"owner: us\n").unwrap();
        drop(writer);
        let text = reading.await.unwrap().unwrap();
        assert_eq!((&*text.bytes, text.from_pipe), (&b"owner: us\n"[..], true));
    }
}
