//! A changed configuration is applied without a restart; one with errors leaves the running one in force.

use rulesync_testkit::{Kind, RulerServer};

use crate::flags::directory;
use crate::process::Daemon;

#[tokio::test]
async fn reload_touches_only_what_changed() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let config = directory.path().join("rulesync.yaml");
    let original = std::fs::read_to_string(&config).unwrap();
    let daemon = Daemon::start(&config, &[]);
    daemon.in_order(1).await;
    ruler.journal().clear();

    std::fs::write(&config, original.replace("owner: us", "owner: us\nnonsense: 1")).unwrap();
    daemon.signal("HUP");
    daemon.logs(&["Configuration reload failed", "nonsense"]).await;
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("rulesync_config_last_reload_successful 0"), "{metrics}");

    let two = original.replace("tenant: prod}", "tenant: prod}, {name: more, ruler: central, tenant: stage}");
    std::fs::write(&config, two).unwrap();
    daemon.logs(&["Configuration reloaded"]).await;
    ruler.journal().wait_until(|requests| requests.len() >= 2).await;
    daemon.in_order(1).await;
    let tenants: Vec<String> = ruler
        .journal()
        .requests()
        .iter()
        .map(|request| format!("{} {}", request.method, request.tenant().unwrap_or_default()))
        .collect();
    assert_eq!(tenants, ["GET stage", "POST stage"], "the destination that did not change is left alone");
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("rulesync_config_last_reload_successful 1"), "{metrics}");
}

#[tokio::test]
async fn reload_that_failed_is_tried_again_until_it_succeeds() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let config = directory.path().join("rulesync.yaml");
    let original = std::fs::read_to_string(&config).unwrap();
    let daemon = Daemon::start(&config, &[]);
    daemon.in_order(1).await;

    // The file that it names comes later, into the directory of the configuration.
    let with_file = original.replace("type: mimir,", "type: mimir, tls_config: {ca_file: ca.pem},");
    std::fs::write(&config, with_file).unwrap();
    daemon.logs(&["Configuration reload failed", "ca.pem"]).await;
    let key = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    std::fs::write(directory.path().join("ca.pem"), key.cert.pem()).unwrap();
    daemon.logs(&["Configuration reloaded"]).await;

    std::fs::remove_file(&config).unwrap();
    daemon.logs(&["Configuration reload failed", "rulesync.yaml", "error=\"No such file"]).await;
    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("rulesync_config_last_reload_successful 0"), "{metrics}");
    std::fs::write(&config, original).unwrap();
    daemon
        .until(|_| daemon.log().iter().filter(|line| line.contains("Configuration reloaded")).count() == 2)
        .await;
    let failures = daemon.log().iter().filter(|line| line.contains("Configuration reload failed")).count();
    assert_eq!(failures, 2, "each is logged once:\n{}", daemon.log().join("\n"));
}
