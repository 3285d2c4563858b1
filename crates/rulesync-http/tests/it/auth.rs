//! Authentication against the server.

use std::time::Duration;

use rulesync_core::{EncodedGroup, Group, Rule, Ruler, RulerError};
use rulesync_http::{ClientConfig, Connection, RulerClient};
use rulesync_mimir::{cortex_ruler, mimir_ruler};
use serde_json::json;
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::oauth2::advance;

pub(crate) fn config(value: serde_json::Value) -> ClientConfig {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn connection(address: &str, config: &ClientConfig) -> Connection {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Connection::new(address, config).unwrap()
}

pub(crate) fn client(address: &str, config: &ClientConfig) -> RulerClient {
    mimir_ruler(connection(address, config).with_timeout(Duration::from_secs(10)), "/prometheus").unwrap()
}

pub(crate) async fn put(client: &RulerClient) -> Result<(), RulerError> {
    let rule = Rule { record: "a:b".into(), expr: "up".into(), ..Rule::default() };
    client
        .write_group(
            None,
            "us.ns.o",
            &EncodedGroup::of(&Group { name: "g".into(), rules: vec![rule], ..Group::default() }).unwrap(),
        )
        .await
}

/// A server that accepts requests with this header and rejects all others.
async fn server_that_wants(name: &str, value: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(header(name, value))
        .respond_with(ResponseTemplate::new(202))
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401).set_body_string("who are you"))
        .mount(&server)
        .await;
    server
}

pub(crate) fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn auth_methods_send_authorization_header() {
    let (user, password) = (file("user\n"), file("secret\n"));
    let token = file("token\n");
    let basic = "Basic dXNlcjpzZWNyZXQ=";
    for (wanted, settings) in [
        (basic, json!({"basic_auth": {"username": "user", "password": "secret"}})),
        (basic, json!({"basic_auth": {"username": "user", "password_file": password.path()}})),
        (basic, json!({"basic_auth": {"username_file": user.path(), "password": "secret"}})),
        ("Basic dXNlcjo=", json!({"basic_auth": {"username": "user"}})),
        ("Bearer token", json!({"authorization": {"credentials": "token"}})),
        ("Token token", json!({"authorization": {"type": "Token", "credentials_file": token.path()}})),
        ("Bearer token", json!({"bearer_token": "token"})),
        ("Bearer token", json!({"bearer_token_file": token.path()})),
    ] {
        let server = server_that_wants("authorization", wanted).await;
        put(&client(&server.uri(), &config(settings.clone())))
            .await
            .unwrap_or_else(|error| panic!("{settings}: {error}"));
        let rejected = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
        assert!(rejected == RulerError::denied("who are you"), "{rejected}");
    }
}

#[tokio::test]
async fn auth_rereads_secret_file_after_rejection() {
    let secret = file("old");
    let path = secret.path();
    for (name, wanted, settings) in [
        ("authorization", "Bearer new", json!({"bearer_token_file": path})),
        ("authorization", "Basic dTpuZXc=", json!({"basic_auth": {"username": "u", "password_file": path}})),
        ("x-api-key", "new", json!({"http_headers": {"X-Api-Key": {"files": [path]}}})),
    ] {
        std::fs::write(path, "old").unwrap();
        let server = server_that_wants(name, wanted).await;
        let client = client(&server.uri(), &config(settings));
        assert!(put(&client).await.is_err());
        std::fs::write(path, "new").unwrap();
        put(&client).await.unwrap();
    }
}

#[tokio::test]
async fn auth_secret_file_does_not_count_as_ruler_time() {
    let path = std::path::PathBuf::from("/a/token/that/hangs");
    let (release, hanging) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let hang = move || {
        begun.send(()).unwrap();
        hanging.recv().unwrap();
        Ok::<_, rulesync_fs::FileError>(())
    };
    let long = Duration::from_secs(1000);
    let hung = tokio::spawn({
        let path = path.clone();
        async move { rulesync_fs::run_with_deadline(&path, long, hang).await }
    });
    beginning.await.unwrap();
    let settings = config(json!({"bearer_token_file": path}));
    let connection = connection("http://127.0.0.1:1", &settings).with_timeout(Duration::from_secs(5));
    let client = cortex_ruler(connection).unwrap();
    let writing = tokio::spawn(async move { put(&client).await });
    tokio::task::yield_now().await;
    advance(Duration::from_secs(11)).await;
    let error = writing.await.unwrap().unwrap_err();
    let expected = "the request was not sent: /a/token/that/hangs: it was not read or written within 10s";
    assert_eq!((error.kind().as_str(), error.message()), ("unavailable", expected));
    release.send(()).unwrap();
    hung.await.unwrap().unwrap();
}

#[tokio::test]
async fn auth_does_not_retry_with_fixed_credentials() {
    let server = server_that_wants("authorization", "Bearer right").await;
    assert!(put(&client(&server.uri(), &config(json!({"bearer_token": "wrong"})))).await.is_err());
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn http_headers_are_sent() {
    let value = file("from-file\n");
    let server = MockServer::start().await;
    Mock::given(header("x-two", "hidden"))
        .and(header("x-three", "from-file"))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    let headers = json!({"X-One": {"values": ["1", "één"]}, "X-Two": {"secrets": ["hidden"]}, "X-Three": {"files": [value.path()]}});
    put(&client(&server.uri(), &config(json!({"http_headers": headers})))).await.unwrap();
    let sent = &server.received_requests().await.unwrap()[0].headers;
    let values: Vec<_> = sent.get_all("x-one").iter().map(|value| value.as_bytes()).collect();
    assert_eq!(values, [b"1".as_slice(), "één".as_bytes()]);
    assert_eq!(sent["user-agent"], concat!("rulesync/", env!("CARGO_PKG_VERSION")));
}
