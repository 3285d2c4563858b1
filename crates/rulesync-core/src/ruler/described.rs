//! A ruler for tests of decisions, which ask a ruler for its properties and make no requests.

use async_trait::async_trait;

use super::{Capabilities, EncodedGroup, Ruler, RulerError};
use crate::model::tenant::TenantId;
use crate::observed::Listing;

/// A ruler that has properties and takes no requests.
#[derive(Debug, Default)]
pub(crate) struct DescribedRuler {
    pub(crate) address: Option<&'static str>,
    pub(crate) capabilities: Capabilities,
}

#[async_trait]
impl Ruler for DescribedRuler {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        unreachable!("decisions make no requests")
    }

    async fn write_group(
        &self,
        _: Option<&TenantId>,
        _: &str,
        _: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        unreachable!("decisions make no requests")
    }

    async fn delete_group(&self, _: Option<&TenantId>, _: &str, _: &str) -> Result<(), RulerError> {
        unreachable!("decisions make no requests")
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn address(&self) -> Option<&str> {
        self.address
    }
}
