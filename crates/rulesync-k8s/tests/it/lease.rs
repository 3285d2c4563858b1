//! The Lease of an election, as other programs see it.

use std::time::Duration;

use rulesync_k8s::{KubernetesConfig, KubernetesLease, LeaseElection, LeaseSettings};
use rulesync_testkit::KubeServer;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Repeats a question until it is answered.
async fn until<T>(ask: impl Fn() -> Option<T>) -> T {
    let asking = async {
        loop {
            match ask() {
                Some(answer) => return answer,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.unwrap()
}

fn lease(kube: &KubeServer) -> Option<Value> {
    kube.get("leases.coordination.k8s.io", "a", "rulesync")
}

#[tokio::test]
async fn lease_keeps_its_metadata_and_acquisition_while_it_is_renewed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kube = KubeServer::start().await.unwrap();
    kube.apply(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "rulesync", "namespace": "a", "labels": {"team": "sre"}, "annotations": {"note": "ours"}},
        "spec": {"holderIdentity": "", "leaseTransitions": 6},
    }))
    .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kube.kubeconfig()).unwrap();
    let config = KubernetesConfig { kubeconfig: Some(file.path().to_owned()), ..KubernetesConfig::default() };
    let settings = LeaseSettings {
        namespace: Some("a".to_owned()),
        lease_duration: Duration::from_secs(2),
        renew_deadline: Duration::from_secs(1),
        retry_period: Duration::from_millis(20),
        ..LeaseSettings::new("rulesync")
    };
    let api = KubernetesLease::connect(&config, &settings).await.unwrap();
    let (election, leadership) = LeaseElection::new(api).unwrap();
    let stop = CancellationToken::new();
    let election = tokio::spawn(election.run(stop.clone()));
    leadership.leading().await;
    let first =
        until(|| lease(&kube).filter(|lease| lease["spec"]["holderIdentity"] == *settings.identity)).await;
    let renewed =
        until(|| lease(&kube).filter(|lease| lease["spec"]["renewTime"] != first["spec"]["renewTime"])).await;
    for lease in [&first, &renewed] {
        assert_eq!(lease["metadata"]["labels"], json!({"team": "sre"}), "{lease}");
        assert_eq!(lease["metadata"]["annotations"], json!({"note": "ours"}), "{lease}");
        assert_eq!(lease["spec"]["leaseTransitions"], 7, "{lease}");
        assert_eq!(lease["spec"]["leaseDurationSeconds"], 2, "{lease}");
    }
    assert_eq!(renewed["spec"]["acquireTime"], first["spec"]["acquireTime"]);
    stop.cancel();
    election.await.unwrap();
    let released = lease(&kube).unwrap();
    assert_eq!(released["spec"]["holderIdentity"], "");
    assert_eq!(released["metadata"]["labels"], json!({"team": "sre"}));
}
