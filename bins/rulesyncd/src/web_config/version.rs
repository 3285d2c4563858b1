//! One version of a web configuration.

use std::sync::Arc;

use rulesync_config::web::WebConfig;
use rustls::ServerConfig;

/// A version of a web configuration, with the certificates that it names.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// How connections are encrypted; none if they are not.
    pub(crate) encryption: Option<Encryption>,
    /// What the file says besides.
    pub(crate) config: WebConfig,
}

/// How connections are encrypted.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    pub(crate) config: Arc<ServerConfig>,
    /// Whether clients need a certificate.
    pub(crate) needs_certificate: bool,
}

impl Version {
    /// Returns what of this version is in force after another one, and the settings that are not before a restart: a
    /// server does not begin or end to encrypt.
    pub(super) fn after(self, before: &Self) -> (Self, Option<&'static str>) {
        if self.encryption.is_some() == before.encryption.is_some() {
            return (self, None);
        }
        (Self { encryption: before.encryption.clone(), ..self }, Some("tls_server_config"))
    }
}
