//! [`KubeServer`]: a running API server, with direct access to its contents for tests.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::access::{Access, Users};
use super::api::{self, Api};
use super::clock::{self, Clock};
use super::cluster::Cluster;
use super::faults::KubeFaults;
use super::intent::{Change, Intent};
use super::prometheus_rule::prometheus_rule_definition;
use super::query::Params;
use super::refused::Refused;
use super::resource::Resource;
use super::route::{Route, route};
use super::stamps::Stamps;
use super::world::{CLUSTER, World};
use crate::fault::Faults;
use crate::journal::Journal;
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
    seed: Option<u64>,
    time: Option<String>,
    controller: bool,
    journal: Journal,
}

impl KubeServerBuilder {
    /// Listens on this address instead of any free loopback port.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Adds a bearer token of a user. With at least one token, requests without one are anonymous and may do nothing;
    /// without any, every request may do everything.
    #[must_use]
    pub fn token(mut self, token: &str, user: &str, access: Access) -> Self {
        self.users.add(token, user, access);
        self
    }

    /// Sets whether lists over 128 KiB are compressed if the client accepts it. On by default.
    #[must_use]
    pub fn gzip(mut self, on: bool) -> Self {
        self.gzip = on;
        self
    }

    /// Sets how many events are kept; a watch that starts before them is too old. 50,000 by default.
    #[must_use]
    pub fn history(mut self, events: usize) -> Self {
        self.history = events;
        self
    }

    /// Sets the interval of bookmarks for watches that accept them. A minute by default, as with real servers.
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

    /// Sets the uid of the `kube-system` namespace, which identifies the cluster. Random by default, and constant
    /// during the life of the server, including restarts.
    #[must_use]
    pub fn cluster_uid(mut self, uid: &str) -> Self {
        self.cluster_uid = Some(uid.to_owned());
        self
    }

    /// Stops the server's clock at this time (RFC 3339): all that it creates is of this time, until
    /// [`KubeServer::set_time`]. By default, the clock is that of the system.
    #[must_use]
    pub fn time(mut self, time: &str) -> Self {
        self.time = Some(time.to_owned());
        self
    }

    /// Makes uids and the endings of generated names the same in every run, given the same writes in the same order.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
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
    /// If the address cannot be bound, or the time is not one.
    pub async fn start(self) -> io::Result<KubeServer> {
        let stamps = Stamps::new(self.seed);
        if let Some(time) = &self.time {
            set_clock(&stamps.clock, time)?;
        }
        let mut world = World::new(self.history, self.cluster_uid, stamps);
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
    /// The options; see [`KubeServerBuilder`].
    pub fn builder() -> KubeServerBuilder {
        KubeServerBuilder {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            users: Users::default(),
            gzip: true,
            history: 50_000,
            bookmark_interval: Duration::from_secs(60),
            prometheus_rules: true,
            cluster_uid: None,
            seed: None,
            time: None,
            controller: true,
            journal: Journal::new(),
        }
    }

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
    /// `delete`, `deletecollection`) for this resource. The resource is a plural name, or one with a subresource such
    /// as `prometheusrules/status`, which is counted separately.
    pub fn requests_for(&self, verb: &str, plural: &str) -> usize {
        self.journal().count_where(|request| {
            let Route::Objects(target) = route(&request.path) else { return false };
            let params = Params::parse(request.query.as_deref().unwrap_or_default());
            target.resource() == plural
                && api::verb(&request.method, &target, &params).is_ok_and(|v| v == verb)
        })
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
        self.cluster.change(|world| world.delete(&kind, namespace, name, &Value::Null, false)).is_ok()
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

fn set_clock(clock: &Clock, time: &str) -> io::Result<()> {
    let seconds = clock::seconds(time).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
    clock.set(seconds);
    Ok(())
}

impl std::fmt::Debug for KubeServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubeServer").field("url", &self.url()).finish_non_exhaustive()
    }
}
