//! The settings of a ruler, as its builder leaves them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    http::route::Routes,
    model::kind::{Kind, Limits, Profile},
};

/// The maximum length in bytes of a name whose base64 form is a valid file name.
const LONGEST_NAME: usize = 189;

/// The default limit of a request's body, in bytes.
const LONGEST_BODY: usize = 32 << 20;

/// The configuration of a ruler.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) kind: Kind,
    pub(crate) profile: Profile,
    pub(crate) routes: Routes,
    pub(crate) limits: Limits,
    pub(crate) tenant_limits: BTreeMap<String, Limits>,
    /// The tenant of all requests if tenancy is off.
    pub(crate) only_tenant: Option<String>,
    pub(crate) federation: bool,
    pub(crate) longest_name: usize,
    pub(crate) longest_body: usize,
    /// `true` if nothing can be written, and no single group read.
    pub(crate) read_only: bool,
    /// Tenants whose rules are not evaluated.
    pub(crate) unevaluated: BTreeSet<String>,
}

impl Settings {
    /// The default settings of a kind.
    pub(crate) fn of(kind: Kind) -> Self {
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
            profile,
            routes,
            limits: Limits::default(),
            tenant_limits: BTreeMap::new(),
            only_tenant: None,
            federation: false,
            longest_name: LONGEST_NAME,
            longest_body: LONGEST_BODY,
            read_only: false,
            unevaluated: BTreeSet::new(),
        }
    }

    /// The limits of a tenant: specific ones or the defaults.
    pub(crate) fn limits(&self, tenant: &str) -> &Limits {
        self.tenant_limits.get(tenant).unwrap_or(&self.limits)
    }

    /// Returns `true` if the name is too long for a file name: base64 encodes three bytes as four.
    pub(crate) fn is_too_long(&self, name: &str) -> bool {
        name.len() > self.longest_name
    }
}
