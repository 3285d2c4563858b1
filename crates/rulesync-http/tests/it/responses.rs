//! Slow, missing, compressed and redirected responses, and the reports to the observer.

use rulesync_core::ruler::RulerErrorKind;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rulesync_core::{Ruler, RulerError};
use rulesync_http::{ClientConfig, RequestObserver, RulerClient};
use rulesync_mimir::cortex_ruler;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::{client, connection, put};

/// A server that writes the same bytes for every request and keeps its connections open.
pub(crate) struct Scripted {
    pub(crate) address: String,
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Scripted {
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let server = Self { address, heads: Arc::clone(&heads), connections: Arc::clone(&connections) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let heads = Arc::clone(&heads);
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while let Ok(1..) = stream.read_buf(&mut request).await {
                        if !complete(&request) {
                            continue;
                        }
                        heads.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                        request.clear();
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        server
    }
}

/// Returns `true` if head and body of a request are complete.
fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn with_short_timeout(address: &str, observer: Option<Arc<dyn RequestObserver>>) -> RulerClient {
    let connection = connection(address, &ClientConfig::default()).with_timeout(Duration::from_millis(100));
    cortex_ruler(match observer {
        Some(observer) => connection.with_observer(observer),
        None => connection,
    })
    .unwrap()
}

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<String>>);

impl RequestObserver for Seen {
    fn observe(&self, method: &'static str, route: &'static str, code: &str, _: Duration) {
        self.0.lock().unwrap().push(format!("{method} {route} {code}"));
    }
}

#[tokio::test]
async fn put_to_hanging_server_times_out_and_is_observed() {
    let server = Scripted::start("").await;
    let seen = Arc::new(Seen::default());
    let observer: Arc<dyn RequestObserver> = Arc::clone(&seen) as _;
    let error = put(&with_short_timeout(&server.address, Some(observer))).await.unwrap_err();
    assert!(error.kind() == RulerErrorKind::Unavailable && error.message().contains("0.1s"), "{error}");
    assert_eq!(*seen.0.lock().unwrap(), ["POST namespace error"]);
}

#[tokio::test]
async fn put_outcome_does_not_depend_on_incomplete_body() {
    let rejecting = Scripted::start("HTTP/1.1 400 Bad Request\r\ncontent-length: 99\r\n\r\nbad rule").await;
    let error = put(&with_short_timeout(&rejecting.address, None)).await.unwrap_err();
    assert_eq!(error, RulerError::rejected("bad rule…"));
    let accepting = Scripted::start("HTTP/1.1 202 Accepted\r\ncontent-length: 99\r\n\r\n{").await;
    put(&with_short_timeout(&accepting.address, None)).await.unwrap();
}

#[tokio::test]
async fn connection_is_reused_after_error() {
    let server = Scripted::start("HTTP/1.1 400 Bad Request\r\ncontent-length: 8\r\n\r\nbad rule").await;
    let client = client(&server.address, &ClientConfig::default());
    for _ in 0..3 {
        assert_eq!(put(&client).await.unwrap_err().kind().as_str(), "rejected");
    }
    assert_eq!(*server.connections.lock().unwrap(), 1);
    assert_eq!(server.heads.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn long_error_body_is_truncated() {
    let server = MockServer::start().await;
    let long = ResponseTemplate::new(400).set_body_string("x".repeat(10 << 20));
    Mock::given(any()).respond_with(long).mount(&server).await;
    let error = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
    assert!(error.to_string().len() < 3000 && error.kind().as_str() == "rejected");
}

#[tokio::test]
async fn responses_may_be_compressed_but_requests_are_not() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"unable to decode rule group").unwrap();
    let answer = ResponseTemplate::new(400)
        .set_body_raw(packed.finish().unwrap(), "text/plain")
        .insert_header("content-encoding", "gzip");
    let server = MockServer::start().await;
    Mock::given(header("accept-encoding", "gzip")).respond_with(answer).mount(&server).await;
    let error = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
    assert!(error == RulerError::rejected("unable to decode rule group"), "{error}");
    let request = &server.received_requests().await.unwrap()[0];
    assert!(!request.headers.contains_key("content-encoding"));
    assert_eq!(request.headers["content-type"], "application/yaml");
    assert!(request.body.starts_with(br#"{"name":"g","#));
}

#[tokio::test]
async fn retry_after_date_is_reported() {
    let server = MockServer::start().await;
    let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1800));
    let busy = ResponseTemplate::new(429).insert_header("retry-after", later);
    Mock::given(any()).respond_with(busy).mount(&server).await;
    let error = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
    let Some(wait) = error.retry_after() else { panic!("{error}") };
    // A date has whole seconds, and the request takes some time, but less than a quarter of an hour.
    assert!((900..=1800).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = MockServer::start().await;
    let server = MockServer::start().await;
    let location = format!("{}/login?token=hunter2", elsewhere.uri().replace("//", "//user:hunter2@"));
    let redirect = ResponseTemplate::new(307).insert_header("location", location);
    Mock::given(any()).respond_with(redirect).mount(&server).await;
    let error = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");
    let (asked, target) = (format!("{}/prometheus/config/v1/rules/us.ns.o", server.uri()), elsewhere.uri());
    assert_eq!(
        error.message(),
        format!("redirected (307) from {asked} to {target}/login; redirects are not followed")
    );
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn errors_contain_hints() {
    let server = MockServer::start().await;
    let answer = |status, body: &'static str| ResponseTemplate::new(status).set_body_string(body);
    Mock::given(wiremock::matchers::path_regex("%2F"))
        .respond_with(answer(404, "no route"))
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(answer(401, "no org id\n")).with_priority(9).mount(&server).await;
    let client = client(&server.uri(), &ClientConfig::default());
    let mangled = client.delete_group(None, "a/b", "g").await.unwrap_err();
    assert!(
        mangled.message().contains("a proxy on the way decodes it and must be told to pass `%2F`"),
        "{mangled}"
    );
    let missing = client.delete_group(None, "a", "g").await.unwrap_err();
    assert_eq!(missing.message(), "no org id: set `tenant` on the route");
    let tenant = "t".parse().unwrap();
    let rejected = client.delete_group(Some(&tenant), "a", "g").await.unwrap_err();
    assert!(rejected.message().contains("the route's tenant was sent"), "{rejected}");
}
