//! The fields of a kind by which its objects can be selected.

use super::json_path::JsonPath;

/// A field besides name and namespace by which objects of a kind can be selected.
#[derive(Debug, Clone)]
pub(crate) struct SelectableField {
    /// The field as named in selectors.
    pub(crate) label: String,
    pub(crate) paths: Vec<JsonPath>,
}

impl SelectableField {
    pub(crate) fn new(label: &str, paths: Vec<JsonPath>) -> Self {
        Self { label: label.to_owned(), paths }
    }
}
