//! Shared code of the Kubernetes tests: a real kube client, rules to store, and event streams that are read with a
//! deadline.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::watcher::{self, Event, watcher},
};
use rulesync_testkit::KubeServer;
use serde_json::{Value, json};

/// The resource name for the methods of [`KubeServer`].
pub(crate) const RULES: &str = "prometheusrules.monitoring.coreos.com";

/// Long enough for a busy machine; only a failing test waits this long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A client without retries, so that a test sees every answer.
pub(crate) fn client(server: &KubeServer) -> Client {
    let mut config = kube::Config::new(server.url().parse().unwrap());
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// The PrometheusRule kind.
pub(crate) fn kind() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule"),
        "prometheusrules",
    )
}

/// PrometheusRules of the whole cluster.
pub(crate) fn rules(server: &KubeServer) -> Api<DynamicObject> {
    Api::all_with(client(server), &kind())
}

/// PrometheusRules of one namespace.
pub(crate) fn rules_in(server: &KubeServer, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client(server), namespace, &kind())
}

/// A rule object; `n` is a label and the interval in seconds.
pub(crate) fn rule(namespace: &str, name: &str, n: u32) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"namespace": namespace, "name": name, "labels": {"n": n.to_string()}},
        "spec": {"groups": [{"name": "g", "interval": format!("{n}s"), "rules": [{"record": "a:b", "expr": "up"}]}]},
    })
}

/// The events of a watcher, in text form.
pub(crate) type WatcherEvents = Pin<Box<dyn Stream<Item = String> + Send>>;

/// Runs kube's watcher and returns its events as `init`, `init ns/name n`, `done`, `apply ns/name n`, `delete ns/name
/// n` and `error <kind>`.
pub(crate) fn watched(api: Api<DynamicObject>, config: watcher::Config) -> WatcherEvents {
    Box::pin(watcher(api, config).map(|event| match event {
        Ok(Event::Init) => "init".to_owned(),
        Ok(Event::InitApply(object)) => format!("init {}", name(&object)),
        Ok(Event::InitDone) => "done".to_owned(),
        Ok(Event::Apply(object)) => format!("apply {}", name(&object)),
        Ok(Event::Delete(object)) => format!("delete {}", name(&object)),
        Err(watcher::Error::InitialListFailed(_)) => "error list".to_owned(),
        Err(watcher::Error::WatchStartFailed(_)) => "error start".to_owned(),
        Err(watcher::Error::WatchError(status)) => format!("error event {}", status.code),
        Err(watcher::Error::WatchFailed(_)) => "error stream".to_owned(),
        Err(other) => format!("error {other}"),
    }))
}

fn name(object: &DynamicObject) -> String {
    let n = object.labels().get("n").cloned().unwrap_or_default();
    format!("{}/{} {n}", object.namespace().unwrap_or_default(), object.name_any()).trim_end().to_owned()
}

/// The next event, which must arrive before the deadline.
async fn next(events: &mut WatcherEvents) -> String {
    tokio::time::timeout(DEADLINE, events.next())
        .await
        .expect("an event in time")
        .expect("the stream continues")
}

/// Asserts that the next events are the expected ones.
pub(crate) async fn expect(events: &mut WatcherEvents, expected: &[&str]) {
    for (index, wanted) in expected.iter().enumerate() {
        assert_eq!(next(events).await, *wanted, "event {index} of {expected:?}");
    }
}

/// The first event that differs from `repeated`. A watcher without backoff can repeat an event many times.
pub(crate) async fn after(events: &mut WatcherEvents, repeated: &str) -> String {
    for _ in 0..1000 {
        let event = next(events).await;
        if event != repeated {
            return event;
        }
    }
    repeated.to_owned()
}

/// Waits until the server has started `n` watches.
pub(crate) async fn watches_started(server: &KubeServer, n: usize) {
    let started = server.journal().wait_until(|seen| {
        let watch =
            |r: &&rulesync_testkit::Recorded| r.query.as_deref().is_some_and(|q| q.contains("watch=true"));
        seen.iter().filter(|r| r.status.is_some()).filter(watch).count() >= n
    });
    tokio::time::timeout(DEADLINE, started).await.expect("the watches start in time");
}

/// The number of lists of rules (without watches) that the server received.
pub(crate) fn lists(server: &KubeServer) -> usize {
    server.requests_for("list", "prometheusrules")
}
