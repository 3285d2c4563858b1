//! The destinations of an object, and who may choose them.
//!
//! A tenant that is read from an object is requested by its author. The route's
//! [`Permission`](crate::route::Permission)s define who may request which tenant; without one that covers the request,
//! the object goes nowhere by this route, and a finding tells its author why.

use std::sync::Arc;

use super::transform::Transform;
use crate::finding::{Code, Finding};
use crate::model::kind;
use crate::model::name::RulerNamespace;
use crate::model::tenant::{DestinationId, TenantId};
use crate::route::input::RoutingInput;
use crate::route::value::shown;
use crate::route::{Route, Tenancy, TenantPattern};

/// The match of an object and a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteMatch {
    /// The destination.
    pub(crate) destination: DestinationId,
    /// The route.
    pub(crate) route: Arc<str>,
    /// The namespace at the ruler.
    pub(crate) namespace: RulerNamespace,
    /// The transform of its rules.
    pub(crate) transform: Arc<Transform>,
}

/// The destinations of an object, and the reasons against others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Routed {
    /// Its destinations, each once, in the order of routes.
    pub(crate) matches: Vec<RouteMatch>,
    /// Routes that select it and refuse the tenant it requests.
    pub(crate) refused: Vec<RefusedTenant>,
    /// The reasons why other routes that select it do not take it.
    pub(crate) findings: Vec<Finding>,
}

/// A tenant that an object requests by a route and that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedTenant {
    /// The route.
    pub(crate) route: Arc<str>,
    /// The reason for the author.
    pub(crate) finding: Finding,
}

/// The reason why a route that selects an object does not take it.
enum Refusal {
    Tenant(Box<Finding>),
    Other(Box<Finding>),
}

/// The facts about the ruler of a route that matching needs.
pub(crate) trait RouteFacts {
    /// Returns the language that the ruler evaluates; none if there is no such ruler.
    fn language(&self, ruler: &str) -> Option<&str>;

    /// Returns the namespace of the object by a route.
    ///
    /// # Errors
    ///
    /// The reason why it has none.
    fn namespace(&self, route: &Route) -> Result<RulerNamespace, Box<Finding>>;
}

impl Route {
    fn match_object(
        &self,
        input: &RoutingInput<'_>,
        language: &str,
        facts: &impl RouteFacts,
    ) -> Result<Option<RouteMatch>, Refusal> {
        let labels = input.namespace.map(|namespace| &namespace.labels);
        let selected = self.takes_kind(input.id.kind(), language)
            && self.rule_selector.matches(input.labels)
            && self.namespace_selector.matches_namespace(input.id.namespace(), labels) == Some(true);
        if !selected || (input.namespace.is_none() && input.namespace_comes && self.needs_namespaces()) {
            return Ok(None);
        }
        let Some(tenant) = self.tenant(input).map_err(Refusal::Tenant)? else { return Ok(None) };
        if let Some(declared) = input.language.filter(|declared| *declared != language) {
            let message = format!(
                "the object says that it is written in {declared}, and the ruler `{}` of route `{}` evaluates {language}",
                self.ruler, self.name
            );
            let hint = format!("change the annotation `{}` or the route", kind::DIALECT_ANNOTATION);
            return Err(Refusal::Other(Finding::error(Code::Dialect, message).hint(hint).into()));
        }
        let destination = DestinationId { ruler: self.ruler.clone(), tenant };
        let namespace = facts.namespace(self).map_err(Refusal::Other)?;
        let transform = Arc::new(Transform::of(self, input).map_err(Refusal::Other)?);
        Ok(Some(RouteMatch { destination, route: Arc::clone(&self.name), namespace, transform }))
    }

    /// Returns the tenant an object goes to by this route; none if it requests none.
    #[expect(clippy::option_option, reason = "no tenant header is not the same as not going there")]
    fn tenant(&self, input: &RoutingInput<'_>) -> Result<Option<Option<TenantId>>, Box<Finding>> {
        let refuse = |message: String| Finding::error(Code::Tenant, message);
        let (value, pattern) = match (&self.tenant, input.tenant) {
            (Tenancy::None, None) => return Ok(Some(None)),
            (Tenancy::Fixed(tenant), None) => return Ok(Some(Some(tenant.clone()))),
            (Tenancy::Fixed(tenant), Some(field)) if field == tenant.as_str() => {
                return Ok(Some(Some(tenant.clone())));
            }
            (Tenancy::None | Tenancy::Fixed(_), Some(field)) => (field, TenantPattern::default()),
            (Tenancy::Requested { from, pattern }, field) => match (from.value(input), field) {
                (None, None) => return Ok(None),
                // Both are in the object: its author has to decide.
                (Some(requested), Some(field)) if requested != field && from.is_the_authors() => {
                    return Err(refuse(format!(
                        "the object requests two tenants: its {from} is {}, its field {}",
                        shown(requested),
                        shown(field)
                    ))
                    .hint("request one")
                    .into());
                }
                // The Kubernetes namespace is not the author's: it alone decides.
                (requested, Some(field)) if requested != Some(field) && !from.is_the_authors() => {
                    let found = requested
                        .map_or("is missing".to_owned(), |requested| format!("is {}", shown(requested)));
                    let hint = match requested {
                        Some(requested) => format!("remove the field, or write {}", shown(requested)),
                        None => "remove the field".to_owned(),
                    };
                    return Err(refuse(format!(
                        "the object's field requests the tenant {}, but route `{}` goes by {from} alone, which {found}",
                        shown(field),
                        self.name
                    ))
                    .hint(hint)
                    .into());
                }
                (_, Some(field)) => (field, pattern.clone()),
                (Some(requested), None) => (requested, pattern.clone()),
            },
        };
        if !self.allow.iter().any(|permission| permission.covers(input, value)) {
            let (namespace, value) = (input.id.namespace(), shown(value));
            let message = format!(
                "route `{}` does not allow the Kubernetes namespace `{namespace}` to request the tenant {value}",
                self.name
            );
            let hint = format!(
                "whoever runs rulesync can add it to `allow` of that route: {{namespaces: [{namespace}], tenants: [{value}]}}"
            );
            return Err(refuse(message).hint(hint).into());
        }
        let tenant = pattern.apply(value).parse::<TenantId>();
        tenant.map(|tenant| Some(Some(tenant))).map_err(|error| {
            refuse(format!(
                "the requested value {} makes no tenant by route `{}`: {error}",
                shown(value),
                self.name
            ))
            .into()
        })
    }
}

/// Returns the destinations of an object: one for each route that selects it, each destination once.
///
/// A route that needs to know an object's Kubernetes namespace does not select it before that is known.
pub(crate) fn match_routes(routes: &[Route], input: &RoutingInput<'_>, facts: &impl RouteFacts) -> Routed {
    let mut routed = Routed::default();
    for route in routes {
        let Some(language) = facts.language(&route.ruler) else { continue };
        match route.match_object(input, language, facts) {
            Ok(None) => {}
            Ok(Some(route_match)) => {
                match routed.matches.iter().position(|other| other.destination == route_match.destination) {
                    None => routed.matches.push(route_match),
                    Some(index) => {
                        let first = &routed.matches[index];
                        let what = if !first.transform.writes_as(&route_match.transform) {
                            "put different rules"
                        } else if first.namespace != route_match.namespace {
                            "put the same rules twice, under different names,"
                        } else {
                            continue;
                        };
                        let message = format!(
                            "routes `{}` and `{}` would {what} into {}",
                            first.route, route.name, route_match.destination
                        );
                        let hint = "the first route counts: let the routes' selectors exclude each other";
                        routed.findings.push(Finding::error(Code::Routes, message).hint(hint));
                    }
                }
            }
            // Several routes may refuse the same name.
            Err(Refusal::Other(finding)) if routed.findings.contains(&finding) => {}
            Err(Refusal::Other(finding)) => routed.findings.push(*finding),
            Err(Refusal::Tenant(finding)) => {
                routed.refused.push(RefusedTenant { route: Arc::clone(&route.name), finding: *finding })
            }
        }
    }
    routed
}

#[cfg(test)]
mod tests;
