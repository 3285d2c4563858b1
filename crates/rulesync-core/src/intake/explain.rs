//! What each route makes of an object, and why, by the functions that route it.

use crate::explain::{
    ExplainedPermission, ExplainedRequirement, ExplainedTenant, RequirementSubject, RouteExplanation,
    RouteVerdict,
};
use crate::finding::Finding;
use crate::model::object::ObjectId;
use crate::route::input::{NamespaceMetadata, RoutingInput};
use crate::route::requirement::{Requirement, Wanted};
use crate::route::{Permission, Route};

use super::accepted::Accepted;
use super::matching::{RouteFacts, Routed, Verdict, match_each};
use super::routing_table::RoutingTable;
use super::tenancy::Request;

/// Returns what [`match_routes`](super::matching::match_routes) does, and what each route makes of the object.
pub(super) fn explain_routes(
    routes: &[Route],
    input: &RoutingInput<'_>,
    facts: &impl RouteFacts,
) -> (Routed, Vec<RouteExplanation>) {
    let mut explained = Vec::with_capacity(routes.len());
    let routed = match_each(routes, input, facts, |route, language, verdict| {
        explained.push(explain(route, input, language, verdict));
    });
    (routed, explained)
}

impl RoutingTable {
    /// Returns what each route makes of an object. `namespace_comes` says whether its Kubernetes namespace will be known, if
    /// it is not.
    pub(crate) fn explain(
        &self,
        id: &ObjectId,
        accepted: &Accepted,
        namespace: Option<&NamespaceMetadata>,
        namespace_comes: bool,
    ) -> Vec<RouteExplanation> {
        let input = accepted.input(id, namespace, namespace_comes);
        explain_routes(&self.routes, &input, &self.facts(accepted.naming_input(id))).1
    }
}

fn explain(route: &Route, input: &RoutingInput<'_>, language: &str, verdict: Verdict) -> RouteExplanation {
    let (verdict, repeats, finding): (_, Option<String>, Option<Finding>) = match verdict {
        Verdict::NotSelected => (RouteVerdict::NotSelected, None, None),
        Verdict::Undecided => (RouteVerdict::Undecided, None, None),
        Verdict::NoTenant => (RouteVerdict::NoTenant, None, None),
        Verdict::TenantRefused(finding) => (RouteVerdict::TenantRefused, None, Some(*finding)),
        Verdict::Refused(finding) => (RouteVerdict::Refused, None, Some(*finding)),
        Verdict::Repeated(earlier) => (RouteVerdict::Repeated, Some(earlier.to_string()), None),
        Verdict::Conflict(finding) => (RouteVerdict::Conflict, None, Some(*finding)),
        Verdict::Taken => (RouteVerdict::Taken, None, None),
    };
    let is_selected = !matches!(verdict, RouteVerdict::NotSelected | RouteVerdict::Undecided);
    RouteExplanation {
        route: route.name.to_string(),
        ruler: route.ruler.to_string(),
        verdict,
        requirements: route.requirements(input, language).map(|requirement| requirement.explain()).collect(),
        tenant: is_selected.then(|| tenant(route, input)).flatten(),
        repeats,
        finding,
    }
}

/// Returns who chooses the tenant of an object; none if the object contradicts itself, which a finding says.
fn tenant(route: &Route, input: &RoutingInput<'_>) -> Option<ExplainedTenant> {
    let request = route.request(input).ok()?;
    let grant = route.grant(&request, input).ok().flatten();
    let (from, requested) = match &request {
        Request::Configured(_) => (None, None),
        Request::Missing(from) => (Some(from.to_string()), None),
        Request::Requested { from, value, .. } => {
            let from = from.map_or_else(|| "field `tenant`".to_owned(), ToString::to_string);
            (Some(from), Some(*value))
        }
    };
    let permission = |permission: &Permission, value: &str| {
        let requirements = permission.requirements(input, value).map(|requirement| requirement.explain());
        ExplainedPermission { requirements: requirements.collect() }
    };
    Some(ExplainedTenant {
        permitted_by: grant.as_ref().and_then(|grant| grant.permission),
        tenant: grant.and_then(|grant| grant.tenant).map(|tenant| tenant.to_string()),
        from,
        permissions: requested
            .map(|value| route.allow.iter().map(|allowed| permission(allowed, value)).collect())
            .unwrap_or_default(),
        requested: requested.map(str::to_owned),
    })
}

impl Requirement<'_> {
    fn explain(&self) -> ExplainedRequirement {
        ExplainedRequirement {
            subject: match self.wanted {
                Wanted::Sources(_) => RequirementSubject::Source,
                Wanted::Kinds(_) | Wanted::Language(_) => RequirementSubject::Kind,
                Wanted::Label(_) => RequirementSubject::RuleSelector,
                Wanted::NamespaceLabel(_) => RequirementSubject::NamespaceSelector,
                Wanted::NamespaceMetadata => RequirementSubject::NamespaceMetadata,
                Wanted::Namespaces(_) => RequirementSubject::Namespaces,
                Wanted::Values(_) => RequirementSubject::Tenants,
            },
            wanted: self.wanted.to_string(),
            actual: self.actual.map(str::to_owned),
            met: self.is_met,
        }
    }
}

#[cfg(test)]
mod tests;
