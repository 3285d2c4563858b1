//! Contradictions, secrets, proxies and deadlines.

use std::time::Duration;

use rulesync_core::RulerError;
use rulesync_http::{ClientConfig, Flavour, RulerClient};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::{client, config, put};

fn refused(address: &str, config: &ClientConfig) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = RulerClient::new(address, Flavour::cortex(), config, Duration::from_secs(1), None);
    made.unwrap_err().to_string()
}

#[test]
fn contradictions_name_the_keys() {
    for (settings, says) in [
        (json!({"basic_auth": {"username": "u"}, "bearer_token": "t"}), "`bearer_token`"),
        (json!({"basic_auth": {"password": "p"}}), "basic_auth.username"),
        (json!({"basic_auth": {"username": "u", "password": "p", "password_file": "f"}}), "`password_file`"),
        (json!({"authorization": {"type": "Basic", "credentials": "c"}}), "basic_auth"),
        (json!({"authorization": {"type": "Bearer"}}), "authorization.credentials"),
        (json!({"oauth2": {"client_id": "i"}}), "oauth2.token_url"),
        (json!({"tls_config": {"cert_file": "c"}}), "tls_config.key"),
        (json!({"tls_config": {"ca": "x", "ca_file": "y"}}), "`ca_file`"),
        (json!({"tls_config": {"ca_file": "/does/not/exist"}}), "/does/not/exist"),
        (json!({"http_headers": {"X-Scope-OrgID": {"values": ["x"]}}}), "http_headers.X-Scope-OrgID"),
        (json!({"http_headers": {"bad name": {"values": ["x"]}}}), "http_headers.bad name"),
        (json!({"proxy_url": "http://user:hunter2@[bad"}), "proxy_url"),
    ] {
        let error = refused("http://127.0.0.1:1", &config(settings.clone()));
        assert!(error.contains(says) && !error.contains("hunter2"), "{settings}: {error}");
    }
    for address in ["", "mimir:9009", "ftp://x", "http://u:hunter2@x", "http://x?y"] {
        let error = refused(address, &ClientConfig::default());
        assert!(error.contains("`address`") && !error.contains("hunter2"), "{address}: {error}");
    }
}

#[test]
fn secrets_do_not_show() {
    let settings = config(json!({
        "basic_auth": {"username": "u", "password": "hunter2"}, "proxy_url": "http://u:hunter2@127.0.0.1:1",
        "tls_config": {"key": "hunter2"}, "http_headers": {"X": {"secrets": ["hunter2"]}},
    }));
    assert!(!format!("{settings:?}").contains("hunter2"));
    let settings = config(
        json!({"basic_auth": {"username": "u", "password": "hunter2"}, "proxy_url": "http://u:hunter2@127.0.0.1:1"}),
    );
    assert!(!format!("{:?}", client("http://127.0.0.1:1", &settings)).contains("hunter2"));
}

#[tokio::test]
async fn a_proxy_gets_the_request_unless_the_host_is_excepted() {
    let proxy = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(&proxy).await;
    let through = config(json!({"proxy_url": proxy.uri()}));
    put(&client("http://mimir.invalid:9009", &through)).await.unwrap();
    assert_eq!(proxy.received_requests().await.unwrap().len(), 1);
    let around = config(json!({"proxy_url": proxy.uri(), "no_proxy": ".invalid,10.0.0.0/8"}));
    let error = put(&client("http://mimir.invalid:9009", &around)).await.unwrap_err();
    assert_eq!(error.class(), "unavailable");
    let unreachable = config(json!({"proxy_url": "http://user:hunter2@127.0.0.1:1"}));
    let error = put(&client("http://mimir.invalid:9009", &unreachable)).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(202).set_delay(Duration::from_secs(60)))
        .mount(&server)
        .await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let timeout = Duration::from_millis(100);
    let client =
        RulerClient::new(&server.uri(), Flavour::cortex(), &ClientConfig::default(), timeout, None).unwrap();
    let error = put(&client).await.unwrap_err();
    assert!(
        matches!(error, RulerError::Unavailable { ref message, .. } if message.contains("0.1s")),
        "{error}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = MockServer::start().await;
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    Mock::given(any()).respond_with(redirect).mount(&server).await;
    let error = put(&client(&server.uri(), &ClientConfig::default())).await.unwrap_err();
    assert_eq!(error.class(), "misconfigured");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}
