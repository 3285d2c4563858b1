//! The configuration reference, generated from the comments of the file's types: a JSON Schema, with which editors
//! complete and check, and a page.
//!
//! `cargo run -p rulesync-config --example schema > deploy/config.schema.json` and
//! `cargo run -p rulesync-config --example reference > docs/configuration.md` write the copies in the repository.

mod page;

use schemars::generate::SchemaSettings;

use crate::file::File;

/// Returns the JSON Schema (draft 7, which editors know best) of the configuration file, as JSON.
pub fn schema() -> String {
    let mut json = serde_json::to_string_pretty(&tree()).unwrap_or_default();
    json.push('\n');
    json
}

/// Returns the reference page, as Markdown.
pub fn page() -> String {
    page::render(&tree())
}

fn tree() -> serde_json::Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<File>();
    schema.to_value()
}

#[cfg(test)]
mod tests;
