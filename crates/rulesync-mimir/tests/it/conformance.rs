//! The conformance suite for Mimir, Cortex and the embedded ruler.

use std::time::Duration;

use rulesync_conformance::rulers::{self, Tenants};
use rulesync_mimir::{ClientConfig, Connection, RulerClient, cortex_ruler, mimir_ruler};
use rulesync_testkit::{Kind, RulerServer};

pub(crate) fn ruler(server: &RulerServer) -> RulerClient {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connection = Connection::new(&server.url(), &ClientConfig::default()).unwrap();
    let connection = connection.with_timeout(Duration::from_secs(10));
    match server.kind() {
        Kind::Cortex => cortex_ruler(connection),
        _ => mimir_ruler(connection, "/prometheus"),
    }
    .unwrap()
}

pub(crate) fn tenants() -> Tenants {
    Tenants { one: Some("one".parse().unwrap()), other: Some("other".parse().unwrap()) }
}

#[tokio::test]
async fn conformance_of_mimir() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    rulers::all(&ruler(&server), &tenants()).await;
}

#[tokio::test]
async fn conformance_of_cortex() {
    let server = RulerServer::builder(Kind::Cortex).start().await.unwrap();
    rulers::all(&ruler(&server), &tenants()).await;
}

/// The server of `type: embedded`: the same API with storage on disk, before and after a restart.
#[tokio::test]
async fn conformance_of_embedded() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let server = RulerServer::builder(Kind::Mimir)
            .with(|ruler| ruler.storage(directory.path()))
            .start()
            .await
            .unwrap();
        rulers::all(&ruler(&server), &tenants()).await;
    }
}
