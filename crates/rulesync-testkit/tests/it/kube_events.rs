//! Events through kube's typed `Api`: both APIs of one stored object.

use futures::StreamExt;
use k8s_openapi::api::{core::v1::Event as CoreEvent, events::v1::Event};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use rulesync_testkit::KubeServer;
use serde_json::{Value, json};

use crate::{
    kube_api::code,
    kube_client::{DEADLINE, client},
};

fn event(changes: Value) -> Event {
    let mut event = json!({
        "metadata": {"generateName": "rulesync-"}, "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "rulesync.example/agent", "reportingInstance": "pod-0", "action": "Sync",
        "reason": "Refused", "note": "bad expr", "type": "Warning",
        "regarding": {"kind": "PrometheusRule", "namespace": "team-a", "name": "r"},
    });
    for (key, part) in changes.as_object().unwrap() {
        event[key] = part.clone();
    }
    serde_json::from_value(event).unwrap()
}

#[tokio::test]
async fn event_is_served_by_both_apis_and_counts_its_series() {
    let server = KubeServer::start().await.unwrap();
    server.create_namespace("team-a", []).unwrap();
    let api: Api<Event> = Api::namespaced(client(&server), "team-a");
    let core: Api<CoreEvent> = Api::namespaced(client(&server), "team-a");
    let since = server.revision().to_string();
    let mut watch = std::pin::pin!(api.watch(&WatchParams::default(), &since).await.unwrap());
    let made = api.create(&PostParams::default(), &event(json!({}))).await.unwrap();
    match tokio::time::timeout(DEADLINE, watch.next()).await.unwrap().unwrap().unwrap() {
        WatchEvent::Added(seen) => {
            assert_eq!((seen.note.as_deref(), seen.name_any()), (Some("bad expr"), made.name_any()))
        }
        other => panic!("{other:?}"),
    }
    let old = core.get(&made.name_any()).await.unwrap();
    assert_eq!((old.message.as_deref(), old.involved_object.name.as_deref()), (Some("bad expr"), Some("r")));
    assert_eq!(old.reporting_component.as_deref(), Some("rulesync.example/agent"));
    assert_eq!(core.list(&ListParams::default()).await.unwrap().items.len(), 1);

    let series =
        Patch::Merge(json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}));
    let params = PatchParams::default();
    let again = api.patch(&made.name_any(), &params, &series).await.unwrap();
    assert_eq!(again.series.unwrap().count, 2);
    let rewritten = Patch::Merge(json!({"note": "another"}));
    assert_eq!(code(&api.patch(&made.name_any(), &params, &rewritten).await.unwrap_err()), 422);
    let count = Patch::Merge(json!({"count": 3, "lastTimestamp": "2026-01-01T00:02:00Z"}));
    let counted = core.patch(&made.name_any(), &params, &count).await.unwrap();
    assert_eq!((counted.count, counted.series.unwrap().count), (Some(3), Some(2)));
    let listed = api.list(&ListParams::default()).await.unwrap();
    assert_eq!((listed.items.len(), listed.items[0].deprecated_count), (1, Some(3)));

    assert_eq!((server.count("events"), server.count("events.events.k8s.io")), (1, 1));
    let stored = server.get("events.events.k8s.io", "team-a", &made.name_any()).unwrap();
    assert_eq!((&stored["apiVersion"], &stored["note"]), (&json!("events.k8s.io/v1"), &json!("bad expr")));
    assert!(server.delete("events", "team-a", &made.name_any()));
    assert_eq!(server.count("events.events.k8s.io"), 0);
}

#[tokio::test]
async fn event_validation_matches_real_servers() {
    let server = KubeServer::start().await.unwrap();
    server.create_namespace("team-a", []).unwrap();
    let api: Api<Event> = Api::namespaced(client(&server), "team-a");
    for (changes, status) in [
        (json!({"eventTime": null}), 422),
        (json!({"type": "Info"}), 422),
        (json!({"action": ""}), 422),
        (json!({"reportingController": "rule sync!"}), 422),
        (json!({"note": "x".repeat(1025)}), 422),
        (json!({"reason": "R".repeat(129)}), 422),
        (json!({"regarding": {"namespace": ""}}), 422),
    ] {
        let refused = api.create(&PostParams::default(), &event(changes.clone())).await.unwrap_err();
        assert_eq!(code(&refused), status, "{changes}");
    }
    let elsewhere = event(json!({"regarding": {"namespace": "team-b"}}));
    assert!(api.create(&PostParams::default(), &elsewhere).await.is_ok());
    let missing: Api<Event> = Api::namespaced(client(&server), "none");
    assert_eq!(code(&missing.create(&PostParams::default(), &event(json!({}))).await.unwrap_err()), 404);
}

#[tokio::test]
async fn event_recorder_of_kube_is_supported() {
    let server = KubeServer::start().await.unwrap();
    server.create_namespace("team-a", []).unwrap();
    let reporter = kube::runtime::events::Reporter {
        controller: "rulesync.example/agent".to_owned(),
        instance: Some("pod-0".to_owned()),
    };
    let recorder = kube::runtime::events::Recorder::new(client(&server), reporter);
    let about = k8s_openapi::api::core::v1::ObjectReference {
        kind: Some("PrometheusRule".to_owned()),
        name: Some("r".to_owned()),
        namespace: Some("team-a".to_owned()),
        ..Default::default()
    };
    let event = kube::runtime::events::Event {
        type_: kube::runtime::events::EventType::Warning,
        reason: "Refused".to_owned(),
        note: Some("bad expr".to_owned()),
        action: "Sync".to_owned(),
        secondary: None,
    };
    recorder.publish(&event, &about).await.unwrap();
    recorder.publish(&event, &about).await.unwrap();
    assert_eq!(server.count("events"), 1, "the second is part of the series of the first");
    assert_eq!(server.requests_for("patch", "events"), 1);
}
