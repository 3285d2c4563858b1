//! Texts of authors and rulers, made printable and cut to a length.

use std::fmt;

use rulesync_core::finding::Printable;

/// What a text ends in that was cut.
const CUT: &str = "…";

/// Returns a text on one line, without characters that hide or reorder others, of at most `max_bytes`. A longer one is cut
/// between two characters, and ends in `…`.
pub(super) fn printable(text: impl fmt::Display, max_bytes: usize) -> String {
    limited(Printable(text).to_string(), max_bytes)
}

/// Cuts a text to `max_bytes`, between two characters.
pub(super) fn limited(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        let end = boundary(&text, max_bytes.saturating_sub(CUT.len()));
        text.truncate(end);
        text.push_str(CUT);
    }
    text
}

/// Returns the last boundary between characters that is not behind `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)
}

/// Returns a number and a noun in the plural it needs.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Returns what is shown of an optional text; none if there is nothing to show.
pub(super) fn shown(text: Option<&str>, max_bytes: usize) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| printable(text, max_bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rulesync_core::finding::is_hidden;

    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(printable("short", 5), "short");
        assert_eq!(printable("longer", 5), "lo…");
        assert_eq!(printable("größer", 6), "gr…");
        assert_eq!(printable("a\nb", 512), r"a\nb");
        assert_eq!(count(1, "rule"), "1 rule");
        assert_eq!(count(0, "rule"), "0 rules");
    }

    proptest! {
        #[test]
        fn text_is_printable_and_short_whatever_it_was(text in any::<String>(), max in 3_usize..80) {
            let shown = printable(&text, max);
            prop_assert!(shown.len() <= max);
            prop_assert!(!shown.contains(is_hidden));
        }
    }
}
