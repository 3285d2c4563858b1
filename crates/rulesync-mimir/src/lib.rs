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
    Capabilities, EncodedGroup, EvaluatedGroup, Evaluation, Listing, Ruler, RulerError, TenantId,
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

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        self.0.write_group(tenant, namespace, group).await
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

    fn capabilities(&self) -> Capabilities {
        self.0.profile().capabilities
    }

    fn address(&self) -> Option<&str> {
        Some(self.0.address())
    }
}
