//! Objects that leave targets: what protects their rules meanwhile, and when the last of it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Run;
use crate::catalogue::Departure;
use crate::desired::{Hold, LeftBecause};
use crate::guard::HeldReason;
use crate::handover::{Handover, HandoverState};
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::target::Order;

impl Run {
    /// Tells targets which objects' rules stay although nobody claims them.
    pub(super) fn protect(&mut self, objects: &[ObjectId]) {
        for object in objects {
            for id in self.target_ids() {
                if let Some(hold) = self.protection(object, &id) {
                    self.tell(&id, hold);
                }
            }
        }
    }

    /// What a target is told of an object whose rules stay there although it does not claim them, if they do.
    pub(super) fn protection(&self, object: &ObjectId, id: &TargetId) -> Option<Order> {
        let hold = Some(self.catalogue.protects(object, id)?);
        Some(Order::Hold {
            namespace: self.catalogue.namespace_at(object, id)?,
            object: object.clone(),
            hold,
        })
    }

    /// Ends the protection of objects' rules. What may be left of an object that goes elsewhere now is a move like any
    /// other: it ends when the object has been written where it goes.
    pub(super) fn unprotect(&mut self, objects: &[ObjectId]) {
        for object in objects {
            let goes_to: Vec<TargetId> = self.catalogue.targets_of(object).cloned().collect();
            let mut leaves = Vec::new();
            for id in self.target_ids() {
                if self.catalogue.protects(object, &id).is_some() {
                    continue;
                }
                let Some(namespace) = self.catalogue.namespace_at(object, &id) else { continue };
                // What no route leads to any more has a window of its own.
                let moves = !goes_to.is_empty() && !goes_to.contains(&id) && self.may_be_led_to(&id);
                if !moves {
                    self.hold(&id, &namespace, object, None);
                } else if !self.is_leaving(object, &id, &namespace) {
                    leaves.push((id, namespace));
                }
            }
            if leaves.is_empty() {
                continue;
            }
            let handover = self.hand_over(std::slice::from_ref(object));
            for (target, namespace) in leaves {
                let (object, to, handover) = (object.clone(), [object.clone()].into(), handover.clone());
                self.start_departure(Departure { target, namespace, object, to, handover });
            }
        }
    }

    fn target_ids(&self) -> Vec<TargetId> {
        self.targets.keys().chain(self.retiring.keys()).cloned().collect()
    }

    fn is_leaving(&self, object: &ObjectId, id: &TargetId, namespace: &str) -> bool {
        let is = |other: &Departure| {
            other.target == *id && *other.namespace == *namespace && other.object == *object
        };
        self.departures.iter().any(is)
    }

    /// An object leaves a target, and what is there of it stays until it is elsewhere.
    pub(super) fn start_departure(&mut self, departure: Departure) {
        let Departure { target, namespace, object, .. } = &departure;
        self.hold(target, namespace, object, Some(HeldReason::Moving.into()));
        self.departures.push(departure);
    }

    /// Asks the targets that objects go to to say when they have been written there.
    fn hand_over(&mut self, objects: &[ObjectId]) -> Handover {
        let handover = Handover::default();
        for (id, namespace) in self.catalogue.places_of(objects) {
            if let Some(target) = self.targets.get_mut(&id) {
                target.send(Order::HandOver { namespace, share: handover.share() });
            }
        }
        handover
    }

    fn hold(&mut self, target: &TargetId, namespace: &Arc<str>, object: &ObjectId, hold: Option<Hold>) {
        let (namespace, object) = (Arc::clone(namespace), object.clone());
        self.tell(target, Order::Hold { namespace, object, hold });
    }

    /// Ends the moves of objects that have been written where they go. Where that was given up, the object goes
    /// elsewhere by now, and is awaited there; or it is gone altogether.
    pub(super) fn depart(&mut self) {
        if self.departures.is_empty() {
            return;
        }
        let goes_on = |object: &ObjectId| self.catalogue.targets_of(object).next().is_some();
        let mut again: BTreeMap<Arc<[ObjectId]>, Vec<Departure>> = BTreeMap::new();
        let mut left = Vec::new();
        for departure in std::mem::take(&mut self.departures) {
            match departure.handover.state() {
                HandoverState::Waiting => self.departures.push(departure),
                HandoverState::Written => left.push((departure, LeftBecause::Moved)),
                HandoverState::GivenUp if departure.to.iter().any(goes_on) => {
                    again.entry(Arc::clone(&departure.to)).or_default().push(departure);
                }
                HandoverState::GivenUp => left.push((departure, LeftBecause::Deleted)),
            }
        }
        for (departure, because) in left {
            self.leave(departure, because);
        }
        for (to, departures) in again {
            let handover = self.hand_over(&to);
            let anew = |departure| Departure { handover: handover.clone(), ..departure };
            self.departures.extend(departures.into_iter().map(anew));
        }
    }

    fn leave(&mut self, Departure { target: id, namespace, object, .. }: Departure, because: LeftBecause) {
        self.left = true;
        let protection = self.catalogue.protects(&object, &id);
        if protection.is_none() {
            let (namespace, object) = (Arc::clone(&namespace), object.clone());
            self.tell(&id, Order::Drop { namespace, object, because });
        }
        self.hold(&id, &namespace, &object, protection);
    }
}
