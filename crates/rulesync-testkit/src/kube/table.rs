//! Tables: objects as rows, for clients that show them to people.
//!
//! No table is among the recordings: columns and rows follow what the real server does by its source (1.35), less the
//! descriptions of built-in columns, which kubectl does not show.

use serde_json::{Value, json};

use super::columns::{cells, definitions};
use super::query::Params;
use super::refused::Refused;
use super::resource::Resource;

/// How a client wants a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableOptions {
    /// The version of `meta.k8s.io`.
    pub(crate) version: &'static str,
    include: Include,
    columns: bool,
}

/// What a row has of its object besides the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Include {
    Nothing,
    Metadata,
    Object,
}

impl TableOptions {
    /// Reads the parameters of a request for a table of this version.
    ///
    /// # Errors
    /// 400 for an unknown value.
    pub(crate) fn parse(version: &'static str, params: &Params) -> Result<Self, Refused> {
        let include = match params.text("includeObject") {
            "" | "Metadata" => Include::Metadata,
            "None" => Include::Nothing,
            "Object" => Include::Object,
            other => {
                return Err(Refused::bad_request(format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be 'Metadata', 'Object', 'None', or empty"
                )));
            }
        };
        Ok(Self { version, include, columns: true })
    }

    /// For the events of a watch after the first, which do not repeat the columns.
    pub(crate) fn without_columns(self) -> Self {
        Self { columns: false, ..self }
    }

    /// A table of these objects. `metadata` is that of the list, or the revision of a single object.
    pub(crate) fn table<'a>(
        self,
        resource: &Resource,
        metadata: Value,
        objects: impl Iterator<Item = &'a Value>,
        now: u64,
    ) -> Value {
        let rows: Vec<Value> = objects.map(|object| self.row(resource, object, now)).collect();
        let columns = if self.columns { Value::Array(definitions(resource)) } else { Value::Null };
        json!({
            "kind": "Table", "apiVersion": self.api_version(), "metadata": metadata,
            "columnDefinitions": columns, "rows": rows,
        })
    }

    /// A table of one object.
    pub(crate) fn single(self, resource: &Resource, object: &Value, now: u64) -> Value {
        let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
        self.table(resource, metadata, std::iter::once(object), now)
    }

    fn row(self, resource: &Resource, object: &Value, now: u64) -> Value {
        let included = match self.include {
            Include::Nothing => Value::Null,
            Include::Object => object.clone(),
            Include::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": self.api_version(), "metadata": object["metadata"],
            }),
        };
        json!({"cells": cells(resource, object, now), "object": included})
    }

    fn api_version(self) -> String {
        format!("meta.k8s.io/{}", self.version)
    }
}
