//! What a ruler allows a tenant.

use serde::Serialize;

/// The limits of a ruler for the rules of a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TenantLimits {
    /// The number of groups that a tenant may have; none if there is no limit.
    pub groups: Option<u64>,
    /// The number of rules that a group may have; none if there is no limit.
    pub rules_per_group: Option<u64>,
}

impl TenantLimits {
    /// Sets the number of groups that a tenant may have; none if there is no limit.
    #[must_use]
    pub fn with_groups(self, groups: Option<u64>) -> Self {
        Self { groups, ..self }
    }

    /// Sets the number of rules that a group may have; none if there is no limit.
    #[must_use]
    pub fn with_rules_per_group(self, rules_per_group: Option<u64>) -> Self {
        Self { rules_per_group, ..self }
    }
}
