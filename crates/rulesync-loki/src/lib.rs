//! A ruler for Grafana Loki: [`loki_ruler`].
//!
//! Loki implements the ruler configuration API of [`rulesync_http`] with differences: names are encoded twice, an empty
//! tenant is a 404, and several fields are dropped silently (docs/contracts/ruler-api.md 0). Expressions are LogQL. The
//! ruler is a [`RulerClient`] with a [`ServerProfile`] that says so; there is no code besides.
//!
//! ```
//! use std::time::Duration;
//! use rulesync_loki::{ClientConfig, Connection, loki_ruler};
//!
//! // The process chooses the crypto provider.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let connection = Connection::new("http://loki.logging.svc:3100", &ClientConfig::default())?;
//! let ruler = loki_ruler(connection.with_timeout(Duration::from_secs(10)))?;
//! # Ok::<(), rulesync_loki::SettingsError>(())
//! ```

use std::time::Duration;

use rulesync_core::Capabilities;
use rulesync_core::ruler::OptionalField::{
    AlignEvaluationTime, EvaluationDelay, GroupLabels, KeepFiringFor, QueryOffset, SourceTenants,
};
use rulesync_core::ruler::{
    LabelNames, NameLimits, Normalization, QueryLanguage, StoredFields, TemplateEnvironment,
};
use rulesync_http::PathEncoding;
pub use rulesync_http::{ClientConfig, Connection, RulerClient, ServerProfile, SettingsError};

/// Creates a ruler for a Grafana Loki. Sends no request.
///
/// # Errors
///
/// None is known: the paths are constants.
pub fn loki_ruler(connection: Connection) -> Result<RulerClient, SettingsError> {
    RulerClient::new(connection, loki_profile())
}

/// Returns the profile of Grafana Loki.
pub fn loki_profile() -> ServerProfile {
    let capabilities = Capabilities::default()
        .with_language(QueryLanguage::LogQl)
        .with_templates(TemplateEnvironment::LOKI_RULES)
        // Legacy names only, whatever Mimir and Prometheus allow (docs/contracts/ruler-api.md 2.3).
        .with_label_names(LabelNames::Legacy)
        // Loki's ruler writes each namespace to a file named by its escaped form. A form that exceeds the maximum length
        // of a file name stops rule loading for the whole tenant, although its write is accepted.
        .with_name_limits(NameLimits { max_bytes: 189, max_escaped_bytes: 255 })
        .with_fields(StoredFields::ALL.without(&[
            GroupLabels,
            QueryOffset,
            EvaluationDelay,
            SourceTenants,
            AlignEvaluationTime,
            KeepFiringFor,
        ]))
        .with_normalization(Normalization::Respells { oldest: StoredFields::ALL })
        // The rulers poll.
        .with_load_delay(Duration::from_secs(60));
    ServerProfile::new("/loki/api/v1/rules", "/prometheus/api/v1/rules")
        .with_state_filter("file")
        .with_encoding(PathEncoding::Double)
        .with_capabilities(capabilities)
}
