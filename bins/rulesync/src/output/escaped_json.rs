//! JSON in which every character shows as itself: whatever a terminal acts on, or hides, is escaped.

use std::io::{self, Write};

use rulesync_core::finding::is_hidden;
use serde::Serialize;

/// Writes a value, indented, and ends the line.
pub(crate) fn write(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    let mut rest = text.as_str();
    // Outside of strings there are only line breaks, and within them they are escaped already.
    while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| *c != '\n' && is_hidden(*c)) {
        out.write_all(&rest.as_bytes()[..at])?;
        let mut units = [0; 2];
        for unit in hidden.encode_utf16(&mut units) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + hidden.len_utf8()..];
    }
    writeln!(out, "{rest}")
}

/// Returns the text of a value of which every part has one: texts, numbers, lists and maps.
pub(crate) fn text(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = write(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escaped_json_hides_nothing() {
        assert_eq!(written(&"a\u{9b}\u{202e}ü\u{e0041}\n"), "\"a\\u009b\\u202eü\\udb40\\udc41\\n\"\n");
    }

    proptest! {
        #[test]
        fn escaped_json_is_read_back(texts in proptest::collection::vec("\\PC{0,9}|[\u{0}-\u{a0}\u{2000}-\u{2100}]{0,9}", 0..4)) {
            let text = written(&texts);
            prop_assert_eq!(&serde_json::from_str::<Vec<String>>(&text).unwrap(), &texts);
            prop_assert!(!text.contains(|c| c != '\n' && is_hidden(c)));
        }
    }
}
