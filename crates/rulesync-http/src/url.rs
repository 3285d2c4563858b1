//! Names to URLs, and back. Own code, because `Url::path_segments_mut` drops `.`, `..` and line breaks, which turns
//! "delete this group" into "delete this namespace" (contracts/ruler-api.md, 0.10).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters is escaped.
pub(crate) const UNRESERVED_KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How often a server decodes the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathEncoding {
    /// Once: Mimir and Cortex.
    Single,
    /// Twice: Loki, whose router decodes before its handler does.
    Double,
}

/// A name no URL can carry safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name {0:?} cannot be sent in a URL: empty names, `.`, `..` and control characters are changed on the way"
)]
pub struct NameError(String);

/// A name as one segment of a path.
///
/// # Errors
///
/// [`NameError`] for names that clients or servers would take for something else.
pub fn segment(name: &str, encoding: PathEncoding) -> Result<String, NameError> {
    let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if matches!(name, "" | "." | "..") || name.chars().any(odd) {
        return Err(NameError(name.to_owned()));
    }
    let once = utf8_percent_encode(name, UNRESERVED_KEPT).to_string();
    Ok(match encoding {
        PathEncoding::Single => once,
        PathEncoding::Double => utf8_percent_encode(&once, UNRESERVED_KEPT).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_would_be_changed_are_refused() {
        for name in ["", ".", "..", "a\nb", "a\tb", "\0", "a\u{2028}b"] {
            assert!(segment(name, PathEncoding::Single).is_err(), "{name:?}");
        }
    }

    #[test]
    fn encodes_once_or_twice() {
        assert_eq!(segment("a/b", PathEncoding::Single).unwrap(), "a%2Fb");
        assert_eq!(segment("a/b", PathEncoding::Double).unwrap(), "a%252Fb");
        assert_eq!(segment("100%", PathEncoding::Single).unwrap(), "100%25");
        assert_eq!(segment("us.ns.o", PathEncoding::Double).unwrap(), "us.ns.o");
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_is_read(name in "\\PC{1,40}") {
            prop_assume!(!matches!(name.as_str(), "." | ".."));
            let once = segment(&name, PathEncoding::Single);
            prop_assume!(once.is_ok());
            let once = once.unwrap();
            prop_assert_eq!(percent_decode_str(&once).decode_utf8().unwrap(), name.as_str());
            let url = reqwest::Url::parse(&format!("http://h/rules/{once}/g")).unwrap();
            prop_assert_eq!(url.path(), format!("/rules/{once}/g"), "the URL library changes nothing");
        }
    }
}
