//! What a client learns about a server: its resources, their schemas, and what it may do.

use bytes::Bytes;
use rulesync_testkit::{Access, KubeServer, wire};
use serde_json::{Value, json};

#[tokio::test]
async fn reviews_answer_for_the_user_that_asks() {
    let access = Access::only([("list", "prometheusrules")]).within(["team-a"]);
    let server = KubeServer::builder().token("t", "agent", access).start().await.unwrap();
    let ask = async |plural: &str, question: Value| {
        let headers = [("authorization", "Bearer t"), ("content-type", "application/json")];
        let target = format!("/apis/{plural}");
        let body = Bytes::from(question.to_string());
        let reply = wire::send(server.address(), "POST", &target, &headers, body).await.unwrap();
        assert_eq!(reply.status, 201, "{}", reply.text());
        serde_json::from_slice::<Value>(&reply.body).unwrap()["status"].clone()
    };
    let may = async |verb: &str, namespace: &str| {
        let attributes = json!({"verb": verb, "group": "monitoring.coreos.com", "resource": "prometheusrules", "namespace": namespace});
        let question = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        ask("authorization.k8s.io/v1/selfsubjectaccessreviews", question).await["allowed"] == true
    };
    assert!(may("list", "team-a").await);
    assert!(!may("list", "team-b").await && !may("watch", "team-a").await);
    server.faults().forbid("list", "prometheusrules");
    assert!(!may("list", "team-a").await);
    let who = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let status = ask("authentication.k8s.io/v1/selfsubjectreviews", who).await;
    assert_eq!(status["userInfo"]["username"], "agent");
}

#[tokio::test]
async fn discovery_is_sent_once_to_a_client_that_keeps_it() {
    let server = KubeServer::start().await.unwrap();
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let get = async |target: &str, known: &str| {
        let headers = [("accept", accept), ("if-none-match", known)];
        wire::send(server.address(), "GET", target, &headers, Bytes::new()).await.unwrap()
    };
    let first = get("/apis", "").await;
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(get("/apis", &etag).await.status, 304);
    assert!(get("/api", "").await.text().contains("\"resource\":\"configmaps\""));
    server.drop_crd();
    assert_eq!(get("/apis", &etag).await.status, 200);

    let index: Value = serde_json::from_slice(&get("/openapi/v3", "").await.body).unwrap();
    let url = index["paths"]["api/v1"]["serverRelativeURL"].as_str().unwrap();
    let document: Value = serde_json::from_slice(&get(url, "").await.body).unwrap();
    assert!(document["paths"].get("/api/v1/namespaces/{namespace}/configmaps/{name}").is_some());
    assert_eq!(get("/openapi/v3/apis/monitoring.coreos.com/v1", "").await.status, 404);
}
