//! Real PrometheusRules pass the server's schema without changes.

use std::fs;

use rulesync_testkit::{KubeServer, needs};
use serde_json::Value;

use crate::kube_client::RULES;

#[tokio::test]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
async fn kube_prometheus_rules_are_stored_unchanged() {
    let server = KubeServer::start().await.unwrap();
    let mut seen = 0;
    for file in fs::read_dir(needs::corpus().join("kube-prometheus")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let object: Value = serde_saphyr::from_str(&text).unwrap();
        let stored = server.apply(object.clone()).unwrap();
        assert_eq!(stored["spec"], object["spec"]);
        seen += 1;
    }
    assert_eq!((seen, server.count(RULES)), (8, 8));
}
