//! [`RulerBuilder`]: the options of a ruler.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use crate::{
    evaluation::Evaluation,
    model::kind::{EmptyList, Field, Kind, Limits, MissingDelete, NameScheme},
    service::RulerService,
    settings::Settings,
    storage::Storage,
};

/// Options of a ruler: the configuration of the real ones, and some differences of their versions and storage.
#[derive(Clone, Debug)]
pub struct RulerBuilder {
    settings: Settings,
    address: SocketAddr,
    evaluates: bool,
    sync_delay: Duration,
    storage: Option<PathBuf>,
}

impl RulerBuilder {
    /// The default options of a ruler of this kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            settings: Settings::of(kind),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            evaluates: false,
            sync_delay: Duration::ZERO,
            storage: None,
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
        self.evaluates = true;
        self
    }

    /// Behaves like the `local` rule store: lists and the state API work, but nothing can be written and no single
    /// group read. The groups come from [`storage`](Self::storage) or [`RulerService::put`](crate::RulerService::put).
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

    /// The address to listen on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the ruler, without a server.
    ///
    /// # Errors
    /// If the storage directory cannot be used.
    pub fn build(self) -> io::Result<RulerService> {
        let maps_to_files = self.settings.profile.maps_to_files;
        let storage = Storage::open(self.storage.as_deref(), self.sync_delay, maps_to_files)?;
        Ok(RulerService::new(self.settings, storage, Evaluation::new(self.evaluates)))
    }
}
