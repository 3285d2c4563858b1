//! The quickstart of the README, as a newcomer would run it.

use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// The quickstart's daemon in a copy of its directory.
struct Quickstart {
    directory: tempfile::TempDir,
    daemon: Daemon,
}

impl Quickstart {
    fn start() -> Self {
        crypto();
        let directory = tempfile::tempdir().unwrap();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart"), directory.path());
        let _ = std::fs::remove_dir_all(directory.path().join(".rulesync"));
        let config = directory.path().join("rulesync.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        // Any free port, because the quickstart's own may be taken on the machine that tests.
        let address = "type: embedded\n    address: http://127.0.0.1:0";
        std::fs::write(&config, text.replace("type: embedded", address)).unwrap();
        Self { daemon: Daemon::start(&config, &[]), directory }
    }

    /// Waits until both tenants have their rules.
    async fn in_sync(&self) -> Value {
        self.daemon
            .until(|status| {
                status["destinations"]
                    .as_array()
                    .is_some_and(|t| t.len() == 2 && t.iter().all(|t| t["state"] == "in_sync"))
            })
            .await
    }

    /// Where the embedded ruler has the rules.
    fn url(&self) -> String {
        format!("http://{}/prometheus/config/v1/rules", self.daemon.embedded())
    }

    /// The rules that the embedded ruler has for a tenant, as it answers them.
    async fn rules_of(&self, tenant: &str) -> String {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(self.url()).header("X-Scope-OrgID", tenant).send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test]
async fn quickstart_syncs_all_objects_but_one_to_both_tenants() {
    let quickstart = Quickstart::start();
    let status = quickstart.in_sync().await;
    let objects = status["objects"].as_array().unwrap();
    assert!(objects.len() >= 12, "{} objects", objects.len());
    assert_eq!(objects.iter().filter(|object| object["state"] == "refused").count(), 1, "{objects:#?}");
    for tenant in ["prod", "stage"] {
        assert!(quickstart.rules_of(tenant).await.contains("quickstart."), "{tenant}");
    }
}

#[tokio::test]
async fn quickstart_says_what_is_wrong_with_the_broken_rule() {
    let quickstart = Quickstart::start();
    let line = quickstart.daemon.logs(&["Rule group rejected by ruler"]).await;
    assert!(line.contains("level=error") && line.contains("PrometheusRule"), "{line}");
    assert!(
        line.ends_with(
            "group=cache.alerts rule=1 rule_name=CacheEvictsTooMuch field=expr line=27 column=70 code=refused \
             error=\"refused by the ruler: unclosed left parenthesis\" hint=\"the other groups are synced\""
        ),
        "{line}"
    );
}

#[tokio::test]
async fn quickstart_follows_a_file_that_is_added_edited_and_removed() {
    let quickstart = Quickstart::start();
    quickstart.in_sync().await;
    let added: PathBuf = quickstart.directory.path().join("rules/added.yaml");
    let manifest = |expr: &str| {
        format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: added, namespace: demo, labels: {{tenant: prod}}}}\nspec: {{groups: [{{name: g, rules: [{{alert: New, expr: {expr}}}]}}]}}\n"
        )
    };
    std::fs::write(&added, manifest("up == 0")).unwrap();
    quickstart.daemon.logs(&["Rule group created", "PrometheusRule demo/added"]).await;
    std::fs::write(&added, manifest("up == 12345")).unwrap();
    quickstart.daemon.logs(&["Rule group updated", "PrometheusRule demo/added"]).await;
    assert!(quickstart.rules_of("prod").await.contains("up == 12345"));
    std::fs::remove_file(&added).unwrap();
    let object = ["PrometheusRule demo/added", "namespace=quickstart.demo.added", "group=g"];
    quickstart.daemon.logs(&[&["Rule group deleted"], &object[..]].concat()).await;
    assert!(!quickstart.rules_of("prod").await.contains("quickstart.demo.added"));
}

#[tokio::test]
async fn quickstarts_ruler_wants_a_tenant_as_mimir_does() {
    let quickstart = Quickstart::start();
    assert_eq!(get(&format!("{}/none", quickstart.url())).await.unwrap().0, 401);
}
