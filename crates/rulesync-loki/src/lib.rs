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
    Dialect, EvaluatedGroup, Evaluation, Group, Keeps, LabelNames, Listing, LogQl, NameRules, Normalization,
    Ruler, RulerError, TemplateEnvironment, TenantId,
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

    fn dialect(&self) -> &dyn Dialect {
        &LogQl
    }

    fn templates(&self) -> TemplateEnvironment {
        TemplateEnvironment::LOKI_RULES
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

    /// Legacy names only, whatever Mimir and Prometheus allow (docs/contracts/ruler-api.md 2.3).
    fn label_names(&self) -> LabelNames {
        LabelNames::Legacy
    }

    /// Loki's ruler writes each namespace to a file named by its escaped form. A form that exceeds the maximum length
    /// of a file name stops rule loading for the whole tenant, although its write is accepted.
    fn name_rules(&self) -> NameRules {
        NameRules { max_bytes: 189, max_escaped_bytes: 255 }
    }
}
