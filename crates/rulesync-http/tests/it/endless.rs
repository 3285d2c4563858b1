//! Endless responses, and responses that grow when decompressed: rejected at a limit that the message names.

use rulesync_core::ruler::RulerErrorKind;
use std::io::Write;
use std::sync::{Arc, Mutex};

use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::StoredFields;
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler, RulerError};
use rulesync_http::{ClientConfig, Request, RulerClient};
use rulesync_mimir::{cortex_ruler, mimir_ruler};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::auth::{config, connection};

/// The number of bytes after which the server stops if the client does not disconnect. Includes buffers in transit.
const MAX_SENT: usize = 256 << 20;

/// The limit of a whole response; the limit of a namespace is a quarter, of a line with a name a 256th.
const LIMIT: u64 = 1 << 20;

/// A server that sends given responses to the first requests, and an endless one to the last.
pub(crate) struct Endless {
    pub(crate) address: String,
    sent: mpsc::UnboundedReceiver<usize>,
    asked: mpsc::UnboundedReceiver<()>,
}

impl Endless {
    pub(crate) async fn start(before: Vec<String>, head: &str, again: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (told, sent) = mpsc::unbounded_channel();
        let (asking, asked) = mpsc::unbounded_channel();
        let head = Arc::new(head.as_bytes().to_vec());
        let again = Arc::new(again.repeat((64 << 10) / again.len()).into_bytes());
        let before = Arc::new(Mutex::new(before.into_iter()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (told, head, again) = (told.clone(), Arc::clone(&head), Arc::clone(&again));
                let (before, asking) = (Arc::clone(&before), asking.clone());
                tokio::spawn(async move {
                    let mut stream = stream;
                    loop {
                        read_head(&mut stream).await;
                        let Some(answer) = before.lock().unwrap().next() else { break };
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                    asking.send(()).ok();
                    let mut sent = 0;
                    let mut result = stream.write_all(&head).await;
                    while result.is_ok() && sent < MAX_SENT {
                        result = stream.write_all(&again).await;
                        sent += again.len();
                    }
                    told.send(sent).ok();
                });
            }
        });
        Self { address, sent, asked }
    }

    /// Waits for the request with the endless response.
    pub(crate) async fn requested(&mut self) {
        self.asked.recv().await.unwrap();
    }

    /// Waits until the client has disconnected.
    pub(crate) async fn disconnected(&mut self) {
        let sent = self.sent.recv().await.unwrap();
        assert!(sent < MAX_SENT, "still connected after {sent} bytes");
    }
}

async fn read_head(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
}

fn settings() -> ClientConfig {
    config(json!({"max_response_bytes": LIMIT}))
}

fn limited(address: &str) -> RulerClient {
    cortex_ruler(connection(address, &settings())).unwrap()
}

fn classify(name: &str) -> NamespaceClass {
    if name.starts_with("us.") { NamespaceClass::Managed } else { NamespaceClass::Foreign }
}

async fn list(client: &RulerClient) -> Result<usize, RulerError> {
    let previous = Observed::default();
    let mut listing = Listing::new(StoredFields::ALL, &classify, &previous);
    client.list(None, &mut listing).await?;
    Ok(listing.into_observed().groups())
}

const YAML: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/yaml\r\n\r\n";

fn assert_too_long(error: &RulerError, what: &str) {
    assert_eq!(error.kind(), RulerErrorKind::Unreadable);
    let message = error.message();
    assert!(message.starts_with(what) && message.contains("raise `max_response_bytes`"), "{message}");
}

#[tokio::test]
async fn list_size_is_limited() {
    for (begins, again, what) in [
        ("", "x", "a line that names a namespace is longer than 4096 bytes"),
        ("? |-\n", "  odd\n", "a namespace or the document is longer than 262144 bytes"),
        ("{", "a: [], ", "a namespace or the document is longer than 262144 bytes"),
        ("us.ns.o:\n", "    - name: g\n", "the namespace `us.ns.o` is longer than 262144 bytes"),
        ("us.ns.o:\n    - name: ", "x", "the namespace `us.ns.o` is longer than 262144 bytes"),
        ("them:\n", "    - name: g\n", "the answer is longer than 1048576 bytes"),
        ("# ", "x", "the answer is longer than 1048576 bytes"),
        ("", "us.ns.o: []\n", "the answer is longer than 1048576 bytes"),
    ] {
        let mut server = Endless::start(Vec::new(), &format!("{YAML}{begins}"), again).await;
        let error = list(&limited(&server.address)).await.unwrap_err();
        assert_too_long(&error, what);
        server.disconnected().await;
    }
}

#[tokio::test]
async fn separately_read_namespace_size_is_limited() {
    let broken = "us.ns.o:\n    - name: g\n      rules: [\n";
    let answer = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/yaml\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for (before, what) in [
        (vec![answer(broken)], "the namespace `us.ns.o` is longer than 262144 bytes"),
        (
            vec![answer(broken), answer(broken)],
            "the group `g` of the namespace `us.ns.o` is longer than 262144 bytes",
        ),
    ] {
        let mut server = Endless::start(before, YAML, "x").await;
        let error = list(&limited(&server.address)).await.unwrap_err();
        assert_too_long(&error, what);
        server.disconnected().await;
    }
}

#[tokio::test]
async fn limits_answer_size_is_limited_by_no_setting() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{";
    let mut server = Endless::start(Vec::new(), head, " ").await;
    let client = mimir_ruler(connection(&server.address, &settings()), "").unwrap();
    let error = client.limits(None).await.unwrap_err();
    assert_eq!(error.kind(), RulerErrorKind::Unreadable);
    assert_eq!(
        error.message(),
        "the answer about the tenant's limits is longer than 16384 bytes: check what answers at the ruler's address"
    );
    server.disconnected().await;
}

#[tokio::test]
async fn list_size_is_counted_after_decompression() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"them:\n").unwrap();
    for _ in 0..64 {
        packed.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!((packed.len() as u64) < LIMIT / 4, "{}", packed.len());
    let bomb = wiremock::ResponseTemplate::new(200)
        .set_body_raw(packed, "application/yaml")
        .insert_header("content-encoding", "gzip");
    let server = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(bomb).mount(&server).await;
    let error = list(&limited(&server.uri())).await.unwrap_err();
    assert_too_long(&error, "the answer is longer than 1048576 bytes");
}

#[tokio::test]
async fn list_within_limits_is_read() {
    let text = "x".repeat(200_000);
    let body =
        format!("them:\n    - {text}\nus.ns.o:\n    - name: g\n      rules: [{{record: r, expr: {text}}}]\n");
    let server = wiremock::MockServer::start().await;
    let answer = wiremock::ResponseTemplate::new(200).set_body_raw(body, "application/yaml");
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    assert_eq!(list(&limited(&server.uri())).await, Ok(1));
}

#[tokio::test]
async fn put_rejects_group_too_large_to_read_back() {
    let server = wiremock::MockServer::start().await;
    let taken = wiremock::ResponseTemplate::new(202);
    wiremock::Mock::given(wiremock::matchers::any()).respond_with(taken).expect(1).mount(&server).await;
    let group = |length: usize| {
        let rule = Rule { record: "r".into(), expr: "x".repeat(length), ..Rule::default() };
        Group { name: "g".into(), rules: vec![rule], ..Group::default() }
    };
    let client = limited(&server.uri());
    client.write_group(None, "us.ns.o", &EncodedGroup::of(&group(32_000)).unwrap()).await.unwrap();
    let error =
        client.write_group(None, "us.ns.o", &EncodedGroup::of(&group(33_000)).unwrap()).await.unwrap_err();
    assert!(
        error.kind() == RulerErrorKind::Rejected && error.message().contains("more than 32768 might not"),
        "{error:?}"
    );
}

#[tokio::test]
async fn state_size_is_limited() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"status\":\"success\",\"data\":{\"groups\":[";
    for (again, what) in [
        ("{\"name\":\"g\",\"file\":\"f\",\"rules\":[]},", "the answer is longer than 1048576 bytes"),
        ("{\"name\":", "what is loaded of a group is longer than 524288 bytes"),
    ] {
        let mut server = Endless::start(Vec::new(), head, again).await;
        let mut found = |_| {};
        let error = limited(&server.address).evaluation(None, &["us.ns.o"], &mut found).await.unwrap_err();
        assert_too_long(&error, what);
        server.disconnected().await;
    }
}

#[tokio::test]
async fn endless_error_and_acknowledgement_are_abandoned() {
    for (status, done) in [("500 Internal Server Error", false), ("202 Accepted", true)] {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\n\r\n");
        let mut server = Endless::start(Vec::new(), &head, "no ").await;
        let written = crate::auth::put(&limited(&server.address)).await;
        assert_eq!(written.is_ok(), done, "{written:?}");
        server.disconnected().await;
    }
}

#[tokio::test]
async fn endless_token_is_abandoned() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"access_token\":\"";
    let mut server = Endless::start(Vec::new(), head, "x").await;
    let oauth2 = json!({"client_id": "id", "client_secret": "s3cret", "token_url": server.address});
    let client = crate::auth::client("http://127.0.0.1:1", &config(json!({"oauth2": oauth2})));
    let error = crate::auth::put(&client).await.unwrap_err();
    assert!(error.to_string().contains("something else than a token"), "{error}");
    server.disconnected().await;
}

#[tokio::test]
async fn plain_response_size_is_limited() {
    let mut server = Endless::start(Vec::new(), "HTTP/1.1 200 OK\r\n\r\n", "x").await;
    let connection = connection(&server.address, &settings());
    let mut answer = connection.send(Request::get("/metrics", "metrics")).await.unwrap();
    let error = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it has no end"),
            Err(error) => break error,
        }
    };
    assert_too_long(&error, "the answer is longer than 1048576 bytes");
    drop(answer);
    server.disconnected().await;
}
