//! The differences between the servers of the configuration API, as data.

use rulesync_core::Capabilities;

use super::segment::PathEncoding;

/// A kind of server: its paths, and what it can do and store.
///
/// [`new`](Self::new) describes a server that evaluates PromQL, decodes names once and stores groups as they were sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerProfile {
    /// The path of the list, below the address.
    pub rules_path: String,
    /// The path of the loaded rules, below the address.
    pub state_path: String,
    /// The query parameter that restricts the loaded rules to a namespace; it can be repeated. Servers that do not know
    /// it return everything (docs/contracts/ruler-api.md 5.1).
    pub state_filter: &'static str,
    /// The path of a tenant's limits, below the address; none if the server does not tell them.
    pub limits_path: Option<String>,
    /// Where the server lists all tenants, below the address: the next list is asked for where the server does not have
    /// one. Empty if the server has none.
    pub tenant_lists: Vec<TenantList>,
    /// The number of times that the server decodes names.
    pub encoding: PathEncoding,
    /// What the server can do and store.
    pub capabilities: Capabilities,
}

/// A list of all tenants in the admin API of a server: its path, which begins with a slash, and what it has besides names
/// (docs/contracts/ruler-api.md 1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantList {
    /// The names alone, as JSON: `{"now": …, "tenants": […]}`.
    Names(String),
    /// The rules of all tenants, as YAML: maps of one tenant each, one after the other. Only the names are kept.
    Rules(String),
}

impl TenantList {
    /// Returns the path.
    pub fn path(&self) -> &str {
        match self {
            Self::Names(path) | Self::Rules(path) => path,
        }
    }
}

impl ServerProfile {
    /// Creates a profile with the paths of the list and of the loaded rules, which begin with a slash.
    pub fn new(rules_path: impl Into<String>, state_path: impl Into<String>) -> Self {
        Self {
            rules_path: rules_path.into(),
            state_path: state_path.into(),
            state_filter: "file[]",
            limits_path: None,
            tenant_lists: Vec::new(),
            encoding: PathEncoding::Single,
            capabilities: Capabilities::default(),
        }
    }

    /// Sets the query parameter that restricts the loaded rules to a namespace.
    #[must_use]
    pub fn with_state_filter(self, state_filter: &'static str) -> Self {
        Self { state_filter, ..self }
    }

    /// Sets the path of a tenant's limits, which begins with a slash.
    #[must_use]
    pub fn with_limits_path(self, limits_path: impl Into<String>) -> Self {
        Self { limits_path: Some(limits_path.into()), ..self }
    }

    /// Sets where the server lists all tenants: the cheapest list first.
    #[must_use]
    pub fn with_tenant_lists(self, tenant_lists: impl IntoIterator<Item = TenantList>) -> Self {
        Self { tenant_lists: tenant_lists.into_iter().collect(), ..self }
    }

    /// Sets the number of times that the server decodes names.
    #[must_use]
    pub fn with_encoding(self, encoding: PathEncoding) -> Self {
        Self { encoding, ..self }
    }

    /// Sets what the server can do and store.
    #[must_use]
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }
}
