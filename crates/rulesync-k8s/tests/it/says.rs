//! What is said when all is well.

use rulesync_k8s::KubernetesConfig;

use crate::heard::{Heard, RULES, cluster, object, quick};

#[tokio::test]
async fn namespaces_first_then_every_object_then_that_it_is_complete() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, quick()).await;
    let events = heard.until("complete").await;
    let at = |wanted: &str| {
        events.iter().position(|event| event == wanted).unwrap_or_else(|| panic!("{wanted} in {events:?}"))
    };
    for (namespace, object) in [("a", "a/one"), ("a", "a/two"), ("b", "b/three")] {
        assert!(at(&format!("namespace {namespace}")) < at(&format!("upsert {object}")));
    }
    assert_eq!(events.iter().filter(|event| event.starts_with("upsert")).count(), 3);
    assert!(kube.requests_for("list", "prometheusrules") == 2, "two pages");
}

#[tokio::test]
async fn changes_and_deletes() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, quick()).await;
    heard.until("complete").await;
    kube.apply(object("a", "one", "down")).unwrap();
    assert_eq!(heard.next().await, "upsert a/one");
    assert!(kube.delete(RULES, "a", "two"));
    assert_eq!(heard.next().await, "delete a/two");
    kube.label_namespace("b", [("team", Some("x"))]).unwrap();
    assert_eq!(heard.next().await, "namespace b");
    kube.delete_namespace("b");
    // Two watches tell it, in an order of their own.
    let mut gone = Vec::new();
    while gone.len() < 2 {
        let event = heard.next().await;
        if event != "namespace b" {
            gone.push(event);
        }
    }
    gone.sort();
    assert_eq!(gone, ["delete b/three", "namespace gone b"]);
}

#[tokio::test]
async fn listed_namespaces_need_no_permission_beyond_them() {
    let kube = cluster().await;
    let config = KubernetesConfig { namespaces: vec!["a".to_owned(), "b".to_owned()], ..quick() };
    let mut heard = Heard::of(&kube, config).await;
    let events = heard.until("complete").await;
    assert_eq!(events.iter().filter(|event| event.starts_with("upsert")).count(), 3);
    assert!(!events.iter().any(|event| event.starts_with("namespace")));
    for request in kube.journal().requests() {
        assert!(request.path.contains("/namespaces/"), "cluster-wide: {}", request.path);
    }
}
