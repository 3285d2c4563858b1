//! The encodings of names that show in answers and on disk.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Base64 with the alphabet for URLs, padded, as rulers name objects in their stores.
pub(crate) fn base64_url(text: &str) -> String {
    URL_SAFE.encode(text)
}

/// The text behind [`base64_url`]; `None` if it is not that.
pub(crate) fn from_base64_url(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE.decode(text).ok()?).ok()
}

/// What Go's `url.PathEscape` leaves as it is, besides letters and digits.
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

/// A name as one segment of a path.
pub(crate) fn path_escape(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// What Go leaves as it is in a whole path.
const WHOLE_PATH: &AsciiSet = &PATH.remove(b'/').remove(b';').remove(b',');

/// A path whose segments are not encoded, encoded.
pub(crate) fn whole_path_escape(path: &str) -> String {
    utf8_percent_encode(path, WHOLE_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_goes_there_and_back() {
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
