//! The same road against real servers, where their addresses are given. Tenants and Kubernetes namespaces are the run's
//! own and are emptied afterwards.

use std::path::Path;

use rulesync_testkit::{Kind, KubeServer, RulerServer, needs};
use rulesync_tests::{Failure, run};

fn unique(what: &str) -> String {
    format!("rulesync-e2e-{what}-{}", std::process::id())
}

const MANIFEST: &str = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: o, namespace: ns}\nspec: {groups: [{name: g, interval: 90s, rules: [{alert: A, expr: 'up == 0', for: 60s, labels: {n: '1'}}, {record: 'a:b', expr: \"sum(up)\\n\"}]}, {name: bad, rules: [{alert: B, expr: 'sum(up'}]}]}\n";

/// Syncs, changes, drifts and deletes against a real ruler.
async fn against_ruler(kind: &str, address: &str) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let tenant = unique(kind);
    let manifest = directory.path().join("o.yaml");
    std::fs::write(&manifest, MANIFEST)?;
    let config = format!(
        "owner: e2e\nresync_interval: 2s\nsources: [{{type: files, path: o.yaml}}]\nrulers: [{{name: real, type: {kind}, address: '{address}'}}]\nroutes: [{{name: all, ruler: real, tenant: {tenant}}}]\n"
    );
    let running = run(&config, directory.path()).await?;
    let status = running.in_order(1).await?;
    assert_eq!((status.destinations[0].groups, status.destinations[0].refused), (2, 1), "{status:#?}");
    std::fs::write(&manifest, MANIFEST.replace("sum(up'", "sum(up)'"))?;
    running
        .until(|status| status.destinations[0].refused == 0 && status.destinations[0].pending == 0)
        .await?;
    // Two resyncs without a write: what was read back equals what was sent.
    let before = running.until(|_| true).await?.destinations[0].last_success;
    running.until(|status| status.destinations[0].last_success > before.map(|t| t + 5)).await?;
    std::fs::write(&manifest, "# nothing\n")?;
    running.until(|status| status.objects.is_empty() && status.destinations[0].pending == 0).await?;
    running.stop().await
}

/// Syncs and deletes an object of a real API server, in a Kubernetes namespace that is made for it.
async fn against_kubernetes(kubeconfig: &Path) -> Result<(), Failure> {
    use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
    use kube::core::{ApiResource, GroupVersionKind};

    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default()).await?;
    let client = kube::Client::try_from(config)?;
    let namespace = unique("ns");
    let namespaces: Api<DynamicObject> =
        Api::all_with(client.clone(), &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace")));
    let create = PostParams::default();
    let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    namespaces.create(&create, &serde_json::from_value(body)?).await?;
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule");
    let rules: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &ApiResource::from_gvk(&kind));
    let mut object = crate::road::object(1, 2, "up");
    object["metadata"]["namespace"] = namespace.as_str().into();
    rules.create(&create, &serde_json::from_value(object)?).await?;

    let ruler = RulerServer::builder(Kind::Mimir).start().await?;
    let config = format!(
        "owner: e2e\nsources: [{{type: kubernetes, kubeconfig: '{}', namespaces: [{namespace}]}}]\nrulers: [{{name: kit, type: mimir, address: '{}'}}]\nroutes: [{{name: all, ruler: kit, tenant: prod}}]\n",
        kubeconfig.display(),
        ruler.url()
    );
    let running = run(&config, Path::new(".")).await?;
    running.in_order(1).await?;
    // The claim has a namespace of its own.
    let written = || ruler.rules("prod").keys().filter(|name| name.contains(&namespace)).count();
    assert_eq!(written(), 1);
    rules.delete("o1", &DeleteParams::default()).await?;
    running.until(|_| written() == 0).await?;
    namespaces.delete(&namespace, &DeleteParams::default()).await?;
    running.stop().await
}

// Each runs against the testkit's server as well, so that it does not rot where there is no real one.

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_MIMIR, the base URL of a Mimir"]
async fn mimir() {
    against_ruler("mimir", &needs::variable("RULESYNC_E2E_MIMIR")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mimir_of_the_testkit() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    against_ruler("mimir", &server.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_CORTEX, the base URL of a Cortex"]
async fn cortex() {
    against_ruler("cortex", &needs::variable("RULESYNC_E2E_CORTEX")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cortex_of_the_testkit() {
    let server = RulerServer::builder(Kind::Cortex).start().await.unwrap();
    against_ruler("cortex", &server.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_KUBECONFIG, a kubeconfig that may create namespaces"]
async fn kubernetes() {
    against_kubernetes(Path::new(&needs::variable("RULESYNC_E2E_KUBECONFIG"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_of_the_testkit() {
    let server = KubeServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
    against_kubernetes(&kubeconfig).await.unwrap();
}
