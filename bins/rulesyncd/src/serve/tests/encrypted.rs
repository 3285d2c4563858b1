//! The server over TLS, with HTTP/1 and HTTP/2: the same bounds hold.

use std::path::Path;

use reqwest::Version;
use rulesync_config::web::WebConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::testing::Authority;
use crate::tls::{Material, Offer, server_config};

/// A server with a certificate, and the authority of it.
struct Encrypted {
    server: Server,
    authority: Authority,
}

impl Encrypted {
    fn start(router: Router, limits: Limits) -> Self {
        let authority = Authority::new();
        let issued = authority.issue("127.0.0.1");
        let text = "tls_server_config: {cert_file: c, key_file: k}";
        let settings = WebConfig::parse(text, Path::new("web.yaml")).unwrap().tls.unwrap();
        let material =
            Material { cert: issued.cert.into_bytes(), key: issued.key.into_bytes(), ..Material::default() };
        let offer = Offer { http2: true, without_certificate: false };
        let config = Arc::new(server_config(&settings, &material, offer).unwrap());
        let tls: Tls = Box::new(move || Arc::clone(&config));
        let server = Server::start(SocketAddr::from(([127, 0, 0, 1], 0)), router, limits, Some(tls)).unwrap();
        Self { server, authority }
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.server.address())
    }

    /// A client of each protocol.
    fn clients(&self) -> [(reqwest::Client, Version); 2] {
        let client = || self.authority.client().timeout(Duration::from_secs(60));
        [
            (client().http1_only().build().unwrap(), Version::HTTP_11),
            (client().build().unwrap(), Version::HTTP_2),
        ]
    }
}

#[tokio::test]
async fn encrypted_pages_speak_http1_and_http2() {
    let it = Encrypted::start(healthy(), NEVER);
    for (client, version) in it.clients() {
        for _ in 0..2 {
            let answer = client.get(it.url("/-/healthy")).send().await.unwrap();
            assert_eq!(answer.version(), version);
            assert_eq!(answer.text().await.unwrap(), "healthy\n");
        }
    }
    let stranger = Authority::new().client().build().unwrap();
    assert!(stranger.get(it.url("/-/healthy")).send().await.is_err());
}

#[tokio::test]
async fn handshakes_that_do_not_end_are_closed() {
    let it = Encrypted::start(healthy(), Limits { handshake: SHORT, ..NEVER });
    assert_eq!(rest(connect(&it.server)), "");
    let mut begun = connect(&it.server);
    // The head of a handshake whose rest never comes.
    begun.write_all(&[22, 3, 1, 1, 0, 1]).unwrap();
    assert_eq!(rest(begun), "");
}

/// Shakes hands by hand, to speak a protocol.
async fn shake_hands(it: &Encrypted, protocol: &[u8]) -> TlsStream<tokio::net::TcpStream> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(it.authority.pem().as_bytes()).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = tokio::net::TcpStream::connect(it.server.address()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol));
    stream
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_handshake() {
    let it = Encrypted::start(healthy(), Limits { idle: SHORT, ..NEVER });
    for protocol in [HTTP1, HTTP2] {
        let mut stream = shake_hands(&it, protocol).await;
        if protocol == HTTP2 {
            stream.write_all(PREFACE).await.unwrap();
        }
        let mut rest = Vec::new();
        // The end comes without a word.
        let _ = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await.unwrap();
    }
}

/// What an HTTP/2 client sends first, with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn http2_settings_are_small() {
    let it = Encrypted::start(healthy(), NEVER);
    let mut stream = shake_hands(&it, HTTP2).await;
    stream.write_all(PREFACE).await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let [_, high, low, kind, ..] = head;
    assert_eq!(kind, 4, "the first frame has the settings");
    let mut settings = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut settings).await.unwrap();
    let setting = |id: u8| {
        let found = settings.chunks(6).find(|setting| setting[1] == id)?;
        Some(u32::from_be_bytes([found[2], found[3], found[4], found[5]]))
    };
    // Requests at once, the window of each, and the size of a head.
    assert_eq!((setting(3), setting(6)), (Some(16), Some(8192)));
    assert!(setting(4).is_none_or(|window| window <= 65_535), "{settings:?}");
}

#[tokio::test]
async fn request_without_tls_is_told_so() {
    let it = Encrypted::start(healthy(), NEVER);
    let client = connect(&it.server);
    ask(&client, "/-/healthy");
    let answer = rest(client);
    assert!(answer.starts_with("HTTP/1.0 400 ") && answer.contains("write https://"), "{answer}");
}

#[tokio::test]
async fn silent_connections_leave_room_for_the_next_handshake() {
    let it = Encrypted::start(healthy(), NEVER);
    let _silent: Vec<TcpStream> = (0..50).map(|_| connect(&it.server)).collect();
    for (client, _) in it.clients() {
        assert_eq!(client.get(it.url("/-/healthy")).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn encrypted_answer_that_nobody_reads_is_freed() {
    for limits in [Limits { stall: SHORT, ..NEVER }, Limits { answer: SHORT, ..NEVER }] {
        for protocol in 0..2 {
            let (router, mut freed) = large();
            let it = Encrypted::start(router, limits);
            let (client, _) = &it.clients()[protocol];
            let answer = client.get(it.url("/")).send().await.unwrap();
            assert_eq!(tokio::time::timeout(Duration::from_secs(60), freed.recv()).await, Ok(None));
            assert!(answer.bytes().await.is_err(), "it is cut off");
        }
    }
}

#[tokio::test]
async fn large_encrypted_answer_arrives_whole() {
    for protocol in 0..2 {
        let (router, mut freed) = large();
        let it = Encrypted::start(router, Limits { stall: Duration::from_secs(60), ..NEVER });
        let (client, _) = &it.clients()[protocol];
        let body = client.get(it.url("/")).send().await.unwrap().bytes().await.unwrap();
        assert!(body.len() == LARGE && body.iter().all(|byte| *byte == b'x'));
        assert_eq!(freed.recv().await, None);
    }
}

/// Who has begun to wait for a page, who has ended, and how many were there at once.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    begun: usize,
    ended: usize,
    most: usize,
}

/// A page that answers when it is told to.
struct Gate {
    waiting: watch::Receiver<Waiting>,
    open: watch::Sender<bool>,
}

fn gate() -> (Router, Gate) {
    /// One who waits, until the page is done with, or dropped.
    struct Waits(watch::Sender<Waiting>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.send_modify(|waiting| waiting.ended += 1);
        }
    }
    let (count, waiting) = watch::channel(Waiting::default());
    let (open, opened) = watch::channel(false);
    let page = move || {
        let (count, mut opened) = (count.clone(), opened.clone());
        async move {
            count.send_modify(|waiting| {
                waiting.begun += 1;
                waiting.most = waiting.most.max(waiting.begun - waiting.ended);
            });
            let _waits = Waits(count);
            opened.wait_for(|open| *open).await.unwrap();
            "done\n"
        }
    };
    (Router::new().route("/", get(page)), Gate { waiting, open })
}

/// Asks for the page this often, over HTTP/2.
fn ask_often(
    client: &reqwest::Client,
    it: &Encrypted,
    times: usize,
) -> Vec<JoinHandle<reqwest::Result<String>>> {
    let asking = (0..times).map(|_| {
        let request = client.get(it.url("/"));
        tokio::spawn(async move { request.send().await?.text().await })
    });
    asking.collect()
}

#[tokio::test]
async fn http2_connection_has_few_requests_at_once() {
    let (router, mut gate) = gate();
    let it = Encrypted::start(router, NEVER);
    let [_, (client, _)] = it.clients();
    // Only after an answer there is one connection for all.
    gate.open.send_replace(true);
    assert_eq!(client.get(it.url("/")).send().await.unwrap().version(), Version::HTTP_2);
    gate.open.send_replace(false);
    let asking = ask_often(&client, &it, 40);
    gate.waiting.wait_for(|waiting| waiting.begun >= 17).await.unwrap();
    gate.open.send_replace(true);
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap(), "done\n");
    }
    assert_eq!(gate.waiting.borrow().most, 16);
}

#[tokio::test]
async fn http2_head_that_is_too_long_is_refused() {
    let it = Encrypted::start(healthy(), NEVER);
    let [_, (client, _)] = it.clients();
    let ask = |length| client.get(it.url("/-/healthy")).header("x-long", "x".repeat(length)).send();
    assert_eq!(ask(4 << 10).await.unwrap().status(), 200);
    let long = ask(9 << 10).await;
    assert!(long.as_ref().is_ok_and(|answer| answer.status() == 431) || long.is_err(), "{long:?}");
}

#[tokio::test]
async fn stop_finishes_requests_of_http2() {
    let (router, mut gate) = gate();
    let it = Encrypted::start(router, NEVER);
    let [_, (client, _)] = it.clients();
    let asking = ask_often(&client, &it, 3);
    gate.waiting.wait_for(|waiting| waiting.begun == 3).await.unwrap();
    let stop = tokio::spawn(it.server.stop(Instant::now() + Duration::from_secs(60)));
    gate.open.send_replace(true);
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap(), "done\n");
    }
    stop.await.unwrap();
}

#[tokio::test]
async fn requests_of_http2_end_with_their_connection() {
    let (router, mut gate) = gate();
    let it = Encrypted::start(router, Limits { answer: SHORT, ..NEVER });
    let [_, (client, _)] = it.clients();
    let asking = ask_often(&client, &it, 1);
    let ended = gate.waiting.wait_for(|waiting| waiting.begun > 0 && waiting.ended == waiting.begun);
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap().unwrap();
    for asked in asking {
        assert!(asked.await.unwrap().is_err());
    }
}
