//! A ruler for Grafana Loki: [`LokiRuler`].
//!
//! Loki implements the ruler configuration API of [`rulesync_http`] with differences: names are encoded twice, an empty
//! tenant is a 404, and several fields are dropped silently (docs/contracts/ruler-api.md 0). Expressions are LogQL.
//!
//! ```
//! use std::time::Duration;
//! use rulesync_loki::{ClientConfig, LokiRuler};
//!
//! // The process chooses the crypto provider.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let config = ClientConfig::default();
//! let ruler = LokiRuler::new("http://loki.logging.svc:3100", &config, Duration::from_secs(30), None)?;
//! # Ok::<(), rulesync_loki::SettingsError>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    Capabilities, EncodedGroup, EvaluatedGroup, Evaluation, Listing, Ruler, RulerError, TenantId,
};
pub use rulesync_http::{ClientConfig, SettingsError};
use rulesync_http::{RequestObserver, RulerClient, ServerProfile};

/// A Loki ruler.
#[derive(Debug)]
pub struct LokiRuler(RulerClient);

impl LokiRuler {
    /// Creates a ruler at `address`. Sends no request, but reads the files of `tls_config`, which may block. `timeout`
    /// bounds every request; every request is reported to the observer.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the address or the settings are invalid, or a file cannot be read.
    pub fn new(
        address: &str,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        Ok(Self(RulerClient::new(address, ServerProfile::loki(), config, timeout, observer)?))
    }
}

#[async_trait]
impl Ruler for LokiRuler {
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
