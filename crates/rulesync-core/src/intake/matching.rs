//! The destinations of an object, and who may choose them.
//!
//! A tenant that is read from an object is requested by its author. The route's
//! [`Permission`](crate::route::Permission)s define who may request which tenant; without one that covers the request,
//! the object goes nowhere by this route, and a finding tells its author why.

use std::sync::Arc;

use super::tenancy::Grant;
use super::transform::Transform;
use crate::finding::{Code, Finding};
use crate::model::kind;
use crate::model::name::RulerNamespace;
use crate::model::tenant::DestinationId;
use crate::route::Route;
use crate::route::input::RoutingInput;
use crate::route::requirement::Selection;

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

/// What a route by itself makes of an object that it does not refuse.
enum Matched {
    NotSelected,
    /// It depends on what is not yet known of the Kubernetes namespace.
    Undecided,
    /// The object requests no tenant.
    NoTenant,
    Match(RouteMatch),
}

/// What becomes of an object by a route, besides the routes before it.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is not selected.
    NotSelected,
    /// It is not selected as long as nothing more is known of its Kubernetes namespace.
    Undecided,
    /// It requests no tenant.
    NoTenant,
    /// It requests a tenant that it may not have.
    TenantRefused(Box<Finding>),
    /// It is refused for another reason.
    Refused(Box<Finding>),
    /// This route leads it to the same destination, with the same rules.
    Repeated(Arc<str>),
    /// An earlier route leads it to the same destination, with other rules.
    Conflict(Box<Finding>),
    /// It is one of the matches.
    Taken,
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
    /// Returns what it makes of an object.
    fn match_object(
        &self,
        input: &RoutingInput<'_>,
        language: &str,
        facts: &impl RouteFacts,
    ) -> Result<Matched, Refusal> {
        match self.selects(input, language) {
            Selection::Selected => {}
            Selection::NotSelected => return Ok(Matched::NotSelected),
            Selection::Undecided => return Ok(Matched::Undecided),
        }
        let request = self.request(input).map_err(Refusal::Tenant)?;
        let Some(Grant { tenant, .. }) = self.grant(&request, input).map_err(Refusal::Tenant)? else {
            return Ok(Matched::NoTenant);
        };
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
        let route = Arc::clone(&self.name);
        Ok(Matched::Match(RouteMatch { destination, route, namespace, transform }))
    }
}

/// Returns the destinations of an object: one for each route that selects it, each destination once.
///
/// A route that needs to know an object's Kubernetes namespace does not select it before that is known.
pub(crate) fn match_routes(routes: &[Route], input: &RoutingInput<'_>, facts: &impl RouteFacts) -> Routed {
    match_each(routes, input, facts, |_, _, _| {})
}

/// Returns what [`match_routes`] does, and shows what each route makes of the object, given the language of its ruler.
pub(super) fn match_each<'a>(
    routes: &'a [Route],
    input: &RoutingInput<'_>,
    facts: &'a impl RouteFacts,
    mut show: impl FnMut(&'a Route, &'a str, Verdict),
) -> Routed {
    let mut routed = Routed::default();
    for route in routes {
        let Some(language) = facts.language(&route.ruler) else { continue };
        let verdict = routed.add(route, route.match_object(input, language, facts));
        show(route, language, verdict);
    }
    routed
}

impl Routed {
    /// Adds what a route makes of an object, and returns what follows.
    fn add(&mut self, route: &Route, matched: Result<Matched, Refusal>) -> Verdict {
        match matched {
            Ok(Matched::NotSelected) => Verdict::NotSelected,
            Ok(Matched::Undecided) => Verdict::Undecided,
            Ok(Matched::NoTenant) => Verdict::NoTenant,
            Ok(Matched::Match(route_match)) => self.add_match(route, route_match),
            Err(Refusal::Other(finding)) => {
                // Several routes may refuse the same name.
                if !self.findings.contains(&finding) {
                    self.findings.push((*finding).clone());
                }
                Verdict::Refused(finding)
            }
            Err(Refusal::Tenant(finding)) => {
                let refused = RefusedTenant { route: Arc::clone(&route.name), finding: (*finding).clone() };
                self.refused.push(refused);
                Verdict::TenantRefused(finding)
            }
        }
    }

    fn add_match(&mut self, route: &Route, route_match: RouteMatch) -> Verdict {
        let earlier = self.matches.iter().find(|other| other.destination == route_match.destination);
        let Some(first) = earlier else {
            self.matches.push(route_match);
            return Verdict::Taken;
        };
        let what = if !first.transform.writes_as(&route_match.transform) {
            "put different rules"
        } else if first.namespace != route_match.namespace {
            "put the same rules twice, under different names,"
        } else {
            return Verdict::Repeated(Arc::clone(&first.route));
        };
        let message = format!(
            "routes `{}` and `{}` would {what} into {}",
            first.route, route.name, route_match.destination
        );
        let hint = "the first route counts: let the routes' selectors exclude each other";
        let finding = Finding::error(Code::Routes, message).hint(hint);
        self.findings.push(finding.clone());
        Verdict::Conflict(Box::new(finding))
    }
}

#[cfg(test)]
mod tests;
