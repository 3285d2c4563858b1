//! Names of files: which file holds a namespace, and which namespace a file holds. Pure.
//!
//! A namespace is percent-encoded and ends in `.yaml`; while it is being changed there are two more files, which end in
//! [`OLD`] and [`NEW`] after that. Everything else is somebody else's.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rulesync_core::NameRules;

/// What rule files end in; the pattern for the server is `*.yaml`.
const RULES: &str = ".yaml";
/// What a file ends in that holds what a namespace was before the change under way; empty if there was nothing.
pub(crate) const OLD: &str = ".rulesync-old";
/// What a file ends in that is being written.
pub(crate) const NEW: &str = ".rulesync-new";
/// The file that says what the server has refused.
pub(crate) const VERDICTS: &str = ".rulesync-verdicts";
/// The file that is locked by whoever is at work in the directory.
pub(crate) const LOCK: &str = ".rulesync-lock";

/// The longest name of a file that file systems take.
const FILE_NAME_BYTES: usize = 255;

/// Names of which every file fits.
///
/// The letters that [`NameRules`] counts as one are those that are not encoded here.
pub(crate) const NAME_RULES: NameRules =
    NameRules { max_bytes: 189, max_escaped_bytes: FILE_NAME_BYTES - RULES.len() - OLD.len() };

/// Letters that file systems, globs and query strings all leave alone or can carry.
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

/// The name of the file that holds a namespace.
pub(crate) fn file_name(namespace: &str) -> String {
    format!("{}{RULES}", utf8_percent_encode(namespace, ENCODED))
}

/// The namespace a file of this name holds; none if the name is not one that [`file_name`] gives.
pub(crate) fn namespace(file_name: &str) -> Option<String> {
    let encoded = file_name.strip_suffix(RULES)?;
    let namespace = percent_decode_str(encoded).decode_utf8().ok()?;
    let ours = NAME_RULES.refuse(&namespace).is_none() && self::file_name(&namespace) == file_name;
    ours.then(|| namespace.into_owned())
}

/// The namespace of the file at a path, whatever its directory: the server may see it under another one.
pub(crate) fn namespace_at(path: &str) -> Option<String> {
    namespace(path.rsplit('/').next()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_safe_and_read_back() {
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
    fn other_names_are_not_ours() {
        // Not in the one form that we write: two files could stand for one namespace.
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
        fn every_allowed_name_has_a_file_of_its_own(name in "\\PC{1,80}") {
            if NAME_RULES.refuse(&name).is_none() {
                let file = file_name(&name);
                prop_assert!(file.len() + OLD.len() <= FILE_NAME_BYTES && !file.contains('/'));
                prop_assert_eq!(namespace(&file), Some(name));
            }
        }

        #[test]
        fn no_name_panics(file in "\\PC{0,40}") {
            let _ = namespace(&file);
        }
    }
}
