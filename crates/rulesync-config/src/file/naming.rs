//! The naming of ruler namespaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How ruler namespaces are named. A change takes effect at a restart, and what was written under other names is removed
/// only if these are among the former ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Naming")]
pub(crate) struct NamingFile {
    /// The scheme of names.
    #[serde(rename = "type")]
    pub(crate) kind: NamingType,
    /// For `alloy`: Alloy's `mimir_namespace_prefix` or `loki_namespace_prefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "alloy"))]
    pub(crate) prefix: Option<String>,
    /// For `alloy`: the text between the parts of a name, Alloy's `mimir_namespace_separator` or
    /// `loki_namespace_separator`. It must contain a character that is neither a letter nor a digit. Where names may contain
    /// it, as with `-`, a ruler namespace is deleted only if its object was seen by this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "/"))]
    pub(crate) separator: Option<String>,
}

/// A scheme of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamingType {
    /// `OWNER.KUBERNETES_NAMESPACE.NAME`.
    #[default]
    Owner,
    /// The names that Grafana Alloy uses: prefix, Kubernetes namespace, name and UID.
    Alloy,
    /// The `namespace` of a rule file, or the file's name without its extension, as mimirtool has it; for sources of the
    /// type `files`. Needs an `inventory`: it records each ruler namespace before it is first written, and only those that
    /// it has are ever changed. An existing one is taken over if `adopt.namespaces` has it and its groups are as declared.
    Verbatim,
}
