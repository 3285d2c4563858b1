//! ConfigMaps, Leases and the cluster's identity, through kube's typed `Api`.

use bytes::Bytes;
use futures::StreamExt;
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{ConfigMap, Namespace},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, WatchEvent, WatchParams},
};
use rulesync_testkit::{Fault, KubeServer, wire};
use serde_json::{Value, json};

use crate::{
    kube_api::code,
    kube_client::{DEADLINE, client, lists, rules},
};

const LEASES: &str = "leases.coordination.k8s.io";

fn leases(server: &KubeServer) -> Api<Lease> {
    Api::namespaced(client(server), "default")
}

fn lease(holder: &str) -> Lease {
    serde_json::from_value(json!({
        "metadata": {"name": "rulesync"},
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 15,
            "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    }))
    .unwrap()
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref()
}

#[tokio::test]
async fn lease_is_acquired_renewed_and_released() {
    let server = KubeServer::start().await.unwrap();
    let (api, post) = (leases(&server), PostParams::default());
    assert_eq!(code(&api.get("rulesync").await.unwrap_err()), 404);
    let taken = api.create(&post, &lease("a")).await.unwrap();
    assert_eq!((holder(&taken), taken.metadata.generation), (Some("a"), None));
    assert_eq!(code(&api.create(&post, &lease("b")).await.unwrap_err()), 409);

    let same = api.replace("rulesync", &post, &taken).await.unwrap();
    assert_eq!(same.resource_version(), taken.resource_version(), "nothing changed");
    let mut renewed = taken.clone();
    renewed.spec.as_mut().unwrap().renew_time =
        Some(serde_json::from_value(json!("2026-01-01T00:00:05.000001Z")).unwrap());
    let renewed = api.replace("rulesync", &post, &renewed).await.unwrap();
    assert_ne!(renewed.resource_version(), taken.resource_version());
    assert_eq!(code(&api.replace("rulesync", &post, &taken).await.unwrap_err()), 409, "stale");
    assert_eq!(code(&api.replace("rulesync", &post, &lease("b")).await.unwrap_err()), 422, "no revision");

    let mut released = renewed.clone();
    released.spec.as_mut().unwrap().holder_identity = Some(String::new());
    let released = api.replace("rulesync", &post, &released).await.unwrap();
    assert_eq!(holder(&released), Some(""));
    let stored = server.get(LEASES, "default", "rulesync").unwrap();
    assert_eq!(stored["spec"]["renewTime"], "2026-01-01T00:00:05.000001Z");

    let stale = Preconditions { resource_version: renewed.resource_version(), uid: None };
    let guarded = DeleteParams { preconditions: Some(stale), ..DeleteParams::default() };
    assert_eq!(code(&api.delete("rulesync", &guarded).await.unwrap_err()), 409);
    assert!(server.delete(LEASES, "default", "rulesync"));
    assert_eq!(
        code(&api.replace("rulesync", &post, &released).await.unwrap_err()),
        409,
        "deleted resourceVersion"
    );
    let mut deleted = lease("a");
    deleted.metadata.uid = released.uid();
    assert_eq!(code(&api.replace("rulesync", &post, &deleted).await.unwrap_err()), 409, "deleted uid");
    let created = api.replace("rulesync", &post, &lease("b")).await.unwrap();
    assert_eq!(holder(&created), Some("b"), "a PUT of a missing lease creates it");
}

#[tokio::test]
async fn lease_with_invalid_fields_is_rejected() {
    let server = KubeServer::start().await.unwrap();
    let api = leases(&server);
    let mut endless = lease("a");
    endless.spec.as_mut().unwrap().lease_duration_seconds = Some(0);
    let refused = api.create(&PostParams::default(), &endless).await.unwrap_err();
    assert_eq!(code(&refused), 422);
    let text = "Lease.coordination.k8s.io \"rulesync\" is invalid: spec.leaseDurationSeconds";
    assert!(refused.to_string().contains(text), "{refused}");
    api.create(&PostParams::default(), &lease("a")).await.unwrap();
    let patch = |spec: Value| Patch::Merge(json!({"spec": spec}));
    let params = PatchParams::default();
    let coarse = patch(json!({"renewTime": "2026-01-01T00:00:05Z"}));
    assert_eq!(code(&api.patch("rulesync", &params, &coarse).await.unwrap_err()), 400);
    let applied = Patch::Apply(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "rulesync"},
        "spec": {"renewTime": "2026-01-01T00:00:05Z"},
    }));
    let force = PatchParams::apply("a").force();
    assert_eq!(code(&api.patch("rulesync", &force, &applied).await.unwrap_err()), 400);
    let freed = api.patch("rulesync", &params, &patch(json!({"holderIdentity": null}))).await.unwrap();
    assert_eq!(holder(&freed), None);
}

#[tokio::test]
async fn config_map_create_update_and_delete() {
    let server = KubeServer::start().await.unwrap();
    let api: Api<ConfigMap> = Api::default_namespaced(client(&server));
    let config_map: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "state"}, "data": {"a": "1"}})).unwrap();
    let made = api.create(&PostParams::default(), &config_map).await.unwrap();
    assert_eq!((made.metadata.generation, made.data.unwrap()["a"].as_str()), (None, "1"));
    let more = Patch::Merge(json!({"data": {"b": "2", "a": null}}));
    let changed = api.patch("state", &PatchParams::default(), &more).await.unwrap();
    assert_eq!(changed.data.unwrap().into_iter().collect::<Vec<_>>(), [("b".to_owned(), "2".to_owned())]);
    let unconditional = api.replace("state", &PostParams::default(), &config_map).await.unwrap();
    assert_eq!(unconditional.data.unwrap()["a"], "1", "a ConfigMap requires no revision");
    let missing: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "none"}})).unwrap();
    assert_eq!(code(&api.replace("none", &PostParams::default(), &missing).await.unwrap_err()), 404);
    let huge: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "huge"}, "data": {"a": "x".repeat(1_048_577)},
    }))
    .unwrap();
    let refused = api.create(&PostParams::default(), &huge).await.unwrap_err();
    assert_eq!(code(&refused), 422);
    assert!(refused.to_string().contains("[]: Too long: may not be more than 1048576 bytes"), "{refused}");

    server
        .apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"namespace": "default", "name": "state"}, "data": {"by": "hand"},
        }))
        .unwrap();
    let listed = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(listed.items[0].data.as_ref().unwrap()["by"], "hand");
    assert_eq!(server.count("configmaps"), 1);
    assert!(server.delete("configmaps", "default", "state"));
    assert_eq!(code(&api.get("state").await.unwrap_err()), 404);
}

#[tokio::test]
async fn cluster_uid_is_the_uid_of_kube_system() {
    let uid = "11111111-2222-4333-8444-555555555555";
    let named = KubeServer::builder().cluster_uid(uid).start().await.unwrap();
    let other = KubeServer::start().await.unwrap();
    let seen = async |server: &KubeServer| {
        Api::<Namespace>::all(client(server)).get("kube-system").await.unwrap().uid().unwrap()
    };
    assert_eq!(seen(&named).await, uid);
    assert_ne!(seen(&other).await, uid);
    let before = other.cluster_uid();
    other.restart().await.unwrap();
    assert_eq!((seen(&other).await, other.cluster_uid()), (before.clone(), before));
}

#[tokio::test]
async fn faults_can_be_limited_to_one_resource() {
    let server = KubeServer::start().await.unwrap();
    let (api, post) = (leases(&server), PostParams::default());
    let works = async || rules(&server).list(&ListParams::default()).await.is_ok();
    server.faults().respond_on("leases", 500, 1);
    server.faults().respond_on("leases", 409, 1);
    assert!(works().await);
    assert_eq!(code(&api.create(&post, &lease("a")).await.unwrap_err()), 500);
    assert_eq!(code(&api.create(&post, &lease("a")).await.unwrap_err()), 409);
    let lost = Fault::lose_answer().on_path("/leases").times(1);
    server.faults().inject(lost);
    assert!(api.create(&post, &lease("a")).await.is_err());
    assert!(server.get(LEASES, "default", "rulesync").is_some(), "the request was processed");

    let hung = server.faults().hang_on("leases");
    server.journal().clear();
    tokio::select! {
        _ = api.get("rulesync") => panic!("unexpected answer"),
        () = server.journal().wait_until(|seen| !seen.is_empty()) => {}
    }
    assert!(works().await);
    assert!(server.faults().requests().remove(hung));
    assert!(tokio::time::timeout(DEADLINE, api.get("rulesync")).await.unwrap().is_ok());
    assert_eq!(lists(&server), 1);
}

#[tokio::test]
async fn builtin_objects_are_watched_and_deleted_with_their_namespace() {
    let server = KubeServer::start().await.unwrap();
    server.create_namespace("team-a", []).unwrap();
    let api: Api<Lease> = Api::namespaced(client(&server), "team-a");
    let since = server.revision().to_string();
    let mut watch = std::pin::pin!(api.watch(&WatchParams::default(), &since).await.unwrap());
    api.create(&PostParams::default(), &lease("a")).await.unwrap();
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "team-a", "name": "c"}});
    server.apply(map).unwrap();
    assert!(server.delete_namespace("team-a"));
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let event = tokio::time::timeout(DEADLINE, watch.next()).await.unwrap().unwrap().unwrap();
        seen.push(match event {
            WatchEvent::Added(lease) => format!("added {}", lease.name_any()),
            WatchEvent::Deleted(lease) => format!("deleted {}", lease.name_any()),
            other => format!("{other:?}"),
        });
    }
    assert_eq!(seen, ["added rulesync", "deleted rulesync"]);
    assert_eq!((server.count(LEASES), server.count("configmaps")), (0, 0));
}

#[tokio::test]
async fn strategic_merge_patch_is_for_builtin_kinds() {
    let server = KubeServer::start().await.unwrap();
    server
        .apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "finalizers": ["example.com/a"]},
            "data": {"a": "1", "b": "2"},
        }))
        .unwrap();
    let change = json!({"metadata": {"finalizers": ["example.com/b"]}, "data": {"a": null, "c": "3"}});
    let headers = [("content-type", "application/strategic-merge-patch+json")];
    let target = "/api/v1/namespaces/default/configmaps/c";
    let body = Bytes::from(change.to_string());
    let reply = wire::send(server.address(), "PATCH", target, &headers, body).await.unwrap();
    let patched: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status.as_u16(), &patched["data"]), (200, &json!({"b": "2", "c": "3"})));
    assert_eq!(patched["metadata"]["finalizers"], json!(["example.com/a", "example.com/b"]));
}
