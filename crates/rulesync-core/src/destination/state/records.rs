//! Namespaces that are named as declared: those that are recorded are own ones; one that does not exist, or holds what is
//! declared and may be adopted, is recorded before it is written; any other belongs to somebody else.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Priority, State};
use crate::finding::{Code, Finding};
use crate::model::name::RulerNamespace;
use crate::naming::NamespaceClassifier;
use crate::outcome::Outcome;
use crate::plan::Refusal;

impl State {
    /// Takes the recorded namespaces into account. Returns whether the ruler has to be listed again: another process has
    /// recorded some, which looked foreign until now.
    pub(in crate::destination) fn recorded(&mut self, recorded: Arc<BTreeSet<RulerNamespace>>) -> bool {
        let before = self.shared.classifier.recorded.clone();
        let classifier = NamespaceClassifier {
            recorded: Some(Arc::clone(&recorded)),
            ..(*self.shared.classifier).clone()
        };
        self.shared.classifier = Arc::new(classifier);
        // Without them nothing was listed.
        let Some(before) = before else { return false };
        // What was released is asked for again if it is declared by now.
        for namespace in before.difference(&recorded) {
            self.ask_for_record(namespace);
        }
        let added = recorded.difference(&before);
        if added.clone().any(|namespace| !self.records.awaits(namespace)) {
            added.for_each(|namespace| self.records.settle(namespace));
            self.restart();
            return true;
        }
        for namespace in added {
            self.records.settle(namespace);
            self.view.take_over(namespace);
            self.queue.push(namespace, Priority::Last, false);
        }
        self.queue_claim();
        false
    }

    /// Forgets the records, until they have been read again.
    pub(in crate::destination) fn forget_records(&mut self) {
        let classifier = NamespaceClassifier { recorded: None, ..(*self.shared.classifier).clone() };
        self.shared.classifier = Arc::new(classifier);
    }

    /// Releases a namespace that was deleted just now, unless it is declared.
    pub(super) fn release_deleted(&mut self, namespace: &RulerNamespace) {
        let is_recorded = self.shared.classifier.has_recorded(namespace);
        let exists = self.view.observed().is_some_and(|observed| observed.has_namespace(namespace));
        if is_recorded && !exists && self.desired.winner(namespace).is_none() {
            self.records.release(BTreeSet::from([namespace.clone()]));
            self.shared.progressed.notify_one();
        }
    }

    /// Returns whether records are needed and not known yet.
    pub(in crate::destination) fn awaits_records(&self) -> bool {
        let classifier = &self.shared.classifier;
        classifier.needs_records() && classifier.recorded.is_none()
    }

    /// Returns whether something waits for records, or for the list that follows them.
    pub(in crate::destination) fn is_recording(&self) -> bool {
        self.awaits_records() || self.records.awaits_any()
    }

    /// Asks for the records of all namespaces that are declared and may be written, and releases those that exist no more.
    pub(super) fn ask_for_records(&mut self) {
        let classifier = Arc::clone(&self.shared.classifier);
        let Some(recorded) = classifier.recorded.as_deref() else { return };
        let Some(observed) = self.view.observed().cloned() else { return };
        let declared: Vec<RulerNamespace> = self.desired.objects().map(|(name, _)| name.clone()).collect();
        for namespace in declared {
            self.ask_for_record(&namespace);
        }
        let is_gone = |namespace: &&RulerNamespace| {
            // A write may be under way.
            !self.queue.contains(namespace)
                && !observed.has_namespace(namespace)
                && self.desired.winner(namespace).is_none()
                && self.desired.protected(namespace).is_none()
        };
        let gone: BTreeSet<RulerNamespace> = recorded.iter().filter(is_gone).cloned().collect();
        if !gone.is_empty() {
            self.records.release(gone);
            self.shared.progressed.notify_one();
        }
    }

    /// Asks for the record of a namespace if it is declared, is not an own one yet, and may be written.
    pub(super) fn ask_for_record(&mut self, namespace: &RulerNamespace) {
        let classifier = &self.shared.classifier;
        if classifier.recorded.is_none() || classifier.owns(namespace) || !self.view.is_listed() {
            return;
        }
        let Some(object) = self.desired.winner(namespace).map(|object| object.id.clone()) else {
            self.records.settle(namespace);
            return;
        };
        if self.is_foreign(namespace) {
            if self.records.refuse(namespace) {
                let (destination, finding) = (Some(self.id.clone()), taken(namespace));
                self.report_outcome(&Outcome::Found { object, destination, finding });
            }
        } else if !self.approval.writes_to(namespace) {
            self.records.settle(namespace);
        } else if self.view.is_stale() {
            // Others may have written it since the last list.
            self.records.wait(namespace);
            if !self.view.is_listing() {
                self.view.list_in(std::time::Duration::ZERO);
            }
        } else if self.records.ask(namespace) {
            self.shared.progressed.notify_one();
        }
    }

    /// Returns whether a namespace holds rules of others, and not just the rules that are declared and may be adopted.
    fn is_foreign(&self, namespace: &str) -> bool {
        let differs = |group: &crate::observed::Adoptable| {
            let declared = self.offered().group(namespace, &group.group);
            declared.is_none_or(|declared| declared.fingerprint != group.fingerprint)
        };
        self.view.is_foreign(namespace)
            || self.view.adoptable().iter().filter(|group| *group.namespace == *namespace).any(differs)
    }

    /// Returns the finding about a namespace that others have written, if so.
    pub(super) fn taken_by_others(&self, namespace: &str) -> Option<Finding> {
        self.records.is_taken(namespace).then(|| taken(namespace))
    }

    /// Returns the objects whose namespaces others have written.
    pub(super) fn refusals_of_taken(&self) -> Vec<Refusal> {
        let refusal = |(namespace, objects): (&RulerNamespace, &[crate::desired::DesiredObject])| {
            let finding = self.taken_by_others(namespace)?;
            Some(Refusal { object: objects.first()?.id.clone(), finding })
        };
        self.desired.objects().filter_map(refusal).collect()
    }
}

/// Returns the finding about a namespace that others have written.
fn taken(namespace: &str) -> Finding {
    let message = format!("the ruler has a namespace `{namespace}` that rulesync has not written");
    Finding::error(Code::NamespaceTaken, message).hint(
        "to take it over, list it in `adopt.namespaces`, or give `--adopt` to `rulesync`; its groups must then be exactly those \
         that are declared, or be deleted",
    )
}
