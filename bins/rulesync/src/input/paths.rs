//! The places that files are read from, and how they are shown.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rulesync_files::{Identities, MAX_FILE_BYTES};
use rulesync_fs::Content;

/// How standard input is shown where a file would be.
pub(crate) const STDIN: &str = "<stdin>";

/// How long a command that writes to a pipe of the shell may take.
const PIPE_DEADLINE: Duration = Duration::from_secs(60);

/// A file to read.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) identities: Identities,
    /// The path within the source that the identities belong to.
    pub(super) name: PathBuf,
    from: Origin,
}

#[derive(Debug)]
enum Origin {
    Path(PathBuf),
    /// Read already, because it can be read only once.
    Text(Vec<u8>),
}

impl Place {
    /// A file that is read when it is its turn.
    pub(super) fn file(identities: Identities, path: PathBuf, name: PathBuf) -> Self {
        Self { identities, name, from: Origin::Path(path) }
    }

    /// A pipe that a shell made of `<(command)`, which is read at once.
    pub(super) fn pipe(identities: Identities, path: &Path) -> Result<Self, String> {
        let read = rulesync_fs::read_inherited(path, MAX_FILE_BYTES, PIPE_DEADLINE);
        let (Content::File(text) | Content::Pipe(text)) =
            read.map_err(|error| format!("{}: {error}", path.display()))?;
        // The path itself is what the source is shown as.
        let name = path.file_name().unwrap_or(path.as_os_str()).into();
        Ok(Self { identities, name, from: Origin::Text(text) })
    }

    /// Standard input, which is read at once.
    pub(super) fn stdin() -> Result<Self, String> {
        let mut text = Vec::new();
        let read = io::stdin().lock().take(MAX_FILE_BYTES + 1).read_to_end(&mut text);
        read.map_err(|error| format!("{STDIN}: {error}"))?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("{STDIN}: more than {MAX_FILE_BYTES} bytes"));
        }
        Ok(Self { identities: Identities::new(&STDIN.into()), name: STDIN.into(), from: Origin::Text(text) })
    }

    /// Reads it; the error says why it cannot be read.
    pub(super) fn read(&self) -> Result<Cow<'_, [u8]>, String> {
        match &self.from {
            Origin::Text(text) => Ok(text.into()),
            Origin::Path(path) => match rulesync_fs::read(path, MAX_FILE_BYTES) {
                Ok(text) => Ok(text.into()),
                Err(error) => Err(format!("the file cannot be read: {error}")),
            },
        }
    }
}

/// Returns a path without `.` in it, as other tools show it: `./rules` is `rules`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_path_has_no_dots() {
        for (path, expected) in
            [("./a/./b.yaml", "a/b.yaml"), (".", "."), ("./", "."), ("../a", "../a"), ("/a/b/", "/a/b")]
        {
            assert_eq!(plain(Path::new(path)), Path::new(expected));
        }
    }
}
