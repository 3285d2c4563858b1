//! A kind that is not installed yet, or was deleted.

use rulesync_testkit::KubeServer;

use crate::fixture::{RULES, Running, asked, cluster, count, object, quick};

const OBJECTS: [(&str, &str); 3] = [("a", "one"), ("a", "two"), ("b", "three")];

fn bring_back(kube: &KubeServer) {
    kube.create_crd();
    for (namespace, name) in OBJECTS {
        kube.apply(object(namespace, name, "up")).unwrap();
    }
}

fn discoveries(kube: &KubeServer) -> usize {
    kube.journal().count_where(|request| request.path == "/apis/monitoring.coreos.com/v1")
}

#[tokio::test]
async fn kind_that_is_not_installed_is_waited_for() {
    let kube = KubeServer::builder().without_prometheus_rules().start().await.unwrap();
    let mut source = Running::of(&kube, quick()).await;
    let mut events = source.until("unavailable: ").await;
    assert!(events.last().unwrap().contains(RULES), "{events:?}");
    asked(&kube, "list", "prometheusrules", 3).await;
    kube.create_crd();
    kube.apply(object("a", "one", "up")).unwrap();
    events.extend(source.until("available").await);
    assert_eq!(count(&events, "upsert a/one"), 1, "{events:?}");
    assert_eq!(count(&events, "unavailable"), 1, "said once: {events:?}");
    assert_eq!(count(&events, "complete"), 1, "{events:?}");
}

#[tokio::test]
async fn kind_deleted_during_a_watch_is_reported_as_the_watch_reports_it() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    kube.apply(object("a", "one", "down")).unwrap();
    source.until("upsert a/one").await; // The watch is open.
    assert!(kube.drop_crd());
    let events = source.until("unavailable: ").await;
    assert!(source.kind_gone, "the engine must know what these deletes are worth");
    assert_eq!(count(&events, "delete"), 3, "{events:?}");
    assert!(events.last().unwrap().contains(RULES), "{events:?}");
    bring_back(&kube);
    let events = source.until("available").await;
    assert_eq!(count(&events, "upsert"), 3, "{events:?}");
}

#[tokio::test]
async fn empty_list_of_a_missing_kind_deletes_nothing() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    // While nothing can be seen, so that only lists tell.
    kube.stop().await;
    let mut events = source.until("unavailable: ").await;
    assert!(kube.drop_crd_of(RULES, 3));
    let lists = kube.requests_for("list", "prometheusrules");
    kube.start_again().await.unwrap();
    asked(&kube, "list", "prometheusrules", lists + 5).await;
    assert_eq!(discoveries(&kube), 3, "each empty list is doubted");
    bring_back(&kube);
    // Until all is well with both watches: the sum of what is wrong changes meanwhile.
    events.extend(source.until("available").await);
    kube.apply(object("a", "new", "up")).unwrap();
    events.extend(source.until("upsert a/new").await);
    assert_eq!(count(&events, "delete"), 0, "{events:?}");
}

#[tokio::test]
async fn empty_list_of_an_installed_kind_is_believed() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    kube.stop().await;
    for (namespace, name) in OBJECTS {
        assert!(kube.delete(RULES, namespace, name));
    }
    kube.start_again().await.unwrap();
    for _ in OBJECTS {
        source.until("delete").await;
    }
    assert_eq!(discoveries(&kube), 1);
}
