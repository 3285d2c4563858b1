//! The plain manifests in `deploy/manifests`, for those without Helm: rendered from the chart with the values beside them.

use std::path::Path;
use std::process::Command;

use rulesync_testkit::{needs, transcript};
use serde_json::Value;

use super::helm::{HELM_4, Helm, objects};
use super::root;

const KUBECTL: &str = "RULESYNC_E2E_KUBECTL_BINARY";

/// The directories.
const DIRECTORIES: [&str; 4] = ["base", "ha", "namespaced", "crds"];

/// Lines that are about Helm.
const OF_HELM: [&str; 4] =
    ["helm.sh/chart: ", "helm.sh/resource-policy: ", "app.kubernetes.io/managed-by: Helm", "# Source: "];

/// Returns what Helm has rendered as a manifest that people change by hand.
fn plain(rendered: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in rendered.lines() {
        let trimmed = line.trim_start();
        // Nobody would make it anew.
        if OF_HELM.iter().any(|start| trimmed.starts_with(start))
            || trimmed.starts_with("rulesync.dev/restart-checksum: ")
        {
            continue;
        }
        // A mapping of which nothing is left.
        let indent = |line: &str| line.len() - line.trim_start().len();
        if let Some(last) = kept.last()
            && last.trim_start() == "annotations:"
            && indent(last) >= indent(line)
        {
            kept.pop();
        }
        kept.push(line);
    }
    kept.join("\n").trim_start_matches("---\n").to_owned() + "\n"
}

/// Returns what a directory should have.
fn manifest(helm: &Helm, name: &str) -> String {
    let header = format!(
        "# Generated from deploy/charts/rulesync with {name}/values.yaml by\n# `UPDATE_DOCS=1 cargo test -p rulesyncd --test it \
         chart_manifests -- --ignored`: see docs/guide/installing.md.\n"
    );
    let values = root().join("deploy/manifests").join(name).join("values.yaml");
    let more: &[&str] = if name == "crds" { &["--show-only", "templates/crds.yaml"] } else { &[] };
    header + &plain(&helm.template(Some(&values), more).unwrap())
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_manifests_are_fresh() {
    let helm = Helm::of(HELM_4);
    for name in DIRECTORIES {
        let path = root().join("deploy/manifests").join(name).join("rulesync.yaml");
        let text = manifest(&helm, name);
        assert!(
            !text.contains("helm") && !text.contains("Helm") && text.contains("\nkind: "),
            "{name}: {text}"
        );
        if std::env::var_os("UPDATE_DOCS").is_some() && !path.exists() {
            std::fs::write(&path, "").unwrap();
        }
        transcript::check(&path, &text);
    }
}

fn kustomize(directory: &Path) -> Vec<Value> {
    let output = Command::new(needs::variable(KUBECTL)).arg("kustomize").arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    objects(&String::from_utf8(output.stdout).unwrap())
}

#[test]
#[ignore = "needs RULESYNC_E2E_KUBECTL_BINARY, a kubectl"]
fn chart_manifests_are_kustomizations() {
    let manifests = root().join("deploy/manifests");
    let sorted = |mut objects: Vec<Value>| {
        objects.sort_by_key(ToString::to_string);
        objects
    };
    let read =
        |name: &str| objects(&std::fs::read_to_string(manifests.join(name).join("rulesync.yaml")).unwrap());
    for name in DIRECTORIES {
        let mut expected = read(name);
        if matches!(name, "base" | "ha") {
            expected.extend(read("crds"));
        }
        assert_eq!(sorted(kustomize(&manifests.join(name))), sorted(expected), "{name}");
    }
    let elsewhere = std::fs::read_dir(&manifests).unwrap().map(|entry| entry.unwrap().file_name());
    let mut elsewhere: Vec<String> = elsewhere.map(|name| name.into_string().unwrap()).collect();
    elsewhere.sort();
    let mut known = DIRECTORIES;
    known.sort_unstable();
    assert_eq!(elsewhere, known);
}
