//! The pattern that makes a tenant of the text that an object requests.

use std::sync::Arc;

/// A pattern of tenants: `team-{value}` makes `payments` the tenant `team-payments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPattern {
    before: Arc<str>,
    after: Arc<str>,
}

/// A pattern without a place for the requested value, or with two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` must hold `{{value}}` exactly once: that is where the requested value goes")]
pub struct TenantPatternError(String);

impl Default for TenantPattern {
    fn default() -> Self {
        Self { before: "".into(), after: "".into() }
    }
}

impl std::str::FromStr for TenantPattern {
    type Err = TenantPatternError;

    fn from_str(text: &str) -> Result<Self, TenantPatternError> {
        match text.split_once("{value}") {
            Some((before, after)) if !after.contains("{value}") => {
                Ok(Self { before: before.into(), after: after.into() })
            }
            _ => Err(TenantPatternError(text.to_owned())),
        }
    }
}

impl TenantPattern {
    /// Returns the name of the tenant for a requested value.
    pub fn apply(&self, requested: &str) -> String {
        format!("{}{requested}{}", self.before, self.after)
    }

    /// Returns the requested value that makes a tenant's name, if one does.
    pub fn requested_for<'a>(&self, tenant: &'a str) -> Option<&'a str> {
        tenant.strip_prefix(&*self.before)?.strip_suffix(&*self.after)
    }
}
