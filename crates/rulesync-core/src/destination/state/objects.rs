//! Reports of what has become of objects at a destination, in brief, whenever that may have changed.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::mem;

use super::State;
use crate::desired::DesiredObject;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::object_change::{ObjectChange, StateAtDestination};

/// The objects whose state may have changed since it was last reported, by their namespaces.
#[derive(Debug, Default)]
pub(super) struct ChangedObjects {
    pub(super) namespaces: HashSet<RulerNamespace>,
    /// True if all may have changed.
    pub(super) everything: bool,
    /// Namespaces with held deletes.
    held: HashSet<RulerNamespace>,
    /// True if this process was the leader when they were last reported.
    led: bool,
    hashing: RandomState,
}

impl ChangedObjects {
    /// Takes the namespaces with held deletes.
    pub(super) fn held(&mut self, held: impl Iterator<Item = RulerNamespace>) {
        let held: HashSet<RulerNamespace> = held.collect();
        self.namespaces.extend(held.symmetric_difference(&self.held).cloned());
        self.held = held;
    }
}

impl State {
    /// Reports the objects whose state may have changed, if anybody follows them.
    pub(in crate::destination) fn report_objects(&mut self) {
        let mut namespaces = mem::take(&mut self.changed.namespaces);
        namespaces.extend(self.queue.take_changed());
        namespaces.extend(self.records.take_changed());
        let leads = self.shared.leadership.is_leader();
        let led = mem::replace(&mut self.changed.led, leads);
        let everything = mem::take(&mut self.changed.everything) || led != leads;
        if !self.shared.reporters.follow_objects() {
            return;
        }
        if everything {
            let all = self.desired.objects();
            all.for_each(|(namespace, declared)| self.report_declared(namespace, declared));
            return;
        }
        for namespace in &namespaces {
            self.report_declared(namespace, self.desired.objects_in(namespace));
        }
    }

    /// Reports that an object does not come here any more.
    pub(super) fn report_left(&self, namespace: &RulerNamespace, object: &ObjectId) {
        if self.shared.reporters.follow_objects() {
            self.report_at(namespace, object, None);
        }
    }

    fn report_at(&self, namespace: &RulerNamespace, object: &ObjectId, state: Option<StateAtDestination>) {
        let (object, destination, namespace) = (object.clone(), self.id.clone(), namespace.clone());
        let change = ObjectChange::At { object, destination, namespace, state };
        self.shared.reporters.object_changed(&change);
    }

    fn report_declared(&self, namespace: &RulerNamespace, declared: &[DesiredObject]) {
        for (index, object) in declared.iter().enumerate() {
            let here = self.object(namespace, object, index == 0);
            let state = StateAtDestination {
                state: here.state,
                evaluation: here.evaluation,
                delay: here.delay.as_ref().map(|delay| delay.reason),
                held: here.held_groups > 0,
                digest: self.changed.hashing.hash_one(&here),
            };
            self.report_at(namespace, &object.id, Some(state));
        }
    }
}
