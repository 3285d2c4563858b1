//! Maps namespaces to file names and back. Pure.
//!
//! A file name is the percent-encoded namespace and `.yaml`; during a change there are two more files, with the
//! additional suffixes [`OLD`] and [`NEW`]. All other files are foreign.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rulesync_core::ruler::NameLimits;

/// The suffix of rule files; the pattern for the server is `*.yaml`.
const RULES: &str = ".yaml";
/// The suffix of the file with the content of a namespace before the current change; empty if there was none.
pub(crate) const OLD: &str = ".rulesync-old";
/// The suffix of a file that is being written.
pub(crate) const NEW: &str = ".rulesync-new";
/// The file with the rejections of the server.
pub(crate) const VERDICTS: &str = ".rulesync-verdicts";
/// The file that a process locks while it works in the directory.
pub(crate) const LOCK: &str = ".rulesync-lock";

/// The maximum length of a file name.
const MAX_FILE_NAME_BYTES: usize = 255;

/// The rules for namespaces whose file names are short enough.
///
/// The characters that [`NameLimits`] counts as one byte are those that are not encoded here.
pub(crate) const NAME_LIMITS: NameLimits =
    NameLimits { max_bytes: 189, max_escaped_bytes: MAX_FILE_NAME_BYTES - RULES.len() - OLD.len() };

/// The encoded characters: all but those that are safe in file systems, globs and query strings.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b':')
    .remove(b'=')
    .remove(b'@');

/// The name of the file of a namespace.
pub(crate) fn file_name(namespace: &str) -> String {
    format!("{}{RULES}", utf8_percent_encode(namespace, ENCODED))
}

/// The namespace of a file; `None` if the name is not a result of [`file_name`].
pub(crate) fn namespace(file_name: &str) -> Option<String> {
    let encoded = file_name.strip_suffix(RULES)?;
    let namespace = percent_decode_str(encoded).decode_utf8().ok()?;
    let is_canonical = NAME_LIMITS.refuse(&namespace).is_none() && self::file_name(&namespace) == file_name;
    is_canonical.then(|| namespace.into_owned())
}

/// The namespace of the file at a path in any directory: the server may see the directory under another path.
pub(crate) fn namespace_at(path: &str) -> Option<String> {
    namespace(path.rsplit('/').next()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_name_round_trips() {
        for (name, file) in [
            ("rulesync.ns.object", "rulesync.ns.object.yaml"),
            ("a/b", "a%2Fb.yaml"),
            ("a%2Fb", "a%252Fb.yaml"),
            ("é ✓*[x]?\\", "%C3%A9%20%E2%9C%93%2A%5Bx%5D%3F%5C.yaml"),
            ("...", "....yaml"),
            ("a.yaml", "a.yaml.yaml"),
        ] {
            assert_eq!(file_name(name), file);
            assert_eq!(namespace(file).as_deref(), Some(name));
            assert_eq!(namespace_at(&format!("/etc/rules/{file}")).as_deref(), Some(name));
        }
    }

    #[test]
    fn namespace_rejects_other_names() {
        // Names in non-canonical form: two files could represent one namespace.
        for file in
            ["a b.yaml", "a%2fb.yaml", "%61.yaml", "a.yml", ".yaml", "%.yaml", "%FF.yaml", "a", "...yaml"]
        {
            assert_eq!(namespace(file), None, "{file}");
        }
        assert_eq!(namespace(&format!("a.yaml{OLD}")), None);
        assert_eq!(namespace(LOCK), None);
    }

    proptest! {
        #[test]
        fn file_name_of_allowed_name_round_trips(name in "\\PC{1,80}") {
            if NAME_LIMITS.refuse(&name).is_none() {
                let file = file_name(&name);
                prop_assert!(file.len() + OLD.len() <= MAX_FILE_NAME_BYTES && !file.contains('/'));
                prop_assert_eq!(namespace(&file), Some(name));
            }
        }

        #[test]
        fn namespace_does_not_panic(file in "\\PC{0,40}") {
            let _ = namespace(&file);
        }
    }
}
