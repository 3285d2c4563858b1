//! Rules from standard input: they are kept in a file as long as the verb runs, because sources read files.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::changes::stored::StoredPlan;
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
        let failed = |error: io::Error| Failure::Usage(format!("cannot read standard input: {error}"));
        let directory = tempfile::tempdir().map_err(failed)?;
        let mut file = std::fs::File::create(directory.path().join(FILE)).map_err(failed)?;
        copy(std::io::stdin().lock(), &mut file, MAX_BYTES).map_err(failed)?;
        let kept = std::fs::File::open(directory.path().join(FILE)).map_err(failed)?;
        if StoredPlan::is_in(kept).map_err(failed)? {
            let message =
                "standard input is a plan, and holds no rules: `rulesync sync --plan FILE` carries one out";
            return Err(Failure::Usage(message.to_owned()));
        }
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

/// Copies everything, unless it is more than a number of bytes: what is cut off would count as not declared.
fn copy(from: impl Read, to: &mut impl Write, limit: u64) -> io::Result<()> {
    let copied = io::copy(&mut from.take(limit.saturating_add(1)), to)?;
    if copied > limit { Err(io::Error::other(format!("there are more than {limit} bytes"))) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_copied_as_a_whole_or_not_at_all() {
        let mut copied = Vec::new();
        copy(&b"abc"[..], &mut copied, 3).unwrap();
        assert_eq!(copied, b"abc");
        let error = copy(&b"abcd"[..], &mut Vec::new(), 3).unwrap_err();
        assert_eq!(error.to_string(), "there are more than 3 bytes");
    }
}
