//! Who we are to the server.

use std::time::Duration;

use rulesync_core::{Group, Rule, RulerError};
use rulesync_http::{ClientConfig, Flavour, RulerClient};
use serde_json::json;
use wiremock::matchers::{any, body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) fn config(value: serde_json::Value) -> ClientConfig {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn client(address: &str, config: &ClientConfig) -> RulerClient {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RulerClient::new(address, Flavour::mimir("/prometheus"), config, Duration::from_secs(10), None).unwrap()
}

pub(crate) async fn put(client: &RulerClient) -> Result<(), RulerError> {
    let rule = Rule { record: "a:b".into(), expr: "up".into(), ..Rule::default() };
    client
        .put_group(None, "us.ns.o", &Group { name: "g".into(), rules: vec![rule], ..Group::default() })
        .await
}

/// A server that accepts what carries this header and refuses everything else.
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

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn every_way_to_say_it() {
    let password = file("secret\n");
    let token = file("token\n");
    let basic = "Basic dXNlcjpzZWNyZXQ=";
    for (wanted, settings) in [
        (basic, json!({"basic_auth": {"username": "user", "password": "secret"}})),
        (basic, json!({"basic_auth": {"username": "user", "password_file": password.path()}})),
        ("Bearer token", json!({"authorization": {"credentials": "token"}})),
        ("Token token", json!({"authorization": {"type": "Token", "credentials_file": token.path()}})),
        ("Bearer token", json!({"bearer_token": "token"})),
        ("Bearer token", json!({"bearer_token_file": token.path()})),
    ] {
        let server = server_that_wants("authorization", wanted).await;
        put(&client(&server.uri(), &config(settings.clone())))
            .await
            .unwrap_or_else(|error| panic!("{settings}: {error}"));
        let refused = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
        assert!(
            matches!(refused, RulerError::Denied { ref message } if message == "who are you"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_changed_secret_is_read_again_when_the_old_one_is_refused() {
    let token = file("old");
    let server = server_that_wants("authorization", "Bearer new").await;
    let client = client(&server.uri(), &config(json!({"bearer_token_file": token.path()})));
    assert!(put(&client).await.is_err());
    std::fs::write(token.path(), "new").unwrap();
    put(&client).await.unwrap();
}

#[tokio::test]
async fn further_headers_are_sent() {
    let value = file("from-file\n");
    let server = MockServer::start().await;
    Mock::given(header("x-one", "1"))
        .and(header("x-two", "hidden"))
        .and(header("x-three", "from-file"))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    let headers = json!({"X-One": {"values": ["1"]}, "X-Two": {"secrets": ["hidden"]}, "X-Three": {"files": [value.path()]}});
    put(&client(&server.uri(), &config(json!({"http_headers": headers})))).await.unwrap();
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all_and_again_when_refused() {
    let server = MockServer::start().await;
    let form = "grant_type=client_credentials&scope=a%20b&audience=rules%2F1";
    let token = |token: &str| {
        ResponseTemplate::new(200).set_body_json(json!({"access_token": token, "expires_in": 3600}))
    };
    Mock::given(method("POST"))
        .and(path("/token"))
        .and(body_string(form))
        .and(header("authorization", "Basic aWQ6czNjcmV0"))
        .respond_with(token("first"))
        .up_to_n_times(1)
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/token")).respond_with(token("second")).expect(1).mount(&server).await;
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
    let client = std::sync::Arc::new(client(&server.uri(), &config(json!({"oauth2": oauth2}))));
    let many: Vec<_> = (0..20)
        .map(|_| {
            let client = std::sync::Arc::clone(&client);
            tokio::spawn(async move { put(&client).await })
        })
        .collect();
    for one in many {
        one.await.unwrap().unwrap();
    }
    // The first token has expired at the server.
    put(&client).await.unwrap();
    server.verify().await;
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_told_without_the_secret() {
    let server = MockServer::start().await;
    Mock::given(path("/token")).respond_with(ResponseTemplate::new(400)).mount(&server).await;
    let oauth2 =
        json!({"client_id": "id", "client_secret": "s3cret", "token_url": format!("{}/token", server.uri())});
    let error = put(&client(&server.uri(), &config(json!({"oauth2": oauth2})))).await.unwrap_err();
    assert_eq!(error.class(), "unavailable");
    assert!(error.to_string().contains("oauth2") && !error.to_string().contains("s3cret"), "{error}");
}
