//! [`RulerServer`]: build, start, inspect, break and stop a ruler.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{
    api::{Api, Settings},
    disk::Disk,
    group::StoredGroup,
    kind::{Dialect, EmptyList, Field, Kind, Limits, MissingDelete, NameScheme, Profile},
    route::Routes,
    yaml_in,
};
use crate::{
    fault::Faults,
    journal::{Detail, Journal},
    listen::{LONGEST_BODY, Listen},
};

/// The groups of a tenant: namespace, group name, group.
pub type Rules = BTreeMap<String, BTreeMap<String, StoredGroup>>;

/// A running ruler. Dropping it closes all connections; [`shutdown`](Self::shutdown) lets requests finish.
///
/// ```
/// use rulesync_testkit::{Fault, Kind, RulerServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ruler = RulerServer::builder(Kind::Mimir).start().await?;
/// ruler.put("team-a", "some/namespace", "name: g\nrules: [{record: up:sum, expr: sum(up)}]")?;
/// ruler.faults().inject(Fault::status(503, "not now\n").times(2));
/// // … run a client against `ruler.url()` …
/// assert_eq!(ruler.rules("team-a")["some/namespace"]["g"].rules[0].expr, "sum(up)");
/// assert_eq!(ruler.journal().len(), 0);
/// # Ok(())
/// # }
/// ```
pub struct RulerServer {
    kind: Kind,
    listen: Listen,
    api: Arc<Api>,
}

impl fmt::Debug for RulerServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulerServer")
            .field("kind", &self.kind)
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

/// Options of a [`RulerServer`]: the configuration of the real rulers, and some differences of their versions and
/// storage.
#[derive(Clone, Debug)]
pub struct RulerBuilder {
    kind: Kind,
    address: SocketAddr,
    settings: Settings,
    sync_delay: Duration,
    storage: Option<PathBuf>,
    detail: Detail,
}

/// An error of [`RulerServer::put`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The YAML is not a rule group, or has no name.
    #[error("invalid rule group or missing name")]
    NotAGroup,
    /// The group could not be written to the storage directory.
    #[error("cannot store the rule group")]
    Storage(#[from] io::Error),
}

/// The maximum length in bytes of a name whose base64 form is a valid file name.
const LONGEST_NAME: usize = 189;

impl RulerBuilder {
    fn new(kind: Kind) -> Self {
        let profile = Profile::of(kind);
        let routes = Routes {
            config: profile.config_routes,
            prometheus_prefix: "/prometheus".to_owned(),
            legacy_prefix: "/api/prom".to_owned(),
            config_enabled: true,
            double_decode: profile.double_decode,
        };
        Self {
            kind,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            settings: Settings {
                profile,
                routes,
                limits: Limits::default(),
                tenant_limits: BTreeMap::new(),
                only_tenant: None,
                federation: false,
                list_latency: Duration::ZERO,
                longest_name: LONGEST_NAME,
                longest_body: LONGEST_BODY,
                evaluates: false,
                read_only: false,
                unevaluated: BTreeSet::new(),
            },
            sync_delay: Duration::ZERO,
            storage: None,
            detail: Detail::default(),
        }
    }

    /// Sets the address to listen on; by default any free loopback port.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets the prefix of Mimir's configuration API and of all state APIs; by default `/prometheus`.
    #[must_use]
    pub fn prometheus_prefix(mut self, prefix: &str) -> Self {
        self.settings.routes.prometheus_prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// Sets the prefix of the legacy routes of Cortex and Loki; by default `/api/prom`.
    #[must_use]
    pub fn legacy_prefix(mut self, prefix: &str) -> Self {
        self.settings.routes.legacy_prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// Sets the limits of all tenants without specific limits; by default there are none.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets the limits of one tenant, which replace the general ones.
    #[must_use]
    pub fn tenant_limits(mut self, tenant: &str, limits: Limits) -> Self {
        self.settings.tenant_limits.insert(tenant.to_owned(), limits);
        self
    }

    /// Disables tenancy: whatever the header, all requests belong to this tenant (`anonymous` in Mimir, `fake` in
    /// Cortex and Loki).
    #[must_use]
    pub fn only_tenant(mut self, tenant: &str) -> Self {
        self.settings.only_tenant = Some(tenant.to_owned());
        self
    }

    /// Enables tenant federation: groups may have source tenants.
    #[must_use]
    pub fn federation(mut self) -> Self {
        self.settings.federation = true;
        self
    }

    /// Sets the valid names of labels and metrics; by default [`NameScheme::Legacy`].
    #[must_use]
    pub fn name_scheme(mut self, scheme: NameScheme) -> Self {
        self.settings.profile.name_scheme = scheme;
        self
    }

    /// Rejects expressions that need feature flags of Prometheus, as rulers do by default; here the default is to
    /// accept them. No effect on Loki, which has no PromQL.
    #[must_use]
    pub fn stable_promql_only(mut self) -> Self {
        if let Dialect::PromQl { experimental, .. } = &mut self.settings.profile.dialect {
            *experimental = false;
        }
        self
    }

    /// Sets the answer to a list of no groups.
    #[must_use]
    pub fn empty_list(mut self, style: EmptyList) -> Self {
        self.settings.profile.empty_list = style;
        self
    }

    /// Sets the answer to the deletion of a missing group; by default [`MissingDelete::Accepted`].
    #[must_use]
    pub fn missing_delete(mut self, style: MissingDelete) -> Self {
        self.settings.profile.missing_delete = style;
        self
    }

    /// Decodes names in paths twice, as Loki always does.
    #[must_use]
    pub fn double_decode(mut self) -> Self {
        self.settings.profile.double_decode = true;
        self.settings.routes.double_decode = true;
        self
    }

    /// Consumes bodies that are sent as forms, as Loki always does.
    #[must_use]
    pub fn eats_forms(mut self) -> Self {
        self.settings.profile.eats_forms = true;
        self
    }

    /// Drops these fields, in addition to those that the kind always drops.
    #[must_use]
    pub fn drops(mut self, fields: &[Field]) -> Self {
        self.settings.profile.drops.extend_from_slice(fields);
        self
    }

    /// Disables the configuration API: its routes are 404.
    #[must_use]
    pub fn api_disabled(mut self) -> Self {
        self.settings.routes.config_enabled = false;
        self
    }

    /// Sets whether names in paths that could leave a directory are rejected; the default in Mimir and Loki.
    #[must_use]
    pub fn traversal_check(mut self, check: bool) -> Self {
        self.settings.profile.traversal_check = check;
        self
    }

    /// Sets whether longer answers are compressed if the client accepts it; by default only in Mimir.
    #[must_use]
    pub fn compresses(mut self, compresses: bool) -> Self {
        self.settings.profile.compresses = compresses;
        self
    }

    /// Sets the time until a change appears in the state API; zero by default.
    #[must_use]
    pub fn sync_delay(mut self, delay: Duration) -> Self {
        self.sync_delay = delay;
        self
    }

    /// Makes loaded rules count as evaluated: their health is `ok` instead of `unknown`. Log queries, which Loki
    /// accepts as rules, fail.
    #[must_use]
    pub fn evaluates(mut self) -> Self {
        self.settings.evaluates = true;
        self
    }

    /// Behaves like the `local` rule store: lists and the state API work, but nothing can be written and no single
    /// group read. The groups come from [`storage`](Self::storage) or [`RulerServer::put`].
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.settings.read_only = true;
        self
    }

    /// Disables evaluation for this tenant: Mimir's state API reports that, those of the others show no rules.
    #[must_use]
    pub fn evaluation_disabled(mut self, tenant: &str) -> Self {
        self.settings.unevaluated.insert(tenant.to_owned());
        self
    }

    /// Sets the delay of a list per group in it; zero by default.
    #[must_use]
    pub fn list_latency(mut self, per_group: Duration) -> Self {
        self.settings.list_latency = per_group;
        self
    }

    /// Sets the maximum length in bytes of a namespace's or group's name; by default 189, as with file storage. An
    /// object store accepts about a thousand.
    #[must_use]
    pub fn longest_name(mut self, bytes: usize) -> Self {
        self.settings.longest_name = bytes;
        self
    }

    /// Sets the maximum size of a request's body in bytes, by default 32 MiB; larger ones are answered with 413.
    #[must_use]
    pub fn longest_body(mut self, bytes: usize) -> Self {
        self.settings.longest_body = bytes;
        self
    }

    /// Stores the groups in this directory, and starts with the existing ones. The directory is created if necessary;
    /// files in it that are not groups are left unchanged.
    #[must_use]
    pub fn storage(mut self, directory: impl Into<PathBuf>) -> Self {
        self.storage = Some(directory.into());
        self
    }

    /// Sets the amount of data the journal keeps per request; by default everything, which suits only short-lived
    /// rulers.
    #[must_use]
    pub fn journal(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Starts the ruler on the current tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound or the storage directory cannot be used.
    pub async fn start(self) -> io::Result<RulerServer> {
        let (disk, found) = match &self.storage {
            None => (None, Vec::new()),
            Some(directory) => {
                let (disk, found) = Disk::open(directory)?;
                (Some(disk), found)
            }
        };
        let api = Arc::new(Api::new(self.settings, disk, self.sync_delay, found));
        let handler = Arc::clone(&api) as Arc<dyn crate::listen::Handler>;
        let journal = Journal::new();
        journal.keep(self.detail);
        let listen = Listen::start(self.address, handler, journal, Faults::new()).await?;
        Ok(RulerServer { kind: self.kind, listen, api })
    }
}

impl RulerServer {
    /// The options of a ruler of this kind.
    pub fn builder(kind: Kind) -> RulerBuilder {
        RulerBuilder::new(kind)
    }

    /// The imitated ruler.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The base URL, without a path or trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen.address())
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// The journal of requests.
    pub fn journal(&self) -> &Journal {
        self.listen.journal()
    }

    /// The faults of this server.
    pub fn faults(&self) -> &Faults {
        self.listen.faults()
    }

    /// The stored groups of a tenant.
    pub fn rules(&self, tenant: &str) -> Rules {
        let store = self.api.store();
        let Some(tenant) = store.tenant(tenant) else { return Rules::new() };
        tenant
            .namespaces
            .iter()
            .map(|(name, groups)| {
                let groups = groups.values().map(|entry| (entry.group.name.clone(), entry.group.clone()));
                (name.clone(), groups.collect())
            })
            .collect()
    }

    /// The number of stored groups of a tenant.
    pub fn group_count(&self, tenant: &str) -> usize {
        self.api.store().tenant(tenant).map_or(0, |tenant| tenant.count)
    }

    /// The tenants that have groups.
    pub fn tenants(&self) -> Vec<String> {
        self.api.store().tenants().map(|(name, _)| name.clone()).collect()
    }

    /// Stores a group directly: no request, no validation, no limits, no dropped fields.
    ///
    /// # Errors
    /// If the YAML is not a group with a name, or the storage directory cannot be written.
    pub fn put(&self, tenant: &str, namespace: &str, yaml: &str) -> Result<(), PutError> {
        let posted = yaml_in::decode(yaml.as_bytes()).map_err(|_| PutError::NotAGroup)?;
        if posted.group.name.is_empty() {
            return Err(PutError::NotAGroup);
        }
        Ok(self.api.put(tenant, namespace, posted.group)?)
    }

    /// Removes a group directly and returns `true` if it existed.
    ///
    /// # Errors
    /// If it cannot be removed from the storage directory.
    pub fn remove(&self, tenant: &str, namespace: &str, group: &str) -> io::Result<bool> {
        self.api.remove(tenant, namespace, group)
    }

    /// Removes a namespace directly and returns `true` if it existed.
    ///
    /// # Errors
    /// If it cannot be removed from the storage directory.
    pub fn remove_namespace(&self, tenant: &str, namespace: &str) -> io::Result<bool> {
        self.api.remove_namespace(tenant, namespace)
    }

    /// Returns `true` if a stored group or namespace prevents all changes of the tenant from being loaded.
    pub fn frozen(&self, tenant: &str) -> bool {
        self.api.store().tenant(tenant).is_some_and(super::store::Tenant::is_frozen)
    }

    /// Sets whether loaded rules count as evaluated from now on; see [`RulerBuilder::evaluates`].
    pub fn set_evaluates(&self, evaluates: bool) {
        self.api.set_evaluates(evaluates);
    }

    /// Sets or clears the error that the state API reports for a rule.
    pub fn fail_rule(&self, tenant: &str, namespace: &str, group: &str, index: usize, error: Option<&str>) {
        let key = (tenant.to_owned(), namespace.to_owned(), group.to_owned(), index);
        let mut failing = self.api.failing();
        match error {
            Some(error) => failing.insert(key, error.to_owned()),
            None => failing.remove(&key),
        };
    }

    /// Closes the port and every connection at once: new connections are refused from then on. Stored groups, the
    /// journal and the faults are kept.
    pub async fn stop(&self) {
        self.listen.stop().await;
    }

    /// Opens the same port again after [`stop`](Self::stop).
    ///
    /// # Errors
    /// If the port is no longer free.
    pub async fn start_again(&self) -> io::Result<()> {
        self.listen.start_again().await
    }

    /// Stops and starts again.
    ///
    /// # Errors
    /// If the port is no longer free.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.start_again().await
    }

    /// Accepts no new requests, lets those in progress finish for up to two seconds, then closes.
    pub async fn shutdown(self) {
        self.listen.shutdown().await;
    }
}
