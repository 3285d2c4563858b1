//! What `.dockerignore` leaves of the repository: all that `COPY` can see.

use glob::{MatchOptions, Pattern, PatternError};

/// The rules of a `.dockerignore`.
#[derive(Debug, Clone, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: Pattern,
    /// Whether it brings back what an earlier rule has left out.
    is_exception: bool,
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl Ignore {
    /// Reads a `.dockerignore`.
    ///
    /// # Errors
    /// If a line is no pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rule = |line: &str| {
            let (pattern, is_exception) = line.strip_prefix('!').map_or((line, false), |rest| (rest, true));
            let pattern = Pattern::new(pattern.trim_matches('/'))?;
            Ok(Rule { pattern, is_exception })
        };
        Ok(Self { rules: lines.map(rule).collect::<Result<_, _>>()? })
    }

    /// Whether a path below the root is left out. The last rule that matches it, or a directory that it is in, counts.
    pub fn is_ignored(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        let whole: Vec<&str> = ends.filter_map(|end| path.get(..end)).collect();
        let matches = |rule: &&Rule| whole.iter().any(|path| rule.pattern.matches_with(path, OPTIONS));
        self.rules.iter().rfind(matches).is_some_and(|rule| !rule.is_exception)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignore_follows_the_last_rule_that_matches() {
        let text = "# all but\n*\n!bins\n!deploy/release\n\n**/target\ntests/*.log\n!/Cargo.*\n";
        let ignore = Ignore::parse(text).unwrap();
        for (path, expected) in [
            ("docs/a.md", true),
            ("bins", false),
            ("bins/a/src/main.rs", false),
            ("bins/a/target/debug/a", true),
            ("target", true),
            ("deploy/release/Cargo.toml", false),
            ("deploy/releases", true),
            ("deploy", true),
            ("Cargo.lock", false),
            ("a/Cargo.lock", true),
        ] {
            assert_eq!(ignore.is_ignored(path), expected, "{path}");
        }
        assert!(!Ignore::default().is_ignored("a"));
        assert!(Ignore::parse("***").is_err());
    }
}
