//! TLS of the pages: the settings of a web configuration, and the certificates that it names, as a configuration of rustls.

mod client_certificate;
mod material;
mod names;

use std::sync::Arc;

use rulesync_config::web::{Curve, TlsServer, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::server::ServerSessionMemoryCache;
use rustls::sign::SingleCertAndKey;
use rustls::{NamedGroup, ServerConfig, SupportedProtocolVersion};

pub(crate) use material::{Material, Problem};

use crate::serve::{HTTP1, HTTP2};

/// The sessions that clients may resume. Their certificates are in memory with them.
const SESSIONS: usize = 64;

/// What a server offers besides what the settings of TLS say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    /// HTTP/2.
    pub(crate) http2: bool,
    /// Connections without the client certificate that is needed. What they may ask for is decided with each request.
    pub(crate) without_certificate: bool,
}

/// Makes a configuration of rustls.
///
/// # Errors
///
/// What is wrong, with the key of the web configuration. No message contains text of the material.
pub(crate) fn server_config(
    tls: &TlsServer,
    material: &Material,
    offer: Offer,
) -> Result<ServerConfig, Vec<Problem>> {
    let provider = Arc::new(provider(tls));
    let certified = material::certified_key(tls, material, &provider);
    let is_mandatory = tls.client_auth.requires() && !offer.without_certificate;
    let verifier = client_certificate::verifier(tls, &material.client_ca, is_mandatory, &provider);
    let (certified, verifier) = match (certified, verifier) {
        (Ok(certified), Ok(verifier)) => (certified, verifier),
        (certified, verifier) => {
            return Err(certified.err().into_iter().flatten().chain(verifier.err()).collect());
        }
    };
    let unusable = |error: rustls::Error| vec![("tls_server_config", error.to_string())];
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls))
        .map_err(unusable)?
        .with_client_cert_verifier(verifier);
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = if offer.http2 { vec![HTTP2.into(), HTTP1.into()] } else { vec![HTTP1.into()] };
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(config)
}

/// Returns the cryptography that the settings allow, in their order.
fn provider(tls: &TlsServer) -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    if !tls.cipher_suites.is_empty() {
        let all = std::mem::take(&mut provider.cipher_suites);
        let (of_tls13, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|suite| suite.tls13().is_some());
        let chosen = tls
            .cipher_suites
            .iter()
            .filter_map(|chosen| others.iter().copied().find(|suite| name(suite.suite()) == chosen.name()));
        provider.cipher_suites = of_tls13.into_iter().chain(chosen).collect();
    }
    if !tls.curves.is_empty() {
        let all = std::mem::take(&mut provider.kx_groups);
        let chosen =
            tls.curves.iter().filter_map(|curve| all.iter().copied().find(|it| it.name() == group(*curve)));
        provider.kx_groups = chosen.collect();
    }
    provider
}

/// Returns the name of a cipher suite as the settings have it.
fn name(suite: rustls::CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default();
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

fn group(curve: Curve) -> NamedGroup {
    match curve {
        Curve::P256 => NamedGroup::secp256r1,
        Curve::P384 => NamedGroup::secp384r1,
        _ => NamedGroup::X25519,
    }
}

fn versions(tls: &TlsServer) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls13, &rustls::version::TLS13), (TlsVersion::Tls12, &rustls::version::TLS12)];
    let allowed = tls.min_version..=tls.max_version;
    all.into_iter().filter(|(version, _)| allowed.contains(version)).map(|(_, version)| version).collect()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
