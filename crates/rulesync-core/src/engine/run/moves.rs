//! Objects that leave destinations: the protection of their rules meanwhile, and the end of each move.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Run;
use crate::desired::{Protection, RemovalReason};
use crate::destination::Command;
use crate::guard::HeldReason;
use crate::handover::{Handover, HandoverProgress, HandoverState};
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;

impl Run {
    /// Protects the rules of objects at the destinations where they are not declared.
    pub(super) fn protect(&mut self, objects: &[ObjectId]) {
        for object in objects {
            for id in self.destination_ids() {
                for command in self.protections(object, &id) {
                    self.send_command(&id, command);
                }
            }
        }
    }

    /// Returns the commands that protect an object's rules at a destination, if they are protected.
    pub(super) fn protections(&self, object: &ObjectId, id: &DestinationId) -> Vec<Command> {
        let Some(protection) = self.index.protects(object, id) else { return Vec::new() };
        let protect = |namespace| Command::Protect {
            namespace,
            object: object.clone(),
            protection: Some(protection.clone()),
        };
        self.index.possible_namespaces(object, id, self.namings_at(id)).into_iter().map(protect).collect()
    }

    /// Ends the protection of objects' rules. The rules of an object that goes elsewhere now are moved like any other:
    /// they stay until the object has been written where it goes.
    pub(super) fn unprotect(&mut self, objects: &[ObjectId]) {
        for object in objects {
            let goes_to: Vec<DestinationId> = self.index.destinations_of(object).cloned().collect();
            let mut leaves = Vec::new();
            for id in self.destination_ids() {
                if self.index.protects(object, &id).is_some() {
                    continue;
                }
                // Rules that no route leads to any more have a window of their own.
                let moves = !goes_to.is_empty() && !goes_to.contains(&id) && self.may_be_led_to(&id);
                for namespace in self.index.possible_namespaces(object, &id, self.namings_at(&id)) {
                    if !moves {
                        self.set_protection(&id, &namespace, object, None);
                    } else if !self.is_leaving(object, &id, &namespace) {
                        leaves.push((id.clone(), namespace));
                    }
                }
            }
            if leaves.is_empty() {
                continue;
            }
            let progress = self.hand_over(std::slice::from_ref(object));
            for (destination, namespace) in leaves {
                let (object, to, progress) = (object.clone(), [object.clone()].into(), progress.clone());
                self.start_handover(Handover { destination, namespace, object, to, progress });
            }
        }
    }

    fn destination_ids(&self) -> Vec<DestinationId> {
        self.destinations.keys().chain(self.retiring.keys()).cloned().collect()
    }

    fn is_leaving(&self, object: &ObjectId, id: &DestinationId, namespace: &str) -> bool {
        let is = |other: &Handover| {
            other.destination == *id && *other.namespace == *namespace && other.object == *object
        };
        self.handovers.iter().any(is)
    }

    /// Starts a handover: an object leaves a destination, and its rules stay there until they are written elsewhere.
    pub(super) fn start_handover(&mut self, handover: Handover) {
        let Handover { destination, namespace, object, .. } = &handover;
        self.set_protection(destination, namespace, object, Some(HeldReason::Moving.into()));
        self.handovers.push(handover);
    }

    /// Asks the destinations of objects to report when they have written them.
    fn hand_over(&mut self, objects: &[ObjectId]) -> HandoverProgress {
        let progress = HandoverProgress::default();
        for (id, namespace) in self.index.places_of(objects) {
            if let Some(destination) = self.destinations.get_mut(&id) {
                destination.send(Command::HandOver { namespace, share: progress.share() });
            }
        }
        progress
    }

    fn set_protection(
        &mut self,
        destination: &DestinationId,
        namespace: &RulerNamespace,
        object: &ObjectId,
        protection: Option<Protection>,
    ) {
        let (namespace, object) = (namespace.clone(), object.clone());
        self.send_command(destination, Command::Protect { namespace, object, protection });
    }

    /// Ends the moves of objects that have been written where they go. If a handover was given up, the object goes
    /// elsewhere by now and is awaited there, or it was deleted.
    pub(super) fn end_handovers(&mut self) {
        if self.handovers.is_empty() {
            return;
        }
        let goes_on = |object: &ObjectId| self.index.destinations_of(object).next().is_some();
        let mut again: BTreeMap<Arc<[ObjectId]>, Vec<Handover>> = BTreeMap::new();
        let mut ended = Vec::new();
        for handover in std::mem::take(&mut self.handovers) {
            match handover.progress.state() {
                HandoverState::Waiting => self.handovers.push(handover),
                HandoverState::Written => ended.push((handover, RemovalReason::Moved)),
                HandoverState::GivenUp if handover.to.iter().any(goes_on) => {
                    again.entry(Arc::clone(&handover.to)).or_default().push(handover);
                }
                HandoverState::GivenUp => ended.push((handover, RemovalReason::Deleted)),
            }
        }
        for (handover, because) in ended {
            self.leave(handover, because);
        }
        for (to, handovers) in again {
            let progress = self.hand_over(&to);
            let restarted = |handover| Handover { progress: progress.clone(), ..handover };
            self.handovers.extend(handovers.into_iter().map(restarted));
        }
    }

    fn leave(
        &mut self,
        Handover { destination: id, namespace, object, .. }: Handover,
        because: RemovalReason,
    ) {
        self.check_unused = true;
        let protection = self.index.protects(&object, &id);
        if protection.is_none() {
            let (namespace, object) = (namespace.clone(), object.clone());
            self.send_command(&id, Command::Remove { namespace, object, because });
        }
        self.set_protection(&id, &namespace, &object, protection);
    }
}
