//! Rulers for Grafana Mimir and Cortex: [`mimir_ruler`] and [`cortex_ruler`].
//!
//! Both servers implement the ruler configuration API of [`rulesync_http`]. A ruler is its [`RulerClient`] with a
//! [`ServerProfile`] that says how the server differs from others; there is no code besides.
//!
//! ```
//! use std::time::Duration;
//! use rulesync_mimir::{ClientConfig, Connection, mimir_ruler};
//!
//! // The process chooses the crypto provider.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let connection = Connection::new("http://mimir.monitoring.svc:9009", &ClientConfig::default())?;
//! let ruler = mimir_ruler(connection.with_timeout(Duration::from_secs(10)), "/prometheus")?;
//! # Ok::<(), rulesync_mimir::SettingsError>(())
//! ```

use std::time::Duration;

use rulesync_core::Capabilities;
use rulesync_core::ruler::OptionalField::{
    AlignEvaluationTime, EvaluationDelay, GroupLabels, KeepFiringFor, Limit, QueryOffset, SourceTenants,
};
use rulesync_core::ruler::{Normalization, StoredFields, StoredLimit};
use rulesync_http::TenantList;
pub use rulesync_http::{ClientConfig, Connection, RulerClient, ServerProfile, SettingsError};

/// Creates a ruler for a Grafana Mimir, with its `-http.prometheus-http-prefix`. Sends no request.
///
/// # Errors
///
/// [`SettingsError`] with the key `prometheus_http_prefix` if the prefix contains characters that are not allowed in a
/// path.
pub fn mimir_ruler(
    connection: Connection,
    prometheus_http_prefix: &str,
) -> Result<RulerClient, SettingsError> {
    let ruler = RulerClient::new(connection, mimir_profile(prometheus_http_prefix));
    ruler.map_err(|error| match error.key() {
        // Everything else in these paths is a constant.
        Some("rules_path" | "state_path") => SettingsError::invalid(
            "prometheus_http_prefix",
            "contains characters that are not allowed in a path",
        ),
        _ => error,
    })
}

/// Creates a ruler for a Cortex. Sends no request.
///
/// # Errors
///
/// None is known: the paths are constants.
pub fn cortex_ruler(connection: Connection) -> Result<RulerClient, SettingsError> {
    RulerClient::new(connection, cortex_profile())
}

/// Returns the profile of Grafana Mimir, with its `-http.prometheus-http-prefix`.
///
/// A server that is known to store groups exactly as sent, such as one in the same process, has the profile
/// the same capabilities with [`Normalization::Exact`]: every difference is a change by someone else.
pub fn mimir_profile(prometheus_http_prefix: &str) -> ServerProfile {
    let prefix = prometheus_http_prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    let capabilities = Capabilities::default()
        .with_fields(StoredFields::ALL.with_limit(StoredLimit::Bits32))
        // 2.x versions lack some or all of these (docs/contracts/ruler-api.md 2.1).
        .with_normalization(Normalization::Respells {
            oldest: StoredFields::ALL.without(&[GroupLabels, Limit, QueryOffset, KeepFiringFor]),
        })
        // A write notifies the rulers, which check every 10 s; twice that.
        .with_load_delay(Duration::from_secs(20));
    ServerProfile::new(format!("{slash}{prefix}/config/v1/rules"), format!("{slash}{prefix}/api/v1/rules"))
        // Beside the prefix, not below it.
        .with_limits_path("/api/v1/user_limits")
        // Since 2.16; before, the rules of all tenants have to be read for the names.
        .with_tenant_lists([TenantList::Names("/ruler/tenants".into()), all_rules()])
        .with_capabilities(capabilities)
}

/// Returns the profile of Cortex.
pub fn cortex_profile() -> ServerProfile {
    let capabilities = Capabilities::default()
        .with_fields(StoredFields::ALL.without(&[EvaluationDelay, SourceTenants, AlignEvaluationTime]))
        // Before #6665 Cortex lacked group labels; the offset is equally recent (docs/contracts/ruler-api.md 2.1).
        .with_normalization(Normalization::Respells {
            oldest: StoredFields::ALL.without(&[GroupLabels, QueryOffset]),
        })
        // The rulers poll.
        .with_load_delay(Duration::from_secs(60));
    ServerProfile::new("/api/v1/rules", "/prometheus/api/v1/rules")
        .with_tenant_lists([all_rules()])
        .with_capabilities(capabilities)
}

/// Returns the list of all tenants that both servers have.
fn all_rules() -> TenantList {
    TenantList::Rules("/ruler/rule_groups".into())
}
