//! The routing table: the routes, and the properties of their rulers that they depend on.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::matching::RouteFacts;
use super::transform::Transform;
use crate::finding::{Code, Finding};
use crate::model::capabilities::NameLimits;
use crate::model::kind::RULE_FILE;
use crate::model::name::{RulerName, RulerNamespace};
use crate::model::tenant::DestinationId;
use crate::naming::{Naming, NamingInput, Owner};
use crate::policy::OnInvalid;
use crate::route::input::RoutingInput;
use crate::route::{Route, ValueSource};
use crate::ruler::Ruler;

/// The routes and the properties of their rulers.
#[derive(Debug, Clone)]
pub(crate) struct RoutingTable {
    pub(crate) owner: Owner,
    /// The naming at rulers that have none of their own.
    pub(crate) naming: Naming,
    /// The namings of rulers that have one of their own.
    pub(crate) namings: HashMap<RulerName, Naming>,
    /// The legacy namings, by ruler.
    pub(crate) legacy: HashMap<RulerName, Vec<Naming>>,
    pub(crate) routes: Arc<[Route]>,
    pub(crate) rulers: HashMap<RulerName, Arc<dyn Ruler>>,
    /// The most rules of a group, for rulers whose groups are split.
    pub(crate) split: HashMap<RulerName, usize>,
    pub(crate) on_invalid: OnInvalid,
}

impl RoutingTable {
    /// Returns the annotations of objects that routes read.
    pub(crate) fn annotations(&self) -> BTreeSet<&str> {
        let origins = self.routes.iter().flat_map(Route::origins);
        origins.filter_map(ValueSource::annotation).collect()
    }

    /// Returns the transform of a route by which an object may still have its rules at a destination, whatever it
    /// requests now; none if there is no such route.
    pub(crate) fn transform(
        &self,
        route: &str,
        input: &RoutingInput<'_>,
        destination: &DestinationId,
    ) -> Option<Transform> {
        let route =
            self.routes.iter().find(|other| *other.name == *route && other.permits(input, destination))?;
        // Without a value for a matcher nothing may stay.
        Transform::of(route, input).ok()
    }

    /// Returns whether objects have to be read again for this table, because the other does not read some annotations
    /// that this one does.
    pub(crate) fn reads_more_than(&self, other: &Self) -> bool {
        !self.annotations().is_subset(&other.annotations())
    }

    /// Returns the naming of the namespaces at a ruler, where the route has none of its own.
    fn naming_at(&self, ruler: &str) -> &Naming {
        self.namings.get(ruler).unwrap_or(&self.naming)
    }

    /// Returns the naming of a route.
    pub(crate) fn naming_of<'a>(&'a self, route: &'a Route) -> &'a Naming {
        route.naming.as_ref().unwrap_or_else(|| self.naming_at(&route.ruler))
    }

    /// Returns the naming of a route, by its name; none if it is no longer configured.
    pub(crate) fn naming_of_route(&self, route: &str) -> Option<&Naming> {
        self.routes.iter().find(|other| *other.name == *route).map(|route| self.naming_of(route))
    }

    /// Returns whether the names of an object of this kind are unknown as long as the object cannot be read.
    pub(crate) fn hides_names(&self, kind: &str) -> bool {
        let present = self.routes.iter().map(|route| self.naming_of(route));
        present.chain(self.legacy.values().flatten()).any(|naming| match naming {
            Naming::Owner(_) => false,
            // Files have no UID.
            Naming::Alloy(_) => kind != RULE_FILE,
            Naming::Verbatim => true,
        })
    }

    /// Returns the namespaces that an object may have at a destination, whatever route leads it there, by present, legacy
    /// and `former` namings.
    pub(crate) fn possible_namespaces(
        &self,
        object: &NamingInput<'_>,
        destination: &DestinationId,
        former: &[Naming],
    ) -> Vec<RulerNamespace> {
        let routes = self.routes.iter().filter(|route| route.may_lead_to(destination));
        let mut namings: Vec<&Naming> = routes.map(|route| self.naming_of(route)).collect();
        if namings.is_empty() {
            namings.push(self.naming_at(&destination.ruler));
        }
        namings.extend(self.legacy.get(&destination.ruler).into_iter().flatten());
        namings.extend(former);
        let name = |naming| self.name_at(&destination.ruler, naming, object);
        let mut namespaces: Vec<RulerNamespace> = namings.into_iter().filter_map(name).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces
    }

    /// Returns the names of an object by the legacy namings at a ruler whose names prove nothing by their form.
    pub(super) fn legacy_names(&self, object: &NamingInput<'_>, ruler: &str) -> Box<[RulerNamespace]> {
        let namings = self.legacy.get(ruler).into_iter().flatten().filter(|naming| !naming.is_certain());
        namings.filter_map(|naming| self.name_at(ruler, naming, object)).collect()
    }

    /// Returns the namespace that a naming gives to an object at a ruler; none if there is none, or if the ruler is no
    /// longer configured.
    pub(crate) fn name_at(
        &self,
        ruler: &str,
        naming: &Naming,
        object: &NamingInput<'_>,
    ) -> Option<RulerNamespace> {
        naming.namespace_of(object, self.name_limits(ruler)?.max_bytes)
    }

    /// Returns the limits of names at a ruler; none if it is no longer configured.
    fn name_limits(&self, ruler: &str) -> Option<NameLimits> {
        Some(self.rulers.get(ruler)?.capabilities().name_limits)
    }

    /// Returns the facts by which an object is matched with routes.
    pub(super) fn facts<'a>(&'a self, object: NamingInput<'a>) -> TableFacts<'a> {
        TableFacts { table: self, object }
    }
}

/// The facts by which one object is matched with routes.
pub(super) struct TableFacts<'a> {
    table: &'a RoutingTable,
    object: NamingInput<'a>,
}

impl RouteFacts for TableFacts<'_> {
    fn language(&self, ruler: &str) -> Option<&str> {
        self.table.rulers.get(ruler).map(|ruler| ruler.capabilities().language.name())
    }

    fn namespace(&self, route: &Route) -> Result<RulerNamespace, Box<Finding>> {
        let naming = self.table.naming_of(route);
        let limits = self.table.name_limits(&route.ruler).unwrap_or_default();
        match naming {
            Naming::Verbatim => self.declared_namespace(&limits),
            Naming::Owner(_) | Naming::Alloy(_) => self.made_namespace(naming, &limits),
        }
    }
}

impl TableFacts<'_> {
    /// Returns the namespace that a naming makes of an object. A name that cannot be distinguished from foreign ones is
    /// refused, because it would never be cleaned up.
    fn made_namespace(&self, naming: &Naming, limits: &NameLimits) -> Result<RulerNamespace, Box<Finding>> {
        let whole = naming.namespace_of(&self.object, usize::MAX).filter(|whole| naming.owns(whole));
        whole.and_then(|_| naming.namespace_of(&self.object, limits.max_bytes)).ok_or_else(|| {
            let id = self.object.id;
            let message = format!(
                "the Kubernetes namespace {:?} and the name {:?} make no name that rulesync could tell for its own",
                id.namespace(),
                id.name()
            );
            let hint = "use names as Kubernetes has them: lower-case letters, digits and hyphens, and dots in the object's name";
            Finding::error(Code::Name, message).hint(hint).into()
        })
    }

    /// Returns the namespace that an object names itself.
    fn declared_namespace(&self, limits: &NameLimits) -> Result<RulerNamespace, Box<Finding>> {
        let refuse = |message: String, hint: &str| Err(Finding::error(Code::Name, message).hint(hint).into());
        let Some(namespace) = self.object.ruler_namespace else {
            let message = format!(
                "a {} names no ruler namespace, which the naming `verbatim` of its route needs",
                self.object.id.kind()
            );
            return refuse(
                message,
                "declare the rules in a rule file, or lead the object by a route of another naming",
            );
        };
        if namespace == self.table.owner.as_str() {
            let message = format!("the ruler namespace `{namespace}` is reserved for the owner's claim");
            return refuse(message, "choose another one");
        }
        match limits.refuse(namespace) {
            Some(reason) => refuse(
                format!("the name {namespace:?} of the ruler namespace {reason}"),
                "choose another one",
            ),
            None => Ok(namespace.into()),
        }
    }
}
