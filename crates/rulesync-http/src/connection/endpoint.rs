//! The address of a server and the transport to it.

use reqwest::Url;

use super::proxy::{ProxySettings, ProxyUser};
use super::redact::Redactor;
use super::transport::Transport;
use crate::settings::{SettingsError, TlsConfig};

/// Returns the transport for an address, the URL to use with it, and the `Host` header if it differs from the URL's.
pub(super) fn endpoint(
    url: &Url,
    tls: Option<&TlsConfig>,
    proxy: ProxySettings,
    http2: bool,
    redactor: &Redactor,
) -> Result<(Transport, Url, Option<String>), SettingsError> {
    let (transport, url, host) = Transport::new(url, tls.cloned().unwrap_or_default(), proxy, http2)?;
    if let Some(ProxyUser { name, secret }) = transport.proxy_user() {
        redactor.keep(name.as_deref(), secret.expose());
    }
    Ok((transport, url, host))
}
