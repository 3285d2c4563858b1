//! The conformance suite for Loki.

use std::time::Duration;

use rulesync_conformance::rulers::{self, Tenants};
use rulesync_loki::{ClientConfig, Connection, RulerClient, loki_ruler};
use rulesync_testkit::{Kind, MissingDelete, RulerServer};

pub(crate) fn ruler(server: &RulerServer) -> RulerClient {
    ruler_at(&server.url())
}

pub(crate) fn ruler_at(address: &str) -> RulerClient {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connection = Connection::new(address, &ClientConfig::default()).unwrap();
    loki_ruler(connection.with_timeout(Duration::from_secs(10))).unwrap()
}

pub(crate) fn tenants() -> Tenants {
    Tenants { one: Some("one".parse().unwrap()), other: Some("other".parse().unwrap()) }
}

#[tokio::test]
async fn conformance_of_loki() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    rulers::all(&ruler(&server), &tenants()).await;
}

#[tokio::test]
async fn conformance_of_loki_with_object_store() {
    let server = RulerServer::builder(Kind::Loki)
        .with(|ruler| ruler.missing_delete(MissingDelete::NotFound))
        .start()
        .await
        .unwrap();
    rulers::all(&ruler(&server), &tenants()).await;
}

#[tokio::test]
async fn conformance_of_loki_without_state_api() {
    let server = RulerServer::builder(Kind::Loki)
        .with(|ruler| ruler.prometheus_prefix("/elsewhere"))
        .start()
        .await
        .unwrap();
    rulers::all(&ruler(&server), &tenants()).await;
}
