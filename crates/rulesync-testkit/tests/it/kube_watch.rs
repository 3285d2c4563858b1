//! kube's own watcher against the server: its events, and the number of lists it needs.

use futures::StreamExt;
use kube::{
    Api,
    api::{PartialObjectMeta, WatchEvent, WatchParams},
    runtime::watcher::{Config, Event, watcher},
};
use rulesync_testkit::KubeServer;

use crate::kube_client::{
    DEADLINE, RULES, after, client, expect, kind, lists, rule, rules, rules_in, watched, watches_started,
};

#[tokio::test]
async fn watcher_lists_in_pages_and_receives_events() {
    let server = KubeServer::start().await.unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        server.apply(rule("team-a", name, 1)).unwrap();
    }
    let mut events = watched(rules(&server), Config::default().page_size(2));
    expect(&mut events, &["init", "init team-a/a 1", "init team-a/b 1", "init team-a/c 1"]).await;
    expect(&mut events, &["init team-a/d 1", "init team-a/e 1", "done"]).await;
    let following = tokio::spawn(async move {
        expect(&mut events, &["apply team-b/x 1", "apply team-a/a 2", "delete team-a/b 1"]).await;
    });
    watches_started(&server, 1).await;
    server.apply(rule("team-b", "x", 1)).unwrap();
    server.apply(rule("team-a", "a", 2)).unwrap();
    server.apply(rule("team-a", "a", 2)).unwrap();
    assert!(server.delete(RULES, "team-a", "b"));
    following.await.unwrap();
    assert_eq!(lists(&server), 3);
}

#[tokio::test]
async fn watcher_with_streaming_list_needs_no_list() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    let mut events = watched(rules(&server), Config::default().streaming_lists());
    expect(&mut events, &["init", "init team-a/a 1", "done"]).await;
    server.apply(rule("team-a", "b", 1)).unwrap();
    expect(&mut events, &["apply team-a/b 1"]).await;
    assert_eq!(lists(&server), 0);
}

#[tokio::test]
async fn watcher_fails_if_streaming_lists_are_rejected() {
    let server = KubeServer::start().await.unwrap();
    server.faults().refuse_streaming_lists(true);
    let mut events = watched(rules(&server), Config::default().streaming_lists());
    expect(&mut events, &["error start", "error start"]).await;
    assert!(server.journal().requests().iter().all(|r| r.status == Some(422)));
    server.faults().refuse_streaming_lists(false);
    // Requests in progress during the switch may still be rejected.
    assert_eq!(after(&mut events, "error start").await, "init");
}

#[tokio::test]
async fn bookmark_lets_a_watch_survive_compaction() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    let mut events = watched(rules(&server), Config::default());
    expect(&mut events, &["init", "init team-a/a 1", "done"]).await;
    let following = tokio::spawn(async move {
        expect(&mut events, &["apply team-a/b 1"]).await;
    });
    watches_started(&server, 1).await;
    server.advance_to(1000);
    server.faults().send_bookmarks();
    server.faults().compact();
    server.faults().end_watches();
    watches_started(&server, 2).await;
    server.apply(rule("team-a", "b", 1)).unwrap();
    following.await.unwrap();
    let resumed = server.journal().requests().into_iter().next_back().unwrap();
    assert!(resumed.query.unwrap().contains("resourceVersion=1000"));
    assert_eq!(lists(&server), 1);
}

#[tokio::test]
async fn watcher_lists_again_after_410_event() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    let mut events = watched(rules(&server), Config::default());
    expect(&mut events, &["init", "init team-a/a 1", "done"]).await;
    // Compacts between the list and the watch.
    server.apply(rule("team-a", "b", 1)).unwrap();
    server.faults().compact();
    expect(&mut events, &["error event 410", "init", "init team-a/a 1", "init team-a/b 1", "done"]).await;
    assert_eq!(lists(&server), 2);
}

#[tokio::test]
async fn watcher_does_not_recover_from_410_status() {
    let server = KubeServer::start().await.unwrap();
    let mut events = watched(rules(&server), Config::default());
    expect(&mut events, &["init", "done"]).await;
    server.apply(rule("team-a", "b", 1)).unwrap();
    server.faults().compact();
    server.faults().http_410_on_watch(true);
    expect(&mut events, &["error start", "error start", "error start"]).await;
    assert_eq!(lists(&server), 1);
    server.faults().http_410_on_watch(false);
    assert_eq!(after(&mut events, "error start").await, "error event 410");
    expect(&mut events, &["init", "init team-a/b 1", "done"]).await;
}

#[tokio::test]
async fn cut_watch_resumes_without_list_or_loss() {
    let server = KubeServer::start().await.unwrap();
    let mut events = watched(rules(&server), Config::default());
    expect(&mut events, &["init", "done"]).await;
    let following = tokio::spawn(async move {
        expect(&mut events, &["apply team-a/a 1"]).await;
    });
    watches_started(&server, 1).await;
    server.faults().cut_watches();
    server.apply(rule("team-a", "a", 1)).unwrap();
    // kube treats a broken connection as the end of the watch.
    following.await.unwrap();
    watches_started(&server, 2).await;
    assert_eq!(lists(&server), 1);
}

#[tokio::test]
async fn stalled_watch_is_silent_until_resumed() {
    let server = KubeServer::start().await.unwrap();
    let api = rules(&server);
    let mut stalled = api.watch(&WatchParams::default().disable_bookmarks(), "0").await.unwrap().boxed();
    server.faults().stall_watches();
    let mut lively = api.watch(&WatchParams::default().disable_bookmarks(), "0").await.unwrap().boxed();
    server.apply(rule("team-a", "a", 1)).unwrap();
    let event = tokio::time::timeout(DEADLINE, lively.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Added(_)), "{event:?}");
    // The stalled watch had enough time to receive the event.
    assert!(futures::poll!(stalled.next()).is_pending());
    server.faults().resume_watches();
    let event = tokio::time::timeout(DEADLINE, stalled.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Added(_)), "{event:?}");
}

#[tokio::test]
async fn watcher_leaves_a_silent_connection_at_its_timeout() {
    let server = KubeServer::start().await.unwrap();
    let mut events = watched(rules(&server), Config::default().timeout(1));
    expect(&mut events, &["init", "done"]).await;
    let following = tokio::spawn(async move { expect(&mut events, &["apply team-a/a 1"]).await });
    watches_started(&server, 1).await;
    server.faults().stall_watches();
    server.apply(rule("team-a", "a", 1)).unwrap();
    following.await.unwrap();
    assert_eq!(lists(&server), 1);
}

#[tokio::test]
async fn namespace_deletion_deletes_its_objects() {
    let server = KubeServer::start().await.unwrap();
    for name in ["a", "b"] {
        server.apply(rule("team-a", name, 1)).unwrap();
    }
    server.apply(rule("team-b", "c", 1)).unwrap();
    let mut events = watched(rules(&server), Config::default().streaming_lists());
    expect(&mut events, &["init", "init team-a/a 1", "init team-a/b 1", "init team-b/c 1", "done"]).await;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client(&server));
    let only = WatchParams::default().disable_bookmarks().fields("metadata.name=team-a");
    let mut watch = namespaces.watch(&only, "0").await.unwrap().boxed();
    namespaces.delete("team-a", &kube::api::DeleteParams::default()).await.unwrap();
    expect(&mut events, &["delete team-a/a 1", "delete team-a/b 1"]).await;
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let event = tokio::time::timeout(DEADLINE, watch.next()).await.unwrap().unwrap().unwrap();
        kinds.push(match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            WatchEvent::Bookmark(_) => "bookmark",
            WatchEvent::Error(_) => "error",
        });
    }
    assert_eq!(kinds, ["added", "modified", "modified", "deleted"]);
    assert!(namespaces.get_opt("team-a").await.unwrap().is_none());
}

#[tokio::test]
async fn watch_reports_selector_changes_as_delete_and_add() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    server.apply(rule("team-a", "b", 2)).unwrap();
    let mut events = watched(rules_in(&server, "team-a"), Config::default().labels("n=1").streaming_lists());
    expect(&mut events, &["init", "init team-a/a 1", "done"]).await;
    server.apply(rule("team-a", "a", 3)).unwrap();
    server.apply(rule("team-a", "b", 4)).unwrap();
    server.apply(rule("team-b", "x", 1)).unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    expect(&mut events, &["delete team-a/a 1", "apply team-a/a 1"]).await;
}

#[tokio::test]
async fn metadata_watcher_receives_only_metadata() {
    let server = KubeServer::start().await.unwrap();
    server.create_namespace("team-a", [("tenant", "a")]).unwrap();
    type Meta = PartialObjectMeta<k8s_openapi::api::core::v1::Namespace>;
    let api: Api<Meta> = Api::all(client(&server));
    let mut events = watcher(api, Config::default().labels("tenant").streaming_lists()).boxed();
    let mut labels = Vec::new();
    for _ in 0..3 {
        match tokio::time::timeout(DEADLINE, events.next()).await.unwrap().unwrap().unwrap() {
            Event::InitApply(meta) => labels.push(meta.metadata.labels.unwrap_or_default()),
            Event::Init | Event::InitDone => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(labels[0]["tenant"], "a");
    assert_eq!(labels[0]["kubernetes.io/metadata.name"], "team-a");
    server.label_namespace("team-a", [("tenant", Some("b"))]).unwrap();
    let event = tokio::time::timeout(DEADLINE, events.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(event, Event::Apply(meta) if meta.metadata.labels.as_ref().unwrap()["tenant"] == "b"));
    server.label_namespace("team-a", [("tenant", None)]).unwrap();
    let event = tokio::time::timeout(DEADLINE, events.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(event, Event::Delete(_)), "{event:?}");
    let whole = server.journal().requests();
    assert!(whole.iter().all(|r| r.header("accept").unwrap().contains("as=PartialObjectMetadata")));
}

#[tokio::test]
async fn crd_deletion_looks_like_an_empty_list() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    let api = rules(&server);
    let mut events = watched(api.clone(), Config::default().streaming_lists());
    expect(&mut events, &["init", "init team-a/a 1", "done"]).await;
    assert!(server.drop_crd());
    expect(&mut events, &["delete team-a/a 1", "error start"]).await;
    // The dangerous moment: a list that succeeds without items.
    assert!(api.list(&kube::api::ListParams::default()).await.unwrap().items.is_empty());
    let gone = api.list(&kube::api::ListParams::default()).await.unwrap_err();
    assert!(matches!(&gone, kube::Error::Api(status) if status.code == 404), "{gone:?}");
    assert!(kube::discovery::pinned_kind(&client(&server), &gvk()).await.is_err());
    server.create_crd();
    assert!(kube::discovery::pinned_kind(&client(&server), &gvk()).await.is_ok());
    server.apply(rule("team-a", "b", 1)).unwrap();
    assert_eq!(after(&mut events, "error start").await, "apply team-a/b 1", "{:?}", server.journal());
    assert_eq!(kind().plural, "prometheusrules");
}

fn gvk() -> kube::api::GroupVersionKind {
    kube::api::GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule")
}
