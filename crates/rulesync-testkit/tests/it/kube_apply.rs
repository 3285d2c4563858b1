//! Server-side apply and the status subresource, through kube's client.

use bytes::Bytes;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use rulesync_testkit::{KubeServer, wire};
use serde_json::{Value, json};

use crate::{
    kube_api::code,
    kube_client::{RULES, client, rule, rules_in},
};

fn config_maps(server: &KubeServer) -> Api<ConfigMap> {
    Api::namespaced(client(server), "default")
}

fn config_map(data: Value) -> Patch<Value> {
    Patch::Apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "state"}, "data": data,
    }))
}

fn rules_with(metadata: Value, more: Value) -> Patch<Value> {
    let mut config =
        json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata});
    config["metadata"]["name"] = json!("r");
    for (key, part) in more.as_object().unwrap() {
        config[key] = part.clone();
    }
    Patch::Apply(config)
}

fn data(server: &KubeServer) -> Value {
    server.get("configmaps", "default", "state").unwrap()["data"].clone()
}

/// The managers of an object and their operations, in order.
fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let word = |key: &str| entry[key].as_str().unwrap_or_default();
            format!("{} {}", word("manager"), word("operation"))
        })
        .collect()
}

#[tokio::test]
async fn apply_removes_fields_without_owner() {
    let server = KubeServer::start().await.unwrap();
    let api = config_maps(&server);
    let (a, b) = (PatchParams::apply("a"), PatchParams::apply("b"));
    let made = api.patch("state", &a, &config_map(json!({"x": "1", "y": "1"}))).await.unwrap();
    let same = api.patch("state", &a, &config_map(json!({"x": "1", "y": "1"}))).await.unwrap();
    assert_eq!(same.resource_version(), made.resource_version(), "an identical apply changes nothing");

    let refused = api.patch("state", &b, &config_map(json!({"x": "2", "z": "2"}))).await.unwrap_err();
    assert_eq!(code(&refused), 409);
    assert!(refused.to_string().contains("Apply failed with 1 conflict: conflict with \"a\": .data.x"));
    let both = api.patch("state", &b, &config_map(json!({"x": "1", "z": "2"}))).await.unwrap();
    assert_ne!(both.resource_version(), made.resource_version(), "x is unchanged, but has another owner");
    api.patch("state", &a, &config_map(json!({"y": "1"}))).await.unwrap();
    assert_eq!(data(&server), json!({"x": "1", "y": "1", "z": "2"}), "b still owns x");
    api.patch("state", &b, &config_map(json!({"z": "2"}))).await.unwrap();
    assert_eq!(data(&server), json!({"y": "1", "z": "2"}), "x has no owner");

    let forced = api.patch("state", &b.clone().force(), &config_map(json!({"y": "2"}))).await.unwrap();
    assert_eq!(forced.data.unwrap()["y"], "2");
    assert_eq!(data(&server), json!({"y": "2"}));
    let stored = server.get("configmaps", "default", "state").unwrap();
    assert_eq!(managers(&stored), ["b Apply"], "a owns no fields");
    api.patch("state", &a, &config_map(json!({}))).await.unwrap();
    assert_eq!(data(&server), json!({"y": "2"}), "a cannot remove fields that it lost");
}

#[tokio::test]
async fn apply_conflicts_with_fields_of_updates() {
    let server = KubeServer::start().await.unwrap();
    let api = config_maps(&server);
    let a = PatchParams::apply("a");
    api.patch("state", &a, &config_map(json!({"x": "1", "y": "1"}))).await.unwrap();
    let by_hand = PatchParams { field_manager: Some("hand".to_owned()), ..PatchParams::default() };
    let edit = Patch::Merge(json!({"data": {"x": "2", "y": "2"}}));
    api.patch("state", &by_hand, &edit).await.unwrap();
    let stored = server.get("configmaps", "default", "state").unwrap();
    assert_eq!(managers(&stored), ["hand Update"], "a owns no fields");
    let refused = api.patch("state", &a, &config_map(json!({"x": "1", "y": "1"}))).await.unwrap_err();
    let kube::Error::Api(status) = refused else { panic!("{refused:?}") };
    assert_eq!(
        status.message,
        "Apply failed with 2 conflicts: conflicts with \"hand\" using v1:\n- .data.x\n- .data.y"
    );
    assert_eq!(status.details.unwrap().causes.len(), 2);
    let agreed = api.patch("state", &a, &config_map(json!({"x": "2"}))).await.unwrap();
    assert_eq!(agreed.data.unwrap().len(), 2, "hand owns y");
    assert!(server.delete("configmaps", "default", "state"));
    let mut new: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "state"}})).unwrap();
    new.data = Some([("x".to_owned(), "1".to_owned())].into());
    let post = PostParams { field_manager: Some("maker".to_owned()), ..PostParams::default() };
    api.create(&post, &new).await.unwrap();
    assert_eq!(managers(&server.get("configmaps", "default", "state").unwrap()), ["maker Update"]);
}

#[tokio::test]
async fn apply_of_annotations_leaves_the_rest_unchanged() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("default", "r", 1)).unwrap();
    let before = server.get(RULES, "default", "r").unwrap();
    let api = rules_in(&server, "default");
    let params = PatchParams::apply("rulesync");
    let note = rules_with(json!({"annotations": {"state": "ok"}}), json!({}));
    let noted = api.patch("r", &params, &note).await.unwrap();
    assert_eq!((noted.annotations()["state"].as_str(), noted.metadata.generation), ("ok", Some(1)));
    assert_eq!(noted.data["spec"], before["spec"]);
    let gone = api.patch("r", &params, &rules_with(json!({}), json!({}))).await.unwrap();
    assert!(gone.metadata.annotations.is_none(), "the map is removed with its last annotation");
    assert_eq!(gone.labels()["n"], "1");

    let group = json!({"spec": {"groups": [{"name": "mine", "rules": []}]}});
    let spec = api.patch("r", &params, &rules_with(json!({}), group)).await.unwrap();
    assert_eq!(spec.data["spec"]["groups"].as_array().unwrap().len(), 2, "groups are identified by name");
    assert_eq!(spec.metadata.generation, Some(2));
    let interval = json!({"spec": {"groups": [{"name": "g", "interval": "9s"}]}});
    let refused = api.patch("r", &params, &rules_with(json!({}), interval)).await.unwrap_err();
    assert!(refused.to_string().contains(".spec.groups[name=\"g\"].interval"), "{refused}");
    let odd = rules_with(json!({}), json!({"spec": {"nonsense": 1}}));
    assert_eq!(code(&api.patch("r", &params, &odd).await.unwrap_err()), 500);
}

#[tokio::test]
async fn apply_with_a_uid_is_for_that_object_alone() {
    let server = KubeServer::start().await.unwrap();
    let api = rules_in(&server, "default");
    let params = PatchParams::apply("rulesync");
    let note = |uid: &str| rules_with(json!({"uid": uid, "annotations": {"state": "ok"}}), json!({}));
    let status = |refused: kube::Error| match refused {
        kube::Error::Api(status) => (status.code, status.message.clone(), status.details.clone().unwrap()),
        other => panic!("{other:?}"),
    };
    // As kube-apiserver 1.36 answers.
    let (code, message, details) = status(api.patch("r", &params, &note("u1")).await.unwrap_err());
    assert_eq!((code, details.kind.as_str(), details.causes.len()), (409, "prometheusrules", 0));
    assert_eq!(
        message,
        "Operation cannot be fulfilled on prometheusrules.monitoring.coreos.com \"r\": uid mismatch: the provided object specified uid u1, and no existing object was found"
    );
    assert_eq!(server.count(RULES), 0);
    server.apply(rule("default", "r", 1)).unwrap();
    let (code, message, details) = status(api.patch("r", &params, &note("u1")).await.unwrap_err());
    assert_eq!(
        (code, details.kind.as_str(), details.causes[0].field.as_str()),
        (422, "PrometheusRule", "metadata.uid")
    );
    assert_eq!(
        message,
        "PrometheusRule.monitoring.coreos.com \"r\" is invalid: metadata.uid: Invalid value: \"u1\": field is immutable"
    );
    let uid = server.get(RULES, "default", "r").unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    api.patch("r", &params, &note(&uid)).await.unwrap();
}

#[tokio::test]
async fn apply_rejects_invalid_requests() {
    let server = KubeServer::start().await.unwrap();
    let path = "/api/v1/namespaces/default/configmaps/c";
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {on: 'yes'}\n";
    let send = async |query: &str, format: &str, body: &str| {
        let headers = [("content-type", format)];
        let target = format!("{path}{query}");
        let body = Bytes::from(body.to_owned());
        wire::send(server.address(), "PATCH", &target, &headers, body).await.unwrap()
    };
    let apply = "application/apply-patch+yaml";
    assert_eq!(send("", apply, yaml).await.status, 422, "no manager");
    assert_eq!(send("?force=true", "application/merge-patch+json", "{}").await.status, 422);
    for wrong in ["a: [", "kind: ConfigMap", "apiVersion: v1\nkind: Secret"] {
        assert_eq!(send("?fieldManager=a", apply, wrong).await.status, 400, "{wrong}");
    }
    let other = yaml.replace("name: c", "name: d");
    assert_eq!(send("?fieldManager=a", apply, &other).await.status, 400);
    let copied = yaml.replace("name: c", "name: c, managedFields: [{manager: x}]");
    assert_eq!(send("?fieldManager=a", apply, &copied).await.status, 400);
    assert_eq!(send("?fieldManager=a&dryRun=All", apply, yaml).await.status, 201);
    assert_eq!(server.count("configmaps"), 0);
    assert_eq!(send("?fieldManager=a", apply, yaml).await.status, 201);
    assert_eq!(send("?fieldManager=a", apply, yaml).await.status, 200);
    assert_eq!(server.get("configmaps", "default", "c").unwrap()["data"], json!({"on": "yes"}));
    let stale = yaml.replace("name: c", "name: c, resourceVersion: '1'");
    assert_eq!(send("?fieldManager=a", apply, &stale).await.status, 409);
}

fn binding(name: &str) -> Value {
    json!({"group": "monitoring.coreos.com", "resource": "prometheuses", "name": name, "namespace": "sync"})
}

/// A server with the rule `r`, whose status another manager has written, and the client for its rules.
async fn server_with_status() -> (KubeServer, Api<DynamicObject>) {
    let server = KubeServer::start().await.unwrap();
    let mut rule = rule("default", "r", 1);
    rule["status"] = json!({"bindings": [binding("operator")]});
    server.apply(rule).unwrap();
    let api = rules_in(&server, "default");
    (server, api)
}

/// What `rulesync` applies to the status, with labels and a spec that do not belong there.
fn our_status() -> Patch<Value> {
    rules_with(
        json!({"labels": {"y": "z"}}),
        json!({"spec": {"groups": []}, "status": {"bindings": [binding("rulesync")]}}),
    )
}

/// The fields that `rulesync` owns in the object, or in a subresource of it.
fn ours(server: &KubeServer, subresource: Value) -> Option<Value> {
    let object = server.get(RULES, "default", "r").unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap().clone();
    let is_ours = |entry: &Value| {
        entry["manager"] == "rulesync" && entry.get("subresource").unwrap_or(&Value::Null) == &subresource
    };
    entries.into_iter().find(is_ours).map(|entry| entry["fieldsV1"].clone())
}

#[tokio::test]
async fn status_is_dropped_when_an_object_is_created() {
    let server = KubeServer::start().await.unwrap();
    let mut rule = rule("default", "r", 1);
    rule["status"] = json!({"bindings": [binding("operator")]});
    let object: DynamicObject = serde_json::from_value(rule).unwrap();
    let made = rules_in(&server, "default").create(&PostParams::default(), &object).await.unwrap();
    assert!(made.data.get("status").is_none());
}

#[tokio::test]
async fn status_that_is_applied_is_merged_and_nothing_else_is() {
    let (server, api) = server_with_status().await;
    let params = PatchParams::apply("rulesync");
    let patched = api.patch_status("r", &params, &our_status()).await.unwrap();
    assert_eq!(patched.data["status"]["bindings"].as_array().unwrap().len(), 2);
    assert_eq!((patched.metadata.generation, patched.labels().get("y")), (Some(1), None));
    let claimed = ours(&server, json!("status")).unwrap();
    assert!(claimed.as_object().unwrap().keys().eq(["f:status"]), "{claimed}");

    let again = api.patch_status("r", &params, &our_status()).await.unwrap();
    assert_eq!(again.resource_version(), patched.resource_version());
    assert_eq!(server.requests_for("patch", "prometheusrules/status"), 2);
    let refused = api.patch_status("none", &params, &rules_with(json!({}), json!({}))).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn status_is_not_changed_through_the_object() {
    let (server, api) = server_with_status().await;
    let params = PatchParams::apply("rulesync");
    let before = api.patch_status("r", &params, &our_status()).await.unwrap();
    let main_resource = rules_with(json!({"labels": {"x": "y"}}), json!({"status": {"bindings": []}}));
    let labelled = api.patch("r", &params, &main_resource).await.unwrap();
    assert_eq!(labelled.data["status"], before.data["status"]);
    assert_eq!(ours(&server, Value::Null), Some(json!({"f:metadata": {"f:labels": {"f:x": {}}}})));
    assert_eq!(server.requests_for("patch", "prometheusrules"), 1);
}

#[tokio::test]
async fn status_is_removed_by_a_merge_that_leaves_the_spec() {
    let (server, api) = server_with_status().await;
    let merged = Patch::Merge(json!({"spec": {"groups": []}, "status": null}));
    let bare = api.patch_status("r", &PatchParams::default(), &merged).await.unwrap();
    assert_eq!(bare.data.get("status"), None);
    assert_eq!(bare.data["spec"], server.get(RULES, "default", "r").unwrap()["spec"]);
    assert_ne!(bare.data["spec"]["groups"], json!([]));
}

#[tokio::test]
async fn status_is_replaced_at_the_newest_version_only() {
    let (_server, api) = server_with_status().await;
    let mut whole = api.get("r").await.unwrap();
    whole.data["status"] = json!({"bindings": [binding("put")]});
    let put = api.replace_status("r", &PostParams::default(), &whole).await.unwrap();
    assert_eq!(put.data["status"]["bindings"][0]["name"], "put");
    assert_eq!(code(&api.replace_status("r", &PostParams::default(), &whole).await.unwrap_err()), 409);
    assert_eq!(api.get_status("r").await.unwrap().data["status"], put.data["status"]);
}

#[tokio::test]
async fn status_has_permissions_of_its_own() {
    let (server, api) = server_with_status().await;
    server.faults().forbid("patch", "prometheusrules/status");
    let params = PatchParams::apply("rulesync");
    assert_eq!(code(&api.patch_status("r", &params, &our_status()).await.unwrap_err()), 403);
    let plain = Patch::Merge(json!({"metadata": {"labels": {"x": "y"}}}));
    assert!(api.patch("r", &PatchParams::default(), &plain).await.is_ok());
}

#[tokio::test]
async fn status_of_a_kind_without_one_is_not_found() {
    let server = KubeServer::start().await.unwrap();
    server.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "state", "namespace": "default"}})).unwrap();
    assert_eq!(code(&config_maps(&server).get_status("state").await.unwrap_err()), 404);
}

#[tokio::test]
async fn owner_reference_is_owned_as_a_whole() {
    let server = KubeServer::start().await.unwrap();
    let api = config_maps(&server);
    let owned = |name: &str| {
        let owner = json!({"apiVersion": "v1", "kind": "Namespace", "name": name, "uid": "1"});
        Patch::Apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "state", "ownerReferences": [owner]},
        }))
    };
    api.patch("state", &PatchParams::apply("a"), &owned("x")).await.unwrap();
    let fields = || {
        let object = server.get("configmaps", "default", "state").unwrap();
        object["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:ownerReferences"].clone()
    };
    assert_eq!(fields(), json!({"k:{\"uid\":\"1\"}": {}}));
    let refused = api.patch("state", &PatchParams::apply("b"), &owned("y")).await.unwrap_err();
    assert!(refused.to_string().contains(".metadata.ownerReferences[uid=\"1\"]"), "{refused}");
    let renamed = api.patch("state", &PatchParams::apply("a"), &owned("y")).await.unwrap();
    assert_eq!(renamed.metadata.owner_references.unwrap()[0].name, "y");
}
