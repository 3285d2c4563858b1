//! The files of a source, for whoever reads them once: the same as [`FilesSource`](crate::FilesSource) reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::filter::{FileFilter, GlobError};
use crate::walk::{LIMITS, Listing, walk};

/// The largest file that is read, in bytes: a larger one is certainly no rule file.
pub use crate::walk::MAX_FILE_BYTES;

/// The files below a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundFiles {
    /// The directory that the files are relative to: the path, or the parent directory of a path that is a file.
    pub base: PathBuf,
    /// The files, in order.
    pub files: Vec<PathBuf>,
    /// The reasons why something below the path could not be read.
    pub errors: Vec<String>,
    /// The number of files that were not selected, by extension.
    pub skipped: BTreeMap<String, usize>,
}

/// The reason why a path has no files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The path does not exist or cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// A pattern is invalid.
    #[error(transparent)]
    Glob(#[from] GlobError),
}

/// Finds the files of a directory and everything below it, or a single file, as [`FilesSource`](crate::FilesSource) does:
/// without names that begin with a dot, and with the same limits. Without patterns these are `*.yaml`, `*.yml` and `*.json`;
/// a path that is a file is taken whatever its name. Blocks.
///
/// # Errors
///
/// [`FindError`] if the path itself cannot be read, or a pattern is invalid.
pub fn find_files(path: &Path, patterns: &[String]) -> Result<FoundFiles, FindError> {
    let filter = if patterns.is_empty() { FileFilter::default() } else { FileFilter::of(patterns)? };
    let Listing { base, files, errors, skipped, .. } =
        walk(path, LIMITS, &filter).map_err(FindError::Unreadable)?;
    Ok(FoundFiles { base, files: files.into_keys().collect(), errors, skipped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_files_takes_manifests_below_a_directory_and_any_single_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("team/.hidden")).unwrap();
        for file in ["a.yaml", "team/b.yml", "team/c.rules", "team/.hidden/d.yaml"] {
            std::fs::write(root.join(file), "groups: []\n").unwrap();
        }
        let found = find_files(root, &[]).unwrap();
        assert_eq!(found.files, [Path::new("a.yaml"), Path::new("team/b.yml")]);
        assert_eq!((found.base.as_path(), found.skipped["rules"]), (root, 1));
        let rules = find_files(root, &["*.rules".to_owned()]).unwrap();
        assert_eq!(rules.files, [Path::new("team/c.rules")]);
        let single = find_files(&root.join("team/c.rules"), &[]).unwrap();
        assert_eq!((single.base, single.files), (root.join("team"), vec![PathBuf::from("c.rules")]));
        let missing = root.join("none");
        let error = find_files(&missing, &[]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: ", missing.display())), "{error}");
        assert!(matches!(find_files(root, &["a[".to_owned()]), Err(FindError::Glob(_))));
    }
}
