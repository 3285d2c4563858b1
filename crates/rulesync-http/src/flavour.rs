//! What tells one server of the configuration API from another, as data.

use rulesync_core::{Keeps, KeptLimit};

use crate::url::PathEncoding;

/// A kind of server: where its routes are and what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavour {
    /// The name for people.
    pub name: &'static str,
    /// The path of the list, below the address.
    pub rules_path: String,
    /// How often it decodes names.
    pub encoding: PathEncoding,
    /// Which optional fields it stores.
    pub keeps: Keeps,
}

impl Flavour {
    /// Grafana Mimir, with its `-http.prometheus-http-prefix`.
    pub fn mimir(prometheus_http_prefix: &str) -> Self {
        let prefix = prometheus_http_prefix.trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        Self {
            name: "mimir",
            rules_path: format!("{slash}{prefix}/config/v1/rules"),
            encoding: PathEncoding::Single,
            keeps: Keeps { limit: KeptLimit::Bits32, ..Keeps::ALL },
        }
    }

    /// Cortex.
    pub fn cortex() -> Self {
        Self {
            name: "cortex",
            rules_path: "/api/v1/rules".to_owned(),
            encoding: PathEncoding::Single,
            keeps: Keeps {
                evaluation_delay: false,
                source_tenants: false,
                align_evaluation_time: false,
                ..Keeps::ALL
            },
        }
    }
}
