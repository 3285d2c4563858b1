//! What the index knows of the objects of a name, for an explanation.

use super::answer::{IndexAnswer, Place};
use super::record::Record;
use super::{ObjectIndex, namespace_of};
use crate::destination::AskedObject;
use crate::explain::{ObjectExplanation, ObjectRef};
use crate::model::object::ObjectId;
use crate::naming::NamespaceClassifier;

impl ObjectIndex {
    /// Returns what is known of each object of a name.
    pub(crate) fn explain(&self, object: &ObjectRef) -> Vec<IndexAnswer> {
        let named = self.in_namespace(&object.namespace).filter(|(id, _)| object.names(id));
        let answer = |(id, record): (&ObjectId, &Record)| {
            let (namespace, comes) = namespace_of(id, &self.namespaces);
            let mut explanation = ObjectExplanation::new(id);
            if record.read {
                explanation.routes = self.table.explain(id, &record.accepted, namespace, comes);
            }
            let places = record.matches.iter().map(|found| Place {
                destination: found.destination.clone(),
                namespace: found.namespace.clone(),
                route: found.route.to_string(),
                naming: self.table.naming_of_route(&found.route).map(ToString::to_string),
            });
            IndexAnswer {
                asked: AskedObject::of(&record.accepted.naming_input(id)),
                report: self.report(id, record),
                explanation,
                places: places.collect(),
            }
        };
        named.map(answer).collect()
    }

    /// Returns the object that a namespace at a ruler is named after, by whichever own naming, if a source has shown it.
    pub(crate) fn object_named(
        &self,
        ruler: &str,
        classifier: &NamespaceClassifier,
        namespace: &str,
    ) -> Option<&ObjectId> {
        let is_named = |(id, record): &(&ObjectId, &Record)| {
            let input = record.accepted.naming_input(id);
            classifier.namings().any(|naming| {
                let name = self.table.name_at(ruler, naming, &input);
                name.is_some_and(|name| name == *namespace)
            })
        };
        // Most names show the Kubernetes namespace, and those of others need no look at all.
        let found = match classifier.parse(namespace) {
            Some(named) => self.in_namespace(named.namespace).find(is_named),
            None if classifier.owns(namespace) || classifier.needs_records() => self.iter().find(is_named),
            None => None,
        };
        found.map(|(id, _)| id)
    }
}
