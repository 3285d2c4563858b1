//! The certificates that clients may have: whether one is needed, of which authority, and with which names.

use std::sync::Arc;

use rulesync_config::web::{ClientAuth, TlsServer};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::material::{Problem, UNREADABLE, certificates};
use super::names;

/// Returns what judges the certificates of clients. `client_ca` are their authorities in PEM; without one that is mandatory,
/// clients need none.
///
/// # Errors
///
/// What is wrong, with the key of the web configuration.
pub(super) fn verifier(
    tls: &TlsServer,
    client_ca: &[u8],
    is_mandatory: bool,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let judge: Arc<dyn ClientCertVerifier> = match tls.client_auth {
        ClientAuth::NoClientCert => Arc::new(NoClientAuth),
        auth if auth.verifies() => {
            let key = tls.client_ca.as_ref().map_or("tls_server_config.client_auth_type", |pem| pem.key);
            let mut roots = RootCertStore::empty();
            for certificate in certificates(client_ca).map_err(|problem| (key, problem))? {
                roots.add(certificate).map_err(|_| (key, UNREADABLE.to_owned()))?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let builder = if is_mandatory { builder } else { builder.allow_unauthenticated() };
            builder.build().map_err(|error| (key, error.to_string()))?
        }
        _ => {
            Arc::new(AnyCertificate { is_mandatory, algorithms: provider.signature_verification_algorithms })
        }
    };
    if tls.client_allowed_sans.is_empty() {
        return Ok(judge);
    }
    Ok(Arc::new(AllowedNames { judge, allowed: tls.client_allowed_sans.clone() }))
}

/// Accepts certificates of any authority, if the client has their key.
#[derive(Debug)]
struct AnyCertificate {
    is_mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Accepts, of the certificates that another one accepts, those with one of these names.
#[derive(Debug)]
struct AllowedNames {
    judge: Arc<dyn ClientCertVerifier>,
    allowed: Vec<String>,
}

impl ClientCertVerifier for AllowedNames {
    fn offer_client_auth(&self) -> bool {
        self.judge.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.judge.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judge.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.judge.verify_client_cert(certificate, intermediates, now)?;
        if names::alternative_names(certificate).iter().any(|name| self.allowed.contains(name)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
