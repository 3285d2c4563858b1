//! The use of proxies, and the data that is sent to them.

use serde_json::json;
use wiremock::matchers::{any, header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::{client, config, put};
use crate::responses::Scripted;

#[tokio::test]
async fn proxy_is_used_unless_host_is_in_no_proxy() {
    let proxy = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(&proxy).await;
    let through = config(json!({"proxy_url": proxy.uri()}));
    put(&client("http://mimir.invalid:9009", &through)).await.unwrap();
    assert_eq!(proxy.received_requests().await.unwrap().len(), 1);
    let around = config(json!({"proxy_url": proxy.uri(), "no_proxy": ".invalid,10.0.0.0/8"}));
    let error = put(&client("http://mimir.invalid:9009", &around)).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    let unreachable = config(json!({"proxy_url": "http://user:hunter2@127.0.0.1:1"}));
    let error = put(&client("http://mimir.invalid:9009", &unreachable)).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn proxy_password_is_sent_to_proxy_only() {
    let proxy = MockServer::start().await;
    Mock::given(header("proxy-authorization", "Basic dTpodW50ZXIy"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&proxy)
        .await;
    let with_password = proxy.uri().replace("http://", "http://u:hunter2@");
    put(&client("http://mimir.invalid:9009", &config(json!({"proxy_url": with_password})))).await.unwrap();
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(&server).await;
    let around = config(json!({"proxy_url": with_password, "no_proxy": "localhost,127.0.0.0/8"}));
    put(&client(&server.uri(), &around)).await.unwrap();
    let seen = &server.received_requests().await.unwrap()[0];
    assert!(!seen.headers.contains_key("proxy-authorization"));
    assert_eq!(proxy.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_proxy_entry_may_have_port() {
    let (proxy, server) = (MockServer::start().await, MockServer::start().await);
    for either in [&proxy, &server] {
        Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(either).await;
    }
    for (port, through) in [(server.address().port(), 0), (1, 1)] {
        let settings = config(json!({"proxy_url": proxy.uri(), "no_proxy": format!("127.0.0.1:{port}")}));
        put(&client(&server.uri(), &settings)).await.unwrap();
        assert_eq!(proxy.received_requests().await.unwrap().len(), through);
    }
}

#[tokio::test]
async fn proxy_tunnels_https() {
    let proxy = Scripted::start("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let through = config(json!({"proxy_url": proxy.address, "bearer_token": "hunter2"}));
    let error = put(&client("https://mimir.invalid:9009", &through)).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    let head = proxy.heads.lock().unwrap()[0].clone();
    assert!(head.starts_with("CONNECT mimir.invalid:9009 ") && !head.contains("hunter2"), "{head}");
}

#[tokio::test]
async fn token_server_has_separate_proxy() {
    let proxy = MockServer::start().await;
    let token = ResponseTemplate::new(200).set_body_json(json!({"access_token": "t"}));
    Mock::given(path("/token")).respond_with(token).expect(1).mount(&proxy).await;
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer t"))
        .respond_with(ResponseTemplate::new(202))
        .expect(1)
        .mount(&server)
        .await;
    let oauth2 =
        json!({"client_id": "id", "token_url": "http://login.invalid/token", "proxy_url": proxy.uri()});
    put(&client(&server.uri(), &config(json!({"oauth2": oauth2})))).await.unwrap();
}

#[tokio::test]
async fn proxy_connect_header_is_sent_to_proxy_only() {
    let refusing = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let proxy = Scripted::start(refusing).await;
    let headers = json!({"X-Team": ["a", "b"], "Proxy-Authorization": ["Bearer hunter2"]});
    let with_user = proxy.address.replace("http://", "http://u:password@");
    let settings = config(json!({"proxy_url": with_user, "proxy_connect_header": headers}));
    let error = put(&client("https://mimir.invalid:9009", &settings)).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let head = proxy.heads.lock().unwrap()[0].to_lowercase();
    assert!(head.starts_with("connect mimir.invalid:9009 "), "{head}");
    for line in ["x-team: a", "x-team: b", "proxy-authorization: bearer hunter2", "user-agent: rulesync/"] {
        assert!(head.contains(&format!("\r\n{line}")), "{line}: {head}");
    }
    assert!(!head.contains("basic"), "the header takes the place of the user: {head}");
    assert!(!format!("{settings:?}").contains("hunter2"));
}
