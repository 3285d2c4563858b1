//! Tools for testing sources and rulers by themselves. The suites of `rulesync-conformance` are built on them.

pub use crate::naming::NamespaceClass;
pub use crate::observed::Observed;
pub use crate::source::SinkEvents;

use crate::model::tenant::TenantId;
use crate::observed::Listing;
use crate::ruler::{Ruler, RulerError};
use crate::source::Sink;

/// Creates a sink under the name of a source, and the receiver of its events.
pub fn sink(source: &str) -> (Sink, SinkEvents) {
    Sink::channel(source)
}

/// Lists everything that a tenant has in a ruler, whoever it belongs to.
///
/// # Errors
///
/// Those of the ruler.
pub async fn list(ruler: &dyn Ruler, tenant: Option<&TenantId>) -> Result<Observed, RulerError> {
    let nothing = Observed::default();
    let everything = |_: &str| NamespaceClass::Managed;
    let mut listing = Listing::new(ruler.capabilities().fields, &everything, &nothing);
    ruler.list(tenant, &mut listing).await?;
    Ok(listing.into_observed())
}
