//! The namings of a setup: those of its routes, of its rulers and of the whole installation, and what follows for the
//! ruler namespaces at each destination.

use std::collections::HashMap;

use super::setup::{NamedRuler, Setup};
use crate::model::name::RulerName;
use crate::model::tenant::DestinationId;
use crate::naming::{NamespaceClassifier, Naming};
use crate::route::Route;

impl Setup {
    /// Returns the naming at a ruler, where a route has none of its own.
    fn naming_at(&self, ruler: &str) -> &Naming {
        let own = self.named_ruler(ruler).and_then(|named| named.naming.as_ref());
        own.unwrap_or(&self.namespace_policy.naming)
    }

    fn named_ruler(&self, ruler: &str) -> Option<&NamedRuler> {
        self.rulers.iter().find(|named| *named.name == *ruler)
    }

    /// Returns the naming of a route: its own, or else that of its ruler, or else that of the whole installation.
    pub fn naming_of<'a>(&'a self, route: &'a Route) -> &'a Naming {
        route.naming.as_ref().unwrap_or_else(|| self.naming_at(&route.ruler))
    }

    /// Returns a route with the naming that applies to it.
    pub(super) fn with_naming(&self, route: &Route) -> Route {
        Route { naming: Some(self.naming_of(route).clone()), ..route.clone() }
    }

    /// Returns the classifier of the namespaces at a destination, where the inventory remembers `former` namings.
    pub(super) fn classifier(&self, id: &DestinationId, former: &[Naming]) -> NamespaceClassifier {
        let routes: Vec<&Route> = self.routes.iter().filter(|route| route.may_lead_to(id)).collect();
        let mut present: Vec<Naming> = Vec::new();
        for route in &routes {
            let naming = self.naming_of(route);
            if !present.contains(naming) {
                present.push(naming.clone());
            }
        }
        if present.is_empty() {
            present.push(self.naming_at(&id.ruler).clone());
        }
        let at_ruler = self.named_ruler(&id.ruler).into_iter().flat_map(|named| &named.legacy);
        let legacy = at_ruler.chain(routes.iter().flat_map(|route| &route.legacy)).cloned();
        NamespaceClassifier::new(&self.namespace_policy, present, legacy, former.iter().cloned())
    }

    /// Returns whether some namespaces are named as declared, so that the inventory has to record them.
    pub(super) fn needs_records(&self) -> bool {
        let of_policy = std::iter::once(&self.namespace_policy.naming).chain(&self.namespace_policy.legacy);
        let of_rulers = self.rulers.iter().flat_map(|ruler| ruler.naming.iter().chain(&ruler.legacy));
        let of_routes = self.routes.iter().flat_map(|route| route.naming.iter().chain(&route.legacy));
        of_policy.chain(of_rulers).chain(of_routes).any(|naming| *naming == Naming::Verbatim)
    }

    /// Returns the namings at a destination that the inventory has to remember: those that are not the installation's.
    pub(super) fn namings_to_remember<'a>(
        &'a self,
        present: &'a [Naming],
    ) -> impl Iterator<Item = &'a Naming> {
        present.iter().filter(|naming| **naming != self.namespace_policy.naming)
    }

    /// Returns the legacy namings, by ruler.
    pub(super) fn legacy_namings(&self) -> HashMap<RulerName, Vec<Naming>> {
        let mut legacy: HashMap<RulerName, Vec<Naming>> = HashMap::new();
        for named in &self.rulers {
            let routes = self.routes.iter().filter(|route| route.ruler == named.name);
            let here = named.legacy.iter().chain(routes.flat_map(|route| &route.legacy));
            for naming in self.namespace_policy.legacy.iter().chain(here) {
                let of_ruler = legacy.entry(named.name.clone()).or_default();
                if !of_ruler.contains(naming) {
                    of_ruler.push(naming.clone());
                }
            }
        }
        legacy
    }

    /// Returns the first route that both setups have with another naming, with both namings.
    pub(super) fn renamed_route<'a>(&'a self, other: &'a Self) -> Option<(&'a Naming, &'a Naming)> {
        self.routes.iter().find_map(|route| {
            let counterpart = other.routes.iter().find(|counterpart| counterpart.name == route.name)?;
            let (before, after) = (self.naming_of(route), other.naming_of(counterpart));
            (before != after).then_some((before, after))
        })
    }
}
