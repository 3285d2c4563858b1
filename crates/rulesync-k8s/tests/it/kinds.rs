//! Objects of several kinds, of which a cluster need not have all.

use std::time::Duration;

use rulesync_core::model::KINDS;
use rulesync_core::testing::SinkEvents;
use rulesync_core::{RuleObject, Sink, Source, SourceEvent};
use rulesync_k8s::{KubernetesConfig, KubernetesSource, logging_rule_crd};
use rulesync_testkit::KubeServer;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fixture::{object, quick};

/// A source of all kinds, with what it says.
async fn source(kube: &KubeServer) -> (SinkEvents, DropGuard) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kube.kubeconfig()).unwrap();
    let config = KubernetesConfig {
        kubeconfig: Some(file.path().to_owned()),
        kinds: KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
        look_interval: Duration::from_millis(100),
        ..quick()
    };
    let source = KubernetesSource::connect(config).await.unwrap();
    let (sink, events) = Sink::channel("k");
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move { token.run_until_cancelled(source.run(sink)).await });
    (events, stop.drop_guard())
}

async fn next(events: &mut SinkEvents) -> SourceEvent {
    tokio::time::timeout(Duration::from_secs(60), events.next()).await.unwrap().unwrap()
}

/// Returns the events until every kind, and the Kubernetes namespaces, have been listed.
async fn snapshot(events: &mut SinkEvents) -> Vec<SourceEvent> {
    let (mut received, mut complete) = (Vec::new(), 0);
    while complete <= KINDS.len() {
        let event = next(events).await;
        complete += usize::from(matches!(event, SourceEvent::SnapshotComplete(_)));
        received.push(event);
    }
    received
}

/// Returns the events up to the last one that is wanted.
async fn until(events: &mut SinkEvents, last: impl Fn(&SourceEvent) -> bool) -> Vec<SourceEvent> {
    let mut events_seen = Vec::new();
    loop {
        events_seen.push(next(events).await);
        if events_seen.last().is_some_and(&last) {
            return events_seen;
        }
    }
}

fn objects(events_seen: Vec<SourceEvent>) -> Vec<RuleObject> {
    let object = |event| if let SourceEvent::Upsert(object) = event { Some(object) } else { None };
    events_seen.into_iter().filter_map(object).collect()
}

fn of_kind(kind: &str, version: &str, spec: Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": "o", "namespace": "a"}, "spec": spec})
}

fn groups() -> Value {
    json!([{"name": "g", "rules": [{"alert": "A", "expr": "rate({a=\"b\"}[5m]) > 0"}]}])
}

fn apply_logs(kube: &KubeServer) {
    kube.apply(serde_json::to_value(logging_rule_crd()).unwrap()).unwrap();
    for kind in ["AlertingRule", "RecordingRule"] {
        kube.define_kind("loki.grafana.com", "v1", kind).unwrap();
        let spec = json!({"tenantID": "application", "groups": groups()});
        kube.apply(of_kind(kind, "loki.grafana.com/v1", spec)).unwrap();
    }
    let spec = json!({"tenant": "ops", "groups": groups()});
    kube.apply(of_kind("LoggingRule", "rulesync.dev/v1alpha1", spec)).unwrap();
}

#[tokio::test]
async fn objects_of_all_kinds_have_their_tenants() {
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("a", []).unwrap();
    kube.apply(object("a", "o", "up")).unwrap();
    apply_logs(&kube);
    let (mut events, _stop) = source(&kube).await;
    let events_seen = snapshot(&mut events).await;
    assert!(!events_seen.iter().any(|event| matches!(event, SourceEvent::Kind { .. })), "{events_seen:?}");
    let mut objects: Vec<(String, Option<String>, usize)> = objects(events_seen)
        .into_iter()
        .map(|object| (object.id.to_string(), object.tenant, object.groups.len()))
        .collect();
    objects.sort();
    let tenant = |tenant: &str| Some(tenant.to_owned());
    assert_eq!(
        objects,
        [
            ("AlertingRule a/o".to_owned(), tenant("application"), 1),
            ("LoggingRule a/o".to_owned(), tenant("ops"), 1),
            ("PrometheusRule a/o".to_owned(), None, 1),
            ("RecordingRule a/o".to_owned(), tenant("application"), 1),
        ]
    );
}

#[tokio::test]
async fn kinds_that_are_not_installed_are_waited_for_without_noise() {
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("a", []).unwrap();
    kube.apply(object("a", "o", "up")).unwrap();
    let (mut events, _stop) = source(&kube).await;
    let events_seen = snapshot(&mut events).await;
    let mut absent: Vec<String> = events_seen
        .iter()
        .filter_map(|event| match event {
            SourceEvent::Kind { kind, installed: false } => Some(kind.to_string()),
            SourceEvent::Unavailable { reason } | SourceEvent::KindGone { reason } => panic!("{reason}"),
            _ => None,
        })
        .collect();
    absent.sort();
    assert_eq!(absent, ["AlertingRule", "LoggingRule", "RecordingRule"]);
    assert_eq!(objects(events_seen).len(), 1);
    apply_logs(&kube);
    let mut there = Vec::new();
    let mut arrived = 0;
    while arrived < 3 || there.len() < 3 {
        match next(&mut events).await {
            SourceEvent::Kind { kind, installed: true } => there.push(kind.to_string()),
            SourceEvent::Upsert(_) => arrived += 1,
            SourceEvent::Identity(_)
            | SourceEvent::Available
            | SourceEvent::SnapshotStarted(_)
            | SourceEvent::SnapshotComplete(_) => {}
            other => panic!("{other:?}"),
        }
    }
    there.sort();
    assert_eq!(there, ["AlertingRule", "LoggingRule", "RecordingRule"]);
    // What was there and goes is doubted, like every kind.
    assert!(kube.drop_crd_of("loggingrules.rulesync.dev", 0));
    let gone = |event: &SourceEvent| matches!(event, SourceEvent::KindGone { .. });
    until(&mut events, gone).await;
}

#[tokio::test]
async fn crd_decides_what_the_api_server_accepts() {
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("a", []).unwrap();
    kube.apply(serde_json::to_value(logging_rule_crd()).unwrap()).unwrap();
    let apply = |spec: Value| kube.apply(of_kind("LoggingRule", "rulesync.dev/v1alpha1", spec));
    let rules = |rule: Value| json!({"groups": [{"name": "g", "rules": [rule]}]});
    for good in [
        json!({}),
        json!({"tenant": "ops", "groups": groups()}),
        json!({"groups": [{"name": "g", "interval": "1m", "limit": 5, "rules": []}]}),
        rules(json!({"record": "a:b", "expr": 1, "for": "", "labels": {"a": "b"}})),
    ] {
        apply(good.clone()).unwrap_or_else(|refused| panic!("{good}: {refused:?}"));
    }
    for bad in [
        json!({"groups": [{"rules": []}]}),
        json!({"groups": [{"name": "", "rules": []}]}),
        json!({"groups": [{"name": "g", "interval": "1.5h"}]}),
        json!({"groups": [{"name": "g"}, {"name": "g"}]}),
        rules(json!({"alert": "A"})),
        json!({"tenant": "a|b"}),
        json!({"tenant": ""}),
    ] {
        assert!(apply(bad.clone()).is_err(), "{bad}");
    }
}
