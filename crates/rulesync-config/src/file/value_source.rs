//! The places that values are read from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of place that a value is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ValueSource")]
pub(crate) enum ValueSourceName {
    /// A label of the object.
    Label,
    /// An annotation of the object.
    Annotation,
    /// A label of the object's Kubernetes namespace.
    NamespaceLabel,
    /// An annotation of the object's Kubernetes namespace.
    NamespaceAnnotation,
    /// The name of the object's Kubernetes namespace.
    NamespaceName,
}
