//! The quickstart of the README, as a newcomer would run it.

use std::path::{Path, PathBuf};

use crate::process::{Daemon, crypto, get};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let destination = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &destination);
        } else {
            std::fs::copy(entry.path(), destination).unwrap();
        }
    }
}

#[tokio::test]
async fn rules_are_synced_the_broken_one_is_told_and_edits_show_up() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart"), directory.path());
    let _ = std::fs::remove_dir_all(directory.path().join(".rulesync"));
    let config = directory.path().join("rulesync.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    // Any free port, because the quickstart's own may be taken on the machine that tests.
    std::fs::write(
        &config,
        text.replace("type: embedded", "type: embedded\n    address: http://127.0.0.1:0"),
    )
    .unwrap();
    let daemon = Daemon::start(&config, &[]);
    let line = daemon
        .logs(&[
            "Rule group rejected by ruler",
            "PrometheusRule",
            "group=cache.alerts",
            "rule=1",
            "unclosed left parenthesis",
        ])
        .await;
    assert!(line.contains("level=error"), "{line}");
    assert!(
        line.ends_with(
            "group=cache.alerts rule=1 rule_name=CacheEvictsTooMuch field=expr line=27 column=70 code=refused \
         error=\"refused by the ruler: unclosed left parenthesis\" hint=\"the other groups are synced\""
        ),
        "{line}"
    );
    let status = daemon
        .until(|status| {
            status["destinations"]
                .as_array()
                .is_some_and(|t| t.len() == 2 && t.iter().all(|t| t["state"] == "in_sync"))
        })
        .await;
    let objects = status["objects"].as_array().unwrap();
    assert!(objects.len() >= 12, "{} objects", objects.len());
    assert_eq!(objects.iter().filter(|object| object["state"] == "refused").count(), 1, "{objects:#?}");

    let rules = format!("http://{}/prometheus/config/v1/rules", daemon.embedded());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let of_tenant = async |tenant: &str| {
        client.get(&rules).header("X-Scope-OrgID", tenant).send().await.unwrap().text().await.unwrap()
    };
    assert!(of_tenant("prod").await.contains("quickstart."));
    assert!(of_tenant("stage").await.contains("quickstart."));

    let added: PathBuf = directory.path().join("rules/added.yaml");
    let manifest = |expr: &str| {
        format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: added, namespace: demo, labels: {{tenant: prod}}}}\nspec: {{groups: [{{name: g, rules: [{{alert: New, expr: {expr}}}]}}]}}\n"
        )
    };
    std::fs::write(&added, manifest("up == 0")).unwrap();
    daemon.logs(&["Rule group created", "PrometheusRule demo/added"]).await;
    std::fs::write(&added, manifest("up == 12345")).unwrap();
    while !of_tenant("prod").await.contains("up == 12345") {
        tokio::task::yield_now().await;
    }
    std::fs::remove_file(&added).unwrap();
    daemon
        .logs(&[
            "Rule group deleted",
            "PrometheusRule demo/added",
            "namespace=quickstart.demo.added",
            "group=g",
        ])
        .await;
    assert!(!of_tenant("prod").await.contains("quickstart.demo.added"));
    assert_eq!(
        get(&format!("{rules}/none")).await.unwrap().0,
        401,
        "the embedded ruler wants a tenant, as Mimir does"
    );
}
