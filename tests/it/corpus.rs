//! Real rules arrive whole and unchanged in meaning.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rulesync_core::model::PromDuration;
use rulesync_testkit::{Kind, KubeServer, RulerServer, needs};
use serde_json::{Map, Value};

fn manifests() -> BTreeMap<PathBuf, Value> {
    let files = std::fs::read_dir(needs::corpus().join("kube-prometheus")).unwrap();
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        (path, serde_saphyr::from_str(&text).unwrap())
    };
    files.map(read).collect()
}

/// A group reduced to what it means: no empty fields, durations by value, expressions without blanks around them.
fn meaning(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                let value = match (key.as_str(), value) {
                    ("interval" | "for" | "keep_firing_for" | "query_offset", Value::String(text)) => {
                        let duration: PromDuration = text.parse().unwrap();
                        if duration.is_zero() { Value::Null } else { duration.to_string().into() }
                    }
                    ("expr", Value::String(text)) => text.trim().into(),
                    ("expr", Value::Number(number)) => number.to_string().into(),
                    ("partial_response_strategy", _) => Value::Null,
                    _ => meaning(value),
                };
                let empty = value.is_null()
                    || value.as_str() == Some("")
                    || value.as_object().is_some_and(Map::is_empty);
                if !empty {
                    kept.insert(key.clone(), value);
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(meaning).collect(),
        other => other.clone(),
    }
}

/// The meaning of every group by ruler namespace and name.
fn declared() -> BTreeMap<String, BTreeMap<String, Value>> {
    let groups = |manifest: &Value| {
        let groups = manifest["spec"]["groups"].as_array().unwrap();
        groups.iter().map(|group| (group["name"].as_str().unwrap().to_owned(), meaning(group))).collect()
    };
    let name = |manifest: &Value| {
        let metadata = &manifest["metadata"];
        format!("us.{}.{}", metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap())
    };
    manifests().values().map(|manifest| (name(manifest), groups(manifest))).collect()
}

/// The same, as the ruler answers it.
async fn arrived(ruler: &RulerServer) -> BTreeMap<String, BTreeMap<String, Value>> {
    let url = format!("{}/prometheus/config/v1/rules", ruler.url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).header("X-Scope-OrgID", "prod").send().await.unwrap().text().await.unwrap();
    let namespaces: BTreeMap<String, Vec<Value>> = serde_saphyr::from_str(&answer).unwrap();
    let group = |group: &Value| (group["name"].as_str().unwrap().to_owned(), meaning(group));
    namespaces
        .into_iter()
        .map(|(namespace, groups)| (namespace, groups.iter().map(group).collect()))
        .collect()
}

fn config(source: &str, ruler: &RulerServer) -> String {
    format!(
        "owner: us\nclaim: off\nsources: [{source}]\nrulers: [{{name: central, type: mimir, address: '{}'}}]\nroutes: [{{name: all, ruler: central, tenant: prod}}]\n",
        ruler.url()
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
async fn kube_prometheus_through_files() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let source = format!("{{type: files, path: '{}'}}", needs::corpus().join("kube-prometheus").display());
    let running = rulesync_tests::run(&config(&source, &ruler), Path::new(".")).await.unwrap();
    let status = running.in_order(8).await.unwrap();
    assert_eq!(status.destinations[0].refused, 0);
    assert!(
        status.objects.iter().all(|object| object.destinations[0].findings.is_empty()),
        "{:#?}",
        status.objects
    );
    assert_eq!(arrived(&ruler).await, declared());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
async fn kube_prometheus_through_kubernetes() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("monitoring", []).unwrap();
    for manifest in manifests().into_values() {
        kube.apply(manifest).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("kubeconfig"), kube.kubeconfig()).unwrap();
    let source = "{type: kubernetes, kubeconfig: kubeconfig, namespaces: [monitoring]}";
    let running = rulesync_tests::run(&config(source, &ruler), directory.path()).await.unwrap();
    let status = running.in_order(8).await.unwrap();
    assert_eq!(status.destinations[0].refused, 0);
    assert_eq!(arrived(&ruler).await, declared());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
async fn expressions_of_the_corpus_are_offered_and_no_valid_one_is_withheld() {
    let text = std::fs::read_to_string(needs::corpus().join("promql-rules.json")).unwrap();
    let corpus: Vec<Value> = serde_json::from_str(&text).unwrap();
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let groups: Vec<Value> = corpus
        .iter()
        .enumerate()
        .map(|(index, entry)| serde_json::json!({"name": format!("g{index}"), "rules": [{"record": "a:b", "expr": entry["expr"]}]}))
        .collect();
    let file = serde_json::json!({"groups": groups});
    std::fs::write(directory.path().join("corpus.json"), file.to_string()).unwrap();
    let running = rulesync_tests::run(&config("{type: files, path: corpus.json}", &ruler), directory.path())
        .await
        .unwrap();
    let status = running.in_order(1).await.unwrap();
    let offered = ruler.journal().requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(offered, corpus.len(), "the ruler is asked about every one");
    let arrived = ruler.rules("prod").values().next().unwrap().len();
    assert_eq!(arrived + status.destinations[0].refused, corpus.len());
    // What is refused is no PromQL: the testkit's ruler judges by rulesync-expr, whose own tests list these one by one.
    assert!(status.destinations[0].refused <= 40, "{} are refused", status.destinations[0].refused);
    running.stop().await.unwrap();
}
