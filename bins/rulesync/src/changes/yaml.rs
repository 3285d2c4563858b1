//! Groups as YAML: one form for each, so that equal groups have equal texts.

use rulesync_core::Group;
use serde::Serialize;

/// Returns a value as YAML, in block style and without folding, which would hide where an expression has its lines.
pub(crate) fn to_yaml(value: &impl Serialize) -> String {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    // What consists of texts, numbers, lists and maps can be written.
    serde_saphyr::to_string_with_options(value, options).unwrap_or_default()
}

/// Returns the canonical text of a group.
pub(crate) fn group(group: &Group) -> String {
    to_yaml(group)
}
