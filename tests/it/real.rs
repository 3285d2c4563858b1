//! The same road against real servers, where their addresses are given, and always against the testkit's of the same
//! kind, so that these tests run. Tenants and Kubernetes namespaces are the run's own and are emptied afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use rulesync_testkit::{Kind, KubeServer, RulerServer, needs};
use rulesync_tests::run;
use serde_json::{Value, json};

const OWNER: &str = "e2e";

fn unique(what: &str) -> String {
    format!("rulesync-e2e-{what}-{}", std::process::id())
}

const MANIFEST: &str = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: o, namespace: ns}\nspec: {groups: [{name: g, interval: 90s, rules: [{alert: A, expr: 'up == 0', for: 60s, labels: {n: '1'}}, {record: 'a:b', expr: \"sum(up)\\n\"}]}, {name: bad, rules: [{alert: B, expr: 'sum(up'}]}]}\n";

/// The rules of a tenant, as the ruler's own API has them.
struct Stored {
    client: reqwest::Client,
    url: String,
    tenant: String,
}

impl Stored {
    fn new(kind: &str, address: &str, tenant: &str) -> Self {
        let path = if kind == "cortex" { "/api/v1/rules" } else { "/prometheus/config/v1/rules" };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { client, url: format!("{address}{path}"), tenant: tenant.to_owned() }
    }

    async fn namespaces(&self) -> Vec<String> {
        let request = self.client.get(&self.url).header("X-Scope-OrgID", &self.tenant);
        let answer = request.send().await.unwrap();
        if answer.status() == 404 {
            return Vec::new();
        }
        let all: BTreeMap<String, Value> =
            serde_saphyr::from_str(&answer.error_for_status().unwrap().text().await.unwrap()).unwrap();
        all.into_keys().collect()
    }

    async fn until_namespaces(&self, expected: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(90);
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        loop {
            let found = self.namespaces().await;
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{found:?} in place of {expected:?}");
            pause.tick().await;
        }
    }

    async fn delete(&self, namespace: &str) {
        let request = self.client.delete(format!("{}/{namespace}", self.url));
        let answer = request.header("X-Scope-OrgID", &self.tenant).send().await.unwrap();
        answer.error_for_status().unwrap();
    }
}

/// Syncs a manifest with one bad group to the ruler at `address`, mends the group, and deletes all.
async fn sync_mend_and_delete(kind: &str, address: &str, tenant: &str) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let stored = Stored::new(kind, address.trim_end_matches('/'), tenant);
    let directory = tempfile::tempdir().unwrap();
    let manifest = directory.path().join("o.yaml");
    std::fs::write(&manifest, MANIFEST).unwrap();
    let config = format!(
        "owner: {OWNER}\nresync_interval: 500ms\nsources: [{{type: files, path: o.yaml}}]\nrulers: [{{name: real, type: {kind}, address: '{address}'}}]\nroutes: [{{name: all, ruler: real, tenant: {tenant}}}]\n"
    );
    let running = run(&config, directory.path()).await.unwrap();
    let status = running.in_order(1).await.unwrap();
    assert_eq!((status.destinations[0].groups, status.destinations[0].refused), (2, 1), "{status:#?}");
    stored.until_namespaces(&[OWNER, "e2e.ns.o"]).await;
    std::fs::write(&manifest, MANIFEST.replace("sum(up'", "sum(up)'")).unwrap();
    running
        .until(|status| status.destinations[0].refused == 0 && status.destinations[0].pending == 0)
        .await
        .unwrap();
    // Several resyncs, all in order: what is read back equals what was sent.
    let before = running.until(|_| true).await.unwrap().destinations[0].last_success;
    running.until(|status| status.destinations[0].last_success > before.map(|t| t + 2)).await.unwrap();
    std::fs::write(&manifest, "# nothing\n").unwrap();
    running.until(|status| status.objects.is_empty() && status.destinations[0].pending == 0).await.unwrap();
    stored.until_namespaces(&[OWNER]).await;
    running.stop().await.unwrap();
    // The claim stays as long as its owner may come back, which this one does not.
    stored.delete(OWNER).await;
    stored.until_namespaces(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_MIMIR, the base URL of a Mimir"]
async fn mimir_takes_mended_and_deleted_groups() {
    let address = needs::variable("RULESYNC_E2E_MIMIR");
    sync_mend_and_delete("mimir", &address, &unique("mimir")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_CORTEX, the base URL of a Cortex"]
async fn cortex_takes_mended_and_deleted_groups() {
    let address = needs::variable("RULESYNC_E2E_CORTEX");
    sync_mend_and_delete("cortex", &address, &unique("cortex")).await;
}

/// The same with the testkit's ruler, whose journal shows that nothing was written but what changed.
async fn testkit_ruler_takes_mended_and_deleted_groups(kind: Kind, name: &str) {
    let ruler = RulerServer::builder(kind).start().await.unwrap();
    sync_mend_and_delete(name, &ruler.url(), "prod").await;
    let requests = ruler.journal().requests();
    let name = |path: &str| path.rsplit_once("/rules/").unwrap().1.to_owned();
    let writes = requests.iter().filter(|request| request.method != "GET");
    let mut writes: Vec<String> = writes.map(|r| format!("{} {}", r.method, name(&r.path))).collect();
    // The claim and the good group, the bad one as it was and mended, all that the object had, and the claim.
    writes.sort();
    assert_eq!(
        writes,
        ["DELETE e2e", "DELETE e2e.ns.o", "POST e2e", "POST e2e.ns.o", "POST e2e.ns.o", "POST e2e.ns.o"],
        "{requests:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn testkit_mimir_takes_mended_and_deleted_groups() {
    testkit_ruler_takes_mended_and_deleted_groups(Kind::Mimir, "mimir").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn testkit_cortex_takes_mended_and_deleted_groups() {
    testkit_ruler_takes_mended_and_deleted_groups(Kind::Cortex, "cortex").await;
}

/// Creates and deletes an object in a Kubernetes namespace of its own, and waits for the ruler to have it and lose it.
async fn create_and_delete_an_object(kubeconfig: &Path) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let kind = |group, kind| ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let create = PostParams::default();
    let make = |value: Value| serde_json::from_value::<DynamicObject>(value).unwrap();
    let namespace = unique("ns");
    let namespaces: Api<DynamicObject> = Api::all_with(client.clone(), &kind("", "Namespace"));
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    namespaces.create(&create, &make(body)).await.unwrap();
    let rules: Api<DynamicObject> =
        Api::namespaced_with(client, &namespace, &kind("monitoring.coreos.com", "PrometheusRule"));
    let mut object = crate::road::object(1, 2, "up");
    object["metadata"]["namespace"] = namespace.as_str().into();
    rules.create(&create, &make(object)).await.unwrap();

    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "owner: {OWNER}\nsources: [{{type: kubernetes, kubeconfig: '{}', namespaces: [{namespace}]}}]\nrulers: [{{name: kit, type: mimir, address: '{}'}}]\nroutes: [{{name: all, ruler: kit, tenant: prod}}]\n",
        kubeconfig.display(),
        ruler.url()
    );
    let running = run(&config, directory.path()).await.unwrap();
    running.in_order(1).await.unwrap();
    let written = || ruler.rules("prod").into_keys().collect::<Vec<_>>();
    // The owner's own namespace is its claim, which is no object's and stays.
    assert_eq!(written(), [OWNER.to_owned(), format!("{OWNER}.{namespace}.o1")]);
    rules.delete("o1", &DeleteParams::default()).await.unwrap();
    running.until(|_| written() == [OWNER]).await.unwrap();
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_KUBECONFIG, a kubeconfig that may create namespaces"]
async fn kubernetes_objects_arrive_and_go() {
    let kubeconfig = PathBuf::from(needs::variable("RULESYNC_E2E_KUBECONFIG"));
    create_and_delete_an_object(&std::path::absolute(kubeconfig).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn testkit_kubernetes_objects_arrive_and_go() {
    let kube = KubeServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    std::fs::write(&kubeconfig, kube.kubeconfig()).unwrap();
    create_and_delete_an_object(&kubeconfig).await;
}
