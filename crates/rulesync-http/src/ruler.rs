//! The client of the ruler configuration and state APIs, as a [`Ruler`] of the engine.

mod answer;
mod client;
mod document;
mod list;
mod loaded;
mod operation;
mod profile;
mod query;
mod reading;
mod segment;
mod split;
mod state;

use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    Dialect, EvaluatedGroup, Evaluation, Group, Keeps, LabelNames, Listing, NameRules, Normalization, Ruler,
    RulerError, TemplateEnvironment, TenantId,
};

pub use client::RulerClient;
pub use document::{DocumentError, encode_group, encode_rule_file, parse_rule_file};
pub use loaded::{LoadedGroup, LoadedReader};
pub use profile::ServerProfile;
pub use segment::PathEncoding;

#[async_trait]
impl Ruler for RulerClient {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.read_list(tenant, listing).await
    }

    async fn put_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError> {
        let json = serde_json::to_string(group)
            .map_err(|error| RulerError::Rejected { message: error.to_string(), rule: None })?;
        self.put(tenant, namespace, &json).await
    }

    async fn put_json(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        json: &str,
    ) -> Result<(), RulerError> {
        self.put(tenant, namespace, json).await
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

    fn sync_period(&self) -> Duration {
        self.profile().sync_period
    }

    fn dialect(&self) -> &dyn Dialect {
        self.profile().dialect
    }

    fn templates(&self) -> TemplateEnvironment {
        self.profile().templates
    }

    fn keeps(&self) -> Keeps {
        self.profile().keeps
    }

    fn normalization(&self) -> Normalization {
        self.profile().normalization
    }

    /// Scheme, host and port: all rulers of a server share one concurrency limit.
    fn address(&self) -> Option<&str> {
        Some(self.connection().origin())
    }

    fn label_names(&self) -> LabelNames {
        self.profile().label_names
    }

    fn name_rules(&self) -> NameRules {
        self.profile().name_rules
    }
}
