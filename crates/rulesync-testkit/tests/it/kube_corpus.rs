//! Real PrometheusRules pass the server's schema without changes.

use std::{fs, path::Path};

use rulesync_testkit::KubeServer;
use serde_json::Value;

use crate::kube_client::RULES;

#[tokio::test]
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
async fn kube_prometheus_rules_are_stored_unchanged() {
    let server = KubeServer::start().await.unwrap();
    let shared = option_env!("RULESYNC_SHARED_DIR").unwrap_or("../../../shared");
    let mut seen = 0;
    for file in fs::read_dir(Path::new(shared).join("corpus/kube-prometheus")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let object: Value = serde_saphyr::from_str(&text).unwrap();
        let stored = server.apply(object.clone()).unwrap();
        assert_eq!(stored["spec"], object["spec"]);
        seen += 1;
    }
    assert_eq!((seen, server.count(RULES)), (8, 8));
}
