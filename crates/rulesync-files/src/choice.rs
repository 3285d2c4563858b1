//! Which files of a directory are read: by their endings, or by patterns.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use glob::{MatchOptions, Pattern};

/// The endings that are read where nothing is said.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Patterns are matched as shells do: only `**` goes past a `/`.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    // Hidden files are never looked at.
    require_literal_leading_dot: false,
};

/// Which files of a directory are read, by their paths within it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileChoice {
    /// None: by the endings that manifests usually have.
    patterns: Option<Vec<Pattern>>,
}

/// A pattern for files that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is not a pattern for files: {reason}")]
pub struct GlobError {
    pattern: String,
    reason: &'static str,
}

impl FileChoice {
    pub(crate) fn of(patterns: &[String]) -> Result<Self, GlobError> {
        let parse = |pattern: &String| {
            let error = |reason| GlobError { pattern: pattern.clone(), reason };
            if pattern.is_empty() || pattern.starts_with('/') {
                return Err(error("it is matched against paths within the directory"));
            }
            // Without a directory it is meant for all of them.
            let anywhere = if pattern.contains('/') { pattern.clone() } else { format!("**/{pattern}") };
            Pattern::new(&anywhere).map_err(|glob| error(glob.msg))
        };
        Ok(Self { patterns: Some(patterns.iter().map(parse).collect::<Result<_, _>>()?) })
    }

    /// Whether a file of this path is read.
    pub(crate) fn takes(&self, path: &Path) -> bool {
        match &self.patterns {
            Some(patterns) => patterns.iter().any(|pattern| pattern.matches_path_with(path, OPTIONS)),
            None => {
                let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
                ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
            }
        }
    }
}

impl fmt::Display for FileChoice {
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
    fn files_are_chosen_by_ending_or_by_pattern() {
        let takes = |patterns: &[&str], path: &str| {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let choice =
                if patterns.is_empty() { FileChoice::default() } else { FileChoice::of(&patterns).unwrap() };
            choice.takes(Path::new(path))
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
            assert_eq!(takes(patterns, path), expected, "{patterns:?} {path}");
        }
        assert_eq!(FileChoice::of(&["*.rules".into()]).unwrap().to_string(), "**/*.rules");
        for bad in ["", "/a", "a[", "a**b"] {
            assert!(
                FileChoice::of(&[bad.into()]).unwrap_err().to_string().contains("is not a pattern"),
                "{bad}"
            );
        }
    }
}
