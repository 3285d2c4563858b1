//! Which of the ruler's namespaces are own ones, by their names and by the objects that sources have shown.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Priority, State};
use crate::model::name::RulerNamespace;
use crate::naming::{NamespaceClassifier, Naming};
use crate::observed::Observed;
use crate::plan::{is_own, own_groups};

impl State {
    /// Returns the number of groups that the ruler has in own namespaces.
    pub(super) fn own_groups(&self, observed: &Observed) -> usize {
        own_groups(observed, &self.desired, &self.shared.classifier)
    }

    /// Returns whether namespaces exist, or may exist, whose naming the inventory alone remembers.
    pub(super) fn has_former_names(&self) -> bool {
        let classifier = &self.shared.classifier;
        let is_former = |namespace: &RulerNamespace| {
            let is_recorded =
                classifier.former.contains(&Naming::Verbatim) && classifier.has_recorded(namespace);
            (is_recorded || classifier.former.iter().any(|naming| naming.owns(namespace)))
                && is_own(namespace, &self.desired, classifier)
        };
        !classifier.former.is_empty()
            && self.view.observed().is_none_or(|observed| observed.names().any(is_former))
    }

    /// Queues those of an object's legacy namespaces that the ruler has.
    pub(super) fn queue_legacy<'a>(&mut self, names: impl IntoIterator<Item = &'a RulerNamespace>) {
        for namespace in names {
            if self.view.observed().is_some_and(|observed| observed.has_namespace(namespace)) {
                self.queue.push(namespace, Priority::Last, false);
            }
        }
    }

    /// Classifies the ruler's namespaces another way: what was observed is discarded.
    pub(in crate::destination) fn classify(&mut self, classifier: Arc<NamespaceClassifier>) {
        self.shared.classifier = classifier;
        self.restart();
    }

    /// Takes namespaces for own ones, because they are those of objects that a source has shown.
    pub(in crate::destination) fn recognize(&mut self, namespaces: Vec<RulerNamespace>) {
        for namespace in namespaces {
            self.queue.push(&namespace, Priority::Last, false);
            self.desired.recognize(namespace);
        }
    }

    /// Returns the classifier of the ruler's namespaces.
    pub(in crate::destination) fn classifier(&self) -> Arc<NamespaceClassifier> {
        Arc::clone(&self.shared.classifier)
    }

    /// Asks whose those namespaces are that have the form of own ones, where that proves nothing.
    pub(super) fn ask_for_recognition(&self) {
        let classifier = &self.shared.classifier;
        let Some(observed) = self.view.observed().filter(|_| !classifier.is_always_certain()) else { return };
        let unknown =
            |namespace: &&RulerNamespace| !classifier.is_certain(namespace) && !self.desired.knows(namespace);
        let unknown: HashSet<RulerNamespace> = observed.names().filter(unknown).cloned().collect();
        if !unknown.is_empty() {
            self.shared.unrecognized.ask(unknown);
            self.shared.progressed.notify_one();
        }
    }
}
