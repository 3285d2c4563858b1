//! What the chart has in common with the rest of the repository.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{read, root};

/// The files of a directory, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn chart_has_the_crds_and_alerts_of_the_repository() {
    for (own, of) in [("files/crds", "deploy/crds"), ("files/alerts", "deploy/alerts")] {
        let (own, of) = (super::directory().join(own), root().join(of));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            for (name, text) in files(&of) {
                std::fs::write(own.join(name), text).unwrap();
            }
        }
        // Helm packages no symbolic links.
        assert!(files(&own) == files(&of), "UPDATE_DOCS=1 copies {} to {}", of.display(), own.display());
    }
}

#[test]
fn chart_has_the_version_of_the_workspace() {
    let chart: Value = serde_saphyr::from_str(&read("Chart.yaml")).unwrap();
    assert_eq!(
        (&chart["appVersion"], &chart["version"]),
        (&env!("CARGO_PKG_VERSION").into(), &chart["appVersion"])
    );
    let crds: Value =
        serde_saphyr::from_str(chart["annotations"]["artifacthub.io/crds"].as_str().unwrap()).unwrap();
    let listed: Vec<String> =
        crds.as_array().unwrap().iter().map(|crd| crd["name"].as_str().unwrap().to_owned()).collect();
    let mut shipped: Vec<String> = files(&root().join("deploy/crds"))
        .values()
        .map(|text| {
            serde_saphyr::from_str::<Value>(text).unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
        })
        .collect();
    shipped.sort_by(|a, b| b.cmp(a));
    assert_eq!(listed, shipped);
}

#[test]
fn chart_dashboards_show_metrics_that_are_described() {
    let described = std::fs::read_to_string(root().join("docs/operations/metrics.md")).unwrap();
    for (name, text) in files(&super::directory().join("files/dashboards")) {
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        assert!(panels.len() > 10, "{name}");
        let mut ids = std::collections::BTreeSet::new();
        for panel in panels {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: two panels have one id");
            if panel["type"] == "row" {
                continue;
            }
            let title = panel["title"].as_str().unwrap();
            assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {title}");
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap();
                let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let metrics: Vec<&str> = words.filter(|word| word.starts_with("rulesync_")).collect();
                assert!(!metrics.is_empty(), "{name}: {title}");
                for metric in metrics {
                    let metric = metric.trim_end_matches("_bucket").trim_end_matches("_count");
                    assert!(described.contains(&format!("`{metric}`")), "{name}: {title}: {metric}");
                }
            }
        }
    }
}
