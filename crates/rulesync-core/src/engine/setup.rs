//! The parts of an engine, and the check that they fit together.

use std::collections::HashMap;
use std::sync::Arc;

use crate::intake::RoutingTable;
use crate::model::name::{RulerName, SourceName};
use rulesync_expr::{Enforcement, InvalidEnforcement, Mode};

use crate::intake::text::value_fault;
use crate::naming::{NamespacePolicy, Naming};
use crate::policy::Policy;
use crate::route::{
    ExternalLabel, MatchOp, MatcherConflict, QueryMatcher, Route, SelectorError, Tenancy, ValueFrom,
};
use crate::ruler::Ruler;
use crate::source::{Scope, Source};

/// A source and its name.
#[derive(Debug, Clone)]
pub struct NamedSource {
    /// The name in status, metrics and logs.
    pub name: SourceName,
    /// The source.
    pub source: Arc<dyn Source>,
}

/// A ruler, the name by which routes refer to it, and the limit of its requests.
#[derive(Debug, Clone)]
pub struct NamedRuler {
    /// The name.
    pub name: RulerName,
    /// The ruler.
    pub ruler: Arc<dyn Ruler>,
    /// The number of requests that may be under way at once, over all tenants.
    pub max_in_flight: usize,
    /// The most rules of a group; larger groups are split, for rulers that limit the rules of a group.
    pub split_groups: Option<usize>,
    /// The naming of ruler namespaces here; if none, that of the whole installation.
    pub naming: Option<Naming>,
    /// Earlier namings here, besides those of the whole installation.
    pub legacy: Vec<Naming>,
}

impl NamedRuler {
    /// Creates a ruler under a name, with [`DEFAULT_MAX_IN_FLIGHT`] requests at once and without splitting groups.
    pub fn new(name: &str, ruler: Arc<dyn Ruler>) -> Self {
        Self {
            name: name.into(),
            ruler,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            split_groups: None,
            naming: None,
            legacy: Vec::new(),
        }
    }
}

/// The default number of requests under way per ruler.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 8;

/// The parts of an engine. A running engine can be given another setup; whatever is the same [`Arc`] in both keeps
/// running.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The owner, the names of its namespaces, and the namespaces of earlier names.
    pub namespace_policy: NamespacePolicy,
    /// The sources of objects.
    pub sources: Vec<NamedSource>,
    /// The rulers that rules are written to.
    pub rulers: Vec<NamedRuler>,
    /// The routes from objects to destinations.
    pub routes: Vec<Route>,
    /// Times and limits.
    pub policy: Policy,
}

/// The reason why the parts of a [`Setup`] do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Without a source nothing can be declared.
    #[error("no source is configured")]
    NoSource,
    /// Without a route no rule would belong in any ruler, and the existing rules would be deleted.
    #[error("no route is configured: rules would go nowhere, and all that were written would be deleted")]
    NoRoutes,
    /// A name is used twice.
    #[error("there are two {kind}s called `{name}`")]
    Duplicate {
        /// `source`, `ruler` or `route`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A route leads to an unknown ruler.
    #[error("route `{route}` leads to the ruler `{ruler}`, which is not configured")]
    UnknownRuler {
        /// The route.
        route: String,
        /// The ruler it names.
        ruler: String,
    },
    /// A route takes the objects of an unknown source.
    #[error("route `{route}` takes the objects of the source `{source_name}`, which is not configured")]
    UnknownSource {
        /// The route.
        route: String,
        /// The source it names.
        source_name: String,
    },
    /// A selector is invalid.
    #[error("route `{route}`: {error}")]
    Selector {
        /// The route.
        route: String,
        /// The problem.
        error: SelectorError,
    },
    /// A route needs more of Kubernetes namespaces than any source delivers.
    #[error(
        "route `{route}` looks at labels or annotations of Kubernetes namespaces, but no source delivers these: watch all namespaces, or go by names"
    )]
    NoNamespaceLabels {
        /// The route.
        route: String,
    },
    /// No request could ever be made.
    #[error("ruler `{0}`: max_in_flight must be at least 1")]
    NoRequests(String),
    /// Rules written under one name cannot be taken over under another by a running engine.
    #[error("owner and naming cannot change while running (from {from} to {to}): restart to apply it")]
    OwnerChanged {
        /// The running naming.
        from: String,
        /// The other one.
        to: String,
    },
    /// Nothing would show who wrote namespaces that are named as declared.
    #[error("the naming `verbatim` needs an inventory, which records what was written")]
    NoInventory,
    /// Two routes would write different rules to the same place.
    #[error(
        "routes `{first}` and `{second}` lead to the same tenants of one ruler and transform rules differently, or have different namings: objects that go by both would be written in two ways. Let their selectors ask for different values of one label, or their kinds differ"
    )]
    Contradiction {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A route that leads nowhere, because nobody may request a tenant.
    #[error(
        "route `{route}` takes tenants from objects and allows none: add `allow` with the Kubernetes namespaces and the tenants they may claim"
    )]
    NothingAllowed {
        /// The route.
        route: String,
    },
    /// Two matchers on one label do not go together.
    #[error("route `{route}`: two matchers on `{label}` {conflict}")]
    Matchers {
        /// The route.
        route: String,
        /// The label.
        label: String,
        /// The problem, as the rest of the sentence.
        conflict: MatcherConflict,
    },
    /// A label is set twice.
    #[error("route `{route}` says twice what `{name}` is to be")]
    TwoValues {
        /// The route.
        route: String,
        /// The label.
        name: String,
    },
    /// A label or matcher that rulers refuse, or that would not separate series.
    #[error("route `{route}`: `{label}`: {error}")]
    Label {
        /// The route.
        route: String,
        /// The label.
        label: String,
        /// The problem.
        error: InvalidEnforcement,
    },
    /// A value of the configuration that breaks rulers.
    #[error("route `{route}`: the value of `{label}` {problem}")]
    Value {
        /// The route.
        route: String,
        /// The label.
        label: String,
        /// The problem, as the rest of the sentence.
        problem: String,
    },
    /// A group cannot be split into groups of nothing.
    #[error("ruler `{0}`: split_groups must be at least 1")]
    NoRules(String),
}

impl Setup {
    /// Checks that the parts fit together.
    ///
    /// # Errors
    ///
    /// The first [`SetupError`] that is found.
    pub fn validate(&self) -> Result<(), SetupError> {
        if self.sources.is_empty() {
            return Err(SetupError::NoSource);
        }
        if self.routes.is_empty() {
            return Err(SetupError::NoRoutes);
        }
        unique("source", self.sources.iter().map(|source| &*source.name))?;
        unique("ruler", self.rulers.iter().map(|ruler| &*ruler.name))?;
        unique("route", self.routes.iter().map(|route| &*route.name))?;
        if let Some(ruler) = self.rulers.iter().find(|ruler| ruler.max_in_flight == 0) {
            return Err(SetupError::NoRequests(ruler.name.to_string()));
        }
        if let Some(ruler) = self.rulers.iter().find(|ruler| ruler.split_groups == Some(0)) {
            return Err(SetupError::NoRules(ruler.name.to_string()));
        }
        let labels = self.sources.iter().any(|source| source.source.scopes().contains(&Scope::Namespaces));
        for route in &self.routes {
            let name = || route.name.to_string();
            if !self.rulers.iter().any(|ruler| ruler.name == route.ruler) {
                return Err(SetupError::UnknownRuler { route: name(), ruler: route.ruler.to_string() });
            }
            let is_unknown = |name: &&SourceName| !self.sources.iter().any(|source| source.name == **name);
            if let Some(unknown) = route.sources.iter().find(is_unknown) {
                return Err(SetupError::UnknownSource { route: name(), source_name: unknown.to_string() });
            }
            validate_route(route)?;
            if route.needs_namespaces() && !labels {
                return Err(SetupError::NoNamespaceLabels { route: name() });
            }
        }
        let routes: Vec<Route> = self.routes.iter().map(|route| self.with_naming(route)).collect();
        for (index, first) in routes.iter().enumerate() {
            if let Some(second) = routes[index + 1..].iter().find(|second| first.contradicts(second)) {
                let (first, second) = (first.name.to_string(), second.name.to_string());
                return Err(SetupError::Contradiction { first, second });
            }
        }
        Ok(())
    }

    /// Returns what there is for the objects of one source: without the routes that take none of them.
    #[must_use]
    pub fn of_source(mut self, source: &str) -> Self {
        self.routes.retain(|route| route.takes_source(source));
        self.routes.iter_mut().for_each(|route| route.sources.clear());
        self
    }

    /// Returns warnings about labels and matchers that are allowed and leave more open than it may seem: a route takes
    /// them from the object itself and does not limit who may choose which values, or a matcher lets series pass that do
    /// not have its label.
    pub fn warnings(&self) -> Vec<String> {
        let open = |route: &Route| {
            let unlimited = route
                .value_sources()
                .filter(|(_, source)| source.origin.is_the_authors() && source.allow.is_empty());
            let unlimited = unlimited.map(|(label, ValueFrom { origin, .. })| {
                format!(
                    "Route `{}` takes the value of `{label}` from {origin} of the object, so that its author can \
                     choose any value: limit it with `allow`, or take it from the Kubernetes namespace",
                    route.name
                )
            });
            let lax = route.query_matchers.iter().filter_map(|QueryMatcher { label, op, value, .. }| {
                let text = value.configured().filter(|text| *op == MatchOp::Regex && op.matches_empty(text))?;
                Some(format!(
                    "Route `{}` puts the matcher {label}{op}{text:?} on selectors, which also matches all series that \
                     do not have the label",
                    route.name
                ))
            });
            unlimited.chain(lax).collect::<Vec<_>>()
        };
        self.routes.iter().flat_map(open).collect()
    }

    pub(crate) fn routing_table(&self) -> RoutingTable {
        let rulers: HashMap<RulerName, Arc<dyn Ruler>> =
            self.rulers.iter().map(|named| (named.name.clone(), Arc::clone(&named.ruler))).collect();
        let split = self.rulers.iter().filter_map(|named| Some((named.name.clone(), named.split_groups?)));
        let namings =
            self.rulers.iter().filter_map(|named| Some((named.name.clone(), named.naming.clone()?)));
        RoutingTable {
            owner: self.namespace_policy.owner.clone(),
            naming: self.namespace_policy.naming.clone(),
            namings: namings.collect(),
            legacy: self.legacy_namings(),
            routes: self.routes.clone().into(),
            rulers,
            split: split.collect(),
            on_invalid: self.policy.on_invalid,
        }
    }
}

/// Checks a route by itself, apart from its ruler and its sources.
///
/// # Errors
///
/// The first [`SetupError`] that is found.
pub fn validate_route(route: &Route) -> Result<(), SetupError> {
    let name = || route.name.to_string();
    for selector in [&route.rule_selector, &route.namespace_selector] {
        selector.validate().map_err(|error| SetupError::Selector { route: name(), error })?;
    }
    for permission in route.permissions() {
        permission
            .namespace_selector
            .validate()
            .map_err(|error| SetupError::Selector { route: name(), error })?;
    }
    if matches!(route.tenant, Tenancy::Requested { .. }) && route.allow.is_empty() {
        return Err(SetupError::NothingAllowed { route: name() });
    }
    validate_transform(route)
}

fn validate_transform(route: &Route) -> Result<(), SetupError> {
    let name = || route.name.to_string();
    let twice = |names: Vec<&str>| match unique("label", names.into_iter()) {
        Err(SetupError::Duplicate { name: label, .. }) => {
            Err(SetupError::TwoValues { route: name(), name: label })
        }
        other => other,
    };
    twice(route.external_labels.iter().map(|label| label.name.as_str()).collect())?;
    for (index, matcher) in route.query_matchers.iter().enumerate() {
        let QueryMatcher { label, op, value, mode } = matcher;
        // A value that is read from an object is checked when it is read.
        let text = value.configured().unwrap_or("x");
        let wrong = |error| SetupError::Label { route: name(), label: label.clone(), error };
        Enforcement::new(label, *op, text, *mode).map_err(wrong)?;
        let mut earlier = route.query_matchers.iter().take(index);
        if let Some(conflict) = earlier.find_map(|earlier| matcher.conflict(earlier)) {
            return Err(SetupError::Matchers { route: name(), label: label.clone(), conflict });
        }
    }
    for ExternalLabel { name: label, .. } in &route.external_labels {
        let wrong = |error| SetupError::Label { route: name(), label: label.clone(), error };
        Enforcement::new(label, MatchOp::Equal, "x", Mode::Override).map_err(wrong)?;
    }
    for (label, value) in route.values() {
        if let Some(fault) = value.configured().and_then(value_fault) {
            return Err(SetupError::Value { route: name(), label: label.to_owned(), problem: fault.problem });
        }
    }
    Ok(())
}

fn unique<'a>(kind: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), SetupError> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SetupError::Duplicate { kind, name: pair[0].to_owned() }),
        None => Ok(()),
    }
}
