//! Selects the files of a directory to read, by file extension or by glob patterns.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use glob::{MatchOptions, Pattern};

/// The extensions that are read by default.
const DEFAULT_EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Patterns are matched as in shells: only `**` matches a `/`.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    // Hidden files are skipped before patterns are matched.
    require_literal_leading_dot: false,
};

/// Selects the files of a directory to read by their paths relative to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileFilter {
    /// If `None`, files are selected by [`DEFAULT_EXTENSIONS`].
    patterns: Option<Vec<Pattern>>,
}

/// An invalid file pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is not a pattern for files: {reason}")]
pub struct GlobError {
    pattern: String,
    reason: &'static str,
}

impl FileFilter {
    pub(crate) fn of(patterns: &[String]) -> Result<Self, GlobError> {
        let parse = |pattern: &String| {
            let error = |reason| GlobError { pattern: pattern.clone(), reason };
            if pattern.is_empty() || pattern.starts_with('/') {
                return Err(error("it is matched against paths within the directory"));
            }
            // A pattern without a directory applies to all directories.
            let anywhere = if pattern.contains('/') { pattern.clone() } else { format!("**/{pattern}") };
            Pattern::new(&anywhere).map_err(|glob| error(glob.msg))
        };
        Ok(Self { patterns: Some(patterns.iter().map(parse).collect::<Result<_, _>>()?) })
    }

    /// Returns `true` if a file with this path is read.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        match &self.patterns {
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches_path_with(path, OPTIONS)),
            None => {
                let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
                DEFAULT_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
            }
        }
    }
}

impl fmt::Display for FileFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.patterns {
            Some(patterns) => {
                let patterns: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
                f.write_str(&patterns.join(", "))
            }
            None => f.write_str("*.yaml, *.yml, *.json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_filter_matches_extensions_or_patterns() {
        let matches = |patterns: &[&str], path: &str| {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let filter =
                if patterns.is_empty() { FileFilter::default() } else { FileFilter::of(&patterns).unwrap() };
            filter.matches(Path::new(path))
        };
        for (patterns, path, expected) in [
            (&[][..], "a/b.YAML", true),
            (&[], "a/b.rules", false),
            (&["*.rules"], "a/b.rules", true),
            (&["*.rules"], "b.rules", true),
            (&["*.rules"], "b.yaml", false),
            (&["*.rules", "*.yaml"], "b.yaml", true),
            (&["prod/*.yml"], "prod/a.yml", true),
            (&["prod/*.yml"], "prod/x/a.yml", false),
            (&["prod/**/*.yml"], "prod/x/a.yml", true),
            (&["[ab]?.yml"], "ax.yml", true),
        ] {
            assert_eq!(matches(patterns, path), expected, "{patterns:?} {path}");
        }
        assert_eq!(FileFilter::of(&["*.rules".into()]).unwrap().to_string(), "**/*.rules");
        for bad in ["", "/a", "a[", "a**b"] {
            assert!(
                FileFilter::of(&[bad.into()]).unwrap_err().to_string().contains("is not a pattern"),
                "{bad}"
            );
        }
    }
}
