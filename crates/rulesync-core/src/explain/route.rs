//! What a route makes of an object, and why.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// What a route makes of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouteExplanation {
    /// The route.
    pub route: String,
    /// The ruler it leads to.
    pub ruler: String,
    /// What becomes of the object by it.
    pub verdict: RouteVerdict,
    /// All that it requires of the object, and whether that is met.
    pub requirements: Vec<ExplainedRequirement>,
    /// The tenant, and who chose it; none if it does not select the object, or the object contradicts itself.
    pub tenant: Option<ExplainedTenant>,
    /// The earlier route that leads to the same destination with the same rules.
    pub repeats: Option<String>,
    /// The reason why it refuses the object.
    pub finding: Option<Finding>,
}

/// What becomes of an object by a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RouteVerdict {
    /// It goes to the destination of the route.
    Taken,
    /// Some requirement is not met.
    NotSelected,
    /// It depends on labels or annotations of its Kubernetes namespace, which are unknown.
    Undecided,
    /// The route takes the tenant from where the object has none.
    NoTenant,
    /// It requests a tenant that it may not have.
    TenantRefused,
    /// It is refused for another reason.
    Refused,
    /// An earlier route leads it to the same destination, with the same rules.
    Repeated,
    /// An earlier route leads it to the same destination, with other rules, and counts.
    Conflict,
}

/// A requirement, and whether it is met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExplainedRequirement {
    /// The part of the route that requires it.
    pub subject: RequirementSubject,
    /// What is required: for labels as Kubernetes' tools write it, such as `team in (a, b)`.
    pub wanted: String,
    /// What there is; none if it is missing or unknown.
    pub actual: Option<String>,
    /// Whether it is met; none if what it is judged by is unknown.
    pub met: Option<bool>,
}

/// The part of a route, or of a permission, that requires something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequirementSubject {
    /// The source of the object.
    Source,
    /// The kind of the object.
    Kind,
    /// A label of the object.
    RuleSelector,
    /// A label of its Kubernetes namespace.
    NamespaceSelector,
    /// What the route reads from its Kubernetes namespace.
    NamespaceMetadata,
    /// The Kubernetes namespaces that a permission is for.
    Namespaces,
    /// The tenants that a permission lets be requested.
    Tenants,
}

/// The tenant of an object by a route, and who chose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExplainedTenant {
    /// The tenant; none if it is refused, or no tenant header is sent.
    pub tenant: Option<String>,
    /// Where a requested tenant is read from, such as ``label `tenant` ``; none if the configuration chose it.
    pub from: Option<String>,
    /// The value there; none if it is missing.
    pub requested: Option<String>,
    /// The number of the entry of the route's `allow` that permits it, from 0.
    pub permitted_by: Option<usize>,
    /// The entries of the route's `allow`, in order; empty if the configuration chose the tenant.
    pub permissions: Vec<ExplainedPermission>,
}

/// An entry of a route's `allow`, and whether it permits what is requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExplainedPermission {
    /// What it requires.
    pub requirements: Vec<ExplainedRequirement>,
}

impl ExplainedPermission {
    /// Returns whether it permits the request: all that it requires is met.
    pub fn permits(&self) -> bool {
        self.requirements.iter().all(|requirement| requirement.met == Some(true))
    }
}
