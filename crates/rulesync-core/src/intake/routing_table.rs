//! The routing table: the routes, and the properties of their rulers that they depend on.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::transform::Transform;
use crate::finding::{Code, Finding};
use crate::model::language::QueryLanguage;
use crate::model::name::{RulerName, RulerNamespace};
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::naming::Naming;
use crate::policy::OnInvalid;
use crate::route::input::RoutingInput;
use crate::route::{Route, ValueSource};
use crate::ruler::Ruler;

/// The routes and the properties of their rulers.
#[derive(Debug, Clone)]
pub(crate) struct RoutingTable {
    pub(crate) naming: Naming,
    pub(crate) routes: Arc<[Route]>,
    pub(crate) rulers: HashMap<RulerName, Arc<dyn Ruler>>,
    /// The most rules of a group, for rulers whose groups are split.
    pub(crate) split: HashMap<RulerName, usize>,
    pub(crate) on_invalid: OnInvalid,
}

impl RoutingTable {
    /// Returns the language that a ruler evaluates.
    pub(super) fn language(&self, ruler: &str) -> Option<QueryLanguage> {
        self.rulers.get(ruler).map(|ruler| ruler.capabilities().language)
    }

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

    /// Returns why an object cannot have a ruler namespace, if so: a name that cannot be distinguished from foreign
    /// ones would never be cleaned up.
    pub(super) fn refuse_name(&self, id: &ObjectId, uid: Option<&str>) -> Option<Finding> {
        let namespace = self.naming.namespace_of(id, uid, usize::MAX);
        (!self.naming.owns(&namespace)).then(|| {
            let message = format!(
                "the Kubernetes namespace {:?} and the name {:?} make no name that rulesync could tell for its own",
                id.namespace(),
                id.name()
            );
            Finding::error(Code::Name, message).hint(
                "use names as Kubernetes has them: lower-case letters, digits and hyphens, and dots in the object's name",
            )
        })
    }

    /// Returns the namespace of an object at a ruler; none if that ruler is no longer configured.
    pub(crate) fn namespace_of(
        &self,
        id: &ObjectId,
        uid: Option<&str>,
        destination: &DestinationId,
    ) -> Option<RulerNamespace> {
        let ruler = self.rulers.get(&destination.ruler)?;
        Some(self.naming.namespace_of(id, uid, ruler.capabilities().name_limits.max_bytes))
    }
}
