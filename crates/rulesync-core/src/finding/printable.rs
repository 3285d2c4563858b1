//! Text of authors where people read it: characters that a terminal acts on, or that hide or reorder other text, are
//! escaped.

use std::fmt::{self, Write};

use super::is_hidden;

/// Displays a value on one line, with characters that do not show as themselves escaped, as Rust writes them in a string.
///
/// ```
/// use rulesync_core::finding::Printable;
///
/// assert_eq!(Printable("two\nlines \u{1b}[2J").to_string(), r"two\nlines \u{1b}[2J");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            write!(self.0, "{}{}", &rest[..at], hidden.escape_default())?;
            rest = &rest[at + hidden.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_escapes_hidden_characters() {
        let printed = |text: &str| Printable(text).to_string();
        assert_eq!(printed("grün / größer (3) \u{1f600}"), "grün / größer (3) \u{1f600}");
        assert_eq!(printed("a\nb\r\tc"), r"a\nb\r\tc");
        assert_eq!(printed("\u{1b}[2J\u{9b}31m\u{7f}"), r"\u{1b}[2J\u{9b}31m\u{7f}");
        assert_eq!(printed("a\u{2028}b\u{202e}c\u{200b}d\u{85}"), r"a\u{2028}b\u{202e}c\u{200b}d\u{85}");
        assert_eq!(printed("\u{645}\u{200c}\u{645}"), "\u{645}\u{200c}\u{645}");
        assert_eq!(Printable(format_args!("{}{}", "\n", '\u{e0041}')).to_string(), r"\n\u{e0041}");
    }
}
