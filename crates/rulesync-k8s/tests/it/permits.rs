//! What one must be allowed to do, and what is said if one is not.

use rulesync_testkit::{Access, KubeServer};

use crate::heard::{Heard, asked, cluster, count, object, quick, within};

const TOKEN: &str = "s3cret-t0ken";

#[tokio::test]
async fn a_missing_permission_is_named_once_and_waited_for() {
    for (verb, plural, resource) in [
        ("list", "prometheusrules", "prometheusrules.monitoring.coreos.com"),
        ("list", "namespaces", "namespaces"),
        ("watch", "prometheusrules", "prometheusrules.monitoring.coreos.com"),
        ("watch", "namespaces", "namespaces"),
    ] {
        let kube = cluster().await;
        kube.faults().forbid(verb, plural);
        let mut heard = Heard::of(&kube, quick()).await;
        let mut events = heard.until("unavailable: ").await;
        let wanted = format!("unavailable: not allowed to {verb} {resource} (403)");
        assert!(events.last().unwrap().starts_with(&wanted), "{events:?}");
        let tried = kube.requests_for(verb, plural);
        assert!(tried <= 4, "told without many tries: {tried}");
        // Few enough for what the lists say to fit into the channel: nobody takes it out meanwhile.
        asked(&kube, verb, plural, tried + 2).await;
        kube.faults().allow(verb, plural);
        events.extend(heard.until("available").await);
        if count(&events, "complete") == 0 {
            events.extend(heard.until("complete").await);
        }
        kube.apply(object("a", "new", "up")).unwrap();
        events.extend(heard.until("upsert a/new").await);
        assert_eq!(count(&events, "unavailable"), 1, "{verb} {plural}: {events:?}");
        assert_eq!(count(&events, "available"), 1, "{verb} {plural}: {events:?}");
        assert_eq!(count(&events, "complete"), 1, "{verb} {plural}: {events:?}");
    }
}

#[tokio::test]
async fn a_permission_lost_on_the_way_deletes_nothing() {
    let kube = cluster().await;
    let mut heard = Heard::of(&kube, within(&["a"])).await;
    heard.until("complete").await;
    kube.faults().forbid("*", "prometheusrules");
    kube.faults().cut_watches();
    let mut events = heard.until("unavailable: ").await;
    kube.faults().allow("*", "prometheusrules");
    events.extend(heard.until("available").await);
    assert_eq!(count(&events, "delete"), 0, "{events:?}");
}

async fn guarded(access: Access) -> KubeServer {
    let kube = KubeServer::builder().token(TOKEN, "rulesync", access).start().await.unwrap();
    kube.apply(object("a", "one", "up")).unwrap();
    kube
}

#[tokio::test]
async fn list_and_watch_are_enough() {
    let all = Access::only([
        ("list", "prometheusrules"),
        ("watch", "prometheusrules"),
        ("list", "namespaces"),
        ("watch", "namespaces"),
    ]);
    let one = Access::only([("list", "prometheusrules"), ("watch", "prometheusrules")]).within(["a"]);
    for (access, config) in [(all, quick()), (one, within(&["a"]))] {
        let kube = guarded(access).await;
        let mut heard = Heard::by(kube.kubeconfig_with_token(TOKEN), config).await;
        let mut events = heard.until("complete").await;
        kube.apply(object("a", "new", "up")).unwrap();
        events.extend(heard.until("upsert a/new").await);
        assert_eq!(count(&events, "unavailable"), 0, "{events:?}");
    }
}

#[tokio::test]
async fn a_token_nobody_knows_is_said_and_not_shown() {
    let kube = guarded(Access::all()).await;
    let mut heard = Heard::by(kube.kubeconfig_with_token("wr0ng-t0ken"), within(&["a"])).await;
    let events = heard.until("unavailable: ").await;
    assert!(events.last().unwrap().contains("401"), "{events:?}");
    assert!(!events.concat().contains("wr0ng"), "{events:?}");
}
