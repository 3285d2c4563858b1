//! An API server takes what is rendered, and keeps all of it.

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use rulesync_k8s::publish::report::{self, Report};
use rulesync_k8s::publish::{Written, events, field_manager, logging_rule};
use rulesync_k8s::{LoggingRule, RuleStatus, logging_rule_crd, rule_status_crd};
use rulesync_testkit::KubeServer;
use serde_json::json;

use super::objects::{NOW, owner, samples};

async fn server() -> (KubeServer, Client) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("team-a", []).unwrap();
    for crd in [rule_status_crd(), logging_rule_crd()] {
        kube.apply(serde_json::to_value(crd).unwrap()).unwrap();
    }
    let kubeconfig = Kubeconfig::from_yaml(&kube.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    (kube, Client::try_from(config).unwrap())
}

#[tokio::test]
async fn rule_status_is_kept_whole_and_applied_again_without_a_change() {
    let (_kube, client) = server().await;
    let api: Api<RuleStatus> = Api::namespaced(client, "team-a");
    let params = PatchParams::apply(&field_manager(&owner()));
    for sample in samples() {
        let object = sample.rule_status();
        let name = object.metadata.name.clone().unwrap();
        let first = api.patch(&name, &params, &Patch::Apply(&object)).await.unwrap();
        assert_eq!((&first.spec, &first.status), (&object.spec, &object.status), "{}", sample.state);
        assert_eq!(first.metadata.owner_references, object.metadata.owner_references);
        assert!(Written::of_metadata(&first.metadata).is_some_and(|written| written.state.is_some()));
        let again = api.patch(&name, &params, &Patch::Apply(&object)).await.unwrap();
        assert_eq!(again.metadata.resource_version, first.metadata.resource_version);
    }
}

#[tokio::test]
async fn logging_rule_keeps_its_status_and_tells_what_was_written() {
    let (kube, client) = server().await;
    kube.apply(json!({
        "apiVersion": "rulesync.dev/v1alpha1", "kind": "LoggingRule",
        "metadata": {"name": "node", "namespace": "team-a"}, "spec": {"groups": []},
    }))
    .unwrap();
    let api: Api<LoggingRule> = Api::namespaced(client, "team-a");
    let params = PatchParams::apply(&field_manager(&owner()));
    for sample in samples() {
        let (status, written) = logging_rule::render(&sample.status("LoggingRule")).unwrap().at(None, NOW);
        let patch = json!({"apiVersion": "rulesync.dev/v1alpha1", "kind": "LoggingRule", "status": status});
        let stored = api.patch_status("node", &params, &Patch::Apply(&patch)).await.unwrap();
        assert_eq!(stored.status.as_ref(), Some(&status), "{}", sample.state);
        assert_eq!(logging_rule::written(stored.status.as_ref().unwrap()), Some(written));
    }
}

#[tokio::test]
async fn event_is_created_once() {
    let (_kube, client) = server().await;
    let api: Api<Event> = Api::namespaced(client, "team-a");
    let mut reasons = Vec::new();
    for sample in samples() {
        let status = sample.status("PrometheusRule");
        let subject = events::Subject::of(&status).unwrap();
        let (notices, _) = events::notices(None, &status);
        for notice in notices {
            let event = |instance, at| {
                let now = Timestamp::from_second(at).unwrap();
                events::event(&subject, &notice, &owner(), instance, now)
            };
            let created =
                api.create(&PostParams::default(), &event("rulesync-0", 1_795_818_722)).await.unwrap();
            assert_eq!(created.note.as_deref(), Some(&*notice.note));
            reasons.extend(created.reason);
            // After a restart the same one meets that of before.
            let again =
                api.create(&PostParams::default(), &event("rulesync-1", 1_795_818_900)).await.unwrap_err();
            assert!(
                matches!(&again, kube::Error::Api(status) if status.reason == "AlreadyExists"),
                "{again}"
            );
        }
    }
    let expected = [
        "EvaluationFailing",
        "NotLoaded",
        "DeletesHeld",
        "Contested",
        "LimitExceeded",
        "OwnerConflict",
        "RulerRejected",
        "TenantDenied",
        "RuleRefused",
    ];
    assert_eq!(reasons, expected);
}

/// The definition of reports, reduced to what is checked here.
fn reports() -> serde_json::Value {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer"});
    let counts = ["pass", "fail", "warn", "error", "skip"].map(|name| (name.to_owned(), number.clone()));
    let reference =
        ["apiVersion", "kind", "namespace", "name", "uid"].map(|name| (name.to_owned(), text.clone()));
    let one_of = |values: &[&str]| json!({"type": "string", "enum": values});
    let result = json!({"type": "object", "required": ["policy"], "properties": {
        "source": text, "policy": text, "rule": text, "category": text, "message": text, "scored": {"type": "boolean"},
        "severity": one_of(&["critical", "high", "low", "medium", "info"]),
        "result": one_of(&["pass", "fail", "warn", "error", "skip"]),
        "properties": {"type": "object", "additionalProperties": text},
    }});
    let schema = json!({"type": "object", "properties": {
        "source": text,
        "scope": {"type": "object", "properties": serde_json::Map::from_iter(reference)},
        "summary": {"type": "object", "properties": serde_json::Map::from_iter(counts)},
        "results": {"type": "array", "items": result},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "reports.openreports.io"},
        "spec": {
            "group": "openreports.io", "scope": "Namespaced",
            "names": {"kind": "Report", "plural": "reports", "singular": "report", "listKind": "ReportList"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

#[tokio::test]
async fn report_is_kept_whole_and_is_there_for_problems_only() {
    let (kube, client) = server().await;
    kube.apply(reports()).unwrap();
    let api: Api<Report> = Api::namespaced(client, "team-a");
    let params = PatchParams::apply(&field_manager(&owner()));
    let mut reported = Vec::new();
    for sample in samples() {
        let Some(draft) = report::render(&sample.status("PrometheusRule"), &owner()) else { continue };
        let (object, _) = draft.at(None, NOW);
        let stored = api.patch("node.prod", &params, &Patch::Apply(&object)).await.unwrap();
        assert_eq!(stored.spec, object.spec, "{}", sample.state);
        assert!(object.spec.summary.fail > 0 && !object.spec.results.is_empty(), "{}", sample.state);
        reported.push(sample.state);
    }
    let expected = [
        "failing",
        "not-loaded",
        "held",
        "contested",
        "limited",
        "conflict",
        "refused",
        "denied",
        "malformed",
    ];
    assert_eq!(reported, expected);
}
