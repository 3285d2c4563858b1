//! Every preset: rendered by both helms, for several versions of Kubernetes, as documents that these know.

use std::io::Write;
use std::process::Command;

use rulesync_testkit::{KubeServer, needs};

use super::helm::{HELM_3, HELM_4, Helm, find, objects};
use super::presets;

/// The program that has the schemas of Kubernetes; `.ci/run` installs it.
const VALIDATE: &str = "RULESYNC_E2E_KUBERNETES_VALIDATE_BINARY";

/// The oldest version that the chart is for, and later ones.
const VERSIONS: [&str; 4] = ["1.25", "1.29", "1.33", "1.36"];

fn lints(helm: &Helm) {
    for (name, values) in presets() {
        let output = helm.run(&["lint", "--strict", ".", "--values", values.to_str().unwrap()]);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM3_BINARY, a helm 3"]
fn chart_presets_pass_the_linter_of_helm_3() {
    lints(&Helm::of(HELM_3));
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_presets_pass_the_linter_of_helm_4() {
    lints(&Helm::of(HELM_4));
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM3_BINARY, a helm 3, and RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_presets_are_rendered_alike_by_both_helms_for_all_versions() {
    let (old, new) = (Helm::of(HELM_3), Helm::of(HELM_4));
    for (name, values) in presets() {
        let rendered = new.template(Some(&values), &[]).unwrap();
        println!("== {name}\n{rendered}");
        for version in VERSIONS {
            let more = ["--kube-version", version];
            assert_eq!(old.template(Some(&values), &more).unwrap(), rendered, "{name}, {version}");
            assert_eq!(new.template(Some(&values), &more).unwrap(), rendered, "{name}, {version}");
        }
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_KUBERNETES_VALIDATE_BINARY, kubernetes-validate, and RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_presets_are_documents_that_kubernetes_knows() {
    let helm = Helm::of(HELM_4);
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut wanted = 0;
    for (name, values) in presets() {
        let rendered = helm.template(Some(&values), &[]).unwrap();
        let is_native = |object: &&serde_json::Value| {
            !object["apiVersion"].as_str().unwrap().starts_with("monitoring.coreos.com/")
        };
        wanted += objects(&rendered).iter().filter(is_native).count();
        let path = directory.path().join(format!("{name}.yaml"));
        std::fs::File::create(&path).unwrap().write_all(rendered.as_bytes()).unwrap();
        files.push(path);
    }
    for version in VERSIONS {
        let mut command = Command::new(needs::variable(VALIDATE));
        let output = command.args(["--strict", "-k", version]).args(&files).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{version}: {said}");
        assert_eq!(said.matches(" passed for resource ").count(), wanted, "{version}: {said}");
        // prometheus-operator's kinds are not part of Kubernetes.
        let unknown = said.lines().filter(|line| line.starts_with("WARN"));
        for line in unknown {
            assert!(line.contains("monitoring.coreos.com/v1"), "{line}");
        }
    }
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
async fn chart_alerts_are_a_prometheus_rule_without_those_that_are_disabled() {
    let helm = Helm::of(HELM_4);
    let values = super::directory().join("ci/everything-values.yaml");
    let rendered = helm.objects(&values);
    let rule = find(&rendered, "PrometheusRule", "rulesync").unwrap();
    let groups = rule["spec"]["groups"].as_array().unwrap();
    let names: Vec<&str> = groups
        .iter()
        .flat_map(|g| g["rules"].as_array().unwrap())
        .map(|rule| rule["alert"].as_str().unwrap())
        .collect();
    assert!(names.len() > 5 && !names.contains(&"RulesyncDown"), "{names:?}");
    let server = KubeServer::start().await.unwrap();
    server.apply(rule.clone()).unwrap();
}

/// Leaves out the CRDs, which are those of `deploy/crds`.
fn without_crds(text: &str) -> String {
    let documents =
        text.split("---\n").filter(|document| !document.contains("\nkind: CustomResourceDefinition\n"));
    documents.collect::<Vec<&str>>().join("---\n")
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_preset_of_a_single_cluster_is_rendered_like_this() {
    let values = super::directory().join("ci/single-cluster-values.yaml");
    let rendered = Helm::of(HELM_4).template(Some(&values), &[]).unwrap();
    insta::assert_snapshot!("single_cluster", without_crds(&rendered));
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_preset_of_everything_is_rendered_like_this() {
    let values = super::directory().join("ci/everything-values.yaml");
    let rendered = Helm::of(HELM_4).template(Some(&values), &["--set", "dashboards.enabled=false"]).unwrap();
    insta::assert_snapshot!("everything", without_crds(&rendered));
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_restarts_pods_only_for_what_the_daemon_does_not_read_again() {
    let helm = Helm::of(HELM_4);
    let values = super::directory().join("ci/single-cluster-values.yaml");
    let checksum = |set: &str| {
        let text = helm.template(Some(&values), &["--set-json", set]).unwrap();
        let objects = objects(&text);
        let pod = &find(&objects, "Deployment", "rulesync").unwrap()["spec"]["template"];
        pod["metadata"]["annotations"]["rulesync.dev/restart-checksum"].as_str().unwrap().to_owned()
    };
    let before = checksum("replicas=2");
    for again in [
        "config.resync_interval=\"1m\"",
        "config.on_invalid=\"rule\"",
        "config.status={\"objects\":\"all\"}",
        "replicas=3",
    ] {
        assert_eq!(checksum(again), before, "{again}");
    }
    for fixed in [
        "owner=\"other\"",
        "replicas=1",
        "config.naming={\"type\":\"alloy\"}",
        "config.installation=\"a/b\"",
        "config.previous_installations=[\"a/b\"]",
        "config.metrics={\"objects\":true}",
        "config.inventory={\"type\":\"off\"}",
        "config.leader_election={\"lease_duration\":\"1m\"}",
        "config.sources=[{\"type\":\"kubernetes\",\"kubeconfig\":\"/k\"}]",
    ] {
        assert_ne!(checksum(fixed), before, "{fixed}");
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_mounts_the_configuration_as_a_directory() {
    let helm = Helm::of(HELM_4);
    for (name, values) in presets() {
        let objects = helm.objects(&values);
        let deployment = find(&objects, "Deployment", "rulesync").unwrap();
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        for mount in container["volumeMounts"].as_array().unwrap() {
            assert!(mount["subPath"].is_null(), "{name}: a file of a volume alone never changes: {mount}");
        }
        assert!(container["args"][0].as_str().unwrap().starts_with("--config=/etc/rulesync/"), "{name}");
    }
}
