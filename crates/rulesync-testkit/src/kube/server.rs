//! [`KubeServer`]: a running API server, and the test's own hand on what is in it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::access::{Access, Users};
use super::api::{self, Api};
use super::cluster::Cluster;
use super::faults::KubeFaults;
use super::query::Params;
use super::refused::Refused;
use super::resource::{Resource, prometheus_rule_definition};
use super::route::{Route, route};
use super::world::{CLUSTER, World};
use super::write::{Change, Intent};
use crate::fault::Faults;
use crate::journal::Journal;
use crate::listen::Listen;

/// The PrometheusRule kind, which is defined from the start.
const PROMETHEUS_RULES: &str = "prometheusrules.monitoring.coreos.com";

/// A Kubernetes API server on a loopback port. It stops when it is dropped.
///
/// What methods do here, they do past HTTP: they are not in the journal, meet no faults and are not subject to
/// access rules. Watches see their effects as they see everyone's.
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
/// // Lead the client under test to `server.url()` or `server.kubeconfig()`, then break something:
/// server.faults().cut_watches();
/// assert_eq!(server.requests_for("list", "prometheusrules"), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KubeServer {
    cluster: Arc<Cluster>,
    listen: Listen,
    faults: KubeFaults,
}

/// Options of a [`KubeServer`].
#[derive(Debug)]
pub struct KubeServerBuilder {
    address: SocketAddr,
    users: Users,
    gzip: bool,
    history: usize,
    bookmark_interval: Duration,
    prometheus_rules: bool,
    cluster_uid: Option<String>,
    controller: bool,
    journal: Journal,
}

impl KubeServerBuilder {
    /// Listens here instead of on any free loopback port.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Knows this bearer token as this user. With the first token, requests without one become anonymous and
    /// may do nothing; without any, everybody may do everything.
    #[must_use]
    pub fn token(mut self, token: &str, user: &str, access: Access) -> Self {
        self.users.add(token, user, access);
        self
    }

    /// Whether lists over 128 KiB are compressed for those who accept it. On by default.
    #[must_use]
    pub fn gzip(mut self, on: bool) -> Self {
        self.gzip = on;
        self
    }

    /// How many events are remembered; a watch that starts before them is too old. 50,000 by default.
    #[must_use]
    pub fn history(mut self, events: usize) -> Self {
        self.history = events;
        self
    }

    /// How often bookmarks are sent to the watches that take them. A minute by default, as with real servers.
    #[must_use]
    pub fn bookmark_interval(mut self, interval: Duration) -> Self {
        self.bookmark_interval = interval;
        self
    }

    /// Starts without the PrometheusRule definition.
    #[must_use]
    pub fn without_prometheus_rules(mut self) -> Self {
        self.prometheus_rules = false;
        self
    }

    /// Gives the `kube-system` namespace this uid, which is what clusters are told apart by. Random by default,
    /// and the same as long as the server lives, restarts included.
    #[must_use]
    pub fn cluster_uid(mut self, uid: &str) -> Self {
        self.cluster_uid = Some(uid.to_owned());
        self
    }

    /// Starts without the namespace controller: deleted namespaces stay `Terminating`, with their content,
    /// until [`KubeServer::finish_namespace`].
    #[must_use]
    pub fn without_namespace_controller(mut self) -> Self {
        self.controller = false;
        self
    }

    /// Records requests in this journal; its detail may have been set before.
    #[must_use]
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(self) -> io::Result<KubeServer> {
        let mut world = World::new(self.history, self.cluster_uid);
        world.controller = self.controller;
        let cluster = Arc::new(Cluster::new(world, self.users, self.gzip, self.bookmark_interval));
        let faults = Faults::new();
        let api = Arc::new(Api { cluster: cluster.clone() });
        let listen = Listen::start(self.address, api, self.journal, faults.clone()).await?;
        let server = KubeServer { faults: KubeFaults::new(cluster.clone(), faults), cluster, listen };
        if self.prometheus_rules {
            server.create_crd();
        }
        Ok(server)
    }
}

impl KubeServer {
    /// Options; see [`KubeServerBuilder`].
    pub fn builder() -> KubeServerBuilder {
        KubeServerBuilder {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            users: Users::default(),
            gzip: true,
            history: 50_000,
            bookmark_interval: Duration::from_secs(60),
            prometheus_rules: true,
            cluster_uid: None,
            controller: true,
            journal: Journal::new(),
        }
    }

    /// Starts one with the default options.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen.address())
    }

    /// The uid of the `kube-system` namespace: the cluster's identity. Empty if a test deleted it.
    pub fn cluster_uid(&self) -> String {
        let namespace = self.get("namespaces", "", CLUSTER).unwrap_or_default();
        namespace["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// A kubeconfig (YAML) that leads here without credentials.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_of("{}")
    }

    /// A kubeconfig (YAML) that leads here with a bearer token.
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

    /// The requests seen.
    pub fn journal(&self) -> &Journal {
        self.listen.journal()
    }

    /// How many requests with this verb (`list`, `watch`, `get`, `create`, `update`, `patch`, `delete`,
    /// `deletecollection`) for this resource the journal holds. The resource is a
    /// plural name, or one with a subresource such as `prometheusrules/status`, which is counted apart.
    pub fn requests_for(&self, verb: &str, plural: &str) -> usize {
        self.journal().count_where(|request| {
            let Route::Objects(target) = route(&request.path) else { return false };
            let params = Params::parse(request.query.as_deref().unwrap_or_default());
            target.resource() == plural
                && api::verb(&request.method, &target, &params).is_ok_and(|v| v == verb)
        })
    }

    /// What breaks this server.
    pub fn faults(&self) -> &KubeFaults {
        &self.faults
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.cluster.world().store.revision()
    }

    /// Moves the revision on without any event, as writes to kinds that are not served here would.
    pub fn advance_to(&self, revision: u64) {
        self.cluster.change(|world| world.store.advance_to(revision));
    }

    /// Creates the object or replaces it, status included, whatever its resourceVersion says; makes its
    /// namespace if need be. Returns the object as stored.
    ///
    /// # Errors
    /// Where the kind is not defined or its schema refuses the object.
    pub fn apply(&self, object: Value) -> Result<Value, Refused> {
        self.cluster.change(|world| world.apply(object)).map(|written| written.value)
    }

    /// Changes an object by a JSON merge patch. `resource` is `plural.group` (or `plural` in the core group).
    ///
    /// # Errors
    /// Where there is no such object or the result is refused.
    pub fn patch(&self, resource: &str, namespace: &str, name: &str, patch: Value) -> Result<Value, Refused> {
        let kind = self.kind(resource)?;
        let change = Change::Merge(patch);
        let intent = Intent::of_the_test();
        self.cluster
            .change(|world| world.patch(&kind, namespace, name, &change, &intent))
            .map(|written| written.value)
    }

    /// Deletes an object; says whether it was there.
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) -> bool {
        let Ok(kind) = self.kind(resource) else { return false };
        self.cluster.change(|world| world.delete(&kind, namespace, name, &Value::Null, false)).is_ok()
    }

    /// The object as stored.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let kind = self.kind(resource).ok()?;
        let found = self.cluster.world().find(&kind, namespace, name);
        found.map(|record| record.value())
    }

    /// How many objects of the kind there are.
    pub fn count(&self, resource: &str) -> usize {
        let Ok(kind) = self.kind(resource) else { return 0 };
        self.cluster.world().store.table(&kind.table()).len()
    }

    fn kind(&self, resource: &str) -> Result<Arc<Resource>, Refused> {
        self.cluster.world().resource(resource).ok_or_else(Refused::no_such_path)
    }

    /// Makes a namespace with these labels, or gives them to one that is there.
    ///
    /// # Errors
    /// Where the name is not a namespace's.
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

    /// Sets labels of a namespace (a value of `None` takes one away) and leaves the others.
    ///
    /// # Errors
    /// Where there is no such namespace.
    pub fn label_namespace<'a>(
        &self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), Refused> {
        let labels: BTreeMap<&str, Option<&str>> = labels.into_iter().collect();
        self.patch("namespaces", "", name, json!({"metadata": {"labels": labels}})).map(drop)
    }

    /// Deletes a namespace with everything in it, in the order the real server and its controller do; says
    /// whether it was there.
    pub fn delete_namespace(&self, name: &str) -> bool {
        self.delete("namespaces", "", name)
    }

    /// Does the namespace controller's part for a namespace that is `Terminating`; says whether it is gone.
    pub fn finish_namespace(&self, name: &str) -> bool {
        self.cluster.change(|world| world.finish_namespace(name))
    }

    /// Defines PrometheusRule, if it is not defined.
    pub fn create_crd(&self) {
        if self.kind(PROMETHEUS_RULES).is_err() {
            // Our own definition is valid, or the test of it fails.
            let _ = self.apply(prometheus_rule_definition());
        }
    }

    /// Deletes the PrometheusRule definition as the real server does: watches see every object deleted and
    /// end, the next list is 200 and empty, later ones are 404. Says whether it was defined.
    pub fn drop_crd(&self) -> bool {
        self.drop_crd_of(PROMETHEUS_RULES, 1)
    }

    /// Deletes a definition (`plural.group`); the next `empty_lists` lists of the kind are still answered,
    /// with 200 and no items. Says whether it was defined.
    pub fn drop_crd_of(&self, resource: &str, empty_lists: usize) -> bool {
        self.cluster.change(|world| world.undefine(resource, empty_lists)).is_some()
    }

    /// Restarts the API server: connections break, the port is the same, every earlier revision is too old.
    ///
    /// # Errors
    /// When the port is no longer free.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.start_again().await
    }

    /// Stops serving at once; connecting is refused from then on. What is stored stays.
    pub async fn stop(&self) {
        self.listen.stop().await;
    }

    /// Serves again on the same port after [`stop`](Self::stop). The watch cache starts anew, so every earlier
    /// revision is too old.
    ///
    /// # Errors
    /// When the port is no longer free.
    pub async fn start_again(&self) -> io::Result<()> {
        self.faults.compact();
        self.listen.start_again().await
    }

    /// Takes no new requests, lets those under way finish for a moment, and closes.
    pub async fn shutdown(&self) {
        self.faults.end_watches();
        self.listen.shutdown().await;
    }
}

impl std::fmt::Debug for KubeServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubeServer").field("url", &self.url()).finish_non_exhaustive()
    }
}
