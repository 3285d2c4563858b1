//! Writes, errors, access and outages of the Kubernetes server, through kube's client.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use rulesync_testkit::{Access, Fault, KubeServer, wire};
use serde_json::{Value, json};

use crate::kube_client::{DEADLINE, RULES, client, kind, lists, rule, rules, rules_in};

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{other:?}"),
    }
}

async fn get(server: &KubeServer, target: &str) -> wire::Reply {
    wire::send(server.address(), "GET", target, &[], Bytes::new()).await.unwrap()
}

async fn post(server: &KubeServer, target: &str, body: Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let reply =
        wire::send(server.address(), "POST", target, &headers, Bytes::from(body.to_string())).await.unwrap();
    (reply.status.as_u16(), serde_json::from_slice(&reply.body).unwrap())
}

#[tokio::test]
async fn object_lifecycle_updates_revision_and_generation() {
    let server = KubeServer::start().await.unwrap();
    server.create_namespace("team-a", []).unwrap();
    let api = rules_in(&server, "team-a");
    let post = PostParams::default();
    let made = api.create(&post, &object(rule("team-a", "a", 1))).await.unwrap();
    assert_eq!((made.metadata.generation, made.metadata.uid.is_some()), (Some(1), true));
    assert_eq!(code(&api.create(&post, &object(rule("team-a", "a", 1))).await.unwrap_err()), 409);

    let label = Patch::Merge(json!({"metadata": {"labels": {"x": "y"}}}));
    let labelled = api.patch("a", &PatchParams::default(), &label).await.unwrap();
    assert_eq!(labelled.metadata.generation, Some(1), "labels do not change the generation");
    let same = api.patch("a", &PatchParams::default(), &label).await.unwrap();
    assert_eq!(same.resource_version(), labelled.resource_version(), "nothing changed");
    let spec = Patch::Merge(json!({"spec": {"groups": []}}));
    let changed = api.patch("a", &PatchParams::default(), &spec).await.unwrap();
    assert_eq!(changed.metadata.generation, Some(2));
    assert_ne!(changed.resource_version(), labelled.resource_version());

    assert_eq!(code(&api.replace("a", &post, &labelled).await.unwrap_err()), 409, "stale");
    let stale = Patch::Merge(json!({"metadata": {"resourceVersion": "1", "labels": {"q": "1"}}}));
    assert_eq!(code(&api.patch("a", &PatchParams::default(), &stale).await.unwrap_err()), 409);
    let mut fresh = changed.clone();
    fresh.labels_mut().insert("z".to_owned(), "1".to_owned());
    assert_eq!(api.replace("a", &post, &fresh).await.unwrap().labels()["z"], "1");
    let mut bare = fresh.clone();
    bare.metadata.resource_version = None;
    assert_eq!(
        code(&api.replace("a", &post, &bare).await.unwrap_err()),
        422,
        "a custom resource requires a revision"
    );

    assert!(api.delete("a", &DeleteParams::default()).await.unwrap().is_right());
    assert_eq!(code(&api.delete("a", &DeleteParams::default()).await.unwrap_err()), 404);
    assert_eq!(code(&api.get("a").await.unwrap_err()), 404);
}

#[tokio::test]
async fn generated_names_and_collection_deletion() {
    let server = KubeServer::start().await.unwrap();
    let api = rules_in(&server, "default");
    let mut stem = rule("default", "", 1);
    stem["metadata"] = json!({"generateName": "made-"});
    for _ in 0..3 {
        let made = api.create(&PostParams::default(), &object(stem.clone())).await.unwrap();
        assert!(made.name_any().starts_with("made-") && made.name_any().len() == 10, "{}", made.name_any());
    }
    server.apply(rule("default", "stays", 2)).unwrap();
    let some = ListParams::default().labels("n!=2");
    let gone = api.delete_collection(&DeleteParams::default(), &some).await.unwrap();
    assert_eq!(gone.left().map(|list| list.items.len()), Some(3));
    assert_eq!(server.count(RULES), 1);
}

#[tokio::test]
async fn finalizers_delay_deletion() {
    let server = KubeServer::start().await.unwrap();
    let mut held = rule("team-a", "a", 1);
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    server.apply(held).unwrap();
    let api = rules_in(&server, "team-a");
    let going = api.delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert!(going.metadata.deletion_timestamp.is_some());
    assert!(server.delete_namespace("team-a"));
    assert_eq!(server.get("namespaces", "", "team-a").unwrap()["status"]["phase"], "Terminating");
    let release = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("a", &PatchParams::default(), &release).await.unwrap();
    assert!(server.get(RULES, "team-a", "a").is_none());
    assert!(server.finish_namespace("team-a"));
    assert!(server.get("namespaces", "", "team-a").is_none());
}

#[tokio::test]
async fn schema_validates_and_prunes_like_the_real_server() {
    let server = KubeServer::start().await.unwrap();
    let target = "/apis/monitoring.coreos.com/v1/namespaces/default/prometheusrules?dryRun=All";
    let with = |groups: Value| {
        let mut value = rule("default", "v", 1);
        value["spec"]["groups"] = groups;
        value
    };
    for (groups, message) in [
        (json!([{"name": "g"}, {"name": "g"}]), "spec.groups[1]: Duplicate value: {\"name\":\"g\"}"),
        (json!([{"name": ""}]), "should be at least 1 chars long"),
        (json!([{"name": "g", "interval": "1.5h"}]), "spec.groups[0].interval in body should match"),
        (json!([{"name": "g", "interval": 60}]), "must be of type string: \"integer\""),
        (json!([{"name": "g", "rules": [{"record": "a"}]}]), "spec.groups[0].rules[0].expr: Required value"),
    ] {
        let (status, answer) = post(&server, target, with(groups)).await;
        assert_eq!((status, &answer["reason"]), (422, &json!("Invalid")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(message), "{answer}");
    }
    for groups in [
        json!([]),
        json!([{"name": "g"}]),
        json!([{"name": "g", "interval": "", "rules": [{"expr": 1, "for": ""}]}]),
        json!([{"name": "g", "rules": [{"alert": "a", "record": "b", "expr": "sum("}]}]),
    ] {
        let (status, answer) = post(&server, target, with(groups.clone())).await;
        assert_eq!((status, &answer["spec"]["groups"]), (201, &groups));
        assert!(answer["metadata"].get("resourceVersion").is_none(), "a dry run has no revision");
    }
    let odd = json!([{"name": "g", "nonsense": 1}]);
    let headers = [("content-type", "application/json")];
    let body = Bytes::from(with(odd.clone()).to_string());
    let warned = wire::send(server.address(), "POST", target, &headers, body).await.unwrap();
    assert_eq!(warned.header("warning"), Some("299 - \"unknown field \\\"spec.groups[0].nonsense\\\"\""));
    assert!(!warned.text().contains("nonsense\":"));
    assert_eq!(post(&server, &format!("{target}&fieldValidation=Strict"), with(odd)).await.0, 400);
    assert_eq!(server.count(RULES), 0);
    assert!(server.apply(with(json!([{"name": "g"}, {"name": "g"}]))).is_err());
}

#[tokio::test]
async fn create_requires_an_active_namespace() {
    let server = KubeServer::builder().without_namespace_controller().start().await.unwrap();
    let api = rules_in(&server, "team-a");
    let create = || async { api.create(&PostParams::default(), &object(rule("team-a", "a", 1))).await };
    assert_eq!(code(&create().await.unwrap_err()), 404);
    assert!(
        api.list(&ListParams::default()).await.unwrap().items.is_empty(),
        "a list of a missing namespace is empty"
    );
    server.create_namespace("team-a", []).unwrap();
    create().await.unwrap();
    assert!(server.delete_namespace("team-a"));
    let refused = api.create(&PostParams::default(), &object(rule("team-a", "b", 1))).await.unwrap_err();
    assert_eq!(code(&refused), 403);
    assert_eq!(server.count(RULES), 1);
    assert!(server.finish_namespace("team-a"));
    assert_eq!(server.count(RULES), 0);
}

#[tokio::test]
async fn custom_kind_is_served_once_defined() {
    let server = KubeServer::start().await.unwrap();
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    assert_eq!(get(&server, widgets).await.text(), "404 page not found\n");
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            }}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(post(&server, definitions, definition).await.0, 201);
    let widget = |n: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"n": n}});
    assert_eq!(post(&server, widgets, widget(json!("x"))).await.0, 422);
    assert_eq!(post(&server, widgets, widget(json!(1))).await.0, 201);
    assert_eq!(server.count("widgets.example.com"), 1);
    let one = format!("{definitions}/widgets.example.com");
    let gone = wire::send(server.address(), "DELETE", &one, &[], Bytes::new()).await.unwrap();
    assert_eq!(gone.status, 200);
    assert_eq!(get(&server, widgets).await.status, 200, "empty for a moment");
    assert_eq!(get(&server, widgets).await.status, 404);
}

async fn client_with(server: &KubeServer, token: &str) -> Client {
    let file = Kubeconfig::from_yaml(&server.kubeconfig_with_token(token)).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn access_depends_on_token_and_rules() {
    let server = KubeServer::builder()
        .token("good", "agent", Access::only([("list", "prometheusrules")]))
        .start()
        .await
        .unwrap();
    let list = async |token: &str| {
        let api: Api<DynamicObject> = Api::all_with(client_with(&server, token).await, &kind());
        api.list(&ListParams::default()).await
    };
    assert!(list("good").await.is_ok());
    assert_eq!(code(&list("bad").await.unwrap_err()), 401);
    assert_eq!(code(&rules(&server).list(&ListParams::default()).await.unwrap_err()), 403, "anonymous");
    let api: Api<DynamicObject> = Api::all_with(client_with(&server, "good").await, &kind());
    let refused = api.watch(&kube::api::WatchParams::default(), "0").await.err().unwrap();
    assert_eq!(code(&refused), 403);
    server.faults().forbid("list", "prometheusrules");
    assert_eq!(code(&list("good").await.unwrap_err()), 403);
    server.faults().allow("list", "prometheusrules");
    assert!(list("good").await.is_ok());
}

#[tokio::test]
async fn access_can_be_restricted_to_namespaces() {
    let everything = Access::only([("*", "*")]);
    let server =
        KubeServer::builder().token("t", "agent", everything.within(["team-a"])).start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    let client = client_with(&server, "t").await;
    let list = async |api: Api<DynamicObject>| api.list(&ListParams::default()).await;
    assert_eq!(list(Api::namespaced_with(client.clone(), "team-a", &kind())).await.unwrap().items.len(), 1);
    assert_eq!(code(&list(Api::namespaced_with(client.clone(), "team-b", &kind())).await.unwrap_err()), 403);
    assert_eq!(code(&list(Api::all_with(client.clone(), &kind())).await.unwrap_err()), 403);
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client);
    assert!(namespaces.get("team-a").await.is_ok());
    assert_eq!(code(&namespaces.get("default").await.unwrap_err()), 403);
}

#[tokio::test]
async fn etcd_outage_leaves_only_cached_lists() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    server.faults().etcd_down(true);
    let list = "/apis/monitoring.coreos.com/v1/prometheusrules";
    assert_eq!(get(&server, &format!("{list}?resourceVersion=0")).await.status, 200);
    assert_eq!(get(&server, "/readyz").await.text(), "ok");
    let consistent = get(&server, list);
    tokio::pin!(consistent);
    server.journal().clear();
    tokio::select! {
        _ = &mut consistent => panic!("unexpected answer"),
        () = server.journal().wait_until(|seen| !seen.is_empty()) => {}
    }
    assert!(server.journal().requests()[0].status.is_none());
    server.faults().etcd_down(false);
    assert_eq!(tokio::time::timeout(DEADLINE, consistent).await.unwrap().status, 200);
}

#[tokio::test]
async fn restart_makes_earlier_revisions_too_old() {
    let server = KubeServer::start().await.unwrap();
    for name in ["a", "b", "c"] {
        server.apply(rule("team-a", name, 1)).unwrap();
    }
    let list = "/apis/monitoring.coreos.com/v1/prometheusrules?limit=1";
    let first: Value = serde_json::from_slice(&get(&server, list).await.body).unwrap();
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    server.apply(rule("team-a", "d", 1)).unwrap();
    server.stop().await;
    let refused = wire::send(server.address(), "GET", list, &[], Bytes::new()).await;
    assert!(refused.is_err());
    server.start_again().await.unwrap();
    let expired = get(&server, &format!("{list}&continue={token}")).await;
    let status: Value = serde_json::from_slice(&expired.body).unwrap();
    assert_eq!((expired.status.as_u16(), &status["reason"]), (410, &json!("Expired")));
    let fresh = status["metadata"]["continue"].as_str().unwrap();
    assert_eq!(get(&server, &format!("{list}&continue={fresh}")).await.status, 200);
}

#[tokio::test]
async fn faults_replace_answers() {
    let server = KubeServer::start().await.unwrap();
    let api = rules(&server);
    server.faults().respond(503, 1);
    assert_eq!(code(&api.list(&ListParams::default()).await.unwrap_err()), 503);
    server.faults().respond(429, 1);
    assert_eq!(code(&api.list(&ListParams::default()).await.unwrap_err()), 429);
    assert!(api.list(&ListParams::default()).await.is_ok());
    let slow = server.faults().latency(Duration::from_millis(1));
    server.faults().inject(Fault::reset().times(1));
    assert!(api.list(&ListParams::default()).await.is_err());
    assert!(server.faults().requests().remove(slow));
    assert!(api.list(&ListParams::default()).await.is_ok());
    assert_eq!(server.journal().count(&Method::GET), 5);
}

#[tokio::test]
async fn list_of_many_rules_is_paged_and_compressed() {
    let server = KubeServer::start().await.unwrap();
    for n in 0..1200 {
        server.apply(rule("team-a", &format!("r{n:04}"), n)).unwrap();
    }
    let api = rules(&server);
    let mut page = ListParams::default().limit(500);
    let mut seen = 0;
    loop {
        let list = api.list(&page).await.unwrap();
        seen += list.items.len();
        assert_eq!(list.metadata.remaining_item_count.unwrap_or(0), 1200 - seen as i64);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = ListParams::default().limit(500).continue_token(&token),
            None => break,
        }
    }
    assert_eq!((seen, lists(&server)), (1200, 3));
    let target = "/apis/monitoring.coreos.com/v1/prometheusrules";
    let headers = [("accept-encoding", "gzip")];
    let packed = wire::send(server.address(), "GET", target, &headers, Bytes::new()).await.unwrap();
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let unpacked = flate2::read::GzDecoder::new(packed.body.as_ref());
    let list: Value = serde_json::from_reader(unpacked).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1200);
    assert_eq!(get(&server, target).await.header("content-encoding"), None);
    assert_eq!(client(&server).apiserver_version().await.unwrap().git_version, "v1.36.2");
}
