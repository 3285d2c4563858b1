//! Settings and certificates, as what rustls is configured with, or as problems.

use std::path::Path;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use rulesync_config::web::{CipherSuite, WebConfig};

use super::*;

const OFFER: Offer = Offer { http2: true, without_certificate: false };

fn settings(rest: &str) -> TlsServer {
    let text = format!("tls_server_config: {{cert_file: c, key_file: k{rest}}}");
    WebConfig::parse(&text, Path::new("web.yaml")).unwrap().tls.unwrap()
}

fn certified(key: &KeyPair) -> Material {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.self_signed(key).unwrap().pem().into_bytes();
    Material { cert, key: key.serialize_pem().into_bytes(), client_ca: Vec::new() }
}

fn material() -> Material {
    certified(&KeyPair::generate().unwrap())
}

fn made(rest: &str) -> ServerConfig {
    server_config(&settings(rest), &material(), OFFER).unwrap()
}

#[test]
fn every_cipher_suite_and_curve_of_the_settings_exists() {
    for suite in CipherSuite::ALL {
        let config = made(&format!(", cipher_suites: [{suite}]"));
        let names: Vec<String> =
            config.crypto_provider().cipher_suites.iter().map(|it| name(it.suite())).collect();
        assert!(names.contains(&suite.name().to_owned()), "{suite}: {names:?}");
        // Those of TLS 1.3 stay.
        assert_eq!(names.len(), if suite.is_tls13() { 3 } else { 4 });
    }
    let groups = |config: &ServerConfig| -> Vec<NamedGroup> {
        config.crypto_provider().kx_groups.iter().map(|group| group.name()).collect()
    };
    let config = made(", curve_preferences: [CurveP384, X25519]");
    assert_eq!(groups(&config), [NamedGroup::secp384r1, NamedGroup::X25519]);
    assert_eq!(groups(&made(", curve_preferences: [CurveP256]")), [NamedGroup::secp256r1]);
}

#[test]
fn settings_reach_rustls() {
    let config = made("");
    assert!(config.ignore_client_order);
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    let order = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let config =
        made(&format!(", prefer_server_cipher_suites: false, cipher_suites: [{order}], max_version: TLS12"));
    assert!(!config.ignore_client_order);
    let names: Vec<String> =
        config.crypto_provider().cipher_suites.iter().map(|it| name(it.suite())).collect();
    assert!(names.join(", ").ends_with(order), "{names:?}");
    let offer = Offer { http2: false, ..OFFER };
    assert_eq!(
        server_config(&settings(""), &material(), offer).unwrap().alpn_protocols,
        [b"http/1.1".to_vec()]
    );
}

#[test]
fn keys_of_each_kind_are_read() {
    for key in [
        KeyPair::generate().unwrap(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
    ] {
        assert!(server_config(&settings(""), &certified(&key), OFFER).is_ok());
    }
}

#[test]
fn problems_name_their_key_and_show_no_text() {
    let (good, other) = (material(), material());
    let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
    let broken = |pem: &[u8]| text(pem).replace("MII", "!!!").replace("MIG", "!!!").into_bytes();
    let not_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let not_key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec();
    let with = |cert: Vec<u8>, key: Vec<u8>, client_ca: Vec<u8>| Material { cert, key, client_ca };
    let verified = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca";
    for (rest, material, expected) in [
        ("", with(Vec::new(), good.key.clone(), Vec::new()), "cert_file: there is no certificate in PEM"),
        (
            "",
            with(broken(&good.cert), good.key.clone(), Vec::new()),
            "cert_file: a certificate cannot be read",
        ),
        ("", with(not_der.clone(), good.key.clone(), Vec::new()), "cert_file: a certificate cannot be read"),
        (
            "",
            with(good.cert.clone(), good.cert.clone(), Vec::new()),
            "key_file: there is no private key in PEM",
        ),
        (
            "",
            with(good.cert.clone(), broken(&good.key), Vec::new()),
            "key_file: there is no private key in PEM",
        ),
        (
            "",
            with(good.cert.clone(), not_key, Vec::new()),
            "key_file: the key is none of those that are supported",
        ),
        (
            "",
            with(good.cert.clone(), other.key.clone(), Vec::new()),
            "key_file: it is not the key of the certificate",
        ),
        (
            verified,
            with(good.cert.clone(), good.key.clone(), Vec::new()),
            "client_ca_file: there is no certificate in PEM",
        ),
        (
            verified,
            with(good.cert.clone(), good.key.clone(), not_der),
            "client_ca_file: a certificate cannot be read",
        ),
    ] {
        let problems = server_config(&settings(rest), &material, OFFER).unwrap_err();
        let [(key, problem)] = problems.as_slice() else { panic!("{problems:?}") };
        let shown = format!("{}: {problem}", key.strip_prefix("tls_server_config.").unwrap());
        assert!(shown.starts_with(expected), "{shown} instead of {expected}");
    }
    let problems = server_config(&settings(verified), &Material::default(), OFFER).unwrap_err();
    assert_eq!(problems.len(), 3, "all at once: {problems:?}");
    assert_eq!(format!("{good:?}"), "Material");
}
