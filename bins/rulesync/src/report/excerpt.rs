//! The line of a file that a problem is about.

use rulesync_core::finding::{Position, is_hidden};

/// Longer lines are not shown: they are data, such as an object that was printed as JSON.
const MAX_CHARS: usize = 1000;

/// The lines of a text.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a [u8],
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Self { text, starts: std::iter::once(0).chain(ends.map(|(end, _)| end + 1)).collect() }
    }

    /// Returns a line, counted from 1, without its end.
    fn get(&self, number: usize) -> Option<&'a [u8]> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self.starts.get(number).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end)
    }
}

/// A line of a file, and the word in it that a problem begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line, as long as it is in the file. Characters that do not show as themselves are replaced, each by one.
    pub(crate) line: String,
    /// Where the word begins and ends, in bytes.
    pub(crate) span: std::ops::Range<usize>,
}

impl Excerpt {
    /// Returns the line at a position; none if there is no such line, or it is too long.
    pub(super) fn of(lines: &Lines<'_>, position: Position) -> Option<Self> {
        let line = lines.get(position.line)?;
        // A column is counted from the mark of the byte order, which editors do not show.
        let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        if line.len() > MAX_CHARS * 4 {
            return None;
        }
        let line = String::from_utf8_lossy(line);
        let shown = |c: char| if is_hidden(c) && c != '\t' { char::REPLACEMENT_CHARACTER } else { c };
        let line: String = line.trim_end_matches('\r').chars().map(shown).collect();
        if line.chars().count() > MAX_CHARS {
            return None;
        }
        let start = line.char_indices().nth(position.column.checked_sub(1)?).map_or(line.len(), |(at, _)| at);
        let end = start + word(&line[start..]);
        Some(Self { line, span: start..end })
    }
}

/// Returns the length of the word that a text begins with, or of its first character.
fn word(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
    match text.find(|c: char| !is_part(c)) {
        Some(0) => text.chars().next().map_or(0, char::len_utf8),
        Some(end) => text[..end].trim_end_matches(':').len().max(1),
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(text: &str, line: usize, column: usize) -> Option<String> {
        let Excerpt { line, span } = Excerpt::of(&Lines::of(text.as_bytes()), Position { line, column })?;
        Some(line[span].to_owned())
    }

    #[test]
    fn excerpt_marks_the_word_at_a_position() {
        let text = "a: 1\r\n  expr: sum by (x) (up)\r\n\tö: \u{1b}[2J\n";
        assert_eq!(marked(text, 2, 3).as_deref(), Some("expr"));
        assert_eq!(marked(text, 2, 9).as_deref(), Some("sum"));
        assert_eq!(marked(text, 2, 16).as_deref(), Some("("));
        assert_eq!(marked(text, 2, 99).as_deref(), Some(""));
        assert_eq!(marked(text, 3, 2).as_deref(), Some("ö"));
        assert_eq!(marked(text, 3, 5).as_deref(), Some("\u{fffd}"));
        assert_eq!(marked(text, 9, 1), None);
        assert_eq!(marked(&"x".repeat(2 * MAX_CHARS), 1, 1), None);
    }

    proptest! {
        #[test]
        fn lines_are_those_between_line_breaks(text in "[a\n]{0,12}") {
            let lines = Lines::of(text.as_bytes());
            for (index, line) in text.split('\n').enumerate() {
                prop_assert_eq!(lines.get(index + 1), Some(line.as_bytes()));
            }
            prop_assert_eq!(lines.get(text.split('\n').count() + 1), None);
        }

        #[test]
        fn excerpt_is_within_its_line(text in ".{0,80}", line in 0usize..4, column in 0usize..90) {
            if let Some(Excerpt { line, span }) = Excerpt::of(&Lines::of(text.as_bytes()), Position { line, column }) {
                prop_assert!(line.get(span).is_some());
                prop_assert!(!line.contains(|c| is_hidden(c) && c != '\t'));
            }
        }
    }
}
