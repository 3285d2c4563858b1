//! The client of the ruler configuration and state APIs, as a [`Ruler`] of the engine.

mod answer;
mod client;
mod document;
mod limits;
mod list;
mod loaded;
mod operation;
mod profile;
mod query;
mod reading;
mod segment;
mod split;
mod state;
mod tenants;

use async_trait::async_trait;
use rulesync_core::ruler::{EvaluatedGroup, Evaluation, TenantLimits};
use rulesync_core::{Capabilities, EncodedGroup, Listing, Ruler, RulerError, TenantId};

pub use client::RulerClient;
pub use document::{DocumentError, encode_rule_file, parse_rule_file};
pub use loaded::{LoadedGroup, LoadedReader};
pub use profile::{ServerProfile, TenantList};
pub use segment::PathEncoding;

#[async_trait]
impl Ruler for RulerClient {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.read_list(tenant, listing).await
    }

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        self.put(tenant, namespace, group).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.delete(tenant, namespace, Some(group)).await
    }

    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        self.delete(tenant, namespace, None).await
    }

    async fn evaluation(
        &self,
        tenant: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        self.read_evaluation(tenant, namespaces, found).await
    }

    async fn limits(&self, tenant: Option<&TenantId>) -> Result<Option<TenantLimits>, RulerError> {
        self.read_limits(tenant).await
    }

    async fn tenants(&self) -> Result<Option<Vec<String>>, RulerError> {
        self.read_tenants().await
    }

    fn capabilities(&self) -> Capabilities {
        self.profile().capabilities
    }

    /// Scheme, host and port: all rulers of a server share one concurrency limit.
    fn address(&self) -> Option<&str> {
        Some(self.connection().origin())
    }
}
