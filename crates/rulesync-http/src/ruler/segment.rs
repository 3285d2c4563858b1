//! Encodes names as path segments. `Url::path_segments_mut` is not used because it drops `.`, `..` and line breaks,
//! which turns "delete this group" into "delete this namespace" (docs/contracts/ruler-api.md 0.10).

use percent_encoding::utf8_percent_encode;

use crate::connection::UNRESERVED_KEPT;

/// The number of times that a server decodes the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathEncoding {
    /// Once: Mimir and Cortex.
    #[default]
    Single,
    /// Twice: Loki, whose router decodes before its handler does.
    Double,
}

/// The error for a name that cannot be sent safely in a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name {0:?} cannot be sent in a URL: empty names, `.`, `..` and control characters are changed on the way"
)]
pub(super) struct NameError(String);

/// Encodes a name as one path segment.
///
/// # Errors
///
/// [`NameError`] for names that clients or servers would interpret differently.
pub(super) fn segment(name: &str, encoding: PathEncoding) -> Result<String, NameError> {
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
    fn segment_rejects_names_changed_in_transit() {
        for name in ["", ".", "..", "a\nb", "a\tb", "\0", "a\u{2028}b"] {
            assert!(segment(name, PathEncoding::Single).is_err(), "{name:?}");
        }
    }

    #[test]
    fn segment_encodes_once_or_twice() {
        assert_eq!(segment("a/b", PathEncoding::Single).unwrap(), "a%2Fb");
        assert_eq!(segment("a/b", PathEncoding::Double).unwrap(), "a%252Fb");
        assert_eq!(segment("100%", PathEncoding::Single).unwrap(), "100%25");
        assert_eq!(segment("us.ns.o", PathEncoding::Double).unwrap(), "us.ns.o");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn segment_round_trips(name in prop_oneof![any::<String>(), "[%./a-f0-9?#;+ \\\\é]{1,12}", "\\PC{1,40}"]) {
            for encoding in [PathEncoding::Single, PathEncoding::Double] {
                let Ok(sent) = segment(&name, encoding) else {
                    let plain = !name.is_empty() && !name.contains(['.', '\u{2028}', '\u{2029}']);
                    prop_assert!(!plain || name.chars().any(char::is_control), "{:?} can be sent", name);
                    continue;
                };
                let url = reqwest::Url::parse(&format!("http://h/rules/{sent}/g")).unwrap();
                prop_assert_eq!(url.path(), format!("/rules/{sent}/g"), "the URL library changes nothing");
                let mut read = sent;
                for _ in 0..if encoding == PathEncoding::Single { 1 } else { 2 } {
                    prop_assert!(!read.contains('/'), "routers see one segment");
                    read = percent_decode_str(&read).decode_utf8().unwrap().into_owned();
                }
                prop_assert_eq!(&read, &name);
            }
        }
    }
}
