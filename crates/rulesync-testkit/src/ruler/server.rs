//! A ruler as a test or the daemon sees it: built, started, looked into, broken, stopped.

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

/// A tenant's groups: namespace, group name, group.
pub type Rules = BTreeMap<String, BTreeMap<String, StoredGroup>>;

/// A running ruler. Dropping it cuts it off; [`shutdown`](Self::shutdown) lets requests finish.
///
/// ```
/// use rulesync_testkit::{Fault, Kind, RulerServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ruler = RulerServer::builder(Kind::Mimir).start().await?;
/// ruler.put("team-a", "some/namespace", "name: g\nrules: [{record: up:sum, expr: sum(up)}]")?;
/// ruler.faults().inject(Fault::status(503, "not now\n").times(2));
/// // … let a client loose on `ruler.url()` …
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

/// A ruler to be: everything the real ones can be configured to, and some of what their versions and storage
/// differ in.
#[derive(Clone, Debug)]
pub struct RulerBuilder {
    kind: Kind,
    address: SocketAddr,
    settings: Settings,
    sync_delay: Duration,
    storage: Option<PathBuf>,
    detail: Detail,
}

/// Why a hand edit is not possible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The text is no rule group, or has no name.
    #[error("not a rule group with a name")]
    NotAGroup,
    /// It could not be written to the storage directory.
    #[error("cannot be stored")]
    Storage(#[from] io::Error),
}

/// The most bytes of a name that still fit a file's when coded in base64.
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

    /// Where to listen; by default any free port on loopback.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The prefix of Mimir's configuration API and of all state APIs; by default `/prometheus`.
    #[must_use]
    pub fn prometheus_prefix(mut self, prefix: &str) -> Self {
        self.settings.routes.prometheus_prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// The prefix of the older routes of Cortex and Loki; by default `/api/prom`.
    #[must_use]
    pub fn legacy_prefix(mut self, prefix: &str) -> Self {
        self.settings.routes.legacy_prefix = prefix.trim_end_matches('/').to_owned();
        self
    }

    /// The limits of every tenant that has none of its own; by default there are none.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// The limits of one tenant, in place of the general ones.
    #[must_use]
    pub fn tenant_limits(mut self, tenant: &str, limits: Limits) -> Self {
        self.settings.tenant_limits.insert(tenant.to_owned(), limits);
        self
    }

    /// Switches tenancy off: whatever the header says, everyone is this tenant (`anonymous` in Mimir, `fake` in
    /// Cortex and Loki).
    #[must_use]
    pub fn only_tenant(mut self, tenant: &str) -> Self {
        self.settings.only_tenant = Some(tenant.to_owned());
        self
    }

    /// Switches tenant federation on: groups may have source tenants.
    #[must_use]
    pub fn federation(mut self) -> Self {
        self.settings.federation = true;
        self
    }

    /// Which names of labels and metrics are valid; by default [`NameScheme::Legacy`].
    #[must_use]
    pub fn name_scheme(mut self, scheme: NameScheme) -> Self {
        self.settings.profile.name_scheme = scheme;
        self
    }

    /// Refuses in expressions what Prometheus hides behind feature flags, as rulers do out of the box; by default
    /// it is accepted. Loki has no PromQL to refuse anything in.
    #[must_use]
    pub fn stable_promql_only(mut self) -> Self {
        if let Dialect::PromQl { experimental, .. } = &mut self.settings.profile.dialect {
            *experimental = false;
        }
        self
    }

    /// What a list answers when there is nothing to list.
    #[must_use]
    pub fn empty_list(mut self, style: EmptyList) -> Self {
        self.settings.profile.empty_list = style;
        self
    }

    /// What deleting a missing group answers; by default [`MissingDelete::Accepted`].
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

    /// Forgets these fields, besides those the kind always forgets.
    #[must_use]
    pub fn drops(mut self, fields: &[Field]) -> Self {
        self.settings.profile.drops.extend_from_slice(fields);
        self
    }

    /// Switches the configuration API off: its routes are 404.
    #[must_use]
    pub fn api_disabled(mut self) -> Self {
        self.settings.routes.config_enabled = false;
        self
    }

    /// Whether names in paths that could leave a directory are refused; by default in Mimir and Loki.
    #[must_use]
    pub fn traversal_check(mut self, check: bool) -> Self {
        self.settings.profile.traversal_check = check;
        self
    }

    /// Whether longer answers are compressed for clients that accept it; by default in Mimir only.
    #[must_use]
    pub fn compresses(mut self, compresses: bool) -> Self {
        self.settings.profile.compresses = compresses;
        self
    }

    /// How long a change takes until the state API shows it; by default no time.
    #[must_use]
    pub fn sync_delay(mut self, delay: Duration) -> Self {
        self.sync_delay = delay;
        self
    }

    /// Loaded rules count as evaluated: their health is `ok` instead of `unknown`. Queries for logs, which Loki takes
    /// for rules, fail.
    #[must_use]
    pub fn evaluates(mut self) -> Self {
        self.settings.evaluates = true;
        self
    }

    /// Keeps rules as the `local` rule store does: lists and the state API work, nothing can be written, and no
    /// group be read by itself. What there is comes from [`storage`](Self::storage) or [`RulerServer::put`].
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.settings.read_only = true;
        self
    }

    /// Evaluates nothing for this tenant: Mimir's state API says so, those of the others show no rules.
    #[must_use]
    pub fn evaluation_disabled(mut self, tenant: &str) -> Self {
        self.settings.unevaluated.insert(tenant.to_owned());
        self
    }

    /// How long a list takes for each group in it; by default no time.
    #[must_use]
    pub fn list_latency(mut self, per_group: Duration) -> Self {
        self.settings.list_latency = per_group;
        self
    }

    /// The most bytes of a namespace's or group's name; by default 189, as with storage in files. An object store
    /// takes about a thousand.
    #[must_use]
    pub fn longest_name(mut self, bytes: usize) -> Self {
        self.settings.longest_name = bytes;
        self
    }

    /// The most bytes of a request's body, by default 32 MiB; longer ones are answered with 413.
    #[must_use]
    pub fn longest_body(mut self, bytes: usize) -> Self {
        self.settings.longest_body = bytes;
        self
    }

    /// Keeps the groups in this directory, and begins with those it holds. The directory is made if it is not
    /// there; files in it that are no groups are left alone.
    #[must_use]
    pub fn storage(mut self, directory: impl Into<PathBuf>) -> Self {
        self.storage = Some(directory.into());
        self
    }

    /// How much of each request the journal keeps; by default everything, which a ruler that lives long should not.
    #[must_use]
    pub fn journal(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Starts the ruler on the current tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound or the storage directory cannot be used.
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
    /// A ruler of this kind, to be configured and started.
    pub fn builder(kind: Kind) -> RulerBuilder {
        RulerBuilder::new(kind)
    }

    /// Which ruler it imitates.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The address, without a path and without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen.address())
    }

    /// The address bound.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// The requests it saw.
    pub fn journal(&self) -> &Journal {
        self.listen.journal()
    }

    /// What is wrong with it.
    pub fn faults(&self) -> &Faults {
        self.listen.faults()
    }

    /// What it holds for a tenant.
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

    /// How many groups it holds for a tenant.
    pub fn group_count(&self, tenant: &str) -> usize {
        self.api.store().tenant(tenant).map_or(0, |tenant| tenant.count)
    }

    /// The tenants that have groups.
    pub fn tenants(&self) -> Vec<String> {
        self.api.store().tenants().map(|(name, _)| name.clone()).collect()
    }

    /// Stores a group behind everyone's back: no request, no validation, no limits, nothing dropped.
    ///
    /// # Errors
    /// When the YAML is no group with a name, or the storage directory cannot be written.
    pub fn put(&self, tenant: &str, namespace: &str, yaml: &str) -> Result<(), PutError> {
        let posted = yaml_in::decode(yaml.as_bytes()).map_err(|_| PutError::NotAGroup)?;
        if posted.group.name.is_empty() {
            return Err(PutError::NotAGroup);
        }
        Ok(self.api.put(tenant, namespace, posted.group)?)
    }

    /// Removes a group behind everyone's back; says whether there was one.
    ///
    /// # Errors
    /// When it cannot be removed from the storage directory.
    pub fn remove(&self, tenant: &str, namespace: &str, group: &str) -> io::Result<bool> {
        self.api.remove(tenant, namespace, group)
    }

    /// Removes a namespace behind everyone's back; says whether there was one.
    ///
    /// # Errors
    /// When it cannot be removed from the storage directory.
    pub fn remove_namespace(&self, tenant: &str, namespace: &str) -> io::Result<bool> {
        self.api.remove_namespace(tenant, namespace)
    }

    /// Whether a stored group or namespace keeps all of the tenant's changes from being loaded.
    pub fn frozen(&self, tenant: &str) -> bool {
        self.api.store().tenant(tenant).is_some_and(super::store::Tenant::is_frozen)
    }

    /// From now on loaded rules count as evaluated, or no longer; see [`RulerBuilder::evaluates`].
    pub fn set_evaluates(&self, evaluates: bool) {
        self.api.set_evaluates(evaluates);
    }

    /// From now on the state API reports this error for a rule, or no longer.
    pub fn fail_rule(&self, tenant: &str, namespace: &str, group: &str, index: usize, error: Option<&str>) {
        let key = (tenant.to_owned(), namespace.to_owned(), group.to_owned(), index);
        let mut failing = self.api.failing();
        match error {
            Some(error) => failing.insert(key, error.to_owned()),
            None => failing.remove(&key),
        };
    }

    /// Closes the port and every connection at once: connecting is refused from then on. What is stored, the
    /// journal and the faults stay.
    pub async fn stop(&self) {
        self.listen.stop().await;
    }

    /// Opens the same port again after [`stop`](Self::stop).
    ///
    /// # Errors
    /// When someone else has taken the port meanwhile.
    pub async fn start_again(&self) -> io::Result<()> {
        self.listen.start_again().await
    }

    /// Stops and starts again.
    ///
    /// # Errors
    /// When someone else has taken the port meanwhile.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.start_again().await
    }

    /// Takes no new requests, lets those under way finish for up to two seconds, and closes.
    pub async fn shutdown(self) {
        self.listen.shutdown().await;
    }
}
