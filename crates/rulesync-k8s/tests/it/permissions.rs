//! The permissions that a source needs, and what it reports without them.

use rulesync_testkit::{Access, KubeServer};

use crate::fixture::{Running, asked, cluster, count, object, quick, within};

const TOKEN: &str = "s3cret-t0ken";

#[tokio::test]
async fn missing_permission_is_reported_once_and_waited_for() {
    for (verb, plural, resource) in [
        ("list", "prometheusrules", "prometheusrules.monitoring.coreos.com"),
        ("list", "namespaces", "namespaces"),
        ("watch", "prometheusrules", "prometheusrules.monitoring.coreos.com"),
        ("watch", "namespaces", "namespaces"),
    ] {
        let kube = cluster().await;
        kube.faults().forbid(verb, plural);
        let mut source = Running::of(&kube, quick()).await;
        let mut events = source.until("unavailable: ").await;
        let wanted = format!("unavailable: not allowed to {verb} {resource} (403)");
        assert!(events.last().unwrap().starts_with(&wanted), "{events:?}");
        let tried = kube.requests_for(verb, plural);
        assert!(tried <= 4, "told without many tries: {tried}");
        // Few enough for what the lists say to fit into the channel: nobody takes it out meanwhile.
        asked(&kube, verb, plural, tried + 2).await;
        kube.faults().allow(verb, plural);
        events.extend(source.until("available").await);
        if count(&events, "complete") == 0 {
            events.extend(source.until("complete").await);
        }
        kube.apply(object("a", "new", "up")).unwrap();
        events.extend(source.until("upsert a/new").await);
        assert_eq!(count(&events, "unavailable"), 1, "{verb} {plural}: {events:?}");
        assert_eq!(count(&events, "available"), 1, "{verb} {plural}: {events:?}");
        assert_eq!(count(&events, "complete"), 1, "{verb} {plural}: {events:?}");
    }
}

#[tokio::test]
async fn permission_lost_while_running_deletes_nothing() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, within(&["a"])).await;
    source.until("complete").await;
    kube.faults().forbid("*", "prometheusrules");
    kube.faults().cut_watches();
    let mut events = source.until("unavailable: ").await;
    kube.faults().allow("*", "prometheusrules");
    events.extend(source.until("available").await);
    assert_eq!(count(&events, "delete"), 0, "{events:?}");
}

async fn guarded(access: Access) -> KubeServer {
    let kube = KubeServer::builder().token(TOKEN, "rulesync", access).start().await.unwrap();
    kube.apply(object("a", "one", "up")).unwrap();
    kube
}

#[tokio::test]
async fn permissions_to_list_and_watch_are_enough() {
    let all = Access::only([
        ("list", "prometheusrules"),
        ("watch", "prometheusrules"),
        ("list", "namespaces"),
        ("watch", "namespaces"),
    ]);
    let one = Access::only([("list", "prometheusrules"), ("watch", "prometheusrules")]).within(["a"]);
    for (access, config) in [(all, quick()), (one, within(&["a"]))] {
        let kube = guarded(access).await;
        let mut source = Running::by(kube.kubeconfig_with_token(TOKEN), config).await;
        let mut events = source.until("complete").await;
        kube.apply(object("a", "new", "up")).unwrap();
        events.extend(source.until("upsert a/new").await);
        assert_eq!(count(&events, "unavailable"), 0, "{events:?}");
    }
}

#[tokio::test]
async fn unknown_token_is_reported_without_its_text() {
    let kube = guarded(Access::all()).await;
    let mut source = Running::by(kube.kubeconfig_with_token("wr0ng-t0ken"), within(&["a"])).await;
    let events = source.until("unavailable: ").await;
    assert!(events.last().unwrap().contains("401"), "{events:?}");
    assert!(!events.concat().contains("wr0ng"), "{events:?}");
}
