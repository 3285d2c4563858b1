//! The differences between the servers of the configuration API, as data.

use std::time::Duration;

use rulesync_core::OptionalField::{
    AlignEvaluationTime, EvaluationDelay, GroupLabels, KeepFiringFor, Limit, QueryOffset, SourceTenants,
};
use rulesync_core::{
    Capabilities, LabelNames, NameLimits, Normalization, QueryLanguage, StoredFields, StoredLimit,
    TemplateEnvironment,
};

use crate::url::PathEncoding;

/// A kind of server: its routes, and the fields that it stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProfile {
    /// The display name.
    pub name: &'static str,
    /// The path of the list, below the address.
    pub rules_path: String,
    /// The path of the loaded rules, below the address.
    pub state_path: String,
    /// The query parameter that restricts the loaded rules to a namespace; it can be repeated. Versions that do not
    /// know it return everything (docs/contracts/ruler-api.md 5.1).
    pub state_filter: &'static str,
    /// The number of times that the server decodes names.
    pub encoding: PathEncoding,
    /// What the server can do and store.
    pub capabilities: Capabilities,
}

impl ServerProfile {
    /// Grafana Mimir, with its `-http.prometheus-http-prefix`.
    pub fn mimir(prometheus_http_prefix: &str) -> Self {
        let prefix = prometheus_http_prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        Self {
            name: "mimir",
            rules_path: format!("{slash}{prefix}/config/v1/rules"),
            state_path: format!("{slash}{prefix}/api/v1/rules"),
            state_filter: "file[]",
            encoding: PathEncoding::Single,
            capabilities: Capabilities::DEFAULT
                .with_fields(StoredFields::ALL.with_limit(StoredLimit::Bits32))
                // 2.x versions lack some or all of these (docs/contracts/ruler-api.md 2.1).
                .with_normalization(Normalization::Respells {
                    oldest: StoredFields::ALL.without(&[GroupLabels, Limit, QueryOffset, KeepFiringFor]),
                })
                // A write notifies the rulers, which check every 10 s; twice that.
                .with_load_delay(Duration::from_secs(20)),
        }
    }

    /// The same server, known to store groups exactly as sent, such as one in the same process: every difference is a
    /// change by someone else.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { capabilities: self.capabilities.with_normalization(Normalization::Exact), ..self }
    }

    /// Cortex.
    pub fn cortex() -> Self {
        Self {
            name: "cortex",
            rules_path: "/api/v1/rules".to_owned(),
            state_path: "/prometheus/api/v1/rules".to_owned(),
            state_filter: "file[]",
            encoding: PathEncoding::Single,
            capabilities: Capabilities::DEFAULT
                .with_fields(StoredFields::ALL.without(&[
                    EvaluationDelay,
                    SourceTenants,
                    AlignEvaluationTime,
                ]))
                // Before #6665 Cortex lacked group labels; the offset is equally recent (docs/contracts/ruler-api.md 2.1).
                .with_normalization(Normalization::Respells {
                    oldest: StoredFields::ALL.without(&[GroupLabels, QueryOffset]),
                })
                // The rulers poll.
                .with_load_delay(Duration::from_secs(60)),
        }
    }

    /// Grafana Loki.
    pub fn loki() -> Self {
        Self {
            name: "loki",
            rules_path: "/loki/api/v1/rules".to_owned(),
            state_path: "/prometheus/api/v1/rules".to_owned(),
            state_filter: "file",
            encoding: PathEncoding::Double,
            capabilities: Capabilities::DEFAULT
                .with_language(QueryLanguage::LogQl)
                .with_templates(TemplateEnvironment::LOKI_RULES)
                // Legacy names only, whatever Mimir and Prometheus allow (docs/contracts/ruler-api.md 2.3).
                .with_label_names(LabelNames::Legacy)
                // Loki's ruler writes each namespace to a file named by its escaped form. A form that exceeds the
                // maximum length of a file name stops rule loading for the whole tenant, although its write is accepted.
                .with_name_limits(NameLimits { max_bytes: 189, max_escaped_bytes: 255 })
                .with_fields(StoredFields::ALL.without(&[
                    GroupLabels,
                    QueryOffset,
                    EvaluationDelay,
                    SourceTenants,
                    AlignEvaluationTime,
                    KeepFiringFor,
                ]))
                .with_normalization(Normalization::Respells { oldest: StoredFields::ALL })
                // The rulers poll.
                .with_load_delay(Duration::from_secs(60)),
        }
    }
}
