//! The notes of a release, out of `CHANGELOG.md`: the text below the heading `## VERSION`, or `## VERSION - DATE`.

/// The changelog has no notes of a version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotesError {
    /// There is no heading.
    #[error("CHANGELOG.md has no heading `## {0}`: rename `## Unreleased`")]
    Missing(String),
    /// Nothing is below the heading.
    #[error("CHANGELOG.md says nothing below `## {0}`")]
    Empty(String),
}

/// Returns the notes of a version, without its heading.
///
/// # Errors
/// If there are none.
pub fn notes(changelog: &str, version: &str) -> Result<String, NotesError> {
    let mut lines = changelog.lines();
    if !lines.by_ref().any(|line| heading(line) == Some(version)) {
        return Err(NotesError::Missing(version.to_owned()));
    }
    let section: Vec<&str> = lines.take_while(|line| heading(line).is_none()).collect();
    let text = section.join("\n").trim().to_owned();
    if text.is_empty() { Err(NotesError::Empty(version.to_owned())) } else { Ok(text) }
}

/// Returns the version in a heading.
fn heading(line: &str) -> Option<&str> {
    let heading = line.strip_prefix("## ")?;
    Some(heading.split_once(" - ").map_or(heading, |(version, _)| version).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n- Two.\n\n### Fixed\n\n- Three.\n\n## 0.1.0\n\nOne.\n\n## 0.0.9\n";

    #[test]
    fn notes_are_the_text_between_two_headings() {
        assert_eq!(notes(CHANGELOG, "0.2.0").unwrap(), "- Two.\n\n### Fixed\n\n- Three.");
        assert_eq!(notes(CHANGELOG, "0.1.0").unwrap(), "One.");
    }

    #[test]
    fn notes_are_missing_without_a_heading_or_a_text() {
        assert_eq!(notes(CHANGELOG, "0.2"), Err(NotesError::Missing("0.2".to_owned())));
        assert_eq!(notes(CHANGELOG, "0.0.9"), Err(NotesError::Empty("0.0.9".to_owned())));
        assert_eq!(notes(CHANGELOG, "Unreleased"), Err(NotesError::Empty("Unreleased".to_owned())));
    }
}
