//! What is logged, and how.

use crate::fixture::{Directory, mimir};

#[tokio::test]
async fn log_warns_of_values_that_authors_choose_freely() {
    let directory = Directory::of("http://127.0.0.1:1");
    let label = "tenant: prod, external_labels: [{label: team, from: annotation, key: team}]";
    directory.configure("tenant: prod", label);
    let daemon = directory.start(&[]);
    let line =
        daemon.logs(&["Route `all` takes the value of `team` from annotation `team` of the object"]).await;
    assert!(line.contains("level=warn"), "{line}");
}

#[tokio::test]
async fn log_is_json_when_asked() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let daemon = directory.start(&["--log.format", "json"]);
    let line = daemon.logs(&["Rule group created"]).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["msg"], &line["namespace"]), (&"Rule group created".into(), &"us.ns.o".into()));
}
