//! Which destinations are asked.

use crate::model::tenant::DestinationId;

/// Selects destinations by their ruler and tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationFilter {
    /// The ruler, by its name in the configuration; none for all.
    pub ruler: Option<String>,
    /// The tenant; none for all, and empty for destinations without one.
    pub tenant: Option<String>,
}

impl DestinationFilter {
    /// Returns whether a destination is selected.
    pub fn selects(&self, id: &DestinationId) -> bool {
        self.ruler.as_ref().is_none_or(|ruler| *ruler == *id.ruler)
            && self.tenant.as_ref().is_none_or(|tenant| tenant == id.tenant_str())
    }
}
