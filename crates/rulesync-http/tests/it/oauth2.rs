//! Fetching and renewing OAuth 2.0 tokens.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::RulerError;
use rulesync_http::RulerClient;
use rulesync_mimir::cortex_ruler;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::{client, config, connection, file, put};

fn token(token: &str, expires_in: serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"access_token": token, "expires_in": expires_in}))
}

/// A server that issues the token `first` once and then `second`, and accepts the `accepted` ones.
async fn server_that_accepts(accepted: &[&str], expires_in: serde_json::Value, seconds: u64) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(token("first", expires_in))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/token"))
        .respond_with(token("second", json!(3600)))
        .expect(seconds)
        .mount(&server)
        .await;
    for token in accepted {
        Mock::given(header("authorization", format!("Bearer {token}").as_str()))
            .respond_with(ResponseTemplate::new(202))
            .mount(&server)
            .await;
    }
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(401))
        .with_priority(9)
        .mount(&server)
        .await;
    server
}

fn with_tokens_of(server: &MockServer) -> RulerClient {
    let oauth2 =
        json!({"client_id": "id", "client_secret": "s3cret", "token_url": format!("{}/token", server.uri())});
    client(&server.uri(), &config(json!({"oauth2": oauth2})))
}

async fn put_many(client: &Arc<RulerClient>) {
    let many: Vec<_> = (0..20)
        .map(|_| {
            let client = Arc::clone(client);
            tokio::spawn(async move { put(&client).await })
        })
        .collect();
    for one in many {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn token_is_shared_and_renewed_when_rejected() {
    let server = MockServer::start().await;
    let form = "grant_type=client_credentials&scope=a%20b&audience=rules%2F1";
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(body_string(form))
        .and(header("authorization", "Basic aWQ6czNjcmV0"))
        .respond_with(token("first", json!(3600)))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/token")).respond_with(token("second", json!(3600))).expect(1).mount(&server).await;
    let accepted =
        |value: &str| Mock::given(header("authorization", value)).respond_with(ResponseTemplate::new(202));
    accepted("Bearer first").up_to_n_times(20).mount(&server).await;
    accepted("Bearer second").mount(&server).await;
    Mock::given(header("authorization", "Bearer first"))
        .respond_with(ResponseTemplate::new(401))
        .with_priority(9)
        .mount(&server)
        .await;
    let oauth2 = json!({"client_id": "id", "client_secret": "s3cret", "token_url": format!("{}/token", server.uri()),
        "scopes": ["a", "b"], "endpoint_params": {"audience": "rules/1"}});
    let client = Arc::new(client(&server.uri(), &config(json!({"oauth2": oauth2}))));
    put_many(&client).await;
    // The first token has expired at the server.
    put(&client).await.unwrap();
    server.verify().await;
}

#[tokio::test]
async fn token_is_renewed_once_for_concurrent_rejections() {
    let server = server_that_accepts(&["second"], json!(3600), 1).await;
    put_many(&Arc::new(with_tokens_of(&server))).await;
    server.verify().await;
}

#[tokio::test]
async fn token_is_renewed_before_expiry() {
    let server = server_that_accepts(&["first", "second"], json!(100), 1).await;
    let client = with_tokens_of(&server);
    put(&client).await.unwrap();
    advance(Duration::from_secs(80)).await;
    put(&client).await.unwrap();
    advance(Duration::from_secs(11)).await;
    put(&client).await.unwrap();
    assert_eq!(used(&server).await, ["Bearer first", "Bearer first", "Bearer second"]);
    server.verify().await;
}

/// The `Authorization` headers of the requests to the ruler.
async fn used(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let signed = requests.iter().filter(|request| request.url.path() != "/token");
    signed.map(|request| request.headers["authorization"].to_str().unwrap().to_owned()).collect()
}

/// Advances the clock. Only between requests: otherwise real connections would exceed their deadlines.
pub(crate) async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn token_accepts_any_lifetime_value() {
    for expires_in in [
        json!("3600"),
        json!(3599.5),
        json!(u64::MAX),
        json!(null),
        json!("soon"),
        json!("nan"),
        json!(0),
        json!(-1),
    ] {
        let server = server_that_accepts(&["first"], expires_in, 0).await;
        let client = with_tokens_of(&server);
        put(&client).await.unwrap();
        put(&client).await.unwrap();
        server.verify().await;
    }
    // The lifetime is unknown.
    let server = server_that_accepts(&["first", "second"], json!("nan"), 1).await;
    let client = with_tokens_of(&server);
    put(&client).await.unwrap();
    advance(Duration::from_secs(300)).await;
    put(&client).await.unwrap();
    assert_eq!(used(&server).await, ["Bearer first", "Bearer second"]);
}

/// A server that issues tokens when the test lets it.
struct SlowTokenServer {
    address: String,
    asked: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

impl SlowTokenServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asking, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 8192];
                let _ = stream.read(&mut buffer).await;
                let (go, wait) = oneshot::channel();
                asking.send(go).unwrap();
                tokio::spawn(async move {
                    let _ = wait.await;
                    let body = r#"{"access_token": "first", "expires_in": 3600}"#;
                    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length";
                    let _ =
                        stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
                });
            }
        });
        Self { address, asked }
    }

    /// A ruler, and a client of it with a timeout of five seconds.
    async fn with_ruler(&self) -> (MockServer, Arc<RulerClient>) {
        let ruler = MockServer::start().await;
        let accepted = Mock::given(header("authorization", "Bearer first"));
        accepted.respond_with(ResponseTemplate::new(202)).mount(&ruler).await;
        let oauth2 = json!({"client_id": "id", "client_secret": "s3cret", "token_url": self.address});
        let connection = connection(&ruler.uri(), &config(json!({"oauth2": oauth2})));
        let client = cortex_ruler(connection.with_timeout(Duration::from_secs(5))).unwrap();
        (ruler, Arc::new(client))
    }
}

fn putting(client: &Arc<RulerClient>) -> tokio::task::JoinHandle<Result<(), RulerError>> {
    let client = Arc::clone(client);
    tokio::spawn(async move { put(&client).await })
}

#[tokio::test]
async fn token_fetch_does_not_count_as_ruler_time() {
    let mut tokens = SlowTokenServer::start().await;
    let (ruler, client) = tokens.with_ruler().await;
    let writing = putting(&client);
    let go = tokens.asked.recv().await.unwrap();
    advance(Duration::from_secs(8)).await;
    go.send(()).unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(used(&ruler).await, ["Bearer first"]);
}

#[tokio::test]
async fn token_fetch_timeout_is_reported() {
    let mut tokens = SlowTokenServer::start().await;
    let (ruler, client) = tokens.with_ruler().await;
    let writing = [putting(&client), putting(&client)];
    let _go = tokens.asked.recv().await.unwrap();
    advance(Duration::from_secs(16)).await;
    for writing in writing {
        let error = writing.await.unwrap().unwrap_err();
        let expected = "the request was not sent: oauth2: the token's server gave no token within 15s";
        assert_eq!((error.kind().as_str(), error.message()), ("unavailable", expected));
    }
    assert!(tokens.asked.try_recv().is_err(), "asked once for both");
    assert!(ruler.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn token_fetch_continues_after_cancellation() {
    let mut tokens = SlowTokenServer::start().await;
    let (ruler, client) = tokens.with_ruler().await;
    let writing = putting(&client);
    let go = tokens.asked.recv().await.unwrap();
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    put(&client).await.unwrap();
    assert_eq!(used(&ruler).await, ["Bearer first"]);
    assert!(tokens.asked.try_recv().is_err(), "asked once");
}

#[tokio::test]
async fn client_secret_file_is_reread_after_rejection() {
    let secret = file("old");
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .and(header("authorization", "Basic aWQ6bmV3"))
        .respond_with(token("t", json!(3600)))
        .mount(&server)
        .await;
    Mock::given(path("/token")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    Mock::given(header("authorization", "Bearer t"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let oauth2 = json!({"client_id": "id", "client_secret_file": secret.path(),
        "token_url": format!("{}/token", server.uri())});
    let client = client(&server.uri(), &config(json!({"oauth2": oauth2})));
    assert!(put(&client).await.is_err());
    std::fs::write(secret.path(), "new").unwrap();
    put(&client).await.unwrap();
}

#[tokio::test]
async fn client_secret_file_is_renewed_at_once_when_rejected() {
    let secret = file("old");
    let server = MockServer::start().await;
    let with = |authorization: &str| Mock::given(path("/token")).and(header("authorization", authorization));
    // The first token expires soon, and the secret is replaced before it is read again.
    with("Basic aWQ6b2xk").respond_with(token("t", json!(1))).up_to_n_times(1).mount(&server).await;
    with("Basic aWQ6bmV3").respond_with(token("t", json!(3600))).expect(1).mount(&server).await;
    with("Basic aWQ6b2xk").respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
    Mock::given(header("authorization", "Bearer t"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let oauth2 = json!({"client_id": "id", "client_secret_file": secret.path(),
        "token_url": format!("{}/token", server.uri())});
    let client = client(&server.uri(), &config(json!({"oauth2": oauth2})));
    put(&client).await.unwrap();
    std::fs::write(secret.path(), "new").unwrap();
    advance(Duration::from_secs(1)).await;
    put(&client).await.unwrap();
    server.verify().await;
}

#[tokio::test]
async fn token_fetch_error_does_not_contain_secret() {
    let server = MockServer::start().await;
    Mock::given(path("/token")).respond_with(ResponseTemplate::new(400)).mount(&server).await;
    let oauth2 =
        json!({"client_id": "id", "client_secret": "s3cret", "token_url": format!("{}/token", server.uri())});
    let error = put(&client(&server.uri(), &config(json!({"oauth2": oauth2})))).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    assert!(error.to_string().contains("oauth2") && !error.to_string().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn token_invalid_in_header_is_reported_and_not_cached() {
    for bad in ["two words", "a\nb", "token\n", "\u{7f}", "é", ""] {
        let server = MockServer::start().await;
        Mock::given(path("/token"))
            .respond_with(token(bad, json!(3600)))
            .up_to_n_times(1)
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(path("/token")).respond_with(token("good", json!(3600))).expect(1).mount(&server).await;
        Mock::given(header("authorization", "Bearer good"))
            .respond_with(ResponseTemplate::new(202))
            .mount(&server)
            .await;
        let client = with_tokens_of(&server);
        let error = put(&client).await.unwrap_err();
        assert!(
            error.to_string().contains("oauth2: the token's server answered with a token that no header can"),
            "{error}"
        );
        put(&client).await.unwrap();
        server.verify().await;
    }
}
