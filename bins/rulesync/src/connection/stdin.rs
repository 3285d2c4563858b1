//! Rules from standard input: they are kept in a file as long as the verb runs, because sources read files.

use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::failure::Failure;

/// The rules that standard input held.
#[derive(Debug)]
pub(super) struct Stdin {
    directory: TempDir,
}

/// The name of the file, relative to its directory: equal inputs are equal configurations.
const FILE: &str = "stdin.yaml";

/// The most that is read.
const MAX_BYTES: u64 = 1 << 30;

impl Stdin {
    /// Reads standard input.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if it cannot be read or kept.
    pub(super) fn read() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Usage(format!("cannot read standard input: {error}"));
        let directory = tempfile::tempdir().map_err(failed)?;
        let mut file = std::fs::File::create(directory.path().join(FILE)).map_err(failed)?;
        std::io::copy(&mut std::io::stdin().lock().take(MAX_BYTES), &mut file).map_err(failed)?;
        Ok(Self { directory })
    }

    /// The path of the file, relative to [`base`](Self::base).
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(FILE)
    }

    /// The directory of the configuration that reads the file.
    pub(super) fn base(&self) -> &Path {
        self.directory.path()
    }
}
