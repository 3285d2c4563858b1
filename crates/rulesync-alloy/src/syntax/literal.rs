//! String literals: quotes and escapes, as Go has them.

/// What is wrong with a literal: how many characters from its first quote, and why.
pub(super) type LiteralError = (usize, &'static str);

/// A string literal at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Its length in bytes, with quotes.
    pub(super) length: usize,
    pub(super) value: Result<String, LiteralError>,
}

/// Reads the literal that a text begins with, up to the closing `quote`, the end of the line or the end of the text.
pub(super) fn quoted(text: &str, quote: char) -> Literal {
    let mut value = Vec::new();
    let mut error = None;
    let mut note = |at: usize, message| _ = error.get_or_insert((at, message));
    let mut characters = text.char_indices().enumerate().skip(1).peekable();
    while let Some((number, (at, character))) = characters.next() {
        if character == quote {
            let value = match error {
                Some(error) => Err(error),
                None => String::from_utf8(value).map_err(|_| (0, "the string is not UTF-8 text")),
            };
            return Literal { length: at + character.len_utf8(), value };
        }
        if character == '\n' {
            return Literal { length: at, value: Err((0, UNTERMINATED)) };
        }
        if character != '\\' {
            value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = &text[at + 1..];
        match unescape(escape) {
            Ok((length, bytes)) => {
                value.extend_from_slice(&bytes);
                for _ in 0..length {
                    characters.next();
                }
            }
            Err(message) => {
                note(number, message);
                // What follows is not the end of the string, whatever it is.
                if escape.starts_with([quote, '\\']) {
                    characters.next();
                }
            }
        }
    }
    Literal { length: text.len(), value: Err((0, UNTERMINATED)) }
}

/// Reads the literal in backticks that a text begins with.
pub(super) fn raw(text: &str) -> Literal {
    match text.get(1..).and_then(|rest| rest.split_once('`')) {
        Some((value, _)) => Literal { length: value.len() + 2, value: Ok(value.replace('\r', "")) },
        None => Literal { length: text.len(), value: Err((0, UNTERMINATED)) },
    }
}

const UNTERMINATED: &str = "the string is not closed";

/// Returns the length of an escape after the backslash, all of whose characters are ASCII, and the bytes it stands for.
fn unescape(text: &str) -> Result<(usize, Vec<u8>), &'static str> {
    let unknown = "there is no such escape in a string";
    let first = text.bytes().next().ok_or(unknown)?;
    let simple = |byte| Ok((1, vec![byte]));
    let (skipped, digits, base) = match first {
        b'a' => return simple(7),
        b'b' => return simple(8),
        b'f' => return simple(12),
        b'n' => return simple(b'\n'),
        b'r' => return simple(b'\r'),
        b't' => return simple(b'\t'),
        b'v' => return simple(11),
        b'\\' | b'"' => return simple(first),
        b'0'..=b'7' => (0, 3, 8),
        b'x' => (1, 2, 16),
        b'u' => (1, 4, 16),
        b'U' => (1, 8, 16),
        _ => return Err(unknown),
    };
    let written = text.get(skipped..skipped + digits).ok_or("the escape is too short")?;
    if !written.bytes().all(|byte| char::from(byte).is_digit(base)) {
        return Err("the escape contains something other than digits");
    }
    let code = u32::from_str_radix(written, base).map_err(|_| unknown)?;
    let bytes = if matches!(first, b'u' | b'U') {
        let character = char::from_u32(code).ok_or("the escape is no character")?;
        character.to_string().into_bytes()
    } else {
        vec![u8::try_from(code).map_err(|_| "the escape is no byte")?]
    };
    Ok((skipped + digits, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, LiteralError> {
        quoted(text, '"').value
    }

    #[test]
    fn strings_have_the_escapes_of_go() {
        assert_eq!(value(r#""a\n\t\\\"\x41\101\u00e9\U0001F600""#), Ok("a\n\t\\\"AAé😀".to_owned()));
        assert_eq!(value(r#""\xc3\xa9""#), Ok("é".to_owned()), "bytes that are UTF-8 together");
        assert_eq!(quoted(r#""a" + "b""#, '"').length, 3);
    }

    #[test]
    fn strings_with_errors_end_where_they_seem_to_end() {
        for (text, expected) in [
            (r#""ab\q" x"#, (3, "there is no such escape in a string")),
            (r#""\'" x"#, (1, "there is no such escape in a string")),
            (r#""\xg0" x"#, (1, "the escape contains something other than digits")),
            (r#""\777" x"#, (1, "the escape is no byte")),
            (r#""\ud800" x"#, (1, "the escape is no character")),
            (r#""\xff" x"#, (0, "the string is not UTF-8 text")),
        ] {
            let literal = quoted(text, '"');
            assert_eq!(literal.value, Err(expected), "{text}");
            assert_eq!(&text[literal.length..], " x");
        }
        assert_eq!(quoted("\"ab\nc", '"'), Literal { length: 3, value: Err((0, UNTERMINATED)) });
        assert_eq!(value("\"a\\"), Err((0, UNTERMINATED)));
    }

    #[test]
    fn raw_strings_have_lines_and_no_escapes() {
        assert_eq!(raw("`a\\n\r\nb` x"), Literal { length: 8, value: Ok("a\\n\nb".to_owned()) });
        assert_eq!(raw("`a").value, Err((0, UNTERMINATED)));
    }
}
