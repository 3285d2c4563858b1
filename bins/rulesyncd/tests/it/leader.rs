//! One writer of several processes, tested on the binary.

use std::time::Duration;

use rulesync_testkit::{Fault, KubeServer};
use serde_json::json;

use crate::fixture::mimir;
use crate::process::{Daemon, crypto};

#[tokio::test(flavor = "multi_thread")]
async fn standby_follows_a_leader_killed_in_the_middle_of_a_sync() {
    crypto();
    let (kube, ruler) = (KubeServer::start().await.unwrap(), mimir().await);
    kube.create_namespace("ns", []).unwrap();
    for number in 0..200 {
        kube.apply(json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": format!("o{number}"), "namespace": "ns"},
            "spec": {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "up == 0"}]}]},
        }))
        .unwrap();
    }
    ruler.faults().inject(Fault::latency(Duration::from_millis(30)));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
    let config = directory.path().join("rulesync.yaml");
    let text = format!(
        "owner: us\nsources: [{{type: kubernetes, kubeconfig: kubeconfig}}]\nrulers: [{{name: central, type: mimir, address: '{}'}}]\nroutes: [{{name: all, ruler: central, tenant: prod}}]\nleader_election: {{enabled: true, lease_namespace: ns, lease_duration: 3s, renew_deadline: 2s, retry_period: 500ms}}\n",
        ruler.url()
    );
    std::fs::write(&config, text).unwrap();
    let leader = Daemon::start(&config, &[]);
    leader.logs(&["Leading"]).await;
    let standby = Daemon::start(&config, &[]);
    standby.logs(&["Standby"]).await;
    standby.until(|status| status["destinations"][0]["state"] == "standby").await;
    ruler.journal().wait_until(|requests| requests.len() > 40).await;
    leader.signal("KILL");
    let before = ruler.journal().requests().len();
    standby.logs(&["Leading"]).await;
    standby.in_order(200).await;
    assert_eq!(ruler.rules("prod").len(), 201);
    let after = ruler.journal().requests().split_off(before);
    let first = after.iter().position(|request| request.method == "GET").unwrap();
    assert!(first <= 9, "what the dead one had sent arrives, and then the new one reads first: {first}");
    let metrics = standby.get("/metrics").await.unwrap().1;
    assert!(metrics.lines().any(|line| line == "rulesync_leader 1"), "{metrics}");
}
