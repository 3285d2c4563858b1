//! Gateways that echo the request in their responses: errors do not contain secrets.

use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::{RuleHealth, StoredFields};
use rulesync_core::testing::Observed;
use rulesync_core::{Listing, Ruler, RulerError};
use rulesync_http::{ClientConfig, LoadedReader};
use serde_json::json;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::auth::{client, config, connection, file, put};

const SECRET: &str = "hunter2/&\"x";

/// All headers of a request, as text.
fn headers(request: &Request) -> String {
    let line = |(name, value): (&_, &http::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    request.headers.iter().map(line).collect()
}

async fn echo(status: u16, content_type: &'static str) -> MockServer {
    let server = MockServer::start().await;
    let answer =
        move |request: &Request| ResponseTemplate::new(status).set_body_raw(headers(request), content_type);
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "t0ken-of-a-day"})))
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(answer).with_priority(9).mount(&server).await;
    server
}

/// Returns `true` if a text contains any part of the secrets that were sent.
fn leaks(text: &str) -> bool {
    // Base64 of `user:…` and of the secret alone.
    ["hunter2", "t0ken", "dXNlcjpodW50ZXIyLyYie", "aHVudGVyMi8mIn"].iter().any(|secret| text.contains(secret))
}

async fn list(settings: &ClientConfig, address: &str) -> RulerError {
    let (ours, previous) = (|_: &str| NamespaceClass::Managed, Observed::default());
    let mut listing = Listing::new(StoredFields::ALL, &ours, &previous);
    client(address, settings).list(None, &mut listing).await.unwrap_err()
}

fn auth_settings(server: &MockServer, secret_file: &std::path::Path) -> Vec<serde_json::Value> {
    let token_url = format!("{}/token", server.uri());
    vec![
        json!({"basic_auth": {"username": "user", "password": SECRET}}),
        json!({"basic_auth": {"username": "user", "password_file": secret_file}}),
        json!({"authorization": {"type": "Token", "credentials": SECRET}}),
        json!({"bearer_token_file": secret_file}),
        json!({"http_headers": {"X-Api-Key": {"secrets": [SECRET]}}}),
        json!({"http_headers": {"X-Api-Key": {"files": [secret_file]}}}),
        json!({"oauth2": {"client_id": "id", "client_secret": SECRET, "token_url": token_url}}),
    ]
}

#[tokio::test]
async fn error_does_not_leak_secrets_echoed_by_gateway() {
    let secret = file(&format!("{SECRET}\n"));
    for status in [400, 401, 403, 409, 500] {
        let server = echo(status, "text/plain").await;
        for settings in auth_settings(&server, secret.path()) {
            let error = put(&client(&server.uri(), &config(settings.clone()))).await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("<secret>") && !leaks(&text), "{settings}, {status}: {text}");
        }
    }
}

#[tokio::test]
async fn list_error_does_not_leak_echoed_secrets() {
    let secret = file(&format!("{SECRET}\n"));
    for length in [0, 60, 70] {
        let server = MockServer::start().await;
        let answer = move |request: &Request| {
            let value =
                ["authorization", "x-api-key"].iter().find_map(|name| request.headers.get(*name)).unwrap();
            // Only the beginning of a line is shown; the secret may be truncated.
            let body = format!("{} {}!\n", "x".repeat(length), String::from_utf8_lossy(value.as_bytes()));
            ResponseTemplate::new(200).set_body_raw(body, "text/plain")
        };
        Mock::given(path("/token"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "t0ken-of-a-day"})))
            .mount(&server)
            .await;
        Mock::given(any()).respond_with(answer).with_priority(9).mount(&server).await;
        for settings in auth_settings(&server, secret.path()) {
            let error = list(&config(settings.clone()), &server.uri()).await;
            assert!(
                error.kind().as_str() == "unreadable" && !leaks(&error.to_string()),
                "{settings}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn rule_error_does_not_leak_secrets() {
    let server = MockServer::start().await;
    let state = json!({"status": "success", "data": {"groups": [{"name": "g", "file": "us.ns.o", "rules": [
        {"name": "A", "health": "err", "lastError": format!("querying with {SECRET}"), "lastEvaluation": "2026-11-23T03:27:26Z"}]}]}});
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(state)).mount(&server).await;
    let client = client(&server.uri(), &config(json!({"bearer_token": SECRET})));
    let mut health = Vec::new();
    let mut found = |group: rulesync_core::ruler::EvaluatedGroup| {
        health.extend(group.rules.into_iter().map(|rule| rule.health))
    };
    client.evaluation(None, &["us.ns.o"], &mut found).await.unwrap();
    assert_eq!(health, [RuleHealth::Failing("querying with <secret>".to_owned())]);

    let settings = config(json!({"bearer_token": SECRET}));
    let request = rulesync_http::Request::get("/api/v1/rules", "rules");
    let mut answer = connection(&server.uri(), &settings).send(request).await.unwrap();
    let (mut reader, mut plain) = (LoadedReader::of(&answer), Vec::new());
    while let Some(chunk) = answer.chunk().await.unwrap() {
        reader
            .push(&chunk, &mut |group| plain.extend(group.rules.into_iter().map(|rule| rule.health)))
            .unwrap();
    }
    assert_eq!(plain, health);
}

#[tokio::test]
async fn plain_response_does_not_leak_secrets() {
    let server = echo(500, "text/plain").await;
    let settings = config(json!({"basic_auth": {"username": "user", "password": SECRET}}));
    let request = rulesync_http::Request::post("/-/reload", "reload");
    let excerpt = connection(&server.uri(), &settings).send(request).await.unwrap().excerpt().await;
    assert!(excerpt.contains("authorization: Basic <secret>\n") && !leaks(&excerpt), "{excerpt}");
}

#[tokio::test]
async fn truncated_response_does_not_leak_part_of_secret() {
    let server = MockServer::start().await;
    let body = format!("{}{SECRET} and so on", "x".repeat((64 << 10) - 7));
    Mock::given(any()).respond_with(ResponseTemplate::new(500).set_body_string(body)).mount(&server).await;
    let settings = config(json!({"bearer_token": SECRET}));
    let request = rulesync_http::Request::post("/-/reload", "reload");
    let excerpt = connection(&server.uri(), &settings).send(request).await.unwrap().excerpt().await;
    assert!(excerpt.ends_with("xx<secret>…") && !leaks(&excerpt), "{}", &excerpt[excerpt.len() - 20..]);
}

#[tokio::test]
async fn error_does_not_leak_token_parameters() {
    let server = MockServer::start().await;
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "t0ken-of-a-day"})))
        .mount(&server)
        .await;
    let echoed = format!("{SECRET} for rules-of-ours");
    Mock::given(any())
        .respond_with(ResponseTemplate::new(400).set_body_string(echoed))
        .with_priority(9)
        .mount(&server)
        .await;
    let parameters = json!({"password": SECRET, "audience": "rules-of-ours"});
    let oauth2 = json!({"client_id": "id", "token_url": format!("{}/token", server.uri()), "endpoint_params": parameters});
    let error = put(&client(&server.uri(), &config(json!({"oauth2": oauth2})))).await.unwrap_err();
    assert_eq!(error.message(), "<secret> for rules-of-ours");
}

#[tokio::test]
async fn error_does_not_leak_proxy_user_without_password() {
    let proxy = echo(407, "text/plain").await;
    let address = proxy.address();
    for user in ["hunter2%2F%26%22x", "hunter2%2F%26%22x:"] {
        let settings = config(json!({"proxy_url": format!("http://{user}@{address}")}));
        let error = put(&client("http://mimir.invalid", &settings)).await.unwrap_err();
        assert!(error.to_string().contains("proxy-authorization: Basic <secret>"), "{error}");
        // Base64 of the secret and a colon.
        assert!(!error.to_string().contains("aHVudGVyMi8mIng"), "{error}");
    }
}

#[tokio::test]
async fn error_does_not_leak_proxy_password() {
    let proxy = echo(407, "text/plain").await;
    let address = proxy.address();
    let settings = config(json!({"proxy_url": format!("http://user:hunter2%2F%26%22x@{address}")}));
    let error = put(&client("http://mimir.invalid", &settings)).await.unwrap_err();
    assert!(error.to_string().contains("proxy-authorization: Basic <secret>"), "{error}");
    assert!(!leaks(&error.to_string()), "{error}");
}
