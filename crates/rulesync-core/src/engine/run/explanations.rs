//! Explanations of one object or one ruler namespace. Like a status, the loop asks the destinations and does not wait.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Run;
use super::reports::answers;
use crate::destination::{AskedObject, Command, ObjectHere, Question};
use crate::explain::{DestinationFilter, Explained, NamespaceExplanation, ObjectExplanation, ObjectRef};
use crate::model::kind::{KINDS, PROMETHEUS_RULE, RULE_FILE};
use crate::model::name::{RulerName, RulerNamespace};
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::naming::{FILE_NAMESPACE, NamespaceClassifier};
use crate::object_index::IndexAnswer;

/// Answers about an object that are on their way.
pub(super) struct ObjectAnswers {
    object: ObjectRef,
    explained: Explained,
    known: Vec<IndexAnswer>,
    destinations: Vec<oneshot::Receiver<Vec<ObjectHere>>>,
}

/// Answers about a ruler namespace that are on their way.
pub(super) struct NamespaceAnswers {
    explained: Explained,
    destinations: Vec<oneshot::Receiver<NamespaceExplanation>>,
}

impl Run {
    fn explained(&self) -> Explained {
        let mut explained = Explained::new(&*self.setup.namespace_policy.owner.to_string(), true);
        let waiting = self.sources.iter().filter(|(_, source)| !source.complete);
        explained.waiting_for = waiting.map(|(name, _)| name.to_string()).collect();
        explained
    }

    /// Asks every destination about the objects of a name.
    pub(super) fn explain_object(&mut self, object: ObjectRef) -> ObjectAnswers {
        let known = self.index.explain(&object);
        let mut objects: Vec<AskedObject> = known.iter().map(|answer| answer.asked.clone()).collect();
        if objects.is_empty() {
            objects = possible_ids(&object).iter().map(|id| AskedObject::of(&id.into())).collect();
        }
        let explained = self.explained();
        let mut destinations = Vec::with_capacity(self.destinations.len() + self.retiring.len());
        for destination in self.destinations.values_mut().chain(self.retiring.values_mut()) {
            let (answer, here) = oneshot::channel();
            let question = Question { object: object.clone(), objects: objects.clone() };
            destination.send(Command::Explain(question, answer));
            destinations.push(here);
        }
        ObjectAnswers { object, explained, known, destinations }
    }

    /// Asks destinations whose a ruler namespace is.
    pub(super) fn explain_namespace(&mut self, namespace: &str, at: &DestinationFilter) -> NamespaceAnswers {
        let explained = self.explained();
        let namespace = RulerNamespace::from(namespace);
        let mut destinations = Vec::new();
        let running = self.destinations.iter_mut().chain(self.retiring.iter_mut());
        // Most destinations of a ruler have the same namings.
        let mut known: Vec<(RulerName, Arc<NamespaceClassifier>, Option<ObjectId>)> = Vec::new();
        for (id, destination) in running.filter(|(id, _)| at.selects(id)) {
            let classifier = &destination.classifier;
            let is_same = |(ruler, other, _): &&(RulerName, Arc<NamespaceClassifier>, Option<ObjectId>)| {
                *ruler == id.ruler && other.namings().eq(classifier.namings())
            };
            let object = match known.iter().find(is_same) {
                Some((.., object)) => object.clone(),
                None => {
                    let object = self.index.object_named(&id.ruler, classifier, &namespace).cloned();
                    known.push((id.ruler.clone(), Arc::clone(classifier), object.clone()));
                    object
                }
            };
            let (answer, here) = oneshot::channel();
            destination.send(Command::ExplainNamespace(namespace.clone(), object, answer));
            destinations.push(here);
        }
        NamespaceAnswers { explained, destinations }
    }
}

/// Returns the identities that an object may have had that no source shows.
fn possible_ids(object: &ObjectRef) -> Vec<ObjectId> {
    let kinds: Vec<&str> = match object.namespace.as_str() {
        FILE_NAMESPACE => vec![RULE_FILE],
        _ => KINDS.to_vec(),
    };
    let ids = kinds
        .into_iter()
        .map(|kind| ObjectId::new(&"".into(), &kind.into(), &object.namespace, &object.name))
        .filter(|id| object.names(id));
    ids.collect()
}

impl ObjectAnswers {
    /// Returns the explanation, once every destination has answered or the time for it is over.
    pub(super) async fn explained(self) -> Explained {
        let Self { object, mut explained, known, destinations } = self;
        let mut found = answers(destinations).await.into_iter().flatten().collect::<Vec<_>>();
        for IndexAnswer { asked, report, mut explanation, places } in known {
            let of_object = |here: &mut ObjectHere| here.id.as_ref().is_none_or(|other| *other == asked.id);
            for ObjectHere { explanation: mut here, .. } in found.extract_if(.., of_object) {
                let place = places.iter().find(|place| {
                    let DestinationId { ruler, tenant } = &place.destination;
                    **ruler == *here.ruler
                        && tenant.as_ref().map(|tenant| tenant.as_str()) == here.tenant.as_deref()
                        && *place.namespace == *here.namespace
                });
                if let Some(place) = place {
                    here.route = Some(place.route.clone());
                    here.naming.clone_from(&place.naming);
                }
                explanation.destinations.push(here);
            }
            report.explain(&mut explanation);
            explained.objects.push(explanation);
        }
        // What rulers still have of objects that no source shows.
        for ObjectHere { id, explanation: here } in found {
            let kind = object.kind.as_deref().unwrap_or(PROMETHEUS_RULE);
            let id = id
                .unwrap_or_else(|| ObjectId::new(&"".into(), &kind.into(), &object.namespace, &object.name));
            let mut gone = ObjectExplanation::new(&id);
            gone.declared = false;
            match explained.objects.iter_mut().find(|other| !other.declared && other.kind == gone.kind) {
                Some(other) => other.destinations.push(here),
                None => {
                    gone.destinations.push(here);
                    explained.objects.push(gone);
                }
            }
        }
        explained
    }
}

impl NamespaceAnswers {
    /// Returns the explanation, once every destination has answered or the time for it is over.
    pub(super) async fn explained(self) -> Explained {
        let Self { explained, destinations } = self;
        Explained { namespaces: answers(destinations).await, ..explained }
    }
}
