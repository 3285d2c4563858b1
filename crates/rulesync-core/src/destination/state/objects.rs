//! Reports of what has become of objects at a destination, in brief, whenever that may have changed.

use super::State;
use crate::desired::DesiredObject;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::object_change::{ObjectChange, StateAtDestination};

impl State {
    /// Reports the objects whose state may have changed, if anybody follows them.
    pub(in crate::destination) fn report_objects(&mut self) {
        self.changed.namespaces.extend(self.queue.take_changed());
        self.changed.namespaces.extend(self.records.take_changed());
        let (namespaces, everything) = self.changed.take(self.shared.leadership.is_leader());
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
                digest: self.changed.digest(&here),
            };
            self.report_at(namespace, &object.id, Some(state));
        }
    }
}
