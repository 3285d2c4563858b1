//! Routes: the destinations of objects, and the labels and matchers that are added to their rules.
//!
//! A [`Route`] defines what it selects, the ruler and the tenant it leads to, who may request which tenant
//! ([`Permission`]), and which labels and matchers it adds. It is configuration only: `intake` applies it.

pub(crate) mod input;
mod permission;
pub(crate) mod requirement;
mod selector;
mod tenant_pattern;
pub(crate) mod value;

use std::sync::Arc;

pub use input::{NamespaceMetadata, ValueSource};
pub use permission::Permission;
pub use rulesync_expr::Mode;
pub use rulesync_expr::promql::MatchOp;
pub use selector::{Operator, Requirement, Selector, SelectorError};
pub use tenant_pattern::{TenantPattern, TenantPatternError};
pub use value::{Value, ValueFrom};

pub use crate::naming::Pattern;

use crate::model::kind;
use crate::model::name::{RulerName, SourceName};
use crate::model::tenant::{DestinationId, TenantId};
use crate::naming::Naming;
use input::RoutingInput;

/// Sends the objects it selects to a tenant of a ruler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The route's name, for people.
    pub name: Arc<str>,
    /// The destination's ruler, by name.
    pub ruler: RulerName,
    /// The destination's tenant, or where it is read from.
    pub tenant: Tenancy,
    /// Permissions to request tenants. A fixed tenant needs none: there they let objects request another tenant in a
    /// field of their own.
    pub allow: Vec<Permission>,
    /// The tenants that groups may read from (`source_tenants`), besides the one they belong to.
    pub source_tenants: Vec<Pattern>,
    /// The sources whose objects it takes, by name; empty means all.
    pub sources: Vec<SourceName>,
    /// The kinds of objects; empty means all that are in the ruler's language or in no certain one.
    pub kinds: Vec<Arc<str>>,
    /// Selects objects by their labels.
    pub rule_selector: Selector,
    /// Selects objects by the labels of their Kubernetes namespace.
    pub namespace_selector: Selector,
    /// Labels that every rule gets.
    pub external_labels: Vec<ExternalLabel>,
    /// Matchers that every selector of every expression carries.
    pub query_matchers: Vec<QueryMatcher>,
    /// The naming of ruler namespaces; if none, that of the ruler.
    pub naming: Option<Naming>,
    /// Earlier namings of this route, besides those of the ruler and of the whole installation.
    pub legacy: Vec<Naming>,
}

/// The tenant that a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenancy {
    /// None: no tenant header is sent.
    None,
    /// This one, chosen in the configuration.
    Fixed(TenantId),
    /// The one that the object, or its Kubernetes namespace, requests.
    Requested {
        /// The source of the request.
        from: ValueSource,
        /// The pattern that makes a tenant of it.
        pattern: TenantPattern,
    },
}

impl From<Option<TenantId>> for Tenancy {
    fn from(tenant: Option<TenantId>) -> Self {
        tenant.map_or(Self::None, Self::Fixed)
    }
}

/// A label that every rule of a route gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalLabel {
    /// Its name.
    pub name: String,
    /// Its value. For an object without one the label is left out; then the author's own may stay only with
    /// `add_if_absent`.
    pub value: Value,
    /// True if a label of that name that the author wrote, in a rule or its group, takes precedence.
    pub add_if_absent: bool,
}

/// A matcher that every selector of a route's expressions carries. Several on one label restrict selectors together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryMatcher {
    /// The label.
    pub label: String,
    /// The operator.
    pub op: MatchOp,
    /// The value. An object without one is refused.
    ///
    /// With an operator of regular expressions, a value from the configuration is one, while a value that is read is a
    /// list of words, separated by `|`, which match themselves alone: whoever writes an object chooses nothing broader.
    pub value: Value,
    /// The handling of the author's own matchers for the label.
    pub mode: Mode,
}

/// The reason why a route cannot have two matchers on one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatcherConflict {
    /// They are the same.
    Twice,
    /// They handle the author's matchers differently.
    Modes,
    /// Both are equalities: no series has two values of one label.
    TwoValues,
}

impl std::fmt::Display for MatcherConflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Twice => "are the same",
            Self::Modes => "have different modes, but are replaced, added or required together",
            Self::TwoValues => "both have the operator `=`, but no series has two values of one label",
        })
    }
}

impl QueryMatcher {
    /// Returns why a route cannot have this matcher besides another one.
    pub fn conflict(&self, other: &Self) -> Option<MatcherConflict> {
        if self.label != other.label {
            None
        } else if self == other {
            Some(MatcherConflict::Twice)
        } else if self.mode != other.mode {
            Some(MatcherConflict::Modes)
        } else {
            (self.op == MatchOp::Equal && other.op == MatchOp::Equal).then_some(MatcherConflict::TwoValues)
        }
    }
}

impl Route {
    /// Creates a route of everything; `ruler` is the name of the ruler in the engine.
    pub fn all(name: &str, ruler: &str, tenant: Option<TenantId>) -> Self {
        Self {
            name: name.into(),
            ruler: ruler.into(),
            tenant: tenant.into(),
            allow: Vec::new(),
            source_tenants: Vec::new(),
            sources: Vec::new(),
            kinds: Vec::new(),
            rule_selector: Selector::default(),
            namespace_selector: Selector::default(),
            external_labels: Vec::new(),
            query_matchers: Vec::new(),
            naming: None,
            legacy: Vec::new(),
        }
    }

    /// Returns its destination, if that is the same for every object.
    pub fn destination(&self) -> Option<DestinationId> {
        let tenant = match &self.tenant {
            Tenancy::None => None,
            Tenancy::Fixed(tenant) => Some(tenant.clone()),
            Tenancy::Requested { .. } => return None,
        };
        Some(DestinationId { ruler: self.ruler.clone(), tenant })
    }

    /// Returns whether it may lead some object to a destination: the fixed one, or one that an object may request.
    pub fn may_lead_to(&self, destination: &DestinationId) -> bool {
        let claimable = |claim: &str| {
            self.allow.iter().flat_map(|permission| &permission.values).any(|allowed| allowed.matches(claim))
        };
        self.leads_to(destination, claimable)
    }

    /// Returns whether an object may have its rules at a destination by it, whatever the object requests.
    pub(crate) fn permits(&self, input: &RoutingInput<'_>, destination: &DestinationId) -> bool {
        self.leads_to(destination, |claim| {
            self.allow.iter().any(|permission| permission.covers(input, claim))
        })
    }

    /// Returns whether it leads to a destination: the fixed one, or one made of an allowed request.
    fn leads_to(&self, destination: &DestinationId, is_allowed: impl Fn(&str) -> bool) -> bool {
        let by_claim = |pattern: &TenantPattern| {
            let claim = destination.tenant.as_ref().and_then(|tenant| pattern.requested_for(tenant.as_str()));
            claim.is_some_and(&is_allowed)
        };
        self.ruler == destination.ruler
            && match &self.tenant {
                Tenancy::Requested { pattern, .. } => by_claim(pattern),
                Tenancy::None | Tenancy::Fixed(_) => {
                    self.destination().as_ref() == Some(destination) || by_claim(&TenantPattern::default())
                }
            }
    }

    /// Returns whether it is for objects of a source.
    pub fn takes_source(&self, source: &str) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|taken| **taken == *source)
    }

    /// Returns whether it is for objects of a kind, given the language of its ruler.
    pub fn takes_kind(&self, kind: &str, language: &str) -> bool {
        if self.kinds.is_empty() {
            kind::language_of(kind).is_none_or(|of_kind| of_kind.name() == language)
        } else {
            self.kinds.iter().any(|taken| **taken == *kind)
        }
    }

    /// Iterates over everything it reads from objects and their Kubernetes namespaces.
    pub fn origins(&self) -> impl Iterator<Item = &ValueSource> {
        let tenant = match &self.tenant {
            Tenancy::Requested { from, .. } => Some(from),
            Tenancy::None | Tenancy::Fixed(_) => None,
        };
        tenant.into_iter().chain(self.value_sources().map(|(_, source)| &source.origin))
    }

    /// Iterates over the labels and matchers it adds, by name, and their values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        let labels = self.external_labels.iter().map(|label| (label.name.as_str(), &label.value));
        labels.chain(self.query_matchers.iter().map(|matcher| (matcher.label.as_str(), &matcher.value)))
    }

    /// Iterates over those whose values are read for each object.
    pub(crate) fn value_sources(&self) -> impl Iterator<Item = (&str, &ValueFrom)> {
        self.values().filter_map(|(name, value)| Some((name, value.source()?)))
    }

    /// Iterates over all its permissions.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.allow.iter().chain(self.value_sources().flat_map(|(_, source)| &source.allow))
    }

    /// Returns whether it must know more of a Kubernetes namespace than its name.
    pub fn needs_namespaces(&self) -> bool {
        self.namespace_selector.needs_namespace_labels()
            || self.permissions().any(|permission| permission.namespace_selector.needs_namespace_labels())
            || self.origins().any(ValueSource::needs_namespace)
    }

    /// Returns whether no object can go by both: they select different values of one label, different kinds, or different
    /// sources.
    fn excludes(&self, other: &Self) -> bool {
        let apart = |one: &Selector, other: &Selector| {
            one.match_labels.iter().any(|(key, value)| {
                other.match_labels.get(key).is_some_and(|value_of_other| value_of_other != value)
            })
        };
        apart_in(&self.kinds, &other.kinds)
            || apart_in(&self.sources, &other.sources)
            || apart(&self.rule_selector, &other.rule_selector)
            || apart(&self.namespace_selector, &other.namespace_selector)
    }

    /// Returns whether both would write different rules to one place, or the same rules to two namespaces, for objects that
    /// go by both. Both have the namings that apply to them.
    pub fn contradicts(&self, other: &Self) -> bool {
        let treated_alike = self.external_labels == other.external_labels
            && self.query_matchers == other.query_matchers
            && self.naming == other.naming;
        self.ruler == other.ruler && self.tenant == other.tenant && !treated_alike && !self.excludes(other)
    }
}

/// Returns whether two lists, of which an empty one stands for everything, have nothing in common.
fn apart_in<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    !one.is_empty() && !other.is_empty() && !one.iter().any(|item| other.contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(json: &str) -> Selector {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn routes_of_different_kinds_or_labels_exclude_each_other() {
        let kinds = |kinds: &[&str]| Route {
            kinds: kinds.iter().map(|kind| Arc::from(*kind)).collect(),
            ..Route::all("r", "central", None)
        };
        let sources = |sources: &[&str]| Route {
            sources: sources.iter().map(|source| SourceName::from(*source)).collect(),
            ..Route::all("r", "central", None)
        };
        let labelled = |rules: &str, namespaces: &str| Route {
            rule_selector: selector(rules),
            namespace_selector: selector(namespaces),
            ..Route::all("r", "central", None)
        };
        let (a, b) = (r#"{"match_labels":{"x":"a"}}"#, r#"{"match_labels":{"x":"b"}}"#);
        for (one, other, exclude) in [
            (kinds(&["A"]), kinds(&["B"]), true),
            (kinds(&["A"]), kinds(&["A", "B"]), false),
            (kinds(&["A"]), kinds(&[]), false),
            (kinds(&[]), kinds(&[]), false),
            (sources(&["eu"]), sources(&["us"]), true),
            (sources(&["eu"]), sources(&["eu", "us"]), false),
            (sources(&["eu"]), sources(&[]), false),
            (labelled(a, "{}"), labelled(b, "{}"), true),
            (labelled(a, "{}"), labelled(a, "{}"), false),
            (labelled(a, "{}"), labelled("{}", "{}"), false),
            (labelled("{}", a), labelled("{}", b), true),
            (labelled("{}", a), labelled(b, "{}"), false),
            (labelled(a, "{}"), labelled(r#"{"match_labels":{"y":"b"}}"#, "{}"), false),
        ] {
            assert_eq!(one.excludes(&other), exclude, "{one:?} {other:?}");
            assert_eq!(other.excludes(&one), exclude, "{one:?} {other:?}");
        }
    }
}
