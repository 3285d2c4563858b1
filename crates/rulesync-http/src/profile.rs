//! The differences between the servers of the configuration API, as data.

use std::time::Duration;

use rulesync_core::{Keeps, KeptLimit, Normalization};

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
    /// The optional fields that the server stores.
    pub keeps: Keeps,
    /// The changes that the server itself may make to groups: versions in use differ in the fields they store, and a
    /// gateway in front of the server may re-encode groups.
    pub normalization: Normalization,
    /// The usual delay between a write and the rules being loaded (docs/contracts/ruler-api.md 4.2).
    pub sync_period: Duration,
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
            keeps: Keeps { limit: KeptLimit::Bits32, ..Keeps::ALL },
            // 2.x versions lack some or all of these (docs/contracts/ruler-api.md 2.1).
            normalization: Normalization::Respells {
                oldest: Keeps {
                    group_labels: false,
                    limit: KeptLimit::No,
                    query_offset: false,
                    keep_firing_for: false,
                    ..Keeps::ALL
                },
            },
            // A write notifies the rulers, which check every 10 s; twice that.
            sync_period: Duration::from_secs(20),
        }
    }

    /// The same server, known to store groups exactly as sent, such as one in the same process: every difference is a
    /// change by someone else.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { normalization: Normalization::Exact, ..self }
    }

    /// Cortex.
    pub fn cortex() -> Self {
        Self {
            name: "cortex",
            rules_path: "/api/v1/rules".to_owned(),
            state_path: "/prometheus/api/v1/rules".to_owned(),
            state_filter: "file[]",
            encoding: PathEncoding::Single,
            keeps: Keeps {
                evaluation_delay: false,
                source_tenants: false,
                align_evaluation_time: false,
                ..Keeps::ALL
            },
            // Before #6665 Cortex lacked group labels; the offset is equally recent (docs/contracts/ruler-api.md 2.1).
            normalization: Normalization::Respells {
                oldest: Keeps { group_labels: false, query_offset: false, ..Keeps::ALL },
            },
            // The rulers poll.
            sync_period: Duration::from_secs(60),
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
            keeps: Keeps {
                group_labels: false,
                limit: KeptLimit::Bits64,
                query_offset: false,
                evaluation_delay: false,
                source_tenants: false,
                align_evaluation_time: false,
                keep_firing_for: false,
            },
            normalization: Normalization::Respells { oldest: Keeps::ALL },
            // The rulers poll.
            sync_period: Duration::from_secs(60),
        }
    }
}
