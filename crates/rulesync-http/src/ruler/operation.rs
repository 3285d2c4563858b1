//! The operations of the configuration and state APIs.

use rulesync_core::TenantId;

use crate::connection::{Method, Request};

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    List,
    GetNamespace,
    GetGroup,
    Put,
    DeleteGroup,
    DeleteNamespace,
    /// Reads the loaded rules and their health.
    State,
    /// Reads the limits of a tenant.
    Limits,
    /// Reads the names of all tenants.
    TenantNames,
    /// Reads the rules of all tenants, for their names.
    TenantRules,
}

impl Operation {
    /// Returns whether it reads what not every server has: a missing resource is no error then.
    pub(super) fn is_optional(self) -> bool {
        matches!(self, Self::State | Self::Limits | Self::TenantNames | Self::TenantRules)
    }

    /// Returns a request for the operation.
    pub(super) fn request(self, tenant: Option<&TenantId>, path: String) -> Request<'_> {
        let (method, route) = match self {
            Self::List => (Method::Get, "list"),
            Self::GetNamespace => (Method::Get, "namespace"),
            Self::GetGroup => (Method::Get, "group"),
            Self::Put => (Method::Post, "namespace"),
            Self::DeleteGroup => (Method::Delete, "group"),
            Self::DeleteNamespace => (Method::Delete, "namespace"),
            Self::State => (Method::Get, "state"),
            Self::Limits => (Method::Get, "limits"),
            Self::TenantNames | Self::TenantRules => (Method::Get, "tenants"),
        };
        let request = Request::new(method, path, route).with_tenant(tenant);
        // Without it, the answer is a page for people.
        if self == Self::TenantNames { request.accepting("application/json") } else { request }
    }
}
