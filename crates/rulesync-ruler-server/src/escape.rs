//! The encodings of names in paths, in answers and on disk.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Base64 with the URL alphabet, padded, as in the object names of rulers.
pub(crate) fn base64_url(text: &str) -> String {
    URL_SAFE.encode(text)
}

/// Decodes [`base64_url`]; `None` if the input is not in that encoding.
pub(crate) fn from_base64_url(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE.decode(text).ok()?).ok()
}

/// Characters that Go's `url.PathEscape` does not escape, besides letters and digits.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Escapes a name as one segment of a path.
pub(crate) fn path_escape(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// Characters that Go does not escape in a whole path.
const WHOLE_PATH: &AsciiSet = &PATH.remove(b'/').remove(b';').remove(b',');

/// Escapes a path with unescaped segments.
pub(crate) fn whole_path_escape(path: &str) -> String {
    utf8_percent_encode(path, WHOLE_PATH).to_string()
}

/// Decodes percent escapes; `None` if one is malformed. Bytes that are not UTF-8 become replacement characters.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let hex = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_hexdigit());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' && !(hex(bytes.next()) && hex(bytes.next())) {
            return None;
        }
    }
    Some(percent_decode_str(text).decode_utf8_lossy().into_owned())
}

/// Quotes a string like Go's `%q`.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\x7f' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{A0}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_round_trips() {
        for (text, coded) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("g1", "ZzE="), ("?>~", "Pz5-")]
        {
            assert_eq!(base64_url(text), coded);
            assert_eq!(from_base64_url(coded).as_deref(), Some(text));
        }
        for junk in ["a", "YQ", "YR==", "!!!!", "lost+found", "/w=="] {
            assert_eq!(from_base64_url(junk), None, "{junk}");
        }
    }

    #[test]
    fn quoted_matches_go() {
        assert_eq!(quoted("a\"b\\c\n\t\x01é\u{85}"), r#""a\"b\\c\n\t\x01é\u0085""#);
    }
}
