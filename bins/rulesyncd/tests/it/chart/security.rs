//! What the Pod Security Standard `restricted` asks for, field by field, and that nobody may see Secrets.

use serde_json::{Value, json};

use super::helm::{HELM_4, Helm};
use super::presets;

/// The types of volumes that the standard allows.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_pods_are_restricted() {
    let helm = Helm::of(HELM_4);
    for (name, values) in presets() {
        let objects = helm.objects(&values);
        let deployments: Vec<&Value> =
            objects.iter().filter(|object| object["kind"] == "Deployment").collect();
        let [deployment] = deployments[..] else { panic!("{name}: one Deployment") };
        let pod = &deployment["spec"]["template"]["spec"];
        for host in ["hostNetwork", "hostPID", "hostIPC"] {
            assert_ne!(pod[host], json!(true), "{name}: {host}");
        }
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], json!(true), "{name}");
        assert_eq!(security["runAsUser"], json!(65532), "{name}");
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
        for forbidden in ["seLinuxOptions", "sysctls", "windowsOptions"] {
            assert!(security[forbidden].is_null(), "{name}: {forbidden}");
        }
        for volume in pod["volumes"].as_array().unwrap() {
            let types: Vec<&String> =
                volume.as_object().unwrap().keys().filter(|key| *key != "name").collect();
            assert!(types.iter().all(|key| VOLUMES.contains(&key.as_str())), "{name}: {volume}");
        }
        for container in pod["containers"].as_array().unwrap() {
            let security = &container["securityContext"];
            assert_eq!(
                security,
                &json!({
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                }),
                "{name}"
            );
            assert!(
                container["ports"].as_array().unwrap().iter().all(|port| port["hostPort"].is_null()),
                "{name}"
            );
            let resources = &container["resources"];
            assert_eq!(resources["requests"], json!({"cpu": "50m", "memory": "64Mi"}), "{name}");
            assert_eq!(resources["limits"], json!({"memory": "256Mi"}), "{name}");
        }
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_grants_nothing_on_secrets() {
    let helm = Helm::of(HELM_4);
    let mut roles = 0;
    for (name, values) in presets() {
        for object in helm.objects(&values) {
            for rule in object["rules"].as_array().into_iter().flatten() {
                roles += 1;
                let resources = rule["resources"].as_array().unwrap();
                assert!(
                    !resources.contains(&json!("secrets")) && !resources.contains(&json!("*")),
                    "{name}: {rule}"
                );
                for all in ["verbs", "apiGroups"] {
                    assert!(!rule[all].as_array().unwrap().contains(&json!("*")), "{name}: {rule}");
                }
            }
        }
    }
    assert!(roles > 20);
}
