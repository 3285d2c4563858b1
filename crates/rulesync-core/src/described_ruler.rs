//! A ruler of which only the properties are known: what can be decided about rules without a server is decided with it.

use async_trait::async_trait;

use crate::finding::Finding;
use crate::model::capabilities::Capabilities;
use crate::model::encoded::EncodedGroup;
use crate::model::group::Group;
use crate::model::tenant::TenantId;
use crate::observed::Listing;
use crate::ruler::{Ruler, RulerError};

/// A ruler that has properties and takes no requests: each fails as misconfigured.
///
/// ```
/// use rulesync_core::check::DescribedRuler;
/// use rulesync_core::ruler::{Capabilities, QueryLanguage, Ruler};
///
/// let ruler = DescribedRuler::new(Capabilities::default().with_language(QueryLanguage::LogQl));
/// assert_eq!(ruler.capabilities().language, QueryLanguage::LogQl);
/// ```
#[derive(Debug, Clone, Default)]
pub struct DescribedRuler {
    capabilities: Capabilities,
    address: Option<String>,
    check: Option<fn(&Group) -> Vec<Finding>>,
}

impl DescribedRuler {
    /// Creates a ruler with these capabilities, which finds no problems of its own.
    pub fn new(capabilities: Capabilities) -> Self {
        Self { capabilities, address: None, check: None }
    }

    /// Sets the address that it would have ([`Ruler::address`]).
    #[must_use]
    pub fn with_address(self, address: impl Into<String>) -> Self {
        Self { address: Some(address.into()), ..self }
    }

    /// Sets how it finds problems of its own ([`Ruler::check`]).
    #[must_use]
    pub fn with_check(self, check: fn(&Group) -> Vec<Finding>) -> Self {
        Self { check: Some(check), ..self }
    }
}

fn no_requests() -> RulerError {
    RulerError::misconfigured("this ruler is a description, and takes no requests")
}

#[async_trait]
impl Ruler for DescribedRuler {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        Err(no_requests())
    }

    async fn write_group(
        &self,
        _: Option<&TenantId>,
        _: &str,
        _: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        Err(no_requests())
    }

    async fn delete_group(&self, _: Option<&TenantId>, _: &str, _: &str) -> Result<(), RulerError> {
        Err(no_requests())
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn check(&self, group: &Group) -> Vec<Finding> {
        self.check.map(|check| check(group)).unwrap_or_default()
    }

    fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn described_ruler_takes_no_requests() {
        let ruler = DescribedRuler::default().with_address("http://mimir:9009");
        let error = ruler.delete_group(None, "a", "b").await.unwrap_err();
        assert_eq!(error.kind().as_str(), "misconfigured");
        assert_eq!(ruler.address(), Some("http://mimir:9009"));
    }
}
