//! The shape of a route in the configuration file, and the route it becomes.

use std::sync::Arc;

use rulesync_core::{
    ExternalLabel, Mode, Origin, Pattern, Permission, QueryMatcher, Route, Selector, Tenancy, TenantError,
    TenantPattern, TenantPatternError, Value,
};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
    /// Kubernetes namespaces by name, with `*` for anything; absent: all that the selector selects.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Kubernetes namespaces by label; absent: all that are named.
    #[serde(default, deserialize_with = "nullable")]
    pub namespace_selector: Selector,
    /// What may be claimed, with `*` for anything.
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

/// A label that every rule gets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalLabelConfig {
    /// Its name.
    pub label: String,
    /// Its value, unless it is read off objects.
    #[serde(default)]
    pub value: Option<String>,
    /// Where it is read.
    #[serde(default)]
    pub from: Option<OriginKind>,
    /// The key of the label or annotation that it is read from.
    #[serde(default)]
    pub key: Option<String>,
    /// What becomes of a label of that name that the author wrote. It is replaced if nothing is said.
    #[serde(default)]
    pub mode: LabelMode,
}

/// What becomes of a label that the author wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelMode {
    /// It is replaced.
    #[default]
    Override,
    /// It stays.
    AddIfAbsent,
}

/// A matcher that every selector carries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryMatcherConfig {
    /// The label.
    pub label: String,
    /// The value, unless it is read off objects.
    #[serde(default)]
    pub value: Option<String>,
    /// Where it is read.
    #[serde(default)]
    pub from: Option<OriginKind>,
    /// The key of the label or annotation that it is read from.
    #[serde(default)]
    pub key: Option<String>,
    /// What becomes of matchers on the label that the author wrote. They are replaced if nothing is said.
    #[serde(default)]
    pub mode: MatcherMode,
}

/// What becomes of matchers on a label that the author wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatcherMode {
    /// They are replaced.
    #[default]
    Override,
    /// They stay.
    AddIfAbsent,
    /// The very matcher must be there.
    Require,
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
}

impl OriginKind {
    fn origin(self, key: Option<&str>, at: &str) -> Result<Origin, RouteError> {
        let key = || key.map(Arc::from).ok_or_else(|| RouteError::NoKey { at: at.to_owned() });
        Ok(match self {
            Self::Label => Origin::Label(key()?),
            Self::Annotation => Origin::Annotation(key()?),
            Self::NamespaceLabel => Origin::NamespaceLabel(key()?),
            Self::NamespaceAnnotation => Origin::NamespaceAnnotation(key()?),
            Self::NamespaceName if key().is_ok() => return Err(RouteError::Key { at: at.to_owned() }),
            Self::NamespaceName => Origin::NamespaceName,
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
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::from(text.as_str())).collect();
        let pattern = self.tenant_pattern.as_deref().map(str::parse::<TenantPattern>).transpose()?;
        let tenant = match (&self.tenant, pattern) {
            (Some(TenantConfig::From(OriginConfig { from, key })), pattern) => Tenancy::Claimed {
                from: from.origin(key.as_deref(), "tenant")?,
                pattern: pattern.unwrap_or_default(),
            },
            (_, Some(_)) => return Err(RouteError::PatternOfFixed),
            (Some(TenantConfig::Fixed(name)), None) => Tenancy::Fixed(name.parse()?),
            (None, None) => Tenancy::None,
        };
        let allow = |allow: &AllowConfig| Permission {
            namespaces: patterns(&allow.namespaces),
            namespace_selector: allow.namespace_selector.clone(),
            tenants: patterns(&allow.tenants),
        };
        let label = |config: &ExternalLabelConfig| {
            let at = format!("external_labels.{}", config.label);
            Ok(ExternalLabel {
                name: config.label.clone(),
                value: value(config.value.as_deref(), config.from, config.key.as_deref(), &at)?,
                add_if_absent: config.mode == LabelMode::AddIfAbsent,
            })
        };
        let matcher = |config: &QueryMatcherConfig| {
            let at = format!("query_matchers.{}", config.label);
            Ok(QueryMatcher {
                label: config.label.clone(),
                value: value(config.value.as_deref(), config.from, config.key.as_deref(), &at)?,
                mode: match config.mode {
                    MatcherMode::Override => Mode::Override,
                    MatcherMode::AddIfAbsent => Mode::AddIfAbsent,
                    MatcherMode::Require => Mode::Require,
                },
            })
        };
        Ok(Route {
            name: self.name.as_str().into(),
            ruler: self.ruler.as_str().into(),
            tenant,
            allow: self.allow.iter().map(allow).collect(),
            source_tenants: patterns(&self.source_tenants.allow),
            kinds: self.kinds.iter().flat_map(|kind| kind.kinds()).map(|kind| Arc::from(*kind)).collect(),
            rule_selector: self.rule_selector.clone(),
            namespace_selector: self.namespace_selector.clone(),
            external_labels: self.external_labels.iter().map(label).collect::<Result<_, RouteError>>()?,
            query_matchers: self.query_matchers.iter().map(matcher).collect::<Result<_, RouteError>>()?,
        })
    }
}

fn value(
    value: Option<&str>,
    from: Option<OriginKind>,
    key: Option<&str>,
    at: &str,
) -> Result<Value, RouteError> {
    match (value, from) {
        (Some(value), None) if key.is_none() => Ok(Value::Constant(value.to_owned())),
        (None, Some(from)) => Ok(Value::From(from.origin(key, at)?)),
        _ => Err(RouteError::Value { at: at.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(yaml: &str) -> Result<Route, String> {
        let text = format!("name: r\nruler: central\n{yaml}");
        let config: RouteConfig = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
        config.route().map_err(|error| error.to_string())
    }

    #[test]
    fn everything_a_route_can_say() {
        let route = route(
            "tenant: {from: namespace_label, key: tenant}
tenant_pattern: 'team-{value}'
allow: [{namespaces: [monitoring], tenants: ['*']}, {namespace_selector: {match_labels: {a: b}}, tenants: [x]}]
source_tenants: {allow: [shared]}
kinds: [PrometheusRule, LoggingRule]
external_labels: [{label: cluster, value: eu-1}, {label: team, from: label, key: team, mode: add_if_absent}]
query_matchers: [{label: namespace, from: namespace_name, mode: require}]
",
        )
        .unwrap();
        assert!(
            matches!(&route.tenant, Tenancy::Claimed { from: Origin::NamespaceLabel(key), .. } if **key == *"tenant")
        );
        assert_eq!((route.allow.len(), route.source_tenants.len()), (2, 1));
        assert_eq!(route.kinds.len(), 3, "plain rule files hold what PrometheusRules do");
        assert!(!route.external_labels[0].add_if_absent && route.external_labels[1].add_if_absent);
        assert_eq!(route.query_matchers[0].mode, Mode::Require);
        assert!(route.needs_namespaces());
    }

    #[test]
    fn a_tenant_is_a_name_or_a_place() {
        let tenant = |yaml: &str| route(yaml).map(|route| route.tenant);
        assert_eq!(tenant(""), Ok(Tenancy::None));
        assert_eq!(tenant("tenant: '012'"), Ok(Tenancy::Fixed("012".parse().unwrap())));
        assert!(matches!(tenant("tenant: {from: namespace_name}"), Ok(Tenancy::Claimed { .. })));
        for (yaml, says) in [
            ("tenant: 012", "must stand in quotes"),
            ("tenant: true", "must stand in quotes"),
            ("tenant: {from: label}", "which label or annotation"),
            ("tenant: {from: namespace_name, key: x}", "has one name"),
            ("tenant: {from: lable, key: x}", "lable"),
            ("tenant: {form: label, key: x}", "form"),
            ("tenant: a|b", "character '|'"),
            ("tenant: a\ntenant_pattern: 'x-{value}'", "no meaning where the tenant is fixed"),
            ("tenant: {from: label, key: x}\ntenant_pattern: x", "exactly once"),
            ("external_labels: [{label: a}]", "either `value` or `from`"),
            ("query_matchers: [{label: a, value: b, from: label, key: c}]", "either `value` or `from`"),
            ("query_matchers: [{label: a, value: b, key: c}]", "either `value` or `from`"),
            ("kinds: [Rule]", "Rule"),
        ] {
            let error = tenant(yaml).unwrap_err();
            assert!(error.contains(says), "{yaml}: {error}");
        }
    }

    #[test]
    fn the_examples_are_good() {
        for (name, text) in [
            ("company", include_str!("../../../examples/company.yaml")),
            ("quickstart", include_str!("../../../examples/quickstart/rulesync.yaml")),
        ] {
            let config = crate::Config::parse(text, name, std::collections::HashMap::new()).unwrap();
            let routes: Vec<Route> = config.routes.iter().map(|route| route.route().unwrap()).collect();
            for (index, route) in routes.iter().enumerate() {
                assert!(
                    !routes[index + 1..].iter().any(|other| route.contradicts(other)),
                    "{name}: {route:?}"
                );
            }
        }
    }
}
