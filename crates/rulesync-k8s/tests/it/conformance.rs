//! [`KubernetesSource`] passes the conformance suite for sources.

use std::sync::Arc;

use async_trait::async_trait;
use rulesync_conformance::sources::{self, World};
use rulesync_core::Source;
use rulesync_core::model::DeclaredGroup;
use rulesync_k8s::{KubernetesConfig, KubernetesSource};
use rulesync_testkit::KubeServer;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::fixture::quick;

/// A cluster with an object for each name.
struct Cluster {
    kube: KubeServer,
    kubeconfig: NamedTempFile,
}

impl Cluster {
    fn apply(&self, name: &str, groups: &serde_json::Value) {
        let applied = self.kube.apply(json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"name": name, "namespace": "ns"}, "spec": {"groups": groups},
        }));
        applied.unwrap();
    }
}

#[async_trait]
impl World for Cluster {
    async fn source(&self) -> Arc<dyn Source> {
        let kubeconfig = Some(self.kubeconfig.path().to_owned());
        let config = KubernetesConfig { kubeconfig, ..quick() };
        Arc::new(KubernetesSource::connect(config).await.unwrap())
    }

    async fn declare(&mut self, name: &str, groups: &[DeclaredGroup]) {
        self.apply(name, &json!(groups));
    }

    async fn remove(&mut self, name: &str) {
        self.kube.delete("prometheusrules.monitoring.coreos.com", "ns", name);
    }
}

#[tokio::test]
async fn kubernetes_source_conforms() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("ns", []).unwrap();
    let kubeconfig = NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), kube.kubeconfig()).unwrap();
    sources::all(&mut Cluster { kube, kubeconfig }).await;
}
