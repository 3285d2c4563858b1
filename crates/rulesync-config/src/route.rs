//! The shape of a route in the configuration file, and the route it becomes.

mod value;

use std::sync::Arc;

use rulesync_core::{
    Pattern, Permission, Route, Selector, Tenancy, TenantError, TenantPattern, TenantPatternError,
    ValueSource,
};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

pub use value::{AllowValuesConfig, ExternalLabelConfig, LabelMode, MatcherMode, QueryMatcherConfig};

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Its name, for people.
    pub name: String,
    /// The ruler it leads to.
    pub ruler: String,
    /// The tenant it leads to, or where that is said; absent: no tenant header is sent.
    #[serde(default)]
    pub tenant: Option<TenantConfig>,
    /// What a tenant that is taken from objects is made into, such as `team-{value}`.
    #[serde(default)]
    pub tenant_pattern: Option<String>,
    /// Who may claim which tenants. Without an entry that fits, a claim is refused.
    #[serde(default)]
    pub allow: Vec<AllowConfig>,
    /// The tenants that rules may read from besides their own.
    #[serde(default)]
    pub source_tenants: SourceTenantsConfig,
    /// Which kinds of objects; absent: all that speak the ruler's language or none of their own.
    #[serde(default)]
    pub kinds: Vec<ObjectKind>,
    /// Labels that every rule gets.
    #[serde(default)]
    pub external_labels: Vec<ExternalLabelConfig>,
    /// Matchers that every selector of every expression carries.
    #[serde(default)]
    pub query_matchers: Vec<QueryMatcherConfig>,
    /// Selects objects by their labels; absent: all.
    #[serde(default, deserialize_with = "nullable")]
    pub rule_selector: Selector,
    /// Selects objects by the labels of their Kubernetes namespace; absent: all.
    #[serde(default, deserialize_with = "nullable")]
    pub namespace_selector: Selector,
}

/// A tenant: a name, or where objects or their Kubernetes namespaces say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantConfig {
    /// This one.
    Fixed(String),
    /// What stands there.
    From(OriginConfig),
}

/// Where a value stands in objects or their Kubernetes namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginConfig {
    /// The kind of place.
    pub from: OriginKind,
    /// The key of the label or annotation.
    #[serde(default)]
    pub key: Option<String>,
}

/// A kind of place for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A label of the object.
    Label,
    /// An annotation of the object.
    Annotation,
    /// A label of its Kubernetes namespace.
    NamespaceLabel,
    /// An annotation of its Kubernetes namespace.
    NamespaceAnnotation,
    /// The name of its Kubernetes namespace.
    NamespaceName,
}

/// Who may claim which tenants.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowConfig {
    /// Kubernetes namespaces by name, with `*` for anything; absent: all that the selector selects. An empty list is
    /// refused.
    #[serde(default, deserialize_with = "some")]
    pub namespaces: Option<Vec<String>>,
    /// Kubernetes namespaces by label; absent: all that are named.
    #[serde(default, deserialize_with = "nullable")]
    pub namespace_selector: Selector,
    /// What may be claimed, with `*` for anything. An empty list is refused.
    pub tenants: Vec<String>,
}

/// The tenants that rules may read from besides their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTenantsConfig {
    /// Their names, with `*` for anything.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// A kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum ObjectKind {
    /// prometheus-operator's rules, and plain rule files.
    PrometheusRule,
    /// The Loki operator's alerts.
    AlertingRule,
    /// The Loki operator's recording rules.
    RecordingRule,
    /// Our own kind of rules on logs.
    LoggingRule,
}

/// What to do about a tenant that YAML takes for something else.
const QUOTE: &str = "a tenant that reads like a number or a truth value must stand in quotes";

impl<'de> Deserialize<'de> for TenantConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrPlace;

        impl<'de> Visitor<'de> for NameOrPlace {
            type Value = TenantConfig;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a tenant, or where it is said: {from: label, key: tenant}")
            }
            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<TenantConfig, E> {
                Ok(TenantConfig::Fixed(name.to_owned()))
            }
            // Read as a number, `012` would be another tenant.
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<TenantConfig, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<TenantConfig, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<TenantConfig, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<TenantConfig, E> {
                Err(E::custom(QUOTE))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TenantConfig, A::Error> {
                OriginConfig::deserialize(MapAccessDeserializer::new(map)).map(TenantConfig::From)
            }
        }

        deserializer.deserialize_any(NameOrPlace)
    }
}

/// A key without a value is as good as no key.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Why a route of the configuration makes no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A tenant no ruler accepts.
    #[error("{0}")]
    Tenant(#[from] TenantError),
    /// A pattern without a place for the value.
    #[error("tenant_pattern: {0}")]
    Pattern(#[from] TenantPatternError),
    /// A pattern for a tenant that is not taken from objects.
    #[error("`tenant_pattern` has no meaning where the tenant is fixed")]
    PatternOfFixed,
    /// A label or annotation without its key.
    #[error("`{at}`: `key` is missing: which label or annotation?")]
    NoKey {
        /// The setting.
        at: String,
    },
    /// A key for something that has none.
    #[error("`{at}`: `key` has no meaning here: a Kubernetes namespace has one name")]
    Key {
        /// The setting.
        at: String,
    },
    /// A value that is both written and read, or neither.
    #[error("`{at}`: say either `value` or `from`")]
    Value {
        /// The setting.
        at: String,
    },
    /// A limit or a substitute for a value that is written.
    #[error("`{at}`: `{key}` has no meaning for a `value` that is the same for all objects")]
    OfValue {
        /// The setting.
        at: String,
        /// `default` or `allow`.
        key: &'static str,
    },
    /// Nobody may choose anything.
    #[error(
        "`{at}`: `allow` is empty, so that no object could have a value: add Kubernetes namespaces and the `values` they \
         may choose, or leave `allow` out"
    )]
    NothingAllowed {
        /// The setting.
        at: String,
    },
    /// An entry of `allow` with an empty list, as a template may make it.
    #[error("`{at}`: `{key}` is empty, so that the entry allows nothing: {hint}")]
    EmptyList {
        /// The setting.
        at: String,
        /// The key of the list.
        key: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A substitute that is none.
    #[error("`{at}`: `default` is empty: leave it out")]
    EmptyDefault {
        /// The setting.
        at: String,
    },
}

impl OriginKind {
    fn origin(self, key: Option<&str>, at: &str) -> Result<ValueSource, RouteError> {
        let key = || key.map(Arc::from).ok_or_else(|| RouteError::NoKey { at: at.to_owned() });
        Ok(match self {
            Self::Label => ValueSource::Label(key()?),
            Self::Annotation => ValueSource::Annotation(key()?),
            Self::NamespaceLabel => ValueSource::NamespaceLabel(key()?),
            Self::NamespaceAnnotation => ValueSource::NamespaceAnnotation(key()?),
            Self::NamespaceName if key().is_ok() => return Err(RouteError::Key { at: at.to_owned() }),
            Self::NamespaceName => ValueSource::NamespaceName,
        })
    }
}

impl ObjectKind {
    fn kinds(self) -> &'static [&'static str] {
        match self {
            // A plain rule file holds what a PrometheusRule does.
            Self::PrometheusRule => &[rulesync_core::PROMETHEUS_RULE, rulesync_core::RULE_FILE],
            Self::AlertingRule => &[rulesync_core::ALERTING_RULE],
            Self::RecordingRule => &[rulesync_core::RECORDING_RULE],
            Self::LoggingRule => &[rulesync_core::LOGGING_RULE],
        }
    }
}

impl RouteConfig {
    /// The route.
    pub(crate) fn route(&self) -> Result<Route, RouteError> {
        let pattern = self.tenant_pattern.as_deref().map(str::parse::<TenantPattern>).transpose()?;
        let tenant = match (&self.tenant, pattern) {
            (Some(TenantConfig::From(OriginConfig { from, key })), pattern) => Tenancy::Requested {
                from: from.origin(key.as_deref(), "tenant")?,
                pattern: pattern.unwrap_or_default(),
            },
            (_, Some(_)) => return Err(RouteError::PatternOfFixed),
            (Some(TenantConfig::Fixed(name)), None) => Tenancy::Fixed(name.parse()?),
            (None, None) => Tenancy::None,
        };
        let allow = |allow: &AllowConfig| {
            let AllowConfig { namespaces, namespace_selector, tenants } = allow;
            permission("allow", namespaces.as_deref(), namespace_selector, "tenants", tenants)
        };
        Ok(Route {
            name: self.name.as_str().into(),
            ruler: self.ruler.as_str().into(),
            tenant,
            allow: self.allow.iter().map(allow).collect::<Result<_, _>>()?,
            source_tenants: patterns(&self.source_tenants.allow),
            kinds: self.kinds.iter().flat_map(|kind| kind.kinds()).map(|kind| Arc::from(*kind)).collect(),
            rule_selector: self.rule_selector.clone(),
            namespace_selector: self.namespace_selector.clone(),
            external_labels: self
                .external_labels
                .iter()
                .map(ExternalLabelConfig::label)
                .collect::<Result<_, _>>()?,
            query_matchers: self
                .query_matchers
                .iter()
                .map(QueryMatcherConfig::matcher)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A list that is written: a key without a value is no list, and not taken for an absent key.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Option::<Vec<String>>::deserialize(deserializer).map(|list| Some(list.unwrap_or_default()))
}

/// What an entry of the `allow` at `at` permits. Absent, `namespaces` are all that the selector selects; an empty list
/// is neither that nor of use.
fn permission(
    at: &str,
    namespaces: Option<&[String]>,
    namespace_selector: &Selector,
    key: &'static str,
    values: &[String],
) -> Result<Permission, RouteError> {
    let empty = |key, hint| Err(RouteError::EmptyList { at: at.to_owned(), key, hint });
    if namespaces.is_some_and(<[String]>::is_empty) {
        return empty("namespaces", "name Kubernetes namespaces, `*` for all of them, or remove the entry");
    }
    if values.is_empty() {
        return empty(key, "name what may be chosen, `*` for anything, or remove the entry");
    }
    Ok(Permission {
        namespaces: namespaces.map(patterns).unwrap_or_default(),
        namespace_selector: namespace_selector.clone(),
        values: patterns(values),
    })
}

fn patterns(texts: &[String]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::from(text.as_str())).collect()
}

#[cfg(test)]
mod tests;
