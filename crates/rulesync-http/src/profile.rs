//! What tells one server of the configuration API from another, as data.

use std::time::Duration;

use rulesync_core::{Keeps, KeptLimit, Normalization};

use crate::url::PathEncoding;

/// A kind of server: where its routes are and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProfile {
    /// The name for people.
    pub name: &'static str,
    /// The path of the list, below the address.
    pub rules_path: String,
    /// The path of the loaded rules, below the address.
    pub state_path: String,
    /// The parameter by which it is asked for the loaded rules of some namespaces only; it can be repeated. Versions
    /// that do not know it answer with everything (contracts/ruler-api.md 5.1).
    pub state_filter: &'static str,
    /// How often it decodes names.
    pub encoding: PathEncoding,
    /// Which optional fields it stores.
    pub keeps: Keeps,
    /// What it may make of groups by itself: versions in use differ in the fields they store, and a gateway before it
    /// may print them anew.
    pub normalization: Normalization,
    /// How long it usually takes to load what was written (contracts/ruler-api.md 4.2).
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
            // 2.x lacks these, some of its versions all of them (contracts/ruler-api.md 2.1).
            normalization: Normalization::Respells {
                oldest: Keeps {
                    group_labels: false,
                    limit: KeptLimit::No,
                    query_offset: false,
                    keep_firing_for: false,
                    ..Keeps::ALL
                },
            },
            // A write tells the rulers, which look every 10 s, twice.
            sync_period: Duration::from_secs(20),
        }
    }

    /// The same server where it is known to store what it is sent, such as one in the same process: whatever differs was
    /// changed by somebody.
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
            // Before #6665 it lacked group labels, and the offset is as young (contracts/ruler-api.md 2.1).
            normalization: Normalization::Respells {
                oldest: Keeps { group_labels: false, query_offset: false, ..Keeps::ALL },
            },
            // Its rulers poll.
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
            // Its rulers poll.
            sync_period: Duration::from_secs(60),
        }
    }
}
