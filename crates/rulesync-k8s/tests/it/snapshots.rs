//! Snapshots and changes, and how few requests they cost.

use rulesync_testkit::Fault;
use serde_json::json;

use crate::fixture::{RULES, Running, asked, cluster, count, object, quick, within};

#[tokio::test]
async fn snapshot_has_namespaces_then_objects_and_ends() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    let mut events = source.until("complete").await;
    let last_namespace = events.iter().rposition(|event| event.starts_with("namespace ")).unwrap();
    let first_object = events.iter().position(|event| event.starts_with("upsert")).unwrap();
    assert!(last_namespace < first_object, "{events:?}");
    for said in ["namespace a", "namespace b", "upsert a/one", "upsert a/two", "upsert b/three"] {
        assert_eq!(count(&events, said), 1, "{said} in {events:?}");
    }
    assert_eq!(kube.requests_for("list", "prometheusrules"), 2, "two pages");
    // A second list is not a second snapshot.
    kube.faults().compact();
    kube.faults().cut_watches();
    kube.apply(object("a", "new", "up")).unwrap();
    events.extend(source.until("upsert a/new").await);
    assert_eq!(count(&events, "complete"), 1);
    assert_eq!(count(&events, "unavailable") + count(&events, "available"), 0, "{events:?}");
}

#[tokio::test]
async fn changes_and_deletes_are_reported_as_they_come() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    kube.apply(object("a", "one", "down")).unwrap();
    assert_eq!(source.next().await, "upsert a/one");
    assert!(kube.delete(RULES, "a", "two"));
    assert_eq!(source.next().await, "delete a/two");
    kube.label_namespace("b", [("team", Some("x"))]).unwrap();
    assert_eq!(source.next().await, "namespace b");
    kube.delete_namespace("b");
    // Two watches tell it, in an order of their own.
    let mut gone = Vec::new();
    while gone.len() < 2 {
        let event = source.next().await;
        if event != "namespace b" {
            gone.push(event);
        }
    }
    gone.sort();
    assert_eq!(gone, ["delete b/three", "namespace gone b"]);
    assert_eq!(kube.requests_for("list", "prometheusrules"), 2, "the first list only");
}

#[tokio::test]
async fn another_list_shows_what_was_deleted() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    kube.stop().await;
    assert!(kube.delete(RULES, "a", "one"));
    kube.delete_namespace("b");
    kube.start_again().await.unwrap();
    let mut wanted = vec!["delete a/one", "delete b/three", "namespace gone b"];
    while !wanted.is_empty() {
        let event = source.next().await;
        assert!(!event.starts_with("delete") || wanted.contains(&event.as_str()), "{event}");
        wanted.retain(|waited| *waited != event);
    }
}

#[tokio::test]
async fn configured_namespaces_alone_are_watched() {
    let kube = cluster().await;
    kube.apply(object("c", "four", "up")).unwrap();
    let mut source = Running::of(&kube, within(&["b", "a", "b"])).await;
    let mut events = source.until("complete").await;
    assert_eq!(count(&events, "upsert"), 3, "complete after all: {events:?}");
    kube.apply(object("c", "four", "down")).unwrap();
    kube.apply(object("b", "five", "up")).unwrap();
    events.extend(source.until("upsert b/five").await);
    assert_eq!(count(&events, "namespace"), 0);
    assert_eq!(count(&events, "complete"), 1);
    assert_eq!(count(&events, "upsert c/"), 0);
    for request in kube.journal().requests() {
        let path = &request.path;
        if path == "/api/v1/namespaces/kube-system" {
            continue; // Who the cluster is; may be refused.
        }
        assert!(path.ends_with("/a/prometheusrules") || path.ends_with("/b/prometheusrules"), "{path}");
    }
    for (verb, path) in
        [("list", "/a/prometheusrules"), ("list", "/b/prometheusrules"), ("watch", "/a/prometheusrules")]
    {
        asked(&kube, verb, path, 1).await;
    }
    assert_eq!(kube.requests_for("list", "prometheusrules"), 2, "a list each, though one was named twice");
}

#[tokio::test]
async fn unreadable_object_is_malformed_and_affects_no_other() {
    let kube = cluster().await;
    // The CRD's schema would refuse it; one that was loosened would not.
    let page = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRuleList",
        "metadata": {"resourceVersion": kube.revision().to_string()},
        "items": [
            object("a", "one", "up"),
            {"metadata": {"name": "odd", "namespace": "a"}, "spec": {"groups": {}}},
            object("a", "two", "up"),
        ],
    });
    let page = Fault::status(200, page.to_string()).with_header("content-type", "application/json");
    kube.faults().inject(page.on_path("prometheusrules").times(1));
    let mut source = Running::of(&kube, within(&["a"])).await;
    let events = source.until("complete").await;
    assert_eq!(events, ["upsert a/one", "malformed a/odd", "upsert a/two", "complete"]);
}
