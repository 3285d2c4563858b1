//! [`KubeServer`]: a running API server, with direct access to its contents for tests.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::clock::{self, Clock};
use super::cluster::Cluster;
use super::delete_options::DeleteOptions;
use super::faults::KubeFaults;
use super::intent::{Change, Intent};
use super::prometheus_rule::prometheus_rule_definition;
use super::refused::Refused;
use super::request::verb_and_target;
use super::resource::Resource;
use super::route::Target;
use super::world::CLUSTER;
use crate::journal::{Journal, Recorded};
use crate::listen::Listen;

/// The PrometheusRule kind, which is defined by default.
const PROMETHEUS_RULES: &str = "prometheusrules.monitoring.coreos.com";

/// A Kubernetes API server on a loopback port. It stops when it is dropped.
///
/// The methods do not use HTTP: their operations are not in the journal, and neither faults nor access rules apply to
/// them. Watches see their effects like any others.
///
/// ```
/// # use rulesync_testkit::KubeServer;
/// # use serde_json::json;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let server = KubeServer::start().await?;
/// server.apply(json!({
///     "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
///     "metadata": {"namespace": "team-a", "name": "disk"},
///     "spec": {"groups": [{"name": "disk", "rules": [{"alert": "Full", "expr": "disk_free == 0"}]}]},
/// }))?;
/// // Point the client under test to `server.url()` or `server.kubeconfig()`, then break something:
/// server.faults().cut_watches();
/// assert_eq!(server.requests_for("list", "prometheusrules"), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KubeServer {
    pub(super) cluster: Arc<Cluster>,
    pub(super) listen: Listen,
    pub(super) faults: KubeFaults,
}

impl KubeServer {
    /// Starts a server with the default options.
    ///
    /// # Errors
    /// If no loopback port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen.address())
    }

    /// The uid of the `kube-system` namespace: the cluster's identity. Empty if a test deleted it.
    pub fn cluster_uid(&self) -> String {
        let namespace = self.get("namespaces", "", CLUSTER).unwrap_or_default();
        namespace["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// A kubeconfig (YAML) for this server without credentials.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_of("{}")
    }

    /// A kubeconfig (YAML) for this server with a bearer token.
    pub fn kubeconfig_with_token(&self, token: &str) -> String {
        self.kubeconfig_of(&json!({"token": token}).to_string())
    }

    fn kubeconfig_of(&self, user: &str) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters:\n- name: test\n  cluster: {{server: \"{url}\"}}\n\
             users:\n- name: test\n  user: {user}\n\
             contexts:\n- name: test\n  context: {{cluster: test, user: test}}\n"
        )
    }

    /// The journal of requests.
    pub fn journal(&self) -> &Journal {
        self.listen.journal()
    }

    /// The number of requests in the journal with this verb (`list`, `watch`, `get`, `create`, `update`, `patch`,
    /// `delete`, `deletecollection`; server-side apply is a patch) for this resource. The resource is a plural name, with
    /// its group if it is to be told from another (`events.events.k8s.io`), or one with a subresource such as
    /// `prometheusrules/status`, which is counted separately.
    pub fn requests_for(&self, verb: &str, resource: &str) -> usize {
        self.journal().count_where(|request| {
            asked(request).is_some_and(|(asked, target)| asked == verb && target.is(resource))
        })
    }

    /// The number of requests in the journal for each verb and resource, such as `patch rulestatuses.rulesync.dev`.
    /// Requests for anything but objects are not among them.
    pub fn requests_by_verb(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (verb, target) in self.journal().requests().iter().filter_map(asked) {
            *counts.entry(format!("{verb} {}", target.qualified())).or_default() += 1;
        }
        counts
    }

    /// The verb, the resource and the API group of a request in the journal, as authorization checks them, such as
    /// `patch`, `loggingrules/status` and `rulesync.dev`; none for requests for anything but objects.
    pub fn asked(request: &Recorded) -> Option<(&'static str, String, String)> {
        asked(request).map(|(verb, target)| (verb, target.resource(), target.group))
    }

    /// The faults of this server.
    pub fn faults(&self) -> &KubeFaults {
        &self.faults
    }

    /// Stops the server's clock at this time (RFC 3339), which is that of later writes and of the ages in tables.
    ///
    /// # Errors
    /// If that is not a time.
    pub fn set_time(&self, time: &str) -> io::Result<()> {
        set_clock(&self.cluster.clock, time)
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.cluster.world().store.revision()
    }

    /// Advances the revision without an event, as writes to kinds that are not served here would.
    pub fn advance_to(&self, revision: u64) {
        self.cluster.change(|world| world.store.advance_to(revision));
    }

    /// Creates or replaces the object, including its status, regardless of its resourceVersion; creates its namespace
    /// if necessary. Returns the object as stored.
    ///
    /// # Errors
    /// If the kind is not defined or the object is invalid.
    pub fn apply(&self, object: Value) -> Result<Value, Refused> {
        self.cluster.change(|world| world.apply(object)).map(|written| written.value)
    }

    /// Changes an object by a JSON merge patch. `resource` is `plural.group` (or `plural` in the core group).
    ///
    /// # Errors
    /// If there is no such object or the result is invalid.
    pub fn patch(&self, resource: &str, namespace: &str, name: &str, patch: Value) -> Result<Value, Refused> {
        let kind = self.kind(resource)?;
        let change = Change::Merge(patch);
        let intent = Intent::for_test();
        self.cluster
            .change(|world| world.patch(&kind, namespace, name, &change, &intent))
            .map(|written| written.value)
    }

    /// Deletes an object; returns `true` if it existed.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) -> bool {
        let Ok(kind) = self.kind(resource) else { return false };
        self.cluster
            .change(|world| world.delete(&kind, namespace, name, &DeleteOptions::default(), false))
            .is_ok()
    }

    /// The object as stored.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let kind = self.kind(resource).ok()?;
        let found = self.cluster.world().find(&kind, namespace, name);
        found.map(|record| record.value())
    }

    /// The number of objects of the kind.
    pub fn count(&self, resource: &str) -> usize {
        let Ok(kind) = self.kind(resource) else { return 0 };
        self.cluster.world().store.table(&kind.table()).len()
    }

    fn kind(&self, resource: &str) -> Result<Arc<Resource>, Refused> {
        self.cluster.world().resource(resource).ok_or_else(Refused::no_such_path)
    }

    /// Creates a namespace with these labels, or sets them on an existing one.
    ///
    /// # Errors
    /// If the name is not a valid namespace name.
    pub fn create_namespace<'a>(
        &self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), Refused> {
        let labels: BTreeMap<&str, &str> = labels.into_iter().collect();
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        self.apply(namespace).map(drop)
    }

    /// Defines a kind that others bring, whose objects are in namespaces and may have any fields.
    ///
    /// # Errors
    /// If the names are no names of a kind.
    pub fn define_kind(&self, group: &str, version: &str, kind: &str) -> Result<(), Refused> {
        let singular = kind.to_lowercase();
        let plural = match singular.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{singular}s"),
        };
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": singular},
                "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        });
        self.apply(definition).map(drop)
    }

    /// Sets labels of a namespace (`None` removes a label) and leaves the others unchanged.
    ///
    /// # Errors
    /// If there is no such namespace.
    pub fn label_namespace<'a>(
        &self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), Refused> {
        let labels: BTreeMap<&str, Option<&str>> = labels.into_iter().collect();
        self.patch("namespaces", "", name, json!({"metadata": {"labels": labels}})).map(drop)
    }

    /// Deletes a namespace with its contents, in the order of the real server and its controller; returns `true` if it
    /// existed.
    pub fn delete_namespace(&self, name: &str) -> bool {
        self.delete("namespaces", "", name)
    }

    /// Finishes the deletion of a `Terminating` namespace, as the namespace controller does; returns `true` if it is
    /// gone.
    pub fn finish_namespace(&self, name: &str) -> bool {
        self.cluster.change(|world| world.finish_namespace(name))
    }

    /// Defines PrometheusRule unless it is defined.
    pub fn create_crd(&self) {
        if self.kind(PROMETHEUS_RULES).is_err() {
            // A test ensures that this definition is valid.
            let _ = self.apply(prometheus_rule_definition());
        }
    }

    /// Deletes the PrometheusRule definition as the real server does: watches see every object deleted and end, the
    /// next list is 200 and empty, later ones are 404. Returns `true` if it was defined.
    pub fn drop_crd(&self) -> bool {
        self.drop_crd_of(PROMETHEUS_RULES, 1)
    }

    /// Deletes a definition (`plural.group`); the next `empty_lists` lists of the kind are still answered with 200 and
    /// no items. Returns `true` if it was defined.
    pub fn drop_crd_of(&self, resource: &str, empty_lists: usize) -> bool {
        self.cluster.change(|world| world.undefine(resource, empty_lists)).is_some()
    }

    /// Restarts the API server: connections break, the port stays the same, and all earlier revisions are too old.
    ///
    /// # Errors
    /// If the system has no socket left.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.start_again().await
    }

    /// Stops serving at once; new connections are refused from then on. The port and stored
    /// objects are kept.
    pub async fn stop(&self) {
        self.listen.stop().await;
    }

    /// Serves again on the same port after [`stop`](Self::stop). The watch cache starts empty, so that all earlier
    /// revisions are too old.
    ///
    /// # Errors
    /// If the system has no socket left.
    pub async fn start_again(&self) -> io::Result<()> {
        self.faults.compact();
        self.listen.start_again().await
    }

    /// Accepts no new requests, lets those in progress finish for a moment, then closes.
    pub async fn shutdown(&self) {
        self.faults.end_watches();
        self.listen.shutdown().await;
    }
}

/// The verb and the target of a request in the journal.
fn asked(request: &Recorded) -> Option<(&'static str, Target)> {
    let query = request.query.as_deref().unwrap_or_default();
    let uri = format!("{}?{query}", request.path).parse().ok()?;
    verb_and_target(&request.method, &uri)
}

pub(super) fn set_clock(clock: &Clock, time: &str) -> io::Result<()> {
    let seconds = clock::seconds(time).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    clock.set(seconds);
    Ok(())
}

impl std::fmt::Debug for KubeServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubeServer").field("url", &self.url()).finish_non_exhaustive()
    }
}
