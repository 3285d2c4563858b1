//! The limits of a tenant, as Mimir tells them.

use rulesync_core::ruler::TenantLimits;
use rulesync_core::{RulerError, TenantId};
use serde::Deserialize;

use super::client::RulerClient;
use super::operation::Operation;

/// The longest answer that is read, in bytes. Mimir's has some 500, and has nothing to do with the size of rules.
const MAX_BYTES: u64 = 16 << 10;

/// The part of the answer that is about rules. Zero means no limit, as do negative numbers.
#[derive(Debug, Deserialize)]
struct Answer {
    ruler_max_rule_groups_per_tenant: Option<i64>,
    ruler_max_rules_per_rule_group: Option<i64>,
}

impl RulerClient {
    /// Returns the limits of a tenant; none if the server does not tell them. Mimir tells them if it has a file of
    /// runtime configuration (docs/contracts/ruler-api.md 4.4).
    pub(super) async fn read_limits(
        &self,
        tenant: Option<&TenantId>,
    ) -> Result<Option<TenantLimits>, RulerError> {
        let Some(path) = &self.profile().limits_path else { return Ok(None) };
        let request = Operation::Limits.request(tenant, path.clone());
        let answer = self.read(Operation::Limits, &request, MAX_BYTES, too_long).await;
        let Some(answer) = answer.map_err(|error| self.connection().redactor().error(error))? else {
            return Ok(None);
        };
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|error| RulerError::unreadable(format!("limits cannot be read: {error}")))?;
        let limit = |number: Option<i64>| number.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
        let limits = TenantLimits::default()
            .with_groups(limit(answer.ruler_max_rule_groups_per_tenant))
            .with_rules_per_group(limit(answer.ruler_max_rules_per_rule_group));
        Ok(Some(limits))
    }
}

fn too_long() -> RulerError {
    RulerError::unreadable(format!(
        "the answer about the tenant's limits is longer than {MAX_BYTES} bytes: check what answers at the ruler's address"
    ))
}
