//! Makes rulers.

use std::sync::Arc;

use rulesync_core::Ruler;
use rulesync_http::{RequestObserver, SettingsError};

use super::files::{READ_DEADLINE, certificates, reachable, unreadable};
use crate::settings::{RulerKind, RulerSettings};
use crate::validate::path_of;
use crate::yaml::Path;

/// Makes a ruler. Sends no request, and reads its certificates. `embedded` is the URL of an embedded ruler's server.
///
/// # Errors
///
/// [`SettingsError`] names the key or the file at fault.
pub(super) async fn ruler(
    settings: &RulerSettings,
    embedded: Option<String>,
    observer: Option<Arc<dyn RequestObserver>>,
) -> Result<Arc<dyn Ruler>, SettingsError> {
    let last = reachable(&settings.client).await?;
    let settings = settings.clone();
    let make = move || make(&settings, embedded.as_deref(), observer);
    match last {
        Some((key, file)) => {
            let made = rulesync_fs::run_with_deadline(&file, READ_DEADLINE, move || Ok(make())).await;
            made.unwrap_or_else(|error: rulesync_fs::FileError| Err(unreadable(&key, &file, &error)))
        }
        None => make(),
    }
}

/// Returns the path of the setting that an error is about.
pub(super) fn path(error: &SettingsError, settings: &RulerSettings, ruler: &Path) -> Path {
    let Some(file) = error.file() else { return path_of(error, ruler) };
    let mut certificates = certificates(&settings.client).into_iter();
    let named = certificates.find(|(_, path)| path.display().to_string() == file);
    named.map_or_else(|| ruler.clone(), |(key, _)| ruler.keys(&key))
}

#[allow(unused_variables, reason = "builds without some kinds of rulers do not use everything")]
fn make(
    RulerSettings { kind, client, timeout, .. }: &RulerSettings,
    embedded: Option<&str>,
    observer: Option<Arc<dyn RequestObserver>>,
) -> Result<Arc<dyn Ruler>, SettingsError> {
    #[cfg(any(feature = "mimir", feature = "loki", feature = "prometheus", feature = "embedded"))]
    let connection = |address: &str| {
        let connection = rulesync_http::Connection::new(address, client)?.with_timeout(*timeout);
        Ok::<_, SettingsError>(match observer {
            Some(observer) => connection.with_observer(observer),
            None => connection,
        })
    };
    match kind {
        #[cfg(feature = "mimir")]
        RulerKind::Mimir { address, prefix } => {
            rulesync_mimir::mimir_ruler(connection(address)?, prefix).map(shared)
        }
        #[cfg(feature = "mimir")]
        RulerKind::Cortex { address } => rulesync_mimir::cortex_ruler(connection(address)?).map(shared),
        #[cfg(feature = "embedded")]
        RulerKind::Embedded(settings) => {
            let profile = rulesync_mimir::mimir_profile("/prometheus");
            // A server in the same process stores what it is sent.
            let capabilities =
                profile.capabilities.with_normalization(rulesync_core::ruler::Normalization::Exact);
            let connection = connection(embedded.unwrap_or(&settings.address))?;
            let profile = profile.with_capabilities(capabilities);
            rulesync_http::RulerClient::new(connection, profile).map(shared)
        }
        #[cfg(feature = "loki")]
        RulerKind::Loki { address } => rulesync_loki::loki_ruler(connection(address)?).map(shared),
        #[cfg(feature = "prometheus")]
        RulerKind::Prometheus { address, directory, is_vmalert } => {
            use rulesync_prometheus::{PrometheusRuler, Variant};

            let variant = if *is_vmalert { Variant::Vmalert } else { Variant::Prometheus };
            PrometheusRuler::new(connection(address)?, directory, variant).map(shared)
        }
        #[cfg(not(all(feature = "mimir", feature = "loki", feature = "prometheus", feature = "embedded")))]
        _ => Err(SettingsError::invalid("type", "is not compiled into this build")),
    }
}

#[cfg(any(feature = "mimir", feature = "loki", feature = "prometheus", feature = "embedded"))]
fn shared(ruler: impl Ruler) -> Arc<dyn Ruler> {
    Arc::new(ruler)
}
