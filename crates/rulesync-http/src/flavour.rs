//! What tells one server of the configuration API from another, as data.

use std::time::Duration;

use rulesync_core::{Keeps, KeptLimit};

use crate::url::PathEncoding;

/// A kind of server: where its routes are and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavour {
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
    /// How long it usually takes to load what was written (contracts/ruler-api.md 4.2).
    pub sync_period: Duration,
}

impl Flavour {
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
            // A write tells the rulers, which look every 10 s, twice.
            sync_period: Duration::from_secs(20),
        }
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
            // Its rulers poll.
            sync_period: Duration::from_secs(60),
        }
    }
}
