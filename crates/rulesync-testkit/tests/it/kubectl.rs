//! A real kubectl against the Kubernetes server: `tests/data/kubectl.md` is what people see. It also shows how other
//! crates write such pages.

use std::{path::Path, sync::Arc};

use rulesync_testkit::{KubeServer, Kubectl, transcript};
use serde_json::json;

use crate::{
    kube_client::{RULES, watches_started},
    kube_table::reports,
};

/// The rule is refused: an Event says so.
fn refused(server: &KubeServer, name: &str) {
    let rule = server.get(RULES, "shop", name).unwrap();
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"namespace": "shop", "name": format!("{name}.1")},
        "eventTime": "2026-11-27T10:03:10.000000Z", "type": "Warning", "reason": "RuleRefused", "action": "Check",
        "note": "group checkout: 1:5: parse error: unexpected end of input",
        "reportingController": "rulesync.dev/prod", "reportingInstance": "rulesyncd-0",
        "regarding": {
            "apiVersion": rule["apiVersion"], "kind": rule["kind"], "namespace": "shop", "name": name,
            "uid": rule["metadata"]["uid"],
        },
    });
    server.apply(event).unwrap();
}

/// The status of the rule says that it is in the ruler.
fn synced(server: &KubeServer, name: &str) {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "Synced", "message": "",
            "lastTransitionTime": "2026-11-27T10:03:10Z",
        })
    };
    let status = json!({"status": {"conditions": [condition("Synced"), condition("Ready")]}});
    server.patch("loggingrules.rulesync.dev", "shop", name, status).unwrap();
}

/// Once somebody watches reports, this one changes, and then the watch ends.
fn changed_while_watched(server: &Arc<KubeServer>, name: &str) {
    let (server, name) = (server.clone(), name.to_owned());
    server.journal().clear();
    tokio::spawn(async move {
        watches_started(&server, 1).await;
        let change = json!({"status": {"rules": 5}});
        server.patch("reports.example.com", "shop", &name, change).unwrap();
        server.faults().end_watches();
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_KUBECTL_BINARY, a kubectl"]
async fn kubectl_prints_what_people_expect() {
    let server = KubeServer::builder().time("2026-11-27T10:00:00Z").seed(1).start().await.unwrap();
    let server = Arc::new(server);
    let kubectl = Kubectl::new(&server).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(here.join("../../deploy"), kubectl.directory().join("deploy")).unwrap();
    std::fs::write(kubectl.directory().join("reports.yaml"), reports().to_string()).unwrap();
    let page = here.join("tests/data/kubectl.md");
    let before = std::fs::read_to_string(&page).unwrap();
    let comment = |name: &str, value: &str| match name {
        "time" => server.set_time(value).unwrap(),
        "refused" => refused(&server, value),
        "synced" => synced(&server, value),
        "changed while it is watched" => changed_while_watched(&server, value),
        "forbidden" => {
            let (verb, resource) = value.split_once(' ').unwrap();
            server.faults().forbid(verb, resource);
        }
        other => panic!("{other}: {value}"),
    };
    let shell = kubectl.shell(&server);
    let now = tokio::task::block_in_place(|| transcript::run(&before, &shell, comment)).unwrap();
    assert!(now.commands > 40, "{} commands were found", now.commands);
    transcript::check(&page, &now.text);
    assert!(server.requests_for("watch", "reports.example.com") > 0);
}
