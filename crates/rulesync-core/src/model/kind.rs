//! The kinds of objects that sources deliver, and the language of each.

use super::language::QueryLanguage;

/// The kind of prometheus-operator, whose rules may be in either language.
pub const PROMETHEUS_RULE: &str = "PrometheusRule";

/// The Loki operator's kind of alerts.
pub const ALERTING_RULE: &str = "AlertingRule";

/// The Loki operator's kind of recording rules.
pub const RECORDING_RULE: &str = "RecordingRule";

/// The kind of this project for rules on logs.
pub const LOGGING_RULE: &str = "LoggingRule";

/// A plain file of rule groups.
pub const RULE_FILE: &str = "RuleFile";

/// All kinds that this project's sources can deliver besides plain rule files.
pub const KINDS: [&str; 4] = [PROMETHEUS_RULE, ALERTING_RULE, RECORDING_RULE, LOGGING_RULE];

/// The annotation in which an object declares its language, such as `logql`.
pub const DIALECT_ANNOTATION: &str = "rulesync.dev/dialect";

/// The annotation that names the tenants that Mimir's federated groups read from, separated by commas.
pub const SOURCE_TENANTS_ANNOTATION: &str = "monitoring.grafana.com/source_tenants";

/// Returns the language of every object of a kind; none if the kind does not determine it.
pub fn language_of(kind: &str) -> Option<QueryLanguage> {
    matches!(kind, ALERTING_RULE | RECORDING_RULE | LOGGING_RULE).then_some(QueryLanguage::LogQl)
}

/// Returns the field of `spec` by which objects of a kind request a tenant; none if the kind has no such field.
pub fn tenant_field_of(kind: &str) -> Option<&'static str> {
    match kind {
        ALERTING_RULE | RECORDING_RULE => Some("tenantID"),
        LOGGING_RULE => Some("tenant"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_a_language_and_a_field_for_the_tenant() {
        for (kind, language, tenant) in [
            (PROMETHEUS_RULE, None, None),
            (RULE_FILE, None, None),
            (ALERTING_RULE, Some(QueryLanguage::LogQl), Some("tenantID")),
            (RECORDING_RULE, Some(QueryLanguage::LogQl), Some("tenantID")),
            (LOGGING_RULE, Some(QueryLanguage::LogQl), Some("tenant")),
        ] {
            assert_eq!((language_of(kind), tenant_field_of(kind)), (language, tenant), "{kind}");
        }
    }
}
