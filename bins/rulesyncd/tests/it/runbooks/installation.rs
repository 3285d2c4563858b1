//! What helm has installed: the objects of the chart, in a cluster that enforces its roles, and the pods of its Deployment.

use rulesync_testkit::{Access, KubeServer};
use serde_json::{Value, json};

use crate::chart::{self, Helm};

/// The user that the daemon is.
const USER: &str = "system:serviceaccount:monitoring:rulesync";

/// The token of the daemon. The reader has none, and may do everything.
pub(super) const DAEMON: &str = "of-the-daemon";

/// The kinds of the chart that runbooks look at, and that the API server does not have by itself.
const KINDS: [(&str, &str, &str); 5] = [
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("monitoring.coreos.com", "v1", "ServiceMonitor"),
    ("monitoring.coreos.com", "v1", "PodMonitor"),
];

/// Renders the chart as the release `rulesync` in `monitoring`, with this configuration.
pub(super) fn render(config: &Value) -> Vec<Value> {
    let values = json!({
        "owner": super::states::OWNER, "config": config, "crds": {"install": false},
        "serviceMonitor": {"enabled": true}, "networkPolicy": {"enabled": true}, "web": {"enableAdminApi": true},
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("values.yaml");
    std::fs::write(&path, values.to_string()).unwrap();
    chart::objects(&Helm::of(chart::HELM_4).template(Some(&path), &[]).unwrap())
}

/// The configuration in rendered objects.
pub(super) fn configuration(objects: &[Value]) -> String {
    let map = chart::find(objects, "ConfigMap", "rulesync").unwrap();
    map["data"]["rulesync.yaml"].as_str().unwrap().to_owned()
}

/// Starts a cluster with these objects.
pub(super) async fn install(objects: &[Value]) -> KubeServer {
    let grants = chart::granted(objects);
    let kube = KubeServer::builder()
        .token(DAEMON, USER, Access::granted(&grants))
        .without_token("jane", Access::all())
        .start()
        .await
        .unwrap();
    for (group, version, kind) in KINDS {
        kube.define_kind(group, version, kind).unwrap();
    }
    for entry in std::fs::read_dir(chart::root().join("deploy/crds")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        kube.apply(serde_saphyr::from_str(&text).unwrap()).unwrap();
    }
    kube.create_namespace("monitoring", []).unwrap();
    kube.create_namespace("team-a", []).unwrap();
    let is_shown = |kind: &str| kind == "ConfigMap" || KINDS.iter().any(|(.., known)| *known == kind);
    for object in objects.iter().filter(|object| object["kind"].as_str().is_some_and(is_shown)) {
        kube.apply(object.clone()).unwrap();
    }
    let deployment = chart::find(objects, "Deployment", "rulesync").unwrap();
    let template = &deployment["spec"]["template"];
    kube.apply(replica_set(template)).unwrap();
    kube.apply(pod("rulesync-0", template, true)).unwrap();
    kube.apply(pod("rulesync-1", template, false)).unwrap();
    kube
}

/// What makes the pods. Admission has refused the last one.
fn replica_set(template: &Value) -> Value {
    let condition = json!({
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "pods \"rulesync-2\" is forbidden: exceeded quota", "lastTransitionTime": "2026-11-27T10:00:00Z",
    });
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"namespace": "monitoring", "name": "rulesync", "labels": template["metadata"]["labels"]},
        "spec": {
            "replicas": 3, "template": template, "selector": {"matchLabels": template["metadata"]["labels"]},
        },
        "status": {"replicas": 2, "conditions": [condition]},
    })
}

/// A pod of the Deployment, which runs, or cannot start.
fn pod(name: &str, template: &Value, runs: bool) -> Value {
    let container = &template["spec"]["containers"][0];
    let state = match runs {
        true => json!({"running": {"startedAt": "2026-11-27T10:00:00Z"}}),
        false => {
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}})
        }
    };
    let last = match runs {
        true => json!({}),
        false => json!({"terminated": {
            "exitCode": 1, "reason": "Error", "startedAt": "2026-11-27T10:00:00Z", "finishedAt": "2026-11-27T10:00:01Z",
        }}),
    };
    let status = json!({
        "name": container["name"], "image": container["image"], "imageID": container["image"], "ready": runs,
        "restartCount": if runs { 0 } else { 5 }, "state": state, "lastState": last,
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "monitoring", "name": name, "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
        "status": {"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [status]},
    })
}
