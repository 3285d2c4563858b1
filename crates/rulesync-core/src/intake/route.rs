//! Routes: which destinations an object belongs to, and on whose word.
//!
//! A tenant that comes from an object is a claim by its author. Who may claim what is said by the route's
//! [`Permission`]s; without one that fits, the object goes nowhere by this route, and its author is told why.

use std::sync::Arc;

use super::permission::Permission;
use super::routing_input::{RoutingInput, ValueSource};
use super::select::Selector;
use super::transform::{ExternalLabel, QueryMatcher, Transform};
use super::value::{Value, ValueFrom, shown};
use crate::finding::Finding;
use crate::model::kind;
use crate::model::tenant::{DestinationId, TenantId};
use crate::naming::Pattern;

/// Sends the objects it selects to a tenant of a ruler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The route's name, for people.
    pub name: Arc<str>,
    /// The destination's ruler, by name.
    pub ruler: Arc<str>,
    /// The destination's tenant, or where it is said.
    pub tenant: Tenancy,
    /// Who may claim which tenants. A fixed tenant needs none: there it lets objects claim another one by a field of
    /// their own.
    pub allow: Vec<Permission>,
    /// The tenants that groups may read from (`source_tenants`), besides the one they belong to.
    pub source_tenants: Vec<Pattern>,
    /// Which kinds of objects; none means all that speak the ruler's language or none of their own.
    pub kinds: Vec<Arc<str>>,
    /// Selects objects by their labels.
    pub rule_selector: Selector,
    /// Selects objects by the labels of their Kubernetes namespace.
    pub namespace_selector: Selector,
    /// Labels that every rule gets.
    pub external_labels: Vec<ExternalLabel>,
    /// Matchers that every selector of every expression carries.
    pub query_matchers: Vec<QueryMatcher>,
}

/// Which tenant a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenancy {
    /// None: no tenant header is sent.
    None,
    /// This one, chosen by who wrote the configuration.
    Fixed(TenantId),
    /// The one that the object, or its Kubernetes namespace, claims.
    Claimed {
        /// Where the claim stands.
        from: ValueSource,
        /// What becomes of it.
        pattern: TenantPattern,
    },
}

impl From<Option<TenantId>> for Tenancy {
    fn from(tenant: Option<TenantId>) -> Self {
        tenant.map_or(Self::None, Self::Fixed)
    }
}

/// What a claim is made into: `team-{value}` makes `payments` the tenant `team-payments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPattern {
    before: Arc<str>,
    after: Arc<str>,
}

/// A pattern without a place for the claim, or with two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` must hold `{{value}}` exactly once: that is where the claim goes")]
pub struct TenantPatternError(String);

impl Default for TenantPattern {
    fn default() -> Self {
        Self { before: "".into(), after: "".into() }
    }
}

impl std::str::FromStr for TenantPattern {
    type Err = TenantPatternError;

    fn from_str(text: &str) -> Result<Self, TenantPatternError> {
        match text.split_once("{value}") {
            Some((before, after)) if !after.contains("{value}") => {
                Ok(Self { before: before.into(), after: after.into() })
            }
            _ => Err(TenantPatternError(text.to_owned())),
        }
    }
}

impl TenantPattern {
    /// The tenant's name for a claim.
    pub fn apply(&self, claim: &str) -> String {
        format!("{}{claim}{}", self.before, self.after)
    }

    /// The claim that makes a tenant's name, if one does.
    pub fn claim_of<'a>(&self, tenant: &'a str) -> Option<&'a str> {
        tenant.strip_prefix(&*self.before)?.strip_suffix(&*self.after)
    }
}

/// Where an object goes by one of its routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch {
    /// The destination.
    pub destination: DestinationId,
    /// The route.
    pub route: Arc<str>,
    /// What is done to its rules on the way.
    pub transform: Arc<Transform>,
}

/// Where an object goes, and what forbids that it goes elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routed {
    /// Its destinations, each once, in the order of routes.
    pub matches: Vec<RouteMatch>,
    /// Routes that select it and refuse the tenant it requests.
    pub refused: Vec<RefusedTenant>,
    /// Why other routes that select it do not take it.
    pub findings: Vec<Finding>,
}

/// A tenant that an object requests by a route and is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTenant {
    /// The route.
    pub route: Arc<str>,
    /// The ruler it leads to.
    pub ruler: Arc<str>,
    /// Why it is refused.
    pub finding: Finding,
}

/// Why a route that selects an object does not take it.
enum Refusal {
    Tenant(Box<Finding>),
    Other(Box<Finding>),
}

impl Route {
    /// A route of everything; `ruler` is the name the engine knows the ruler by.
    pub fn all(name: &str, ruler: &str, tenant: Option<TenantId>) -> Self {
        Self {
            name: name.into(),
            ruler: ruler.into(),
            tenant: tenant.into(),
            allow: Vec::new(),
            source_tenants: Vec::new(),
            kinds: Vec::new(),
            rule_selector: Selector::default(),
            namespace_selector: Selector::default(),
            external_labels: Vec::new(),
            query_matchers: Vec::new(),
        }
    }

    /// Where it leads, if that is the same for every object.
    pub fn destination(&self) -> Option<DestinationId> {
        let tenant = match &self.tenant {
            Tenancy::None => None,
            Tenancy::Fixed(tenant) => Some(tenant.clone()),
            Tenancy::Claimed { .. } => return None,
        };
        Some(DestinationId { ruler: Arc::clone(&self.ruler), tenant })
    }

    /// Whether some object might go by it to a destination: the fixed one, or one that an object may claim.
    pub fn may_lead_to(&self, destination: &DestinationId) -> bool {
        let claimable = |claim: &str| {
            self.allow.iter().flat_map(|permission| &permission.values).any(|allowed| allowed.matches(claim))
        };
        self.leads_to(destination, claimable)
    }

    /// Whether an object may have its rules at a destination by it, whatever the object requests.
    pub(crate) fn permits(&self, input: &RoutingInput<'_>, destination: &DestinationId) -> bool {
        self.leads_to(destination, |claim| {
            self.allow.iter().any(|permission| permission.covers(input, claim))
        })
    }

    /// Whether it leads to a destination: the fixed one, or one that is made of an allowed claim.
    fn leads_to(&self, destination: &DestinationId, is_allowed: impl Fn(&str) -> bool) -> bool {
        let by_claim = |pattern: &TenantPattern| {
            let claim = destination.tenant.as_ref().and_then(|tenant| pattern.claim_of(tenant.as_str()));
            claim.is_some_and(&is_allowed)
        };
        self.ruler == destination.ruler
            && match &self.tenant {
                Tenancy::Claimed { pattern, .. } => by_claim(pattern),
                Tenancy::None | Tenancy::Fixed(_) => {
                    self.destination().as_ref() == Some(destination) || by_claim(&TenantPattern::default())
                }
            }
    }

    /// Whether it is for objects of a kind, given the language of its ruler.
    pub fn takes_kind(&self, kind: &str, language: &str) -> bool {
        if self.kinds.is_empty() {
            kind::language_of(kind).is_none_or(|spoken| spoken == language)
        } else {
            self.kinds.iter().any(|taken| **taken == *kind)
        }
    }

    /// Everything it reads from objects and their Kubernetes namespaces.
    pub fn origins(&self) -> impl Iterator<Item = &ValueSource> {
        let tenant = match &self.tenant {
            Tenancy::Claimed { from, .. } => Some(from),
            Tenancy::None | Tenancy::Fixed(_) => None,
        };
        tenant.into_iter().chain(self.value_sources().map(|(_, source)| &source.origin))
    }

    /// The labels and matchers it adds, by name, and their values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        let labels = self.external_labels.iter().map(|label| (label.name.as_str(), &label.value));
        labels.chain(self.query_matchers.iter().map(|matcher| (matcher.label.as_str(), &matcher.value)))
    }

    /// Those whose values are read for each object.
    pub(crate) fn value_sources(&self) -> impl Iterator<Item = (&str, &ValueFrom)> {
        self.values().filter_map(|(name, value)| Some((name, value.source()?)))
    }

    /// Everything that says who may choose what.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.allow.iter().chain(self.value_sources().flat_map(|(_, source)| &source.allow))
    }

    /// Whether it must know more of a Kubernetes namespace than its name.
    pub fn needs_namespaces(&self) -> bool {
        self.namespace_selector.needs_namespace_labels()
            || self.permissions().any(|permission| permission.namespace_selector.needs_namespace_labels())
            || self.origins().any(ValueSource::needs_namespace)
    }

    /// Whether no object can go by both: they select by different values of one label, or by different kinds.
    fn excludes(&self, other: &Self) -> bool {
        let apart = |ours: &Selector, theirs: &Selector| {
            ours.match_labels
                .iter()
                .any(|(key, value)| theirs.match_labels.get(key).is_some_and(|their| their != value))
        };
        let kinds = !self.kinds.is_empty()
            && !other.kinds.is_empty()
            && !self.kinds.iter().any(|kind| other.kinds.contains(kind));
        kinds
            || apart(&self.rule_selector, &other.rule_selector)
            || apart(&self.namespace_selector, &other.namespace_selector)
    }

    /// Whether both would put different things in one place, for objects that go by both.
    pub fn contradicts(&self, other: &Self) -> bool {
        let treated_alike =
            self.external_labels == other.external_labels && self.query_matchers == other.query_matchers;
        self.ruler == other.ruler && self.tenant == other.tenant && !treated_alike && !self.excludes(other)
    }

    fn match_object(&self, input: &RoutingInput<'_>, language: &str) -> Result<Option<RouteMatch>, Refusal> {
        let labels = input.namespace.map(|namespace| &namespace.labels);
        let selected = self.takes_kind(input.id.kind(), language)
            && self.rule_selector.matches(input.labels)
            && self.namespace_selector.matches_namespace(input.id.namespace(), labels) == Some(true);
        if !selected || (input.namespace.is_none() && input.namespace_comes && self.needs_namespaces()) {
            return Ok(None);
        }
        let Some(tenant) = self.tenant(input).map_err(Refusal::Tenant)? else { return Ok(None) };
        if let Some(spoken) = input.language.filter(|spoken| *spoken != language) {
            let message = format!(
                "the object says that it is written in {spoken}, and the ruler `{}` of route `{}` evaluates {language}",
                self.ruler, self.name
            );
            let hint = format!("change the annotation `{}` or the route", kind::DIALECT_ANNOTATION);
            return Err(Refusal::Other(Finding::error("dialect", message).hint(hint).into()));
        }
        let destination = DestinationId { ruler: Arc::clone(&self.ruler), tenant };
        let transform = Transform::of(self, input).map_err(Refusal::Other)?;
        Ok(Some(RouteMatch { destination, route: Arc::clone(&self.name), transform: Arc::new(transform) }))
    }

    /// The tenant an object goes to by this route; none if it claims none.
    #[expect(clippy::option_option, reason = "no tenant header is not the same as not going there")]
    fn tenant(&self, input: &RoutingInput<'_>) -> Result<Option<Option<TenantId>>, Box<Finding>> {
        let refuse = |message: String| Finding::error("tenant", message);
        let (claim, pattern) = match (&self.tenant, input.tenant) {
            (Tenancy::None, None) => return Ok(Some(None)),
            (Tenancy::Fixed(tenant), None) => return Ok(Some(Some(tenant.clone()))),
            (Tenancy::Fixed(tenant), Some(own)) if own == tenant.as_str() => {
                return Ok(Some(Some(tenant.clone())));
            }
            (Tenancy::None | Tenancy::Fixed(_), Some(own)) => (own, TenantPattern::default()),
            (Tenancy::Claimed { from, pattern }, own) => match (from.value(input), own) {
                (None, None) => return Ok(None),
                // Both stand in the object: it has to make up its mind.
                (Some(said), Some(own)) if said != own && from.is_the_authors() => {
                    return Err(refuse(format!(
                        "the object claims two tenants: its {from} says {}, its field {}",
                        shown(said),
                        shown(own)
                    ))
                    .hint("say one")
                    .into());
                }
                // The Kubernetes namespace is not the author's to speak for: it alone decides.
                (said, Some(own)) if said != Some(own) && !from.is_the_authors() => {
                    let says = said.map_or("is missing".to_owned(), |said| format!("is {}", shown(said)));
                    let hint = match said {
                        Some(said) => format!("remove the field, or write {}", shown(said)),
                        None => "remove the field".to_owned(),
                    };
                    return Err(refuse(format!(
                        "the object's field claims the tenant {}, but route `{}` goes by {from} alone, which {says}",
                        shown(own),
                        self.name
                    ))
                    .hint(hint)
                    .into());
                }
                (_, Some(own)) => (own, pattern.clone()),
                (Some(said), None) => (said, pattern.clone()),
            },
        };
        if !self.allow.iter().any(|permission| permission.covers(input, claim)) {
            let (namespace, claim) = (input.id.namespace(), shown(claim));
            let message = format!(
                "route `{}` does not allow the Kubernetes namespace `{namespace}` to claim the tenant {claim}",
                self.name
            );
            let hint = format!(
                "whoever runs rulesync can add it to `allow` of that route: {{namespaces: [{namespace}], tenants: [{claim}]}}"
            );
            return Err(refuse(message).hint(hint).into());
        }
        let tenant = pattern.apply(claim).parse::<TenantId>();
        tenant.map(|tenant| Some(Some(tenant))).map_err(|error| {
            refuse(format!("the claim {} makes no tenant by route `{}`: {error}", shown(claim), self.name))
                .into()
        })
    }
}

/// The destinations of an object: one for each route that selects it, each destination once. `language` tells what a
/// ruler evaluates.
///
/// A route that needs to know an object's Kubernetes namespace does not select it before that is known.
pub fn match_routes<'a>(
    routes: &[Route],
    input: &RoutingInput<'_>,
    language: impl Fn(&str) -> Option<&'a str>,
) -> Routed {
    let mut routed = Routed::default();
    for route in routes {
        let Some(language) = language(&route.ruler) else { continue };
        match route.match_object(input, language) {
            Ok(None) => {}
            Ok(Some(route_match)) => {
                match routed.matches.iter().position(|other| other.destination == route_match.destination) {
                    None => routed.matches.push(route_match),
                    Some(index) if routed.matches[index].transform.writes_as(&route_match.transform) => {}
                    Some(index) => routed.findings.push(
                        Finding::error(
                            "routes",
                            format!(
                                "routes `{}` and `{}` would put different rules into {}",
                                routed.matches[index].route, route.name, route_match.destination
                            ),
                        )
                        .hint("the first route counts: let the routes' selectors exclude each other"),
                    ),
                }
            }
            Err(Refusal::Other(finding)) => routed.findings.push(*finding),
            Err(Refusal::Tenant(finding)) => routed.refused.push(RefusedTenant {
                route: Arc::clone(&route.name),
                ruler: Arc::clone(&route.ruler),
                finding: *finding,
            }),
        }
    }
    routed
}

#[cfg(test)]
mod tests;
