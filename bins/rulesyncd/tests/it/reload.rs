//! A changed configuration is taken over without a restart; a bad one leaves the running one.

use rulesync_testkit::{Kind, RulerServer};

use crate::flags::directory;
use crate::process::Daemon;

#[tokio::test]
async fn a_changed_file_touches_only_what_changed() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let config = directory.path().join("rulesync.yaml");
    let original = std::fs::read_to_string(&config).unwrap();
    let daemon = Daemon::start(&config, &[]);
    daemon.in_order(1).await;
    ruler.journal().clear();

    std::fs::write(&config, original.replace("owner: us", "owner: us\nnonsense: 1")).unwrap();
    daemon.signal("HUP");
    daemon.logs(&["not taken over", "nonsense"]).await;
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("rulesync_config_last_reload_successful 0"), "{metrics}");

    let two = original.replace("tenant: prod}", "tenant: prod}, {name: more, ruler: central, tenant: stage}");
    std::fs::write(&config, two).unwrap();
    daemon.logs(&["configuration taken over"]).await;
    ruler.journal().wait_until(|requests| requests.len() >= 2).await;
    daemon.in_order(1).await;
    let tenants: Vec<String> = ruler
        .journal()
        .requests()
        .iter()
        .map(|request| format!("{} {}", request.method, request.tenant().unwrap_or_default()))
        .collect();
    assert_eq!(tenants, ["GET stage", "POST stage"], "the target that did not change is left alone");
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("rulesync_config_last_reload_successful 1"), "{metrics}");
}
