//! What goes wrong in clusters, and heals.

use rulesync_testkit::KubeServer;

use crate::heard::{Heard, cluster, object, quick};

/// Waits for so many requests of a verb for rules.
async fn requests(kube: &KubeServer, verb: &str, wanted: usize) {
    let mut pause = tokio::time::interval(std::time::Duration::from_millis(20));
    while kube.requests_for(verb, "prometheusrules") < wanted {
        pause.tick().await;
    }
}

#[tokio::test]
async fn an_expired_revision_as_an_event_and_as_a_status() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, quick()).await;
    heard.until("complete").await;
    for as_status in [false, true] {
        kube.faults().http_410_on_watch(as_status);
        kube.faults().compact();
        kube.faults().cut_watches();
        let name = format!("new-{as_status}");
        kube.apply(object("a", &name, "up")).unwrap();
        if as_status {
            kube.journal()
                .wait_until(|requests| requests.iter().any(|request| request.status == Some(410)))
                .await;
            kube.faults().http_410_on_watch(false);
        }
        heard.until(&format!("upsert a/{name}")).await;
    }
    let lists = kube.requests_for("list", "prometheusrules");
    assert!(lists < 30, "{lists} pages");
}

#[tokio::test]
async fn a_silent_watch_is_given_up() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, quick()).await;
    heard.until("complete").await;
    kube.faults().stall_watches();
    kube.apply(object("a", "new", "up")).unwrap();
    let watches = kube.requests_for("watch", "prometheusrules");
    requests(&kube, "watch", watches + 1).await;
    kube.faults().resume_watches();
    heard.until("upsert a/new").await;
}

#[tokio::test]
async fn an_api_server_that_goes_and_comes_back() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, quick()).await;
    heard.until("complete").await;
    kube.stop().await;
    heard.until("unavailable: ").await;
    kube.apply(object("a", "new", "up")).unwrap();
    assert!(kube.delete(crate::heard::RULES, "a", "two"));
    kube.start_again().await.unwrap();
    let mut events = heard.until("delete a/two").await;
    events.extend(heard.until("available").await);
    assert!(events.contains(&"upsert a/new".to_owned()), "{events:?}");
    assert_eq!(events.iter().filter(|event| event.starts_with("delete")).count(), 1, "{events:?}");
}

#[tokio::test]
async fn etcd_that_is_down_at_the_start() {
    let kube = cluster().await;
    kube.faults().etcd_down(true);
    let mut heard = Heard::of(&kube, quick()).await;
    let events = heard.until("unavailable: ").await;
    assert!(events.last().unwrap().contains("longer than"), "{events:?}");
    kube.faults().etcd_down(false);
    let events = heard.until("complete").await;
    assert!(events.contains(&"upsert b/three".to_owned()), "{events:?}");
}

#[tokio::test]
async fn a_kind_that_is_not_installed_yet() {
    let kube = KubeServer::builder().without_prometheus_rules().start().await.unwrap();
    let mut heard = Heard::of(&kube, quick()).await;
    let events = heard.until("unavailable: ").await;
    assert!(events.last().unwrap().contains("prometheusrules.monitoring.coreos.com"), "{events:?}");
    kube.create_crd();
    kube.apply(object("a", "one", "up")).unwrap();
    let events = heard.until("upsert a/one").await;
    assert!(!events.iter().any(|event| event.starts_with("unavailable")), "said once: {events:?}");
}

#[tokio::test]
async fn a_kind_that_vanishes_and_lists_as_empty_for_a_moment_deletes_nothing() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, quick()).await;
    heard.until("complete").await;
    // While nothing can be seen, so that only lists tell.
    kube.stop().await;
    heard.until("unavailable: ").await;
    assert!(kube.drop_crd_of("prometheusrules.monitoring.coreos.com", 3));
    kube.start_again().await.unwrap();
    let lists = kube.requests_for("list", "prometheusrules");
    requests(&kube, "list", lists + 4).await;
    kube.create_crd();
    for (namespace, name) in [("a", "one"), ("a", "two"), ("b", "three")] {
        kube.apply(object(namespace, name, "up")).unwrap();
    }
    let events = heard.until("available").await;
    assert!(!events.iter().any(|event| event.starts_with("delete")), "{events:?}");
}

#[tokio::test]
async fn a_missing_permission_is_named_and_waited_for() {
    for (resource, says) in
        [("prometheusrules", "prometheusrules.monitoring.coreos.com"), ("namespaces", "namespaces")]
    {
        let kube = cluster().await;
        kube.faults().forbid("list", resource);
        let mut heard = Heard::of(&kube, quick()).await;
        let events = heard.until("unavailable: ").await;
        let reason = events.last().unwrap();
        assert!(reason.contains(says) && reason.contains("403") && reason.contains("`list`"), "{reason}");
        kube.faults().allow("list", resource);
        heard.until("complete").await;
    }
}
