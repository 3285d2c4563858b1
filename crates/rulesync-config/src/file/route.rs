//! The routes.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::absent::{nullable, present};
use super::naming::NamingFile;
use super::selector::SelectorFile;
use super::value::{ExternalLabelFile, QueryMatcherFile};
use super::value_source::ValueSourceName;

/// A route: sends the objects it selects to a tenant of a ruler. An object may go by several routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Route")]
pub(crate) struct RouteFile {
    /// The name in logs, status and errors.
    #[schemars(example = &"by-team")]
    pub(crate) name: String,
    /// The name of the ruler.
    #[schemars(example = &"central")]
    pub(crate) ruler: String,
    /// The tenant, sent as `X-Scope-OrgID`, or where it is read. If absent, no such header is sent.
    #[serde(default)]
    #[schemars(example = &"prod", example = serde_json::json!({"from": "label", "key": "tenant"}))]
    pub(crate) tenant: Option<TenantFile>,
    /// The tenant's name for a value that is read, with `{value}` in its place.
    #[serde(default)]
    #[schemars(example = &"team-{value}")]
    pub(crate) tenant_pattern: Option<String>,
    /// Which Kubernetes namespaces may request which tenants. A request that no entry covers is refused.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"namespaces": ["monitoring"], "tenants": ["*"]}]))]
    pub(crate) allow: Vec<AllowFile>,
    /// The tenants that groups may read from besides their own.
    #[serde(default)]
    pub(crate) source_tenants: SourceTenantsFile,
    /// The sources whose objects this route takes, by name. By default all. With a cluster as each source, this is how each
    /// has a tenant of its own.
    #[serde(default)]
    #[schemars(example = ["eu-1"])]
    pub(crate) sources: Vec<String>,
    /// The kinds of objects. By default all that are written in the ruler's language, or in any.
    #[serde(default)]
    #[schemars(example = ["PrometheusRule", "LoggingRule"])]
    pub(crate) kinds: Vec<Kind>,
    /// Labels that are added to every rule.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"label": "cluster", "value": "eu-1"}]))]
    pub(crate) external_labels: Vec<ExternalLabelFile>,
    /// Matchers that are added to every selector of every expression.
    #[serde(default)]
    #[schemars(example = serde_json::json!([{"label": "namespace", "from": "namespace_name"}]))]
    pub(crate) query_matchers: Vec<QueryMatcherFile>,
    /// How ruler namespaces are named by this route. By default as at the ruler. Two routes of different namings to the
    /// same tenants must select different objects.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"type": "alloy", "prefix": "stage", "separator": "/"}))]
    pub(crate) naming: Option<NamingFile>,
    /// Former namings of this route, besides those at the ruler and at the top of the file.
    #[serde(default)]
    pub(crate) previous_naming: Vec<NamingFile>,
    /// Selects objects by their labels. By default all.
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) rule_selector: SelectorFile,
    /// Selects objects by the labels of their Kubernetes namespace. By default all.
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) namespace_selector: SelectorFile,
}

/// A tenant, or where it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Tenant")]
pub(crate) enum TenantFile {
    /// The same tenant for all objects.
    Fixed(String),
    /// The place it is read from.
    From(FromFile),
}

/// A place in an object, or in its Kubernetes namespace, that a value is read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "From")]
pub(crate) struct FromFile {
    /// The kind of place.
    pub(crate) from: ValueSourceName,
    /// The key of the label or annotation.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

/// Who may request which tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Allow")]
pub(crate) struct AllowFile {
    /// Kubernetes namespaces by name, with `*` for any text. By default all that `namespace_selector` selects. An empty
    /// list is an error.
    #[serde(default, deserialize_with = "present")]
    pub(crate) namespaces: Option<Vec<String>>,
    /// Kubernetes namespaces by label. By default all that `namespaces` names.
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) namespace_selector: SelectorFile,
    /// The tenants that may be requested, with `*` for any text, as they are written before `tenant_pattern` applies. An
    /// empty list is an error.
    pub(crate) tenants: Vec<String>,
}

/// The tenants that groups may read from besides their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SourceTenants")]
pub(crate) struct SourceTenantsFile {
    /// Their names, with `*` for any text.
    #[serde(default)]
    #[schemars(example = ["shared"])]
    pub(crate) allow: Vec<String>,
}

/// A kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::enum_variant_names, reason = "Kubernetes calls the kinds so")]
pub(crate) enum Kind {
    /// PrometheusRules of prometheus-operator, and plain rule files.
    PrometheusRule,
    /// AlertingRules of the Loki operator.
    AlertingRule,
    /// RecordingRules of the Loki operator.
    RecordingRule,
    /// LoggingRules, a kind of rulesync for rules on logs.
    LoggingRule,
}

/// The hint for a tenant that YAML reads as something else.
const QUOTE: &str = "a tenant that reads like a number or a boolean must be in quotes";

impl<'de> Deserialize<'de> for TenantFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrSource;

        impl<'de> Visitor<'de> for NameOrSource {
            type Value = TenantFile;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a tenant, or where it is read, such as `{from: label, key: tenant}`")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<TenantFile, E> {
                Ok(TenantFile::Fixed(name.to_owned()))
            }
            // Read as a number, `012` would be another tenant.
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<TenantFile, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<TenantFile, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<TenantFile, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<TenantFile, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TenantFile, A::Error> {
                FromFile::deserialize(MapAccessDeserializer::new(map)).map(TenantFile::From)
            }
        }

        deserializer.deserialize_any(NameOrSource)
    }
}
