//! Work is proportional to what changed, counted at the ruler.

use serde_json::json;

use crate::road::{RULES, Road, object};

#[tokio::test(flavor = "multi_thread")]
async fn first_sync_costs_one_list_and_one_write_per_group() {
    let road = Road::with(40, 3).await;
    assert_eq!(road.counts(), (1, 120, 0));
    assert_eq!(road.ruler.rules("prod").len(), 40);
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_without_changes_costs_one_list() {
    let (kube, ruler) = Road::with(40, 3).await.stop().await;
    ruler.journal().clear();
    let road = Road::new(kube, ruler).await;
    road.running.in_order(40).await.unwrap();
    assert_eq!(road.counts(), (1, 0, 0));
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rule_costs_one_write() {
    let road = Road::with(10, 3).await;
    road.requests();
    let mut changed = object(4, 3, "up");
    changed["spec"]["groups"][1]["rules"][0]["expr"] = json!("sum by (job) (up{x=\"y\"})");
    road.kube.apply(changed).unwrap();
    road.ruler.journal().wait_until(|requests| !requests.is_empty()).await;
    road.running.in_order(10).await.unwrap();
    assert_eq!(road.requests(), ["POST /us.team-a.o4"]);
    let group = serde_json::to_value(&road.ruler.rules("prod")["us.team-a.o4"]["g1"]).unwrap();
    assert_eq!(group["rules"][0]["expr"], "sum by (job) (up{x=\"y\"})");
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_object_costs_one_delete() {
    let road = Road::with(10, 3).await;
    road.requests();
    assert!(road.kube.delete(RULES, "team-a", "o4"));
    road.ruler.journal().wait_until(|requests| !requests.is_empty()).await;
    road.running.in_order(9).await.unwrap();
    assert_eq!(road.requests(), ["DELETE /us.team-a.o4"]);
    assert!(!road.ruler.rules("prod").contains_key("us.team-a.o4"));
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_no_rule_costs_no_request() {
    let road = Road::with(3, 1).await;
    road.requests();
    for patch in [
        json!({"metadata": {"annotations": {"note": "x", "rulesync.dev/note": "y"}}}),
        json!({"metadata": {"labels": {"unselected": "x"}}}),
        json!({"status": {"bindings": []}}),
        json!({"metadata": {"managedFields": [{"manager": "somebody", "operation": "Update", "apiVersion": "v1"}]}}),
    ] {
        road.kube.patch(RULES, "team-a", "o1", patch).unwrap();
    }
    // A change of another object comes after these on the same watch: once it is through, so are they.
    road.kube.apply(object(2, 1, "down")).unwrap();
    road.ruler.journal().wait_until(|requests| !requests.is_empty()).await;
    road.running.in_order(3).await.unwrap();
    assert_eq!(road.requests(), ["POST /us.team-a.o2"]);
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_namespace_that_leaves_the_selector_takes_its_rules_with_it() {
    let road = Road::with(3, 2).await;
    road.requests();
    road.kube.label_namespace("team-a", [("team", Some("b"))]).unwrap();
    road.running.until(|_| road.ruler.rules("prod").is_empty()).await.unwrap();
    let mut requests = road.requests();
    requests.sort();
    assert_eq!(requests, ["DELETE /us.team-a.o0", "DELETE /us.team-a.o1", "DELETE /us.team-a.o2"]);
    road.kube.label_namespace("team-a", [("team", Some("a"))]).unwrap();
    road.running.until(|_| road.ruler.rules("prod").len() == 3).await.unwrap();
    road.running.in_order(3).await.unwrap();
    assert_eq!(road.counts(), (0, 6, 0));
    road.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_name_their_tenant_and_the_program() {
    let road = Road::with(2, 1).await;
    for request in road.ruler.journal().requests() {
        assert_eq!(request.tenant(), Some("prod"));
        assert!(request.header("user-agent").unwrap().starts_with("rulesync/"));
        if request.method == "POST" {
            assert_eq!(request.header("content-type"), Some("application/yaml"));
        }
    }
    road.stop().await;
}
