//! Tables of the Kubernetes server: what `kubectl get` asks for.

use bytes::Bytes;
use rulesync_testkit::{KubeServer, wire};
use serde_json::{Value, json};

use crate::kube_client::rule;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

/// A kind with columns and without a status subresource.
pub(crate) fn reports() -> Value {
    let column = |name: &str, kind: &str, path: &str, priority: u32| json!({"name": name, "type": kind, "jsonPath": path, "priority": priority});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "reports.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "reports", "kind": "Report", "shortNames": ["rep"]},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"status": {
                    "type": "object",
                    "properties": {
                        "rules": {"type": "integer"},
                        "message": {"type": "string"},
                        "conditions": {
                            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                            "items": {"type": "object", "required": ["type"], "properties": {
                                "type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"},
                            }},
                        },
                    },
                }}}},
                "additionalPrinterColumns": [
                    column("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status", 0),
                    column("Rules", "integer", ".status.rules", 0),
                    column("Age", "date", ".metadata.creationTimestamp", 0),
                    column("Message", "string", ".status.message", 1),
                ],
            }],
        },
    })
}

fn report(name: &str, ready: &str) -> Value {
    json!({
        "apiVersion": "example.com/v1alpha1", "kind": "Report", "metadata": {"namespace": "team-a", "name": name},
        "status": {"rules": 3, "message": "two lines\nof text", "conditions": [{"type": "Ready", "status": ready}]},
    })
}

async fn table(server: &KubeServer, target: &str) -> Value {
    let reply =
        wire::send(server.address(), "GET", target, &[("accept", TABLE)], Bytes::new()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

fn cells(table: &Value) -> Vec<&Value> {
    table["rows"].as_array().unwrap().iter().map(|row| &row["cells"]).collect()
}

fn columns(table: &Value) -> Vec<(&str, i64)> {
    let columns = table["columnDefinitions"].as_array().unwrap().iter();
    columns.map(|column| (column["name"].as_str().unwrap(), column["priority"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn table_has_the_columns_that_a_definition_declares() {
    let server = KubeServer::builder().time("2026-11-27T10:00:00Z").start().await.unwrap();
    server.apply(reports()).unwrap();
    server.apply(report("a", "True")).unwrap();
    server.apply(report("b", "False")).unwrap();
    server.set_time("2026-11-27T10:03:10Z").unwrap();
    let listed = table(&server, "/apis/example.com/v1alpha1/reports?limit=1").await;
    assert_eq!((&listed["kind"], &listed["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(columns(&listed), [("Name", 0), ("Ready", 0), ("Rules", 0), ("Age", 0), ("Message", 1)]);
    assert_eq!(cells(&listed), [&json!(["a", "True", 3, "3m10s", "two lines\nof text"])]);
    let included = &listed["rows"][0]["object"];
    assert_eq!(
        (&included["kind"], included["metadata"]["namespace"].as_str(), included.get("status")),
        (&json!("PartialObjectMetadata"), Some("team-a"), None)
    );
    let token = listed["metadata"]["continue"].as_str().unwrap();
    assert_eq!(listed["metadata"]["remainingItemCount"], 1);
    let next = table(&server, &format!("/apis/example.com/v1alpha1/reports?limit=1&continue={token}")).await;
    assert_eq!(cells(&next)[0][0], "b");
    assert_eq!(next["metadata"]["resourceVersion"], listed["metadata"]["resourceVersion"]);

    let one =
        table(&server, "/apis/example.com/v1alpha1/namespaces/team-a/reports/b?includeObject=Object").await;
    assert_eq!(cells(&one), [&json!(["b", "False", 3, "3m10s", "two lines\nof text"])]);
    assert_eq!(one["rows"][0]["object"]["status"]["rules"], 3);
    assert_eq!(one["metadata"]["resourceVersion"], one["rows"][0]["object"]["metadata"]["resourceVersion"]);
    let bare = table(&server, "/apis/example.com/v1alpha1/reports?includeObject=None").await;
    assert_eq!(bare["rows"][1]["object"], json!(null));

    server.delete("reports.example.com", "team-a", "a");
    server.delete("reports.example.com", "team-a", "b");
    let empty = table(&server, "/apis/example.com/v1alpha1/reports").await;
    assert_eq!((&empty["rows"], columns(&empty).len()), (&json!([]), 5));
}

#[tokio::test]
async fn tables_of_builtin_kinds_have_the_usual_columns() {
    let server = KubeServer::builder().time("2026-11-27T10:00:00Z").start().await.unwrap();
    server.apply(rule("team-a", "r", 1)).unwrap();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}});
    server.apply(map).unwrap();
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {"holderIdentity": "pod-0"}});
    server.apply(lease).unwrap();
    server.set_time("2026-11-28T10:00:00Z").unwrap();
    for (target, names, first) in [
        ("/apis/monitoring.coreos.com/v1/prometheusrules", vec!["Name", "Age"], json!(["r", "24h"])),
        ("/api/v1/configmaps", vec!["Name", "Data", "Age"], json!(["c", 2, "24h"])),
        ("/apis/coordination.k8s.io/v1/leases", vec!["Name", "Holder", "Age"], json!(["l", "pod-0", "24h"])),
        ("/api/v1/namespaces/team-a", vec!["Name", "Status", "Age"], json!(["team-a", "Active", "24h"])),
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            vec!["Name", "Created At"],
            json!(["prometheusrules.monitoring.coreos.com", "2026-11-27T10:00:00Z"]),
        ),
    ] {
        let table = table(&server, target).await;
        let found: Vec<&str> = columns(&table).into_iter().map(|(name, _)| name).collect();
        assert_eq!((found, cells(&table)), (names, vec![&first]), "{target}");
    }
}

#[tokio::test]
async fn table_of_a_watch_has_its_columns_once() {
    let server = KubeServer::start().await.unwrap();
    server.apply(rule("team-a", "a", 1)).unwrap();
    server.apply(rule("team-a", "b", 1)).unwrap();
    let target =
        "/apis/monitoring.coreos.com/v1/prometheusrules?watch=true&timeoutSeconds=1&allowWatchBookmarks=true";
    let reply =
        wire::send(server.address(), "GET", target, &[("accept", TABLE)], Bytes::new()).await.unwrap();
    let text = reply.text();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ADDED", "ADDED", "BOOKMARK"]);
    assert!(events.iter().all(|event| event["object"]["kind"] == "Table"), "{text}");
    let described: Vec<bool> =
        events.iter().map(|event| event["object"]["columnDefinitions"].is_array()).collect();
    assert_eq!(described, [true, false, false]);
    assert_eq!(events[1]["object"]["rows"][0]["cells"][0], "b");
}

#[tokio::test]
async fn table_with_unknown_parameters_is_refused() {
    let server = KubeServer::start().await.unwrap();
    let target = "/api/v1/namespaces?includeObject=Everything";
    let reply =
        wire::send(server.address(), "GET", target, &[("accept", TABLE)], Bytes::new()).await.unwrap();
    assert_eq!(reply.status, 400, "{}", reply.text());
}

#[tokio::test]
async fn status_without_a_subresource_is_an_ordinary_field() {
    let server = KubeServer::start().await.unwrap();
    server.apply(reports()).unwrap();
    server.create_namespace("team-a", []).unwrap();
    let target = "/apis/example.com/v1alpha1/namespaces/team-a/reports/a";
    let apply = async |by: &str, body: &Value| {
        let headers = [("content-type", "application/apply-patch+yaml")];
        let target = format!("{target}?fieldManager={by}");
        let body = Bytes::from(body.to_string());
        let reply = wire::send(server.address(), "PATCH", &target, &headers, body).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    let generation = |value: &Value| value["metadata"]["generation"].as_u64();
    let (code, made) = apply("rulesync-a", &report("a", "False")).await;
    assert_eq!((code, generation(&made)), (201, Some(1)));
    assert_eq!(made["status"]["conditions"], json!([{"type": "Ready", "status": "False"}]));
    assert!(made["metadata"]["managedFields"][0].get("subresource").is_none());

    let (code, changed) = apply("rulesync-a", &report("a", "True")).await;
    assert_eq!((code, generation(&changed)), (200, Some(2)), "a change of the status counts");
    let (_, same) = apply("rulesync-a", &report("a", "True")).await;
    assert_eq!(same["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"]);
    let mut labelled = report("a", "True");
    labelled["metadata"]["labels"] = json!({"state": "ready"});
    let (_, labelled) = apply("rulesync-a", &labelled).await;
    assert_eq!(generation(&labelled), Some(2), "labels do not count");
    let (code, conflict) = apply("rulesync-b", &report("a", "False")).await;
    assert_eq!((code, &conflict["reason"]), (409, &json!("Conflict")), "{conflict}");
    let (_, fewer) = apply(
        "rulesync-a",
        &json!({"apiVersion": "example.com/v1alpha1", "kind": "Report", "status": {"rules": 3}}),
    )
    .await;
    assert_eq!((&fewer["status"], generation(&fewer)), (&json!({"rules": 3}), Some(3)));

    let reply =
        wire::send(server.address(), "GET", &format!("{target}/status"), &[], Bytes::new()).await.unwrap();
    assert_eq!(reply.status, 404, "there is no subresource");
}

#[tokio::test]
async fn metadata_is_listed_in_pages_and_by_labels() {
    let server = KubeServer::start().await.unwrap();
    server.apply(reports()).unwrap();
    for n in 0..5 {
        let mut object = report(&format!("r{n}"), "True");
        object["metadata"]["labels"] = json!({"state": if n % 2 == 0 { "refused" } else { "ready" }});
        object["metadata"]["annotations"] = json!({"digest": n.to_string()});
        server.apply(object).unwrap();
    }
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let target = format!(
            "/apis/example.com/v1alpha1/reports?limit=2&labelSelector=state%3Drefused&continue={token}"
        );
        let reply =
            wire::send(server.address(), "GET", &target, &[("accept", accept)], Bytes::new()).await.unwrap();
        let page: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(page["kind"], "PartialObjectMetadataList");
        for item in page["items"].as_array().unwrap() {
            assert!(item.get("status").is_none());
            seen.push(item["metadata"]["annotations"]["digest"].as_str().unwrap().to_owned());
        }
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["0", "2", "4"]);
    assert_eq!(server.requests_for("list", "reports"), 2);
}
