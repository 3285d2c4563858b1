//! Excerpts: the line of a text that a finding is in, with a caret under the position.

use maud::{Markup, html};
use rulesync_core::finding::{Position, Printable};
use unicode_width::UnicodeWidthStr;

/// The number of characters that are shown before the position, and after it.
const MAX_AROUND: usize = 60;

/// A line of a text, as it is shown: without hidden characters, and cut where it is long.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    before: String,
    /// The character at the position; empty at the end of the line.
    at: String,
    after: String,
    /// Whether there is a position.
    has_position: bool,
}

impl Excerpt {
    /// Returns the line of a text that a position is in, which counts lines from 1 and bytes in a line from 1; without a
    /// position, the first line.
    fn of(text: &str, position: Option<Position>) -> Option<Self> {
        let line = text.lines().nth(position.map_or(0, |at| at.line.saturating_sub(1)))?;
        let mut column = position.map_or(0, |at| at.column.saturating_sub(1)).min(line.len());
        while !line.is_char_boundary(column) {
            column -= 1;
        }
        let (before, rest) = line.split_at(column);
        let at: String = if position.is_some() { rest.chars().take(1).collect() } else { String::new() };
        let after = rest.get(at.len()..).unwrap_or_default();
        let shown = |part: &str| Printable(part).to_string();
        Some(Self {
            before: match before.char_indices().rev().nth(MAX_AROUND) {
                Some((last, c)) => format!("…{}", shown(before.get(last + c.len_utf8()..)?)),
                None => shown(before),
            },
            at: shown(&at),
            after: match after.char_indices().nth(MAX_AROUND) {
                Some((end, _)) => format!("{}…", shown(after.get(..end)?)),
                None => shown(after),
            },
            has_position: position.is_some(),
        })
    }

    /// Returns what stands before the caret in the line below.
    fn indent(&self) -> String {
        " ".repeat(self.before.width())
    }
}

/// Shows the line of a text that a position is in; nothing if it is empty.
pub(super) fn render(text: &str, position: Option<Position>) -> Markup {
    let excerpt = Excerpt::of(text, position);
    html! {
        @if let Some(excerpt) = excerpt {
            // Letters from right to left keep their places, so that the caret is below the right one.
            pre.excerpt tabindex="0" role="group" aria-label="Where it is" {
                code dir="ltr" {
                    (excerpt.before)
                    @if !excerpt.at.is_empty() { mark { (excerpt.at) } }
                    (excerpt.after)
                    @if excerpt.has_position { "\n" (excerpt.indent()) mark { "^" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, position: Option<(usize, usize)>) -> String {
        let position = position.map(|(line, column)| Position { line, column });
        let html = render(text, position).into_string();
        let code = html.split("<code dir=\"ltr\">").nth(1).unwrap_or_default();
        code.split("</code>").next().unwrap().replace("<mark>", "").replace("</mark>", "")
    }

    #[test]
    fn excerpt_has_a_caret_under_the_position() {
        assert_eq!(shown("sum(up", Some((1, 4))), "sum(up\n   ^");
        assert_eq!(shown("sum(up", Some((1, 7))), "sum(up\n      ^");
        assert_eq!(shown("sum(up", Some((1, 99))), "sum(up\n      ^");
        assert_eq!(shown("sum(\n  up{\n)", Some((2, 5))), "  up{\n    ^");
        assert_eq!(shown("a\nb", None), "a");
        assert_eq!(shown("a", Some((5, 1))), "");
        assert_eq!(shown("", Some((1, 1))), "");
    }

    #[test]
    fn excerpt_counts_bytes_and_shows_columns() {
        // Two bytes and one column, three bytes and two columns, and an escape of eight columns.
        assert_eq!(shown("é < 1", Some((1, 4))), "é &lt; 1\n  ^");
        assert_eq!(shown("漢字 x", Some((1, 8))), "漢字 x\n     ^");
        assert_eq!(shown("a\u{202e}b", Some((1, 5))), "a\\u{202e}b\n         ^");
        // In the middle of a character.
        assert_eq!(shown("aé", Some((1, 3))), "aé\n ^");
    }

    #[test]
    fn excerpt_cuts_long_lines_around_the_position() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let expected = format!("…{}X{}…\n{}^", "a".repeat(60), "b".repeat(60), " ".repeat(61));
        assert_eq!(shown(&line, Some((1, 501))), expected);
    }
}
