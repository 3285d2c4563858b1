//! What the daemon explains: why an object is where it is, or is not, and whose a ruler namespace is.

use rulesync_testkit::RulerServer;
use serde_json::Value;

use crate::fixture::{Directory, mimir};
use crate::process::Daemon;

/// Objects with a label `tenant` in the Kubernetes namespace `ns`, to the tenant `prod`.
fn configured(ruler: &RulerServer) -> Directory {
    let directory = Directory::of(&ruler.url());
    directory.configure(
        "routes: [{name: all, ruler: central, tenant: prod}]\n",
        "routes:
  - name: metrics
    ruler: central
    tenant: {from: label, key: tenant}
    allow: [{namespaces: [ns], tenants: [prod]}]
    rule_selector: {match_expressions: [{key: tenant, operator: Exists}]}
    namespace_selector: {match_labels: {kubernetes.io/metadata.name: ns}}
    external_labels: [{label: cluster, value: eu}]
",
    );
    directory.remove("rules/o.yaml");
    directory
}

fn declare(directory: &Directory, namespace: &str, name: &str, labels: &str, expr: &str) {
    let manifest = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n\
         metadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}\n\
         spec: {{groups: [{{name: g, rules: [{{alert: A, expr: '{expr}'}}]}}]}}\n"
    );
    directory.write(&format!("rules/{namespace}-{name}.yaml"), &manifest);
}

async fn explain(daemon: &Daemon, query: &str) -> Value {
    let (code, text) = daemon.get(&format!("/api/v1/explain?{query}")).await.unwrap();
    assert_eq!(code, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The only object of an answer.
async fn object(daemon: &Daemon, name: &str) -> Value {
    let answer = explain(daemon, &format!("object={name}")).await;
    assert_eq!((&answer["version"], &answer["running"]), (&1.into(), &true.into()));
    let [object] = answer["objects"].as_array().unwrap().as_slice() else { panic!("{answer:#}") };
    object.clone()
}

/// The requirements of its only route that an object does not meet.
fn unmet(object: &Value) -> Vec<String> {
    let requirements = object["routes"][0]["requirements"].as_array().unwrap();
    let unmet = requirements.iter().filter(|requirement| requirement["met"] == false);
    unmet
        .map(|it| format!("{}: {}", it["subject"].as_str().unwrap(), it["wanted"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn daemon_explains_where_an_object_is_and_why() {
    let ruler = mimir().await;
    let directory = configured(&ruler);
    declare(&directory, "ns", "fine", "{tenant: prod}", "up == 0");
    declare(&directory, "ns", "unlabelled", "{}", "up == 0");
    declare(&directory, "other", "fine", "{tenant: prod}", "up == 0");
    declare(&directory, "ns", "pay", "{tenant: pay}", "up == 0");
    declare(&directory, "ns", "refused", "{tenant: prod}", "sum(up");
    for number in 0..20 {
        declare(&directory, "ns", &format!("old{number}"), "{tenant: prod}", "up == 0");
    }
    let daemon = directory.start(&[]);
    daemon.in_order(25).await;

    let fine = object(&daemon, "ns/fine").await;
    assert_eq!(
        (&fine["state"], &fine["routes"][0]["verdict"]),
        (&"synced".into(), &"taken".into()),
        "{fine:#}"
    );
    let here = &fine["destinations"][0];
    assert_eq!((&here["tenant"], &here["namespace"]), (&"prod".into(), &"us.ns.fine".into()));
    assert_eq!(here["groups"][0]["stored"], "equal");
    assert_eq!(here["groups"][0]["group"]["rules"][0]["labels"]["cluster"], "eu");
    assert_eq!(fine["routes"][0]["tenant"]["permitted_by"], 0);

    assert_eq!(unmet(&object(&daemon, "ns/unlabelled").await), ["rule_selector: tenant"]);
    assert_eq!(
        unmet(&object(&daemon, "PrometheusRule/other/fine").await),
        ["namespace_selector: kubernetes.io/metadata.name=ns"]
    );
    let pay = object(&daemon, "ns/pay").await;
    assert_eq!(pay["routes"][0]["verdict"], "tenant_refused");
    assert_eq!(pay["routes"][0]["tenant"]["permissions"][0]["requirements"][1]["met"], false, "{pay:#}");
    let refused = object(&daemon, "ns/refused").await;
    let here = &refused["destinations"][0];
    assert_eq!((&here["state"], &here["groups"][0]["stored"]), (&"refused".into(), &"missing".into()));
    let location = &here["findings"][0]["location"];
    assert!(location["file"].as_str().is_some_and(|file| file.ends_with("ns-refused.yaml")), "{refused:#}");

    (0..20).for_each(|number| directory.remove(&format!("rules/ns-old{number}.yaml")));
    daemon.until(|status| status["destinations"][0]["held"] == 20).await;
    let gone = object(&daemon, "ns/old7").await;
    assert_eq!(gone["declared"], false);
    let held = &gone["destinations"][0]["held"][0];
    assert!(held["groups"][0] == "g" && held["reason"].is_string(), "{gone:#}");
}

#[tokio::test]
async fn daemon_explains_whose_a_ruler_namespace_is() {
    let ruler = mimir().await;
    let directory = configured(&ruler);
    declare(&directory, "ns", "fine", "{tenant: prod}", "up == 0");
    let daemon = directory.start(&[]);
    daemon.in_order(1).await;
    for (namespace, ownership, object) in [
        ("us.ns.fine", "own", Value::from("PrometheusRule ns/fine")),
        ("them.ns.fine", "foreign", Value::Null),
    ] {
        let answer =
            explain(&daemon, &format!("ruler_namespace={namespace}&ruler=central&tenant=prod")).await;
        let found = &answer["namespaces"][0];
        assert_eq!((&found["ownership"], &found["object"]), (&ownership.into(), &object), "{answer:#}");
    }
    let elsewhere = explain(&daemon, "ruler_namespace=us.ns.fine&tenant=stage").await;
    assert_eq!(elsewhere["namespaces"], Value::Array(Vec::new()), "{elsewhere:#}");
}
