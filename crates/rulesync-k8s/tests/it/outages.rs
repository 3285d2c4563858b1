//! Outages of API servers, etcd and connections.

use crate::fixture::{RULES, Running, asked, cluster, count, object, opened, quick, within};

#[tokio::test]
async fn expired_revision_is_recovered_from_as_event_and_as_status() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    let mut events = Vec::new();
    for as_status in [false, true] {
        kube.faults().http_410_on_watch(as_status);
        // Moves the revision on, so that what the watches have seen is before the point of compaction.
        kube.apply(object("a", "one", &format!("up == {}", u8::from(as_status)))).unwrap();
        events.extend(source.until("upsert a/one").await);
        kube.faults().stall_watches();
        let name = format!("new-{as_status}");
        kube.apply(object("a", &name, "up")).unwrap();
        let lists = kube.requests_for("list", "prometheusrules");
        kube.faults().compact();
        kube.faults().cut_watches();
        kube.faults().resume_watches();
        events.extend(source.until(&format!("upsert a/{name}")).await);
        let lists = kube.requests_for("list", "prometheusrules") - lists;
        assert!((1..=3).contains(&lists), "one list of at most three pages: {lists}");
    }
    let gone = kube.journal().count_where(|request| request.status == Some(410));
    assert!((1..=2).contains(&gone), "each watch was told once by status: {gone}");
    assert_eq!(count(&events, "unavailable") + count(&events, "delete"), 0, "an everyday matter: {events:?}");
}

#[tokio::test]
async fn broken_watch_continues_where_it_was() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, within(&["a"])).await;
    let mut events = source.until("complete").await;
    for round in 1..=4 {
        opened(&kube, round).await;
        kube.faults().cut_watches();
    }
    kube.apply(object("a", "new", "up")).unwrap();
    events.extend(source.until("upsert a/new").await);
    assert!(count(&events, "unavailable") <= 1, "{events:?}");
    assert_eq!(count(&events, "upsert"), 3, "nothing is listed again: {events:?}");
    assert_eq!(kube.requests_for("list", "prometheusrules"), 1);
}

#[tokio::test]
async fn silent_watch_is_given_up() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, within(&["a"])).await;
    source.until("complete").await;
    opened(&kube, 1).await;
    kube.faults().stall_watches();
    kube.apply(object("a", "new", "up")).unwrap();
    let events = source.until("upsert a/new").await;
    assert_eq!(events.len(), 1, "as if nothing had been: {events:?}");
    assert_eq!(kube.requests_for("list", "prometheusrules"), 1);
}

#[tokio::test]
async fn api_server_that_restarts_is_watched_again() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, quick()).await;
    source.until("complete").await;
    kube.stop().await;
    let mut events = source.until("unavailable: ").await;
    kube.apply(object("a", "new", "up")).unwrap();
    assert!(kube.delete(RULES, "a", "two"));
    let before = kube.journal().len();
    kube.start_again().await.unwrap();
    events.extend(source.until("available").await);
    assert!(events.contains(&"upsert a/new".to_owned()), "{events:?}");
    kube.apply(object("a", "newer", "up")).unwrap();
    events.extend(source.until("upsert a/newer").await);
    assert_eq!(count(&events, "delete"), 1, "{events:?}");
    assert_eq!(count(&events, "delete a/two"), 1, "{events:?}");
    assert_eq!(count(&events, "available"), 1, "{events:?}");
    let told = count(&events, "unavailable");
    assert!(told <= 4, "one cause, two watches that lose and find the server: {events:?}");
    let asked = kube.journal().len() - before;
    assert!(asked <= 12, "a list and a watch each: {asked}");
}

#[tokio::test]
async fn etcd_down_at_the_start_is_waited_for() {
    let kube = cluster().await;
    kube.faults().etcd_down(true);
    let mut source = Running::of(&kube, quick()).await;
    let mut events = source.until("unavailable: ").await;
    assert_eq!(events, ["unavailable: listing namespaces takes longer than 1s"]);
    assert_eq!(kube.requests_for("list", "namespaces"), 1, "told after the first list");
    asked(&kube, "list", "namespaces", 2).await;
    kube.faults().etcd_down(false);
    events.extend(source.until("complete").await);
    assert_eq!(count(&events, "unavailable"), 1, "{events:?}");
    assert_eq!(count(&events, "available"), 1, "{events:?}");
    assert_eq!(count(&events, "upsert"), 3, "{events:?}");
}

#[tokio::test]
async fn etcd_down_before_another_list_deletes_nothing() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, within(&["a"])).await;
    source.until("complete").await;
    kube.apply(object("a", "one", "down")).unwrap();
    source.until("upsert a/one").await;
    kube.faults().stall_watches();
    kube.apply(object("a", "new", "up")).unwrap();
    kube.faults().etcd_down(true);
    kube.faults().compact();
    kube.faults().cut_watches();
    let mut events = source.until("unavailable: ").await;
    assert!(events.last().unwrap().contains("takes longer than 1s"), "{events:?}");
    kube.faults().etcd_down(false);
    events.extend(source.until("available").await);
    assert_eq!(count(&events, "upsert a/new"), 1, "{events:?}");
    assert_eq!(count(&events, "delete"), 0, "{events:?}");
}
