//! What a route enforces: labels and matchers that no author can leave out.

use rulesync_core::status::ObjectState;
use rulesync_tests::Running;
use serde_json::{Value, json};

use crate::company::{Company, object};

const ROUTES: &str = "routes:
  - name: all
    ruler: central
    tenant: prod
    external_labels:
      - {label: cluster, value: eu-1}
      - {label: team, from: namespace_label, key: team, mode: add_if_absent}
    query_matchers:
      - {label: namespace, from: namespace_name}
";

const EXPR: &str = "sum(rate(http_requests_total{namespace=~\".*\"}[5m])) # all of them\n  / on () up";

/// An object with an expression into which a matcher can be put.
fn enforceable() -> Value {
    object("guests", "a", json!({}), EXPR)
}

/// One in which a function reads metrics that it does not name.
fn unenforceable() -> Value {
    object("guests", "b", json!({}), "info(up)")
}

/// A company with these objects, whose routes enforce.
async fn enforcing(objects: &[Value]) -> (Company, Running) {
    let company = Company::new().await;
    objects.iter().for_each(|object| drop(company.kube.apply(object.clone()).unwrap()));
    let running = company.run(ROUTES).await;
    running.in_order(objects.len()).await.unwrap();
    (company, running)
}

#[tokio::test(flavor = "multi_thread")]
async fn enforced_matchers_and_labels_are_in_every_selector_and_rule() {
    let (company, running) = enforcing(&[enforceable()]).await;
    let group = serde_json::to_value(&company.mimir.rules("prod")["us.guests.a"]["g"]).unwrap();
    assert_eq!(
        group["rules"][0]["expr"],
        "sum(rate(http_requests_total{namespace=\"guests\"}[5m])) # all of them\n  / on () up{namespace=\"guests\"}"
    );
    assert_eq!(group["rules"][0]["labels"], json!({"cluster": "eu-1", "team": "guests"}));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn enforced_matchers_keep_back_what_cannot_carry_them() {
    let mut asking = object("guests", "c", json!({}), "up");
    asking["spec"]["groups"][0]["rules"][0]["annotations"] =
        json!({"x": "{{ with query \"secret\" }}{{ end }}"});
    let (company, running) = enforcing(&[enforceable(), unenforceable(), asking]).await;
    let status = running.in_order(3).await.unwrap();
    let asking = status.objects.iter().find(|object| object.name == "c").unwrap();
    let finding = asking.destinations[0].findings[0].to_string();
    assert!(finding.contains("annotations.x: the template calls `query`"), "{finding}");
    assert_eq!(company.mimir.rules("prod").into_keys().collect::<Vec<_>>(), ["us.guests.a"]);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn enforced_version_stays_when_its_successor_cannot_be_read() {
    let (company, running) = enforcing(&[enforceable()]).await;
    let rules = company.mimir.rules("prod");
    company.kube.apply(object("guests", "a", json!({}), "sum(up")).unwrap();
    running.until(|s| s.objects.iter().all(|o| o.state == ObjectState::Refused)).await.unwrap();
    running.stop().await.unwrap();
    assert_eq!(company.mimir.rules("prod"), rules);
}

#[tokio::test(flavor = "multi_thread")]
async fn enforced_matchers_remove_what_was_written_without_them_and_is_refused_now() {
    let company = Company::new().await;
    company.kube.apply(enforceable()).unwrap();
    company.kube.apply(unenforceable()).unwrap();
    let running = company.run("routes: [{name: all, ruler: central, tenant: prod}]\n").await;
    running.in_order(2).await.unwrap();
    assert_eq!(company.mimir.rules("prod").len(), 2, "nothing is enforced here");
    running.stop().await.unwrap();
    // It goes also where nobody remembers it.
    let running = company.run(&format!("{ROUTES}delete_guard: {{window: 2s}}\n")).await;
    running.until(|_| company.mimir.rules("prod").len() == 1).await.unwrap();
    assert!(company.mimir.rules("prod").contains_key("us.guests.a"));
    running.stop().await.unwrap();
}
