//! The pages of an engine that answers nothing, because nothing runs it.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use rulesync_config::{App, Config, Lifetime, Options};

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::location::Location;
use crate::token::Token;
use crate::turns::EXPOSITIONS;

/// An engine that never answers, because nothing runs it.
pub(crate) async fn busy_engine() -> App {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("rulesync.yaml");
    let text = "owner: us\nsources: [{type: files, path: .}]\nrulers: [{name: r, type: mimir, address: 'http://127.0.0.1:1'}]\nroutes: [{name: all, ruler: r, tenant: t}]\n";
    let config = Config::parse(text, &config, std::collections::HashMap::new()).unwrap();
    config.validate().unwrap().build(Options::new(Lifetime::Once)).await.unwrap()
}

/// The pages of an engine.
pub(crate) fn pages(engine: &App) -> Router {
    router(Context::new(
        engine,
        true,
        Token::random().unwrap(),
        Location::default(),
        CancellationToken::new(),
    ))
}

async fn asked(pages: &Router, method: &str, path: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = TowerToHyperService::new(pages.clone()).call(request).await.unwrap();
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn pages_of_a_busy_engine_answer_in_time() {
    let engine = busy_engine().await;
    let pages = pages(&engine);
    assert_eq!(asked(&pages, "GET", "/-/healthy").await, (200, "healthy\n".to_owned()));
    let (code, text) = asked(&pages, "GET", "/metrics").await;
    assert!(code == 200 && text.contains("rulesync_leader 1"), "{code} {text}");
    for (method, path) in [
        ("GET", "/-/ready"),
        ("GET", "/readyz"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/explain?object=a/b"),
        ("GET", "/api/v1/explain?ruler_namespace=us.a.b&ruler=r&tenant=t"),
        ("POST", "/api/v1/destinations/r/t/release-deletes"),
        ("POST", "/api/v1/release-deletes"),
    ] {
        let (code, text) = asked(&pages, method, path).await;
        assert!(code == 503 && text.starts_with("the engine is busy: no answer since "), "{code} {text}");
    }
    // The engine's queue is full of unanswered requests; readiness still answers in time.
    for _ in 0..20 {
        let before = tokio::time::Instant::now();
        assert_eq!(asked(&pages, "GET", "/-/ready").await.0, 503);
        assert!(before.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn pages_report_that_the_engine_has_ended() {
    let engine = busy_engine().await;
    let pages = pages(&engine);
    drop(engine);
    for path in ["/-/ready", "/api/v1/status", "/api/v1/explain?object=a/b"] {
        assert_eq!(asked(&pages, "GET", path).await, (503, "the engine is not running\n".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn pages_refuse_too_many_readers() {
    let engine = busy_engine().await;
    let pages = pages(&engine);
    let request = || Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    let service = TowerToHyperService::new(pages.clone());
    let mut unread = Vec::new();
    for _ in 0..EXPOSITIONS {
        unread.push(service.call(request()).await.unwrap());
    }
    let (code, text) = asked(&pages, "GET", "/metrics").await;
    assert!(code == 503 && text.starts_with("other clients are reading"), "{code} {text}");
    unread.pop();
    assert_eq!(asked(&pages, "GET", "/metrics").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn explanations_are_of_one_object_or_one_ruler_namespace() {
    let engine = busy_engine().await;
    let pages = pages(&engine);
    for query in [
        "",
        "?object=a",
        "?object=a/b&ruler_namespace=c",
        "?objects=a/b",
        "?object=a/b&object=c/d",
        "?ruler=r",
    ] {
        let (code, text) = asked(&pages, "GET", &format!("/api/v1/explain{query}")).await;
        assert_eq!((code, text.lines().count()), (400, 1), "{query}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn index_names_every_page() {
    let engine = busy_engine().await;
    let pages = pages(&engine);
    let (code, index) = asked(&pages, "GET", "/").await;
    assert_eq!(code, 200);
    for path in
        ["/metrics", "/-/healthy", "/healthz", "/-/ready", "/readyz", "/api/v1/status", "/api/v1/explain"]
    {
        assert!(index.contains(path), "{index}");
        assert_ne!(asked(&pages, "GET", path).await.0, 404);
    }
    let releases = index.lines().filter_map(|line| line.strip_prefix("POST "));
    let releases: Vec<_> = releases.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(releases.len(), 5, "{index}");
    for path in releases {
        let path = path.replace("{ruler}", "r").replace("{tenant}", "t");
        assert_eq!(asked(&pages, "POST", &path).await.0, 503, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn deletes_are_not_released_while_the_admin_api_is_off() {
    let engine = busy_engine().await;
    let pages =
        Context::new(&engine, false, Token::random().unwrap(), Location::default(), CancellationToken::new());
    let pages = router(pages);
    for path in [
        "/api/v1/release-deletes",
        "/api/v1/destinations/r/release-deletes",
        "/api/v1/destinations/r/t/release-deletes",
    ] {
        let (code, text) = asked(&pages, "POST", path).await;
        assert!(code == 403 && text.contains("--web.enable-admin-api"), "{path}: {code} {text}");
    }
}
