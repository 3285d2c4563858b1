//! What a destination knows of one object, and of one ruler namespace. Reads one namespace, or the few that an object may
//! have here.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::State;
use crate::desired::DesiredObject;
use crate::destination::command::{AskedObject, ObjectHere, Question};
use crate::explain::{
    DestinationExplanation, ExplainedGroup, HeldGroups, NamespaceExplanation, Ownership, StoredState,
};
use crate::guard::HeldReason;
use crate::model::encoded::Decompressor;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::naming::Naming;
use crate::observed::Observed;
use crate::plan::{Change, is_own, plan_namespace, successor};

impl State {
    /// Returns what is here of the objects that are asked for.
    pub(in crate::destination) fn explain(&self, question: &Question) -> Vec<ObjectHere> {
        let mut here = Vec::new();
        for namespace in self.candidates(question) {
            let declared = self.desired.objects_in(&namespace);
            let asked = declared.iter().enumerate().filter(|(_, object)| question.object.names(&object.id));
            let known = here.len();
            for (index, object) in asked {
                let explanation = self.explain_object(&namespace, object, index == 0);
                here.push(ObjectHere { id: Some(object.id.clone()), explanation });
            }
            // What is left of an object that does not belong here any more.
            if here.len() == known && declared.is_empty() {
                let held = self.held_in(&namespace);
                if !held.is_empty() {
                    let id = self.object_left_in(&namespace, question);
                    let explanation = DestinationExplanation { held, ..self.blank(&namespace) };
                    here.push(ObjectHere { id, explanation });
                }
            }
        }
        here
    }

    /// Returns the namespaces that the objects may have here, now or by earlier namings.
    fn candidates(&self, Question { object, objects }: &Question) -> BTreeSet<RulerNamespace> {
        let max_bytes = self.shared.ruler.capabilities().name_limits.max_bytes;
        let classifier = &self.shared.classifier;
        let names = |asked: &AskedObject| {
            let input = asked.naming_input();
            let names = classifier.namings().filter_map(|naming| naming.namespace_of(&input, max_bytes));
            names.collect::<Vec<_>>()
        };
        let mut candidates: BTreeSet<RulerNamespace> = objects.iter().flat_map(names).collect();
        let left = self.desired.namespaces_left().filter(|(_, id)| object.names(id));
        candidates.extend(left.map(|(namespace, _)| namespace.clone()));
        // Names with a UID that nobody knows any more.
        if let Some(observed) = self.view.observed().filter(|_| classifier.namings().any(|n| n.has_uid())) {
            let is_named = |namespace: &&RulerNamespace| {
                classifier
                    .parse(namespace)
                    .is_some_and(|named| named.namespace == object.namespace && named.name == object.name)
            };
            candidates.extend(observed.names().filter(is_named).cloned());
        }
        candidates
    }

    /// Returns the object that a namespace without a declared object was of.
    fn object_left_in(&self, namespace: &str, question: &Question) -> Option<ObjectId> {
        let mut left = self.desired.namespaces_left().filter(|(other, _)| ***other == *namespace);
        left.find(|(_, id)| question.object.names(id)).map(|(_, id)| id.clone())
    }

    fn blank(&self, namespace: &RulerNamespace) -> DestinationExplanation {
        let naming = self.shared.classifier.naming_of(namespace);
        DestinationExplanation {
            ruler: self.id.ruler.to_string(),
            tenant: self.id.tenant.as_ref().map(ToString::to_string),
            route: None,
            namespace: namespace.to_string(),
            naming: naming.map(ToString::to_string),
            has_uid: naming.is_some_and(Naming::has_uid),
            state: None,
            evaluation: None,
            destination_state: Some(self.destination_state()),
            destination_error: self.destination_error(),
            groups: Vec::new(),
            not_sent: Vec::new(),
            held: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn explain_object(
        &self,
        namespace: &RulerNamespace,
        object: &DesiredObject,
        wins: bool,
    ) -> DestinationExplanation {
        let here = self.object(namespace, object, wins);
        let observed = self.view.observed();
        let mut blocks = Decompressor::default();
        let groups = self.verdicts.overlay.groups(namespace, object).filter_map(|desired| {
            let stored =
                observed.filter(|_| wins).map(|observed| match observed.group(namespace, &desired.name) {
                    None => StoredState::Missing,
                    Some(Some(fingerprint)) if fingerprint == desired.fingerprint => StoredState::Equal,
                    Some(_) => StoredState::Differs,
                });
            Some(ExplainedGroup { group: blocks.decode(&desired.body).ok()?, stored })
        });
        let groups: Vec<ExplainedGroup> = groups.collect();
        let is_stored = groups.iter().any(|group| group.stored == Some(StoredState::Equal));
        DestinationExplanation {
            state: Some(here.state),
            evaluation: here.evaluation.filter(|_| is_stored),
            groups,
            not_sent: object.refused.iter().map(ToString::to_string).collect(),
            held: if wins { self.held_in(namespace) } else { Vec::new() },
            findings: here.findings,
            ..self.blank(namespace)
        }
    }

    /// Returns the groups of a namespace that the ruler has and that nothing declares, with why they are not deleted.
    fn held_in(&self, namespace: &RulerNamespace) -> Vec<HeldGroups> {
        let Some(observed) = self.view.observed() else { return Vec::new() };
        let changes = plan_namespace(namespace, self.input(observed), |_, _| false);
        let deletes = changes.iter().filter(|change| change.is_delete());
        let held = deletes.map(|change| HeldGroups {
            groups: change.groups().map(str::to_owned).collect(),
            reason: self.held_reason(change),
        });
        held.collect()
    }

    fn held_reason(&self, change: &Change) -> Option<HeldReason> {
        let (desired, classifier) = (&self.desired, &self.shared.classifier);
        let judged = || {
            let mut held = self.safety.guard.held();
            held.find(|(namespace, ..)| **namespace == change.namespace).map(|(_, _, reason)| reason)
        };
        self.safety
            .reason(change, desired, classifier, Instant::now())
            .or_else(|| judged().filter(|_| change.is_guarded()))
    }

    /// Returns whose a ruler namespace is here. `object` is the object that a source has shown and that has, or had, the
    /// namespace, if there is one.
    pub(in crate::destination) fn explain_namespace(
        &self,
        namespace: &RulerNamespace,
        object: Option<&ObjectId>,
    ) -> NamespaceExplanation {
        let (desired, classifier) = (&self.desired, &self.shared.classifier);
        let mut explanation = NamespaceExplanation::of_form(&self.id, namespace, classifier);
        if is_own(namespace, desired, classifier) {
            explanation.ownership = Ownership::Own;
        } else if object.is_some() {
            explanation.is_named_after_an_object();
        }
        let left = || desired.namespaces_left().find(|(other, _)| *other == namespace).map(|(_, id)| id);
        if let Some(id) = object.or_else(|| desired.object_of(namespace)).or_else(left) {
            explanation.object = Some(id.to_string());
            explanation.declared = object.is_some();
        }
        if let Some(observed) = self.view.observed() {
            explanation.successor = successor(namespace, self.input(observed)).map(ToString::to_string);
            explanation.groups = self.groups_in(namespace, observed, &explanation);
            explanation.held = self.held_in(namespace).into_iter().find_map(|held| held.reason);
        }
        explanation
    }

    fn groups_in(
        &self,
        namespace: &RulerNamespace,
        observed: &Observed,
        explanation: &NamespaceExplanation,
    ) -> Option<usize> {
        use crate::naming::NamespaceClass::{Adoptable, Claim, Foreign};
        match explanation.class {
            Adoptable => {
                Some(self.view.adoptable().iter().filter(|group| group.namespace == *namespace).count())
            }
            Claim | Foreign => None,
            _ => Some(observed.namespace(namespace).count()),
        }
    }
}
