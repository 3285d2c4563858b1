//! The decision about requests, without a server.

use std::path::Path;

use axum::body::Body;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use rulesync_config::web::WebConfig;
use tower::Service;

use super::*;

fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

fn version(text: &str, needs_certificate: Option<bool>) -> Arc<Version> {
    let config = WebConfig::parse(text, Path::new("web.yaml")).unwrap();
    let encryption = needs_certificate.map(|needs_certificate| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Arc::new(rustls::server::ResolvesServerCertUsingSni::new());
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        Encryption { config: Arc::new(config), needs_certificate }
    });
    Arc::new(Version { encryption, config })
}

/// Pages behind a version, which can be replaced.
struct Guarded {
    pages: Router,
    versions: watch::Sender<Arc<Version>>,
}

impl Guarded {
    fn new(version: Arc<Version>, prefix: &str, health_is_open: bool) -> Self {
        let (versions, receiver) = watch::channel(version);
        let prefix: RoutePrefix = prefix.parse().unwrap();
        let pages =
            HEALTH.iter().fold(Router::new(), |pages, path| pages.route(path, get(|| async { "fine" })));
        let pages =
            pages.route("/metrics", get(|| async { "metrics" })).route("/change", post(|| async { "done" }));
        let access = Access::new(receiver, &prefix, health_is_open).unwrap();
        Self { pages: access.guard(prefix.serve(pages)), versions }
    }

    fn of_users(users: &[(&str, &str)]) -> Self {
        let lines: String =
            users.iter().map(|(user, password)| format!("  {user}: {}\n", hash(password))).collect();
        Self::new(version(&format!("basic_auth_users:\n{lines}"), None), "/", true)
    }

    async fn answer(&self, method: &str, path: &str, authorization: &str, peer: Option<Peer>) -> Response {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        if !authorization.is_empty() {
            request = request.header(AUTHORIZATION, authorization);
        }
        let mut request = request.body(Body::empty()).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        self.pages.clone().call(request).await.unwrap()
    }

    async fn code(&self, method: &str, path: &str, authorization: &str) -> u16 {
        self.answer(method, path, authorization, None).await.status().as_u16()
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn users_need_their_own_password() {
    let it = Guarded::of_users(&[("alice", "wonderland"), ("bob", "builder")]);
    for (authorization, code) in [
        (String::new(), 401),
        (basic("alice", "wonderland"), 200),
        (basic("bob", "builder"), 200),
        (basic("alice", "builder"), 401),
        (basic("alice", ""), 401),
        (basic("", ""), 401),
        (basic("Alice", "wonderland"), 401),
        (basic("carol", "wonderland"), 401),
        (basic("carol", "builder"), 401),
        (basic("alice", "wonderland").replace("Basic", "Bearer"), 401),
        ("Basic !".to_owned(), 401),
    ] {
        // The second time, what was right is remembered.
        for _ in 0..2 {
            assert_eq!(it.code("GET", "/metrics", &authorization).await, code, "{authorization}");
            assert_eq!(it.code("POST", "/change", &authorization).await, code, "{authorization}");
        }
    }
}

#[tokio::test]
async fn answer_without_a_password_is_a_challenge() {
    let it = Guarded::of_users(&[("alice", "wonderland")]);
    let answer = it.answer("GET", "/metrics", "", None).await;
    assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Basic");
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, "user and password are needed\n");
}

#[tokio::test]
async fn health_is_open_unless_it_is_closed() {
    let users = version(&format!("basic_auth_users: {{alice: '{}'}}", hash("wonderland")), None);
    for (prefix, root) in [("/", ""), ("/rules", "/rules")] {
        let open = Guarded::new(Arc::clone(&users), prefix, true);
        let closed = Guarded::new(Arc::clone(&users), prefix, false);
        for path in HEALTH {
            let path = format!("{root}{path}");
            for method in ["GET", "HEAD"] {
                assert_eq!(open.code(method, &path, "").await, 200, "{method} {path}");
                assert_eq!(closed.code(method, &path, "").await, 401, "{method} {path}");
            }
            assert_eq!(closed.code("GET", &path, &basic("alice", "wonderland")).await, 200);
            // Nothing else is as open as these.
            assert_eq!(open.code("POST", &path, "").await, 401, "{path}");
        }
        for path in [
            "",
            "/",
            "/metrics",
            "/-/healthy/",
            "/-/healthy/../../metrics",
            "//-/healthy",
            "/-%2fhealthy",
            "/none",
        ] {
            let path = format!("{root}{path}");
            if !path.is_empty() {
                assert_eq!(open.code("GET", &path, "").await, 401, "{path}");
            }
        }
    }
    // Outside of the prefix, it is no such page.
    assert_eq!(Guarded::new(users, "/rules", true).code("GET", "/-/healthy", "").await, 401);
}

#[tokio::test]
async fn certificate_that_is_needed_is_not_replaced_by_a_password() {
    let text = format!("basic_auth_users: {{alice: '{}'}}", hash("wonderland"));
    let (with_users, without_users) = (version(&text, Some(true)), version("", Some(true)));
    let peer = |has_certificate| Some(Peer { is_encrypted: true, has_certificate });
    let alice = basic("alice", "wonderland");
    for (version, path, authorization, peer, code) in [
        (&without_users, "/metrics", "", peer(true), 200),
        (&without_users, "/metrics", "", peer(false), 403),
        (&without_users, "/metrics", "", None, 403),
        (&without_users, "/-/ready", "", peer(false), 200),
        (&with_users, "/metrics", "", peer(true), 401),
        (&with_users, "/metrics", alice.as_str(), peer(true), 200),
        (&with_users, "/metrics", alice.as_str(), peer(false), 403),
        (&with_users, "/-/ready", "", peer(false), 200),
    ] {
        let it = Guarded::new(Arc::clone(version), "/", true);
        let answer = it.answer("GET", path, authorization, peer).await;
        assert_eq!(answer.status().as_u16(), code, "{path} {authorization} {peer:?}");
    }
}

#[tokio::test]
async fn headers_are_on_every_answer() {
    let text = format!(
        "http_server_config: {{headers: {{X-Frame-Options: deny, Content-Security-Policy: \"default-src 'none'\"}}}}\nbasic_auth_users: {{alice: '{}'}}\nrate_limit: {{interval: 1h, burst: 2}}\n",
        hash("wonderland")
    );
    let it = Guarded::new(version(&text, None), "/", true);
    let alice = basic("alice", "wonderland");
    for (path, authorization, code) in [
        ("/metrics", alice.as_str(), 200),
        ("/metrics", "", 401),
        ("/metrics", "", 429),
        ("/metrics", alice.as_str(), 429),
        ("/-/healthy", "", 200),
    ] {
        let answer = it.answer("GET", path, authorization, None).await;
        assert_eq!(answer.status().as_u16(), code, "{path}");
        assert_eq!(answer.headers()["x-frame-options"], "deny");
        assert_eq!(answer.headers()["content-security-policy"], "default-src 'none'");
    }
}

#[tokio::test]
async fn new_version_counts_from_the_next_request() {
    let it = Guarded::of_users(&[("alice", "old")]);
    let (old, new) = (basic("alice", "old"), basic("alice", "new"));
    assert_eq!((it.code("GET", "/metrics", &old).await, it.code("GET", "/metrics", &new).await), (200, 401));
    it.versions.send_replace(version(&format!("basic_auth_users: {{alice: '{}'}}", hash("new")), None));
    assert_eq!((it.code("GET", "/metrics", &old).await, it.code("GET", "/metrics", &new).await), (401, 200));
    it.versions.send_replace(version("", None));
    assert_eq!(it.code("GET", "/metrics", "").await, 200);
}
