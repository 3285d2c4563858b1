//! What the settings of TLS name: certificates and keys, as text in PEM.

use std::fmt;

use rulesync_config::web::TlsServer;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// What is wrong with the settings, and the key of the web configuration.
pub(crate) type Problem = (&'static str, String);

/// The texts in PEM that the settings name. `Debug` shows none of them.
#[derive(Default)]
pub(crate) struct Material {
    pub(crate) cert: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) client_ca: Vec<u8>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material")
    }
}

/// The problem of a certificate.
pub(super) const UNREADABLE: &str = "a certificate cannot be read";

/// Reads the certificate of the server and its key.
///
/// # Errors
///
/// What is wrong, without any of the text.
pub(super) fn certified_key(
    tls: &TlsServer,
    material: &Material,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Vec<Problem>> {
    let chain = certificates(&material.cert).map_err(|problem| (tls.cert.key, problem));
    let key = match PrivateKeyDer::from_pem_slice(&material.key) {
        Ok(key) => provider.key_provider.load_private_key(key).map_err(|_| {
            "the key is none of those that are supported: RSA of 2048 bits or more, ECDSA on P-256 or P-384, Ed25519"
        }),
        Err(_) => Err("there is no private key in PEM, or it has a passphrase"),
    };
    let key = key.map_err(|problem| (tls.key.key, problem.to_owned()));
    match (chain, key) {
        (Ok(chain), Ok(key)) => {
            let certified = CertifiedKey::new(chain, key);
            match certified.keys_match() {
                Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
                    Ok(certified)
                }
                Err(rustls::Error::InconsistentKeys(_)) => {
                    Err(vec![(tls.key.key, "it is not the key of the certificate".to_owned())])
                }
                Err(_) => Err(vec![(tls.cert.key, UNREADABLE.to_owned())]),
            }
        }
        (chain, key) => Err(chain.err().into_iter().chain(key.err()).collect()),
    }
}

/// Reads the certificates of a text in PEM, of which there must be one.
///
/// # Errors
///
/// What is wrong.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|_| UNREADABLE.to_owned())?;
    if all.is_empty() { Err("there is no certificate in PEM".to_owned()) } else { Ok(all) }
}
