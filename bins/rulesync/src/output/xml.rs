//! Texts in XML.

use rulesync_core::finding::is_hidden;

/// Returns a text as it may be in an attribute or an element. Characters that XML cannot hold are replaced,
/// and those that do not show as themselves are references.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // In attributes, readers take them for blanks.
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            c if is_hidden(c) => escaped.push_str(&format!("&#x{:X};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_leaves_no_markup() {
        let escaped = "&lt;a b=&quot;c&quot;&gt;&amp;&apos;&#10;\u{fffd}&#x202E;";
        assert_eq!(escape("<a b=\"c\">&'\n\u{1b}\u{202e}"), escaped);
    }
}
