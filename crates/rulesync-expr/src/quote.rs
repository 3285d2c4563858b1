//! Go string quoting: formats strings and characters as Go's `%q` and `%#U` do, because error messages should match
//! the server's, and decodes Go's escape sequences. Not for YAML or JSON strings.

use std::fmt::Write as _;

/// Formats a string as Go's `%q` does.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        escape(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// Formats a token as Go's parsers print an unexpected one: `%.10q` followed by `...`, or `%q` if it is short.
pub(crate) fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return quoted(text);
    }
    let cut = text.char_indices().nth(10).map_or(text.len(), |(at, _)| at);
    format!("{}...", quoted(&text[..cut]))
}

/// Formats a character as Go's `%q` does; the end of the input is shown as the replacement character.
pub(crate) fn quoted_char(c: Option<char>) -> String {
    let mut out = String::from("'");
    escape(&mut out, c.unwrap_or(char::REPLACEMENT_CHARACTER), '\'');
    out.push('\'');
    out
}

/// Formats a character as Go's `%#U` does: the code point, followed by the character if it is printable.
pub(crate) fn code_point(c: char) -> String {
    if is_printable(c) { format!("U+{:04X} '{c}'", u32::from(c)) } else { format!("U+{:04X}", u32::from(c)) }
}

fn escape(out: &mut String, c: char, quote: char) {
    match c {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => out.extend(['\\', c]),
        c if is_printable(c) => out.push(c),
        c => {
            // Writing to a String cannot fail.
            let _ = match u32::from(c) {
                code @ 0..=0x7f => write!(out, "\\x{code:02x}"),
                code @ 0x80..=0xffff => write!(out, "\\u{code:04x}"),
                code => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Approximates Go's `unicode.IsPrint`: visible characters, and of the spaces only U+0020.
fn is_printable(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}');
    c == ' ' || !(c.is_control() || c.is_whitespace() || invisible)
}

/// Decodes the Go escapes of a string literal, given without its quotes. The lexer has already rejected invalid
/// escapes. Bytes that are not UTF-8 (`"\xff"` is legal) become the replacement character.
pub(crate) fn unescape(body: &str) -> String {
    if !body.contains('\\') {
        return body.to_owned();
    }
    let bytes = unescape_bytes(body);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Like [`unescape`], but keeps bytes that are not UTF-8.
pub(crate) fn unescape_bytes(body: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else { break };
        let (skip, digits, radix) = match c {
            'x' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='7' => (0, 3, 8),
            _ => {
                let mut utf8 = [0; 4];
                out.extend_from_slice(simple_escape(c).encode_utf8(&mut utf8).as_bytes());
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        let number = rest.get(skip..skip + digits).unwrap_or_default();
        let code = u32::from_str_radix(number, radix).unwrap_or(u32::from(char::REPLACEMENT_CHARACTER));
        if matches!(c, 'u' | 'U') {
            let mut utf8 = [0; 4];
            let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        } else {
            out.push(u8::try_from(code).unwrap_or(b'?'));
        }
        rest = rest.get(skip + digits..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The character that a one-letter escape represents; quotes and the backslash represent themselves.
fn simple_escape(c: char) -> char {
    match c {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_matches_go() {
        assert_eq!(quoted("a\"b\\\n\u{1}é\u{a0}\u{1f600}"), "\"a\\\"b\\\\\\n\\x01é\\u00a0\u{1f600}\"");
        assert_eq!(quoted_char(Some('|')), "'|'");
        assert_eq!(quoted_char(Some('\'')), "'\\''");
        assert_eq!(quoted_char(None), "'\u{fffd}'");
        assert_eq!(code_point('d'), "U+0064 'd'");
        assert_eq!(code_point('\u{7}'), "U+0007");
    }

    #[test]
    fn unescape_decodes_every_escape() {
        assert_eq!(unescape(r"plain"), "plain");
        assert_eq!(unescape(r"\a\b\f\n\r\t\v\\\'"), "\x07\x08\x0c\n\r\t\x0b\\'");
        assert_eq!(unescape(r"\101\x41\u0041\U0001F600é"), "AAA\u{1f600}é");
        assert_eq!(unescape(r"\xc3\xa9"), "é");
        assert_eq!(unescape(r"\xff"), "\u{fffd}");
    }
}
