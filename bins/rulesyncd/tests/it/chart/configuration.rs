//! The daemon accepts the configuration of every preset.

use serde_json::Value;

use super::helm::{HELM_4, Helm, find, objects};
use super::{directory, presets};
use crate::process::command;

/// The configuration of a preset.
fn configuration(objects: &[Value]) -> Option<&str> {
    find(objects, "ConfigMap", "rulesync")?["data"]["rulesync.yaml"].as_str()
}

/// Checks a configuration with the daemon; what it names is below `secrets`, and exists.
fn check(text: &str) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets");
    let text = text.replace("/etc/rulesync-secrets", secrets.to_str().unwrap());
    let mut text = text.replace("/etc/rulesync-rules", directory.path().to_str().unwrap());
    for line in text.clone().lines() {
        let Some((_, path)) = line.trim().split_once("_file: ") else { continue };
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, "secret").unwrap();
    }
    text.push('\n');
    let path = directory.path().join("rulesync.yaml");
    std::fs::write(&path, text).unwrap();
    let output = command(&path).arg("--check-config").env("LOKI_TOKEN", "token").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(said.into_owned()) } else { Err(said.into_owned()) }
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_presets_have_configurations_that_the_daemon_accepts() {
    let helm = Helm::of(HELM_4);
    let mut checked = 0;
    for (name, values) in presets() {
        let objects = helm.objects(&values);
        let Some(text) = configuration(&objects) else {
            assert_eq!(name, "own-configuration");
            continue;
        };
        check(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        checked += 1;
    }
    assert!(checked >= 6);
    let wrong = "owner: a\nrulers: []\nroutes: []\nsources: []\n";
    assert!(check(wrong).is_err());
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_keeps_words_that_yaml_takes_for_booleans() {
    let words = "config: {claim: off, status: {objects: off, events: off, annotate: off, reports: off}, inventory: {type: off}}";
    let directory_of_values = tempfile::tempdir().unwrap();
    let values = directory_of_values.path().join("values.yaml");
    std::fs::write(&values, words).unwrap();
    let single = directory().join("ci/single-cluster-values.yaml");
    let more = ["--values", values.to_str().unwrap()];
    let text = Helm::of(HELM_4).template(Some(&single), &more).unwrap();
    let objects = objects(&text);
    let text = configuration(&objects).unwrap();
    check(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let config: Value = serde_saphyr::from_str(text).unwrap();
    assert_eq!(config["claim"], "off");
    assert_eq!(config["inventory"]["type"], "off");
    assert!(config["status"].as_object().unwrap().values().all(|word| word == "off"), "{text}");
    let granted = super::permissions::granted(&objects);
    let granted: Vec<String> = granted.granted().iter().map(ToString::to_string).collect();
    assert!(
        !granted.iter().any(|grant| grant.contains("configmaps") || grant.contains("events")),
        "{granted:?}"
    );
}
