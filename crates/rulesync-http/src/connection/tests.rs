//! Requests with credentials to local servers.

use std::sync::Mutex;
use std::time::Duration;

use wiremock::matchers::{basic_auth, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::settings::BasicAuth;

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<String>>);

impl RequestObserver for Seen {
    fn observe(&self, method: &'static str, route: &'static str, code: &str, _: Duration) {
        self.0.lock().unwrap().push(format!("{method} {route} {code}"));
    }
}

fn request() -> Request<'static> {
    Request::get("/api/x", "x").with_parameter("file[]", "/a b&c")
}

fn connection(address: &str, seen: &Arc<Seen>) -> Connection {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let user = BasicAuth {
        username: Some("me".to_owned()),
        password: Some("secret".into()),
        ..BasicAuth::default()
    };
    let config = ClientConfig { basic_auth: Some(user), ..ClientConfig::default() };
    let observer: Arc<dyn RequestObserver> = Arc::clone(seen) as _;
    Connection::new(address, &config).unwrap().with_timeout(Duration::from_secs(5)).with_observer(observer)
}

#[tokio::test]
async fn connection_sends_below_address_with_credentials_and_reports_requests() {
    let (server, seen) = (MockServer::start().await, Arc::new(Seen::default()));
    let text = ResponseTemplate::new(503).set_body_raw(" later \n", "text/plain; charset=utf-8");
    Mock::given(method("GET"))
        .and(path("/prefix/api/x"))
        .and(query_param("file[]", "/a b&c"))
        .and(basic_auth("me", "secret"))
        .respond_with(text)
        .expect(1)
        .mount(&server)
        .await;
    let connection = connection(&format!("{}/prefix/", server.uri()), &seen);
    assert_eq!(connection.address(), format!("{}/prefix", server.uri()));
    let answer = connection.send(request()).await.unwrap();
    assert_eq!((answer.status(), answer.content_type()), (503, "text/plain"));
    assert_eq!(answer.excerpt().await, "later");
    assert_eq!(*seen.0.lock().unwrap(), ["GET x 503"]);
}

#[tokio::test]
async fn connection_refused_is_unavailable_and_shows_no_secret() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let error = connection(&format!("http://{closed}"), &seen).send(request()).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    assert!(!format!("{error:?}").contains("secret"));
    assert_eq!(*seen.0.lock().unwrap(), ["GET x error"]);
    assert!(Connection::new("ftp://x", &ClientConfig::default()).is_err());
}

#[tokio::test]
async fn connection_rejects_path_that_would_name_another_resource() {
    let seen = Arc::new(Seen::default());
    let connection = connection("http://127.0.0.1:1/prefix", &seen);
    for path in ["/a/../b", "/a b", "/a?b", "/é"] {
        let error = connection.send(Request::get(path, "x")).await.unwrap_err();
        assert_eq!(error.message(), format!("the path {path} cannot be sent as it is"));
    }
    assert!(seen.0.lock().unwrap().is_empty());
}
