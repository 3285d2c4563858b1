//! The encodings of names in answers and on disk.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

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
}
