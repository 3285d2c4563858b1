//! Rulers for Grafana Mimir and Cortex: [`MimirRuler`].
//!
//! Both implement the ruler configuration API of [`rulesync_http`]; their differences are its [`ServerProfile`].
//!
//! ```
//! use std::time::Duration;
//! use rulesync_mimir::{ClientConfig, ServerProfile, MimirRuler};
//!
//! // The process chooses the crypto provider.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let config = ClientConfig::default();
//! let profile = ServerProfile::mimir("/prometheus");
//! let ruler = MimirRuler::new("http://mimir.monitoring.svc:9009", profile, &config, Duration::from_secs(30), None)?;
//! # Ok::<(), rulesync_mimir::SettingsError>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    EvaluatedGroup, Evaluation, Group, Keeps, Listing, Normalization, Ruler, RulerError, TenantId,
};
pub use rulesync_http::{ClientConfig, ServerProfile, SettingsError};
use rulesync_http::{RequestObserver, RulerClient};

/// A Mimir or Cortex ruler.
#[derive(Debug)]
pub struct MimirRuler(RulerClient);

impl MimirRuler {
    /// Creates a ruler at `address`. Sends no request, but reads the files of `tls_config`, which may block. `timeout`
    /// bounds every request; every request is reported to the observer.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the address or the settings are invalid, or a file cannot be read.
    pub fn new(
        address: &str,
        profile: ServerProfile,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        Ok(Self(RulerClient::new(address, profile, config, timeout, observer)?))
    }
}

#[async_trait]
impl Ruler for MimirRuler {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.0.list(tenant, listing).await
    }

    async fn put_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError> {
        self.0.put_group(tenant, namespace, group).await
    }

    async fn put_json(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        json: &str,
    ) -> Result<(), RulerError> {
        self.0.put_json(tenant, namespace, json).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.0.delete_group(tenant, namespace, group).await
    }

    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        self.0.delete_namespace(tenant, namespace).await
    }

    async fn evaluation(
        &self,
        tenant: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        self.0.evaluation(tenant, namespaces, found).await
    }

    fn sync_period(&self) -> Duration {
        self.0.profile().sync_period
    }

    fn keeps(&self) -> Keeps {
        self.0.profile().keeps
    }

    fn normalization(&self) -> Normalization {
        self.0.profile().normalization
    }

    fn address(&self) -> Option<&str> {
        Some(self.0.address())
    }
}
