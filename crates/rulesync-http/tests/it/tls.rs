//! TLS: trusted certificates, client certificates and server names.

use rulesync_core::ruler::RulerErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rulesync_http::Connection;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::auth::{client, config, put};
use crate::oauth2::advance;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued(authority: &Issuer, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    (certificate, key)
}

/// A server that accepts everything over TLS and keeps the heads of requests.
struct TlsServer {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

async fn serve(
    authority: &Issuer,
    name: &str,
    wants_client: bool,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> TlsServer {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (certificate, key) = issued(authority, name);
    let builder = ServerConfig::builder_with_protocol_versions(versions);
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    start(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()).await
}

async fn start(config: ServerConfig) -> TlsServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut buffer = [0; 8192];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            kept.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
            let _ = stream
                .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await;
            let _ = stream.shutdown().await;
        }
    });
    TlsServer { address, heads }
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn tls_trusts_only_configured_authority() {
    let (ours, theirs) = (authority(), authority());
    let server = serve(&ours, "127.0.0.1", false, BOTH).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, ours.pem()).unwrap();
    put(&client(&server.address, &config(json!({"tls_config": {"ca": ours.pem()}})))).await.unwrap();
    put(&client(&server.address, &config(json!({"tls_config": {"ca_file": file}})))).await.unwrap();
    put(&client(&server.address, &config(json!({"tls_config": {"insecure_skip_verify": true}}))))
        .await
        .unwrap();
    for strangers in [json!({}), json!({"tls_config": {"ca": theirs.pem()}})] {
        let error = put(&client(&server.address, &config(strangers))).await.unwrap_err();
        assert!(error.kind() == RulerErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn tls_sends_client_certificate() {
    let authority = authority();
    let server = serve(&authority, "127.0.0.1", true, BOTH).await;
    let (certificate, key) = issued(&authority, "rulesync");
    let tls = json!({"ca": authority.pem(), "cert": certificate.pem(), "key": key.serialize_pem()});
    put(&client(&server.address, &config(json!({"tls_config": tls})))).await.unwrap();
    assert!(
        put(&client(&server.address, &config(json!({"tls_config": {"ca": authority.pem()}})))).await.is_err()
    );
}

#[tokio::test]
async fn tls_server_name_may_differ_from_address() {
    let authority = authority();
    let server = serve(&authority, "mimir.example", false, BOTH).await;
    let named = json!({"ca": authority.pem(), "server_name": "mimir.example"});
    put(&client(&server.address, &config(json!({"tls_config": named})))).await.unwrap();
    let head = server.heads.lock().unwrap()[0].to_lowercase();
    let host = server.address.trim_start_matches("https://");
    assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
    for name in [None, Some("other.example")] {
        let tls = json!({"ca": authority.pem(), "server_name": name});
        assert!(
            put(&client(&server.address, &config(json!({"tls_config": tls})))).await.is_err(),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn tls_min_version_rejects_older_server() {
    let authority = authority();
    let server = serve(&authority, "127.0.0.1", false, &[&rustls::version::TLS12]).await;
    put(&client(&server.address, &config(json!({"tls_config": {"ca": authority.pem()}})))).await.unwrap();
    let strict = json!({"ca": authority.pem(), "min_version": "TLS13"});
    let strict = config(json!({"tls_config": strict}));
    assert!(put(&client(&server.address, &strict)).await.is_err());
    let newer = serve(&authority, "127.0.0.1", false, BOTH).await;
    put(&client(&newer.address, &strict)).await.unwrap();
}

#[tokio::test]
async fn tls_reloads_changed_authority_and_ignores_invalid_file() {
    let (ours, theirs) = (authority(), authority());
    let server = serve(&ours, "127.0.0.1", false, BOTH).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, theirs.pem()).unwrap();
    let client = client(&server.address, &config(json!({"tls_config": {"ca_file": file}})));
    assert!(put(&client).await.is_err());
    std::fs::write(&file, ours.pem()).unwrap();
    advance(Duration::from_secs(11)).await;
    // The file is checked in the background.
    let mut trusted = false;
    for _ in 0..10_000 {
        trusted = put(&client).await.is_ok();
        if trusted {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(trusted);
    std::fs::write(&file, "half a certif").unwrap();
    advance(Duration::from_secs(11)).await;
    put(&client).await.unwrap();
}

#[tokio::test]
async fn tls_file_that_hangs_does_not_delay_requests() {
    let ours = authority();
    let server = serve(&ours, "127.0.0.1", false, BOTH).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, ours.pem()).unwrap();
    let client = client(&server.address, &config(json!({"tls_config": {"ca_file": file}})));
    let (release, hanging) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let hung = tokio::spawn(async move {
        let hang = move || {
            begun.send(()).unwrap();
            hanging.recv().unwrap();
            Ok::<_, rulesync_fs::FileError>(())
        };
        rulesync_fs::run_with_deadline(&file, Duration::from_secs(1000), hang).await
    });
    beginning.await.unwrap();
    for _ in 0..3 {
        advance(Duration::from_secs(11)).await;
        put(&client).await.unwrap();
    }
    assert!(!hung.is_finished(), "the file still hangs");
    release.send(()).unwrap();
    hung.await.unwrap().unwrap();
}

#[tokio::test]
async fn tls_rejects_key_of_other_certificate() {
    let authority = authority();
    let ((certificate, key), (_, other)) = (issued(&authority, "rulesync"), issued(&authority, "other"));
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let server = serve(&authority, "127.0.0.1", true, BOTH).await;
    let cert_file = at("cert.pem", certificate.pem());
    let (key_file, other) = (at("key.pem", key.serialize_pem()), at("other.pem", other.serialize_pem()));
    let tls = json!({"ca": authority.pem(), "cert_file": cert_file, "key_file": key_file});
    put(&client(&server.address, &config(json!({"tls_config": tls})))).await.unwrap();
    let mixed = config(json!({"tls_config": {"cert_file": cert_file, "key_file": other}}));
    assert!(Connection::new(&server.address, &mixed).unwrap_err().to_string().contains("tls_config"));
}

#[tokio::test]
async fn http2_is_offered_unless_disabled() {
    let authority = authority();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (certificate, key) = issued(&authority, "127.0.0.1");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = ServerConfig::builder().with_no_client_auth();
    let mut server = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = start(server).await;
    for (enabled, starts) in
        [(json!(null), "PRI * HTTP/2.0"), (json!(true), "PRI * HTTP/2.0"), (json!(false), "POST ")]
    {
        server.heads.lock().unwrap().clear();
        let settings = json!({"enable_http2": enabled, "tls_config": {"ca": authority.pem()}});
        // The server answers in HTTP/1.1 only.
        let put = put(&client(&server.address, &config(settings))).await;
        assert_eq!(put.is_ok(), enabled == json!(false));
        let heads = server.heads.lock().unwrap();
        assert!(heads[0].starts_with(starts), "{enabled}: {}", heads[0]);
    }
}
