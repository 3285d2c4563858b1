//! Loki passes the conformance suite.

use std::time::Duration;

use rulesync_loki::{ClientConfig, LokiRuler};
use rulesync_testkit::conformance::{self, Tenants};
use rulesync_testkit::{Kind, RulerServer};

pub(crate) fn ruler(server: &RulerServer) -> LokiRuler {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    LokiRuler::new(&server.url(), &ClientConfig::default(), Duration::from_secs(10), None).unwrap()
}

#[tokio::test]
async fn loki() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let tenants = Tenants { one: Some("one".parse().unwrap()), other: Some("other".parse().unwrap()) };
    conformance::all(&ruler(&server), &tenants).await;
}
